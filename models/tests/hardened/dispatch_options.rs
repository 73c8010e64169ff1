//! The broker's options one by one: order, time, and what makes no sense.

use brownout_models::policy::dispatch::{
    AckWait, BackoffMax, DeadLettersMax, DedupWindow, Dispatch, MessageTtl, Ordering, Overflow,
};
use brownout_models::policy::{
    AttemptEnd, Backoff, DeathReason, Dispatcher, DispatcherConfig, DispatcherOptions, Published,
};
use brownout_models::{Name, Profile, Span};

use super::dispatch_owner::{FAIL, HANG, MILLI, OK, Owner, Seen};

fn hardened() -> DispatcherConfig {
    DispatcherConfig::hardened()
}

#[test]
fn messages_of_one_key_wait_for_each_other_and_for_nobody_else() {
    let mut owner = Owner::new(hardened());
    owner.subscribe(0, 0, &[FAIL, OK, OK]);
    for key in [Some(1), Some(1), Some(2), None] {
        owner.publish_with(0, key, None);
    }
    assert_eq!(owner.attempts(0), [0, 2, 3]);
    owner.live_until(100 * MILLI);
    assert_eq!(owner.attempts(0), [0, 2, 3, 0, 1], "the second of its key comes after the first");
}

#[test]
fn without_order_by_key_a_message_that_is_tried_again_is_overtaken() {
    for (config, handed) in [
        (DispatcherConfig { ordering: Ordering::Unordered, ..hardened() }, [0, 1, 0]),
        (DispatcherConfig { max_ack_pending: 1, ..hardened() }, [0, 0, 1]),
        (DispatcherConfig { dispatch: Dispatch::Single, ..hardened() }, [0, 0, 1]),
    ] {
        let mut owner = Owner::new(config);
        owner.subscribe(0, 0, &[FAIL]);
        owner.publish_with(0, Some(1), None);
        owner.publish_with(0, Some(1), None);
        owner.live();
        assert_eq!(owner.attempts(0), handed);
    }
}

#[test]
fn a_subscription_has_no_more_handed_out_than_it_may() {
    let mut owner = Owner::new(DispatcherConfig { max_ack_pending: 2, ..hardened() });
    owner.subscribe(0, 0, &[FAIL, (5, AttemptEnd::Acknowledged)]);
    owner.subscribe(0, 1, &[]);
    for _ in 0..4 {
        owner.publish(0);
    }
    assert_eq!(owner.attempts(0), [0, 1], "one of them between two attempts");
    assert_eq!(owner.attempts(1), [0, 1, 2, 3], "the other subscription waits for nobody");
    owner.live_until(5 * MILLI);
    assert_eq!(owner.attempts(0), [0, 1, 2, 3]);
}

#[test]
fn the_backoff_doubles_up_to_its_longest() {
    let waits = |config: &DispatcherConfig| {
        (1..=6).map(|attempts| config.backoff_after(attempts)).collect::<Vec<_>>()
    };
    let millis = |waits: [u64; 6]| waits.map(Span::from_millis).to_vec();
    assert_eq!(waits(&DispatcherConfig::guide()), millis([100, 200, 400, 800, 1_600, 3_200]));
    let capped = DispatcherConfig {
        backoff_max: BackoffMax::After(Span::from_millis(500)),
        ..DispatcherConfig::guide()
    };
    assert_eq!(waits(&capped), millis([100, 200, 400, 500, 500, 500]));
    assert_eq!(capped.backoff_after(200), Span::from_millis(500), "far beyond 64 doublings");
    let huge = DispatcherConfig { backoff: Backoff { base: Span::from_secs(1) }, ..capped };
    assert_eq!(huge.backoff_after(1), Span::from_millis(500));
}

#[test]
fn a_list_of_waits_overrides_the_ack_wait_and_its_last_repeats() {
    let backoff_list = [10, 20].map(Span::from_millis).to_vec();
    let config = DispatcherConfig { max_attempts: 4, backoff_list, ..hardened() };
    let mut owner = Owner::new(config.clone());
    owner.subscribe(0, 0, &[HANG, HANG, FAIL, OK]);
    owner.publish(0);
    owner.live();
    // A wait of the list passes while nothing is heard, or after a failure.
    let at = [0, 10, 30, 50].map(|millis| millis * MILLI);
    let attempts: Vec<_> = (1..).zip(at).map(|(n, at)| Seen::Attempt(at, 0, n)).collect();
    assert_eq!(owner.seen[0], attempts);
    assert_eq!(config.ack_wait_of(1), Some(Span::from_millis(10)));
    assert_eq!(config.ack_wait_of(9), Some(Span::from_millis(20)));
    assert_eq!(hardened().ack_wait_of(9), Some(Span::from_secs(30)));
    assert_eq!(DispatcherConfig::guide().ack_wait_of(1), None);
}

#[test]
fn an_attempt_that_ends_with_its_ack_wait_is_in_time_and_later_it_is_not() {
    for (takes, handed) in [(30_000, 1), (30_001, 2)] {
        let mut owner = Owner::new(hardened());
        owner.subscribe(0, 0, &[(takes, AttemptEnd::Acknowledged)]);
        owner.publish(0);
        owner.live();
        assert_eq!(owner.attempts(0).len(), handed, "{takes} ms");
    }
}

#[test]
fn a_message_whose_time_is_up_when_its_turn_comes_is_dead() {
    let message_ttl = MessageTtl::After(Span::from_millis(5));
    for (takes, expires) in [(4, false), (5, true), (6, true)] {
        let config = DispatcherConfig { message_ttl, max_ack_pending: 1, ..hardened() };
        let mut owner = Owner::new(config);
        owner.subscribe(0, 0, &[(takes, AttemptEnd::Acknowledged)]);
        owner.publish(0);
        owner.publish(0);
        owner.live();
        let dead = Seen::Dead(takes * MILLI, 1, DeathReason::Expired);
        assert_eq!(owner.seen[0].contains(&dead), expires, "{takes} ms");
        assert_eq!(owner.redrive(Some(0)), usize::from(expires));
        assert_eq!(owner.attempts(0), [0, 1], "driven again it is as good as new");
    }
}

#[test]
fn dead_letters_are_driven_again_as_far_as_there_is_room() {
    let config = DispatcherConfig { buffer: 1, max_ack_pending: 1, max_attempts: 1, ..hardened() };
    let mut owner = Owner::new(config);
    owner.subscribe(0, 0, &[FAIL, FAIL, FAIL, HANG]);
    owner.subscribe(0, 1, &[]);
    for _ in 0..3 {
        owner.publish(0);
    }
    assert_eq!(owner.redrive(Some(1)), 0, "it has no dead letters");
    assert_eq!(owner.redrive(None), 1, "the next one would wait, and the buffer is empty still");
    assert_eq!(owner.redrive(None), 1);
    assert_eq!(owner.redrive(None), 0);
    assert_eq!(owner.dispatcher.dead_letters().len(), 1);
    assert_eq!(owner.attempts(1), [0, 1, 2], "they reach the one that they had not reached");
}

#[test]
fn without_a_buffer_there_is_room_for_what_can_be_handed_out_at_once() {
    let overflow = Overflow::Reject;
    let mut owner =
        Owner::new(DispatcherConfig { buffer: 0, max_ack_pending: 1, overflow, ..hardened() });
    owner.subscribe(0, 0, &[HANG]);
    let published = [owner.publish(0), owner.publish(0)];
    assert_eq!(published, [Published::Accepted, Published::Rejected]);
}

#[test]
fn a_subscription_keeps_its_number_when_it_is_asked_for_again() {
    let mut dispatcher = Dispatcher::<()>::new(hardened());
    let number = |subscriber| dispatcher.subscribe(Name(0), Name(subscriber)).number();
    assert_eq!([1, 2, 3, 2].map(number), [0, 1, 2, 1]);
}

#[test]
fn what_makes_no_sense_is_told_with_its_remedy() {
    let says = |text: &str| {
        let options: DispatcherOptions = ron::Options::default()
            .with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME)
            .from_str(text)
            .unwrap();
        let mistakes = options.resolve(Profile::Hardened).mistakes();
        mistakes.into_iter().map(|mistake| mistake.option).collect::<Vec<_>>()
    };
    for (text, wrong) in [
        ("()", vec![]),
        ("(profile: guide)", vec![]),
        ("(max_attempts: 0)", vec!["max_attempts"]),
        ("(max_ack_pending: 0)", vec!["max_ack_pending"]),
        ("(buffer: 0)", vec![]),
        ("(buffer: 0, overflow: DropOldest)", vec!["buffer"]),
        ("(dead_letters_max: 0)", vec!["dead_letters_max"]),
        ("(dead_letters_max: Unbounded, dedup_window: Off)", vec![]),
        (
            "(ack_wait: \"0s\", message_ttl: \"0s\", dedup_window: \"0s\")",
            vec!["ack_wait", "message_ttl", "dedup_window"],
        ),
        ("(ack_wait: Forever, message_ttl: \"1s\")", vec![]),
        ("(backoff_list: [\"1s\", \"0s\"])", vec!["backoff_list"]),
        ("(backoff_max: \"99ms\")", vec!["backoff_max"]),
        ("(backoff_max: \"99ms\", backoff_list: [\"1s\"])", vec![]),
        // 100 ms doubled 36 times is 218 years, and once more it is negative in Go (SC-6).
        ("(backoff_max: Uncapped, max_attempts: 38)", vec![]),
        ("(backoff_max: Uncapped, max_attempts: 39)", vec!["backoff_max"]),
    ] {
        assert_eq!(says(text), wrong, "{text}");
    }
}

#[test]
fn what_a_file_says_is_what_holds() {
    let text = "(profile: guide, ack_wait: \"5s\", backoff_max: \"1s\", dead_letters_max: 7,
        dedup_window: \"9s\", message_ttl: Forever, overflow: Reject, ordering: ByKey)";
    let options: DispatcherOptions = ron::Options::default()
        .with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME)
        .from_str(text)
        .unwrap();
    let expected = DispatcherConfig {
        ack_wait: AckWait::After(Span::from_secs(5)),
        backoff_max: BackoffMax::After(Span::from_secs(1)),
        dead_letters_max: DeadLettersMax::AtMost(7),
        dedup_window: DedupWindow::For(Span::from_secs(9)),
        overflow: Overflow::Reject,
        ordering: Ordering::ByKey,
        ..DispatcherConfig::guide()
    };
    assert_eq!(options.resolve(Profile::Hardened), expected);
}
