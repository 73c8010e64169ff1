//! What is asked of the dispatcher with a queue for each subscription, and how it is configured.

use brownout_models::Span;
use brownout_models::policy::dispatch::{
    AckWait, BackoffMax, DeadLettersMax, DedupWindow, Ordering, Overflow, Unroutable,
};
use brownout_models::policy::{AttemptEnd, Backoff, DispatcherConfig};
use proptest::prelude::*;

use super::dispatch_owner::{FAIL, HANG, Invocation, MILLI, OK};

/// A request.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Subscribe(u32, Vec<Invocation>),
    Publish { topic: u32, key: Option<u64>, id: Option<u64> },
    Redrive,
    Crash,
}

/// Small configurations: everything that can be full, is.
pub(super) fn configs() -> impl Strategy<Value = DispatcherConfig> {
    let overflow =
        prop_oneof![Just(Overflow::Reject), Just(Overflow::Block), Just(Overflow::DropOldest)];
    let unroutable = prop_oneof![Just(Unroutable::Return), Just(Unroutable::Drop)];
    let ordering = prop_oneof![Just(Ordering::ByKey), Just(Ordering::Unordered)];
    let sizes = (1..4_usize, 1..4_u32, 1..4_u32, 1..4_usize);
    (overflow, unroutable, ordering, sizes).prop_map(|(overflow, unroutable, ordering, sizes)| {
        let (buffer, max_attempts, max_ack_pending, letters) = sizes;
        DispatcherConfig {
            buffer,
            overflow,
            unroutable,
            ordering,
            max_attempts,
            max_ack_pending,
            ack_wait: AckWait::After(Span::from_millis(50)),
            backoff: Backoff { base: Span::from_millis(20) },
            backoff_max: BackoffMax::After(Span::from_millis(30)),
            dead_letters_max: DeadLettersMax::AtMost(letters),
            dedup_window: DedupWindow::For(Span::from_millis(100)),
            ..DispatcherConfig::hardened()
        }
    })
}

/// How long after the last one comes what.
pub(super) fn request() -> impl Strategy<Value = (u64, Request)> {
    // Everything happens at multiples of 10 ms, so that deadlines are met exactly, and a nanosecond
    // before and after.
    let gap = prop_oneof![
        6 => Just(0),
        3 => (1..6_u64).prop_map(|tens| tens * 10 * MILLI),
        1 => Just(1),
        1 => Just(50 * MILLI - 1),
        1 => Just(100 * MILLI - 1),
    ];
    let invocation = prop_oneof![
        3 => Just(OK),
        3 => Just(FAIL),
        1 => Just((0, AttemptEnd::Rejected)),
        2 => Just((10, AttemptEnd::Acknowledged)),
        2 => Just((20, AttemptEnd::Failed)),
        1 => Just((50, AttemptEnd::Acknowledged)),
        1 => Just((60, AttemptEnd::Acknowledged)),
        1 => Just(HANG),
    ];
    let script = prop::collection::vec(invocation, 0..12);
    let key = prop::option::of(0..2_u64);
    let id = prop::option::weighted(0.3, 0..3_u64);
    let request = prop_oneof![
        2 => (0..2_u32, script).prop_map(|(topic, script)| Request::Subscribe(topic, script)),
        12 => (0..3_u32, key, id)
            .prop_map(|(topic, key, id)| Request::Publish { topic, key, id }),
        1 => Just(Request::Redrive),
        1 => Just(Request::Crash),
    ];
    (gap, request)
}
