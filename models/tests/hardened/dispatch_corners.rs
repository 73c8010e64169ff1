//! Ends that come twice or too late, ids that a crash sets free, and room that kept messages take.

use brownout_models::policy::dispatch::{
    DedupWindow, Dispatch, Durability, MessageIds, Overflow, Unroutable,
};
use brownout_models::policy::{
    Action, AttemptEnd, DeathReason, Dispatcher, DispatcherConfig, Publication, Published,
};
use brownout_models::{Name, Span, Time};

const TOPIC: Name = Name(0);
const OTHER: Name = Name(1);
const NOW: Time = Time::ZERO;

fn hardened() -> DispatcherConfig {
    DispatcherConfig::hardened()
}

/// A message with an id of its publisher's.
fn numbered(number: u32) -> Publication<u32> {
    let message_id = Some((Name(9), u64::from(number)));
    Publication { message_id, ..Publication::new(TOPIC, number, 0) }
}

#[test]
fn an_end_that_was_told_already_or_comes_too_late_is_ignored() {
    let mut broker = Dispatcher::new(hardened());
    broker.subscribe(TOPIC, Name(7));
    broker.publish(NOW, TOPIC, 1, 0);
    let Some(Action::Attempt { delivery, .. }) = broker.next_action(NOW) else { panic!() };
    broker.attempt_ended(NOW, delivery, 1, AttemptEnd::Failed);
    assert!(matches!(broker.next_action(NOW), Some(Action::Backoff { .. })));
    broker.attempt_ended(NOW, delivery, 1, AttemptEnd::Acknowledged);
    assert_eq!((broker.next_action(NOW), broker.waiting()), (None, 1), "it was told before");
    broker.wake(delivery);
    let Some(Action::Attempt { attempt: 2, .. }) = broker.next_action(NOW) else { panic!() };
    broker.attempt_ended(NOW, delivery, 1, AttemptEnd::Acknowledged);
    assert_eq!((broker.next_action(NOW), broker.waiting()), (None, 1), "the second one goes on");
    broker.attempt_ended(NOW, delivery, 2, AttemptEnd::Acknowledged);
    assert!(broker.is_idle());
}

#[test]
fn a_publisher_that_waits_in_vain_may_use_its_id_again() {
    let mut broker = Dispatcher::new(DispatcherConfig {
        buffer: 1,
        max_ack_pending: 1,
        overflow: Overflow::Block,
        durability: Durability::Durable,
        dedup_window: DedupWindow::For(Span::from_secs(60)),
        ..hardened()
    });
    broker.subscribe(TOPIC, Name(7));
    assert_eq!(broker.publish_with(NOW, numbered(1)), Published::Accepted);
    assert!(matches!(broker.next_action(NOW), Some(Action::Attempt { .. })));
    assert_eq!(broker.publish_with(NOW, numbered(2)), Published::Accepted);
    assert_eq!(broker.publish_with(NOW, numbered(3)), Published::Blocked);
    broker.power_cut();
    assert_eq!(broker.publish_with(NOW, numbered(2)), Published::Duplicate, "it was taken in");
    assert_eq!(broker.publish_with(NOW, numbered(3)), Published::Blocked, "it was not");
    assert_eq!(broker.publish_with(NOW, numbered(3)), Published::Duplicate);
}

#[test]
fn kept_messages_take_room_but_not_from_a_dispatcher_that_is_idle() {
    let mut broker = Dispatcher::new(DispatcherConfig {
        dispatch: Dispatch::Single,
        overflow: Overflow::DropOldest,
        unroutable: Unroutable::Retain,
        buffer: 1,
        ..hardened()
    });
    broker.subscribe(TOPIC, Name(7));
    broker.publish(NOW, OTHER, 1, 0);
    assert_eq!((broker.next_action(NOW), broker.waiting()), (None, 1), "it is kept");
    assert_eq!(broker.publish(NOW, TOPIC, 2, 0), Published::Accepted);
    let Some(Action::Attempt { message, .. }) = broker.next_action(NOW) else { panic!() };
    assert_eq!(message.payload, 2);
    assert_eq!(broker.publish(NOW, TOPIC, 3, 0), Published::Accepted);
    let Some(Action::DeadLettered { letter }) = broker.next_action(NOW) else { panic!() };
    assert_eq!((letter.message.payload, letter.reason), (3, DeathReason::Maxlen));
}

#[test]
fn nothing_is_kept_for_a_subscription_to_come_where_there_is_no_room_at_all() {
    for dispatch in [Dispatch::Single, Dispatch::PerSubscription] {
        let mut broker = Dispatcher::new(DispatcherConfig {
            dispatch,
            overflow: Overflow::DropOldest,
            unroutable: Unroutable::Retain,
            buffer: 0,
            ..hardened()
        });
        for payload in [1, 2] {
            broker.publish(NOW, TOPIC, payload, 0);
            let Some(Action::Dropped { message }) = broker.next_action(NOW) else { panic!() };
            assert_eq!((message.payload, broker.waiting()), (payload, 0), "{dispatch:?}");
        }
    }
}

#[test]
fn subscriptions_and_messages_are_numbered_from_zero() {
    let mut broker = Dispatcher::new(DispatcherConfig {
        message_ids: MessageIds::Sequence,
        unroutable: Unroutable::Drop,
        ..hardened()
    });
    assert_eq!(broker.last_id(), None);
    for id in 0..3 {
        broker.publish(NOW, TOPIC, 1, 0);
        assert_eq!(broker.last_id(), Some(id));
    }
    broker.subscribe(TOPIC, Name(7));
    broker.subscribe(OTHER, Name(8));
    assert_eq!(
        [0, 1, 2].map(|number| broker.subscriber(number)),
        [Some(Name(7)), Some(Name(8)), None]
    );
}
