//! The broker's defects, one by one: shown under `guide`, gone under `hardened`, and gone with the
//! one remedy alone.

use brownout_models::policy::dispatch::{
    AckWait, DeadLettersMax, DedupWindow, Dispatch, DuplicateSubscribe, Durability, Groups,
    MessageIds, Overflow, Rejection, Unroutable,
};
use brownout_models::policy::{
    Action, AttemptEnd, DeathReason, Dispatcher, DispatcherConfig, Published,
};
use brownout_models::{Name, Span, Time};

use super::dispatch_owner::{FAIL, HANG, MILLI, OK, Owner, Seen};

const HOUR: u64 = 3_600_000 * MILLI;

fn guide() -> DispatcherConfig {
    DispatcherConfig::guide()
}

fn hardened() -> DispatcherConfig {
    DispatcherConfig::hardened()
}

/// A poison message on one topic and a good one on another, published together: when the good one
/// is handed out, in milliseconds.
fn wait_behind_poison(config: DispatcherConfig) -> Option<u64> {
    let mut owner = Owner::new(config);
    owner.subscribe(0, 0, &[FAIL; 3]);
    owner.subscribe(1, 1, &[]);
    owner.publish(0);
    owner.publish(1);
    owner.live_until(HOUR);
    owner.handed_at(1, 1)
}

#[test]
fn mb_3_a_poison_message_holds_up_other_topics_only_in_the_guide() {
    assert_eq!(wait_behind_poison(guide()), Some(300));
    assert_eq!(wait_behind_poison(hardened()), Some(0));
    let alone = DispatcherConfig { dispatch: Dispatch::PerSubscription, ..guide() };
    assert_eq!(wait_behind_poison(alone), Some(0));
    let defect = DispatcherConfig { dispatch: Dispatch::Single, max_attempts: 3, ..hardened() };
    assert_eq!(wait_behind_poison(defect), Some(300));
}

/// A handler that hangs, and a message behind it on the same topic.
fn wait_behind_hang(config: DispatcherConfig) -> Option<u64> {
    let mut owner = Owner::new(config);
    owner.subscribe(0, 0, &[HANG]);
    owner.subscribe(1, 1, &[]);
    owner.publish(0);
    owner.publish(1);
    owner.live_until(HOUR);
    owner.handed_at(1, 1)
}

#[test]
fn mb_9_a_handler_that_hangs_stalls_every_topic_for_ever_only_in_the_guide() {
    assert_eq!(wait_behind_hang(guide()), None);
    assert_eq!(wait_behind_hang(hardened()), Some(0));
    let ack_wait = AckWait::After(Span::from_secs(30));
    let waited = wait_behind_hang(DispatcherConfig { ack_wait, ..guide() });
    // It is tried again 100 ms after the ack wait, and that attempt does not hang.
    assert_eq!(waited, Some(30_100));
}

#[test]
fn mb_9_an_attempt_that_times_out_is_tried_again() {
    let mut owner = Owner::new(hardened());
    owner.subscribe(0, 0, &[HANG]);
    owner.publish(0);
    owner.live();
    let first = Seen::Attempt(0, 0, 1);
    assert_eq!(owner.seen[0], [first, Seen::Attempt(30_100 * MILLI, 0, 2)]);
    assert!(owner.dispatcher.is_idle());
}

#[test]
fn mb_4_a_full_buffer_holds_publishers_up_in_the_guide_and_refuses_them_when_hardened() {
    for (config, fits, beyond) in [
        (guide(), 1_001, Published::Blocked),
        (DispatcherConfig { max_ack_pending: 1, ..hardened() }, 1_001, Published::Rejected),
        (hardened(), 2_000, Published::Rejected),
    ] {
        let mut owner = Owner::new(config);
        owner.subscribe(0, 0, &[HANG; 2_000]);
        for number in 0..fits {
            assert_eq!(owner.publish(0), Published::Accepted, "{number}");
        }
        assert_eq!(owner.publish(0), beyond);
    }
}

#[test]
fn mb_4_the_oldest_that_waits_can_make_way_instead() {
    for dispatch in [Dispatch::Single, Dispatch::PerSubscription] {
        let overflow = Overflow::DropOldest;
        let mut owner = Owner::new(DispatcherConfig { dispatch, buffer: 2, overflow, ..guide() });
        owner.subscribe(0, 0, &[(1, AttemptEnd::Acknowledged)]);
        for _ in 0..4 {
            assert_eq!(owner.publish(0), Published::Accepted);
        }
        owner.live();
        assert_eq!(owner.attempts(0), [0, 2, 3], "{dispatch:?}");
        assert!(owner.seen[0].contains(&Seen::Dead(0, 1, DeathReason::Maxlen)), "{dispatch:?}");
    }
}

#[test]
fn mb_1_a_message_that_nobody_wants_is_dropped_in_the_guide_and_returned_when_hardened() {
    let mut owner = Owner::new(guide());
    assert_eq!(owner.publish(0), Published::Accepted, "and the publisher believes it");
    assert_eq!(owner.dropped, [0]);
    let mut owner = Owner::new(hardened());
    assert_eq!(owner.publish(0), Published::Returned);
    for dispatch in [Dispatch::Single, Dispatch::PerSubscription] {
        let unroutable = Unroutable::Retain;
        let mut owner = Owner::new(DispatcherConfig { dispatch, unroutable, ..hardened() });
        owner.publish(0);
        owner.publish(0);
        assert_eq!(owner.dispatcher.waiting(), 2);
        owner.subscribe(0, 0, &[]);
        assert_eq!(owner.attempts(0), [0, 1], "{dispatch:?}");
        assert_eq!(owner.dispatcher.waiting(), 0);
    }
}

#[test]
fn mb_1_what_is_retained_is_bounded() {
    let unroutable = Unroutable::Retain;
    let config = DispatcherConfig { buffer: 2, unroutable, ..hardened() };
    let mut owner = Owner::new(config.clone());
    let published: Vec<_> = (0..3).map(|_| owner.publish(0)).collect();
    assert_eq!(published, [Published::Accepted, Published::Accepted, Published::Rejected]);
    let mut owner = Owner::new(DispatcherConfig { overflow: Overflow::DropOldest, ..config });
    for _ in 0..3 {
        owner.publish(0);
    }
    assert_eq!(owner.dropped, [0], "reported, as every loss is");
    owner.subscribe(0, 0, &[]);
    assert_eq!(owner.attempts(0), [1, 2]);
}

#[test]
fn mb_5_a_dead_letter_names_its_subscription_and_can_be_driven_there_again() {
    for (config, again) in [
        (guide(), [vec![0, 0, 0, 0], vec![0, 0]]),
        (DispatcherConfig { max_attempts: 3, ..hardened() }, [vec![0, 0, 0, 0], vec![0]]),
    ] {
        let mut owner = Owner::new(config);
        owner.subscribe(0, 0, &[FAIL; 3]);
        owner.subscribe(0, 1, &[]);
        owner.publish(0);
        owner.live();
        assert_eq!(owner.redrive(None), 1);
        owner.live();
        assert_eq!(
            [owner.attempts(0), owner.attempts(1)],
            again,
            "a bare letter goes to everybody"
        );
    }
}

#[test]
fn mb_6_a_dead_letter_says_how_often_when_and_why() {
    let mut owner = Owner::new(DispatcherConfig { max_attempts: 2, ..hardened() });
    owner.subscribe(0, 0, &[(5, AttemptEnd::Failed), HANG]);
    owner.publish(0);
    owner.live();
    let letter = owner.dispatcher.dead_letters().next().unwrap().clone();
    assert_eq!((letter.reason, letter.attempts), (DeathReason::MaxDeliveries, 2));
    assert_eq!(letter.last_error, Some(AttemptEnd::TimedOut));
    assert_eq!(letter.first_attempt_at, Some(Time::ZERO));
    assert_eq!(letter.died_at.as_nanos(), (5 + 100 + 30_000) * MILLI);
    assert_eq!(owner.dispatcher.purge(Some(1)).len(), 0);
    assert_eq!(owner.dispatcher.purge(Some(0)).len(), 1);
    assert_eq!(owner.dispatcher.dead_letters().len(), 0);
}

#[test]
fn mb_5_dead_letters_are_bounded_and_the_oldest_makes_way() {
    let dead_letters_max = DeadLettersMax::AtMost(2);
    let mut owner =
        Owner::new(DispatcherConfig { max_attempts: 1, dead_letters_max, ..hardened() });
    owner.subscribe(0, 0, &[FAIL; 3]);
    for _ in 0..3 {
        owner.publish(0);
    }
    assert_eq!(owner.dispatcher.dead_letters().len(), 2);
    assert_eq!(owner.evicted, [0]);
}

#[test]
fn mb_6_a_rejection_is_tried_again_in_the_guide_and_final_when_hardened() {
    for (config, attempts, reason) in [
        (guide(), 3, DeathReason::MaxDeliveries),
        (hardened(), 1, DeathReason::Rejected),
        (DispatcherConfig { rejection: Rejection::Final, ..guide() }, 1, DeathReason::Rejected),
    ] {
        let mut owner = Owner::new(config);
        owner.subscribe(0, 0, &[(0, AttemptEnd::Rejected); 3]);
        owner.publish(0);
        owner.live();
        let letter = owner.dispatcher.dead_letters().next().unwrap();
        assert_eq!((letter.attempts, letter.reason), (attempts, reason));
        assert_eq!(letter.last_error, Some(AttemptEnd::Rejected));
    }
}

#[test]
fn mb_7_ids_of_one_instant_are_equal_only_in_the_guide() {
    let ids = |config| {
        let mut owner = Owner::new(config);
        owner.subscribe(0, 0, &[]);
        owner.live_until(7);
        owner.publish(0);
        owner.publish(0);
        owner.ids
    };
    assert_eq!(ids(guide()), [7, 7]);
    assert_eq!(ids(hardened()), [0, 1]);
    assert_eq!(ids(DispatcherConfig { message_ids: MessageIds::Sequence, ..guide() }), [0, 1]);
}

#[test]
fn mb_10_subscribing_twice_doubles_deliveries_only_in_the_guide() {
    let attempts = |config| {
        let mut owner = Owner::new(config);
        owner.subscribe(0, 0, &[]);
        owner.subscribe(0, 0, &[]);
        owner.publish(0);
        owner.live();
        owner.seen.iter().map(Vec::len).sum::<usize>()
    };
    assert_eq!(attempts(guide()), 2);
    assert_eq!(attempts(hardened()), 1);
    for duplicate_subscribe in [DuplicateSubscribe::Refuse, DuplicateSubscribe::Replace] {
        assert_eq!(attempts(DispatcherConfig { duplicate_subscribe, ..guide() }), 1);
    }
}

#[test]
fn mb_10_who_subscribes_again_takes_over_what_was_under_way() {
    for (duplicate_subscribe, handed) in
        [(DuplicateSubscribe::Replace, vec![0, 0]), (DuplicateSubscribe::Refuse, vec![0])]
    {
        let mut owner = Owner::new(DispatcherConfig { duplicate_subscribe, ..hardened() });
        owner.subscribe(0, 0, &[HANG]);
        owner.publish(0);
        owner.subscribe(0, 0, &[OK]);
        assert_eq!(owner.attempts(0), handed);
    }
}

#[test]
fn mb_10_scaling_a_service_out_multiplies_deliveries_only_in_the_guide() {
    let attempts = |config| {
        let mut owner = Owner::new(config);
        for member in 0..3 {
            owner.join(0, member, 9, &[]);
        }
        for _ in 0..6 {
            owner.publish(0);
        }
        owner.seen.iter().map(Vec::len).collect::<Vec<_>>()
    };
    assert_eq!(attempts(guide()), [6, 6, 6]);
    assert_eq!(attempts(hardened()).iter().sum::<usize>(), 6);
    let alone = DispatcherConfig { groups: Groups::Compete, ..guide() };
    assert_eq!(attempts(alone).iter().sum::<usize>(), 6);
}

#[test]
fn mb_10_of_a_group_the_member_with_the_fewest_under_way_gets_the_next() {
    let mut broker = Dispatcher::new(hardened());
    for member in 0..2 {
        broker.subscribe_in(Name(0), Name(member), Name(9));
    }
    let now = Time::ZERO;
    let mut members = Vec::new();
    for number in 0..4 {
        broker.publish(now, Name(0), number, 0);
        let Some(Action::Attempt { subscription, delivery, .. }) = broker.next_action(now) else {
            panic!("there is room for all of them");
        };
        members.push(subscription);
        if number == 2 {
            broker.attempt_ended(now, delivery, 1, AttemptEnd::Acknowledged);
        }
    }
    assert_eq!(members, [0, 1, 0, 0]);
}

#[test]
fn mb_11_a_message_published_twice_is_one_message_within_the_window() {
    let window = 120_000 * MILLI;
    for (config, again) in [
        (guide(), [Published::Accepted, Published::Accepted]),
        (hardened(), [Published::Duplicate, Published::Accepted]),
        (
            DispatcherConfig { dedup_window: DedupWindow::For(Span::from_secs(120)), ..guide() },
            [Published::Duplicate, Published::Accepted],
        ),
    ] {
        let mut owner = Owner::new(config);
        owner.subscribe(0, 0, &[]);
        assert_eq!(owner.publish_with(0, None, Some(1)), Published::Accepted);
        owner.live_until(window - 1);
        assert_eq!(owner.publish_with(0, None, Some(1)), again[0]);
        assert_eq!(owner.publish_with(0, None, Some(2)), Published::Accepted);
        owner.live_until(window);
        assert_eq!(owner.publish_with(0, None, Some(1)), again[1]);
    }
}

/// Three messages: one done, one under way, one waiting. What a crash leaves of the last two, and
/// of a dead letter.
fn after_a_crash(config: DispatcherConfig) -> (Vec<usize>, usize) {
    let mut owner = Owner::new(config);
    owner.subscribe(0, 0, &[OK, HANG]);
    owner.subscribe(1, 1, &[FAIL; 20]);
    owner.publish(1);
    owner.live();
    for _ in 0..3 {
        owner.publish(0);
    }
    owner.seen[0].clear();
    owner.crash();
    owner.live();
    (owner.attempts(0), owner.dispatcher.dead_letters().len())
}

#[test]
fn mb_12_a_crash_of_the_broker_loses_everything_only_in_the_guide() {
    assert_eq!(after_a_crash(guide()), (vec![], 0));
    // One after the other the third one waits for the second; hardened, all were handed out.
    let one = DispatcherConfig { max_ack_pending: 1, ..hardened() };
    assert_eq!(after_a_crash(one), (vec![2, 3], 1));
    assert_eq!(after_a_crash(hardened()), (vec![2], 1));
    let alone = DispatcherConfig { durability: Durability::Durable, ..guide() };
    assert_eq!(after_a_crash(alone), (vec![2, 3], 1));
}

#[test]
fn mb_12_an_attempt_that_a_crash_cut_off_counts() {
    let mut owner = Owner::new(DispatcherConfig { max_attempts: 1, ..hardened() });
    owner.subscribe(0, 0, &[HANG]);
    owner.publish(0);
    owner.crash();
    let letter = owner.dispatcher.dead_letters().next().unwrap();
    assert_eq!((letter.reason, letter.last_error), (DeathReason::MaxDeliveries, None));
}
