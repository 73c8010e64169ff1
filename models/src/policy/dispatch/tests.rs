//! The guide's dispatcher step by step; the hardened one has tests of its own in `models/tests`.

use super::*;
use crate::Span;

const TOPIC: Name = Name(0);

fn broker(buffer: usize, subscribers: u32) -> Dispatcher<u32> {
    let mut broker = Dispatcher::new(DispatcherConfig { buffer, ..DispatcherConfig::default() });
    for subscriber in 0..subscribers {
        broker.subscribe(TOPIC, Name(100 + subscriber));
    }
    broker
}

/// The attempt that starts now: its delivery, subscription, number and payload.
fn attempt(broker: &mut Dispatcher<u32>, now: Time) -> (DeliveryId, usize, u32, u32) {
    match broker.next_action(now) {
        Some(Action::Attempt { delivery, subscription, attempt, message, ack_by, .. }) => {
            assert_eq!(ack_by, Time::NEVER);
            (delivery, subscription, attempt, message.payload)
        }
        other => panic!("no attempt but {other:?}"),
    }
}

fn ended(broker: &mut Dispatcher<u32>, now: Time, of: (DeliveryId, usize, u32, u32), ok: bool) {
    let end = if ok { AttemptEnd::Acknowledged } else { AttemptEnd::Failed };
    broker.attempt_ended(now, of.0, of.2, end);
}

#[test]
fn a_message_without_subscribers_is_dropped_at_its_turn() {
    let mut broker = broker(9, 0);
    broker.publish(Time::ZERO, TOPIC, 7, 0);
    let Some(Action::Dropped { message }) = broker.next_action(Time::ZERO) else { panic!() };
    assert_eq!((message.topic, message.payload), (TOPIC, 7));
    assert_eq!(broker.next_action(Time::ZERO), None);
    broker.publish(Time::ZERO, TOPIC, 8, 0);
    broker.subscribe(TOPIC, Name(1));
    let (_, subscription, number, payload) = attempt(&mut broker, Time::ZERO);
    assert_eq!((subscription, number, payload), (0, 1, 8), "it subscribed before its turn");
}

#[test]
fn the_first_publisher_beyond_buffer_and_dispatcher_waits() {
    let mut broker = broker(1_000, 1);
    broker.publish(Time::ZERO, TOPIC, 0, 0);
    let first = attempt(&mut broker, Time::ZERO);
    for number in 1..=1_000 {
        let published = broker.publish(Time::ZERO, TOPIC, number, 0);
        assert_eq!(published, Published::Accepted, "{number}");
    }
    assert_eq!(broker.publish(Time::ZERO, TOPIC, 1_001, 41), Published::Blocked);
    assert_eq!(broker.publish(Time::ZERO, TOPIC, 1_002, 42), Published::Blocked);
    ended(&mut broker, Time::ZERO, first, true);
    assert_eq!(broker.next_action(Time::ZERO), Some(Action::Unblocked { publisher: 41 }));
    assert_eq!(attempt(&mut broker, Time::ZERO).3, 1);
}

#[test]
fn a_poison_message_holds_up_everything_behind_it() {
    let mut broker = broker(9, 2);
    broker.publish(Time::ZERO, TOPIC, 1, 0);
    broker.publish(Time::ZERO, TOPIC, 2, 0);
    let mut now = Time::ZERO;
    let mut poison = attempt(&mut broker, now);
    let good = attempt(&mut broker, now);
    assert_eq!((poison.1, poison.2, good.1, good.2), (0, 1, 1, 1));
    ended(&mut broker, now, good, true);
    for (number, wait) in [(2, 100), (3, 200)] {
        ended(&mut broker, now, poison, false);
        let (delivery, until) = (poison.0, now + Span::from_millis(wait));
        assert_eq!(broker.next_action(now), Some(Action::Backoff { delivery, until }));
        assert_eq!(broker.next_action(now), None);
        now = until;
        broker.wake(delivery);
        poison = attempt(&mut broker, now);
        assert_eq!((poison.1, poison.2, poison.3), (0, number, 1));
    }
    ended(&mut broker, now, poison, false);
    assert!(matches!(broker.next_action(now), Some(Action::DeadLettered { .. })));
    assert_eq!(attempt(&mut broker, now).3, 2);
    assert_eq!(broker.dead_letters().len(), 1);
}

#[test]
fn without_a_buffer_the_dispatcher_takes_from_the_publishers_hand() {
    let mut broker = broker(0, 1);
    assert_eq!(broker.publish(Time::ZERO, TOPIC, 1, 1), Published::Accepted);
    let first = attempt(&mut broker, Time::ZERO);
    assert_eq!(broker.publish(Time::ZERO, TOPIC, 2, 2), Published::Blocked);
    ended(&mut broker, Time::ZERO, first, true);
    assert_eq!(broker.next_action(Time::ZERO), Some(Action::Unblocked { publisher: 2 }));
    let second = attempt(&mut broker, Time::ZERO);
    assert_eq!(second.3, 2);
    ended(&mut broker, Time::ZERO, second, true);
    assert_eq!(broker.next_action(Time::ZERO), None);
    assert!(broker.is_idle());
}

#[test]
fn nothing_runs_at_a_subscriber_that_left() {
    let mut broker = broker(9, 2);
    broker.publish(Time::ZERO, TOPIC, 1, 0);
    attempt(&mut broker, Time::ZERO);
    attempt(&mut broker, Time::ZERO);
    let running = |broker: &Dispatcher<u32>| {
        broker.subscriptions.iter().map(|known| known.running).collect::<Vec<_>>()
    };
    assert_eq!(running(&broker), [1, 1]);
    assert_eq!(broker.unsubscribe(Time::ZERO, TOPIC, Name(100)), [0]);
    assert_eq!(running(&broker), [0, 1]);
}
