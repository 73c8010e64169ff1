//! What is asked of a dispatcher, and how it is configured.

use brownout_models::Span;
use brownout_models::policy::dispatch::{
    AckWait, BackoffMax, DeadLetterDetail, DeadLettersMax, DedupWindow, Dispatch, Durability,
    MessageTtl, Ordering, Overflow, Rejection, Unroutable,
};
use brownout_models::policy::{AttemptEnd, Backoff, DispatcherConfig};
use proptest::prelude::*;

use super::dispatch_owner::{FAIL, HANG, Invocation, MILLI, OK, Seen};

/// A request.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Subscribe {
        topic: u32,
        group: Option<u32>,
        script: Vec<Invocation>,
    },
    /// Somebody leaves who subscribed, by the order of subscriptions, counted round.
    Unsubscribe(usize),
    Publish {
        topic: u32,
        key: Option<u64>,
        id: Option<u64>,
    },
    Redrive,
    Crash,
}

/// Small configurations: everything that can be full, is.
pub(super) fn configs() -> impl Strategy<Value = DispatcherConfig> {
    let overflow =
        prop_oneof![Just(Overflow::Reject), Just(Overflow::Block), Just(Overflow::DropOldest)];
    let unroutable = prop_oneof![Just(Unroutable::Return), Just(Unroutable::Drop)];
    let ordering = prop_oneof![Just(Ordering::ByKey), Just(Ordering::Unordered)];
    let message_ttl = prop_oneof![
        2 => Just(MessageTtl::Forever),
        1 => Just(MessageTtl::After(Span::from_millis(40))),
        1 => Just(MessageTtl::After(Span::from_millis(100))),
    ];
    let sizes = (1..4_usize, 1..4_u32, 1..4_u32, 1..4_usize);
    let options = (overflow, unroutable, ordering, message_ttl);
    (options, sizes).prop_map(|(options, sizes)| {
        let (overflow, unroutable, ordering, message_ttl) = options;
        let (buffer, max_attempts, max_ack_pending, letters) = sizes;
        DispatcherConfig {
            buffer,
            message_ttl,
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

/// The same for a broker that dispatches one message at a time, which keeps what it has in memory or
/// not, and dead letters bare or not.
pub(super) fn single_configs() -> impl Strategy<Value = DispatcherConfig> {
    let durability = prop_oneof![3 => Just(Durability::Durable), 1 => Just(Durability::Memory)];
    let dead_letter = prop_oneof![Just(DeadLetterDetail::Bare), Just(DeadLetterDetail::Described)];
    let rejection = prop_oneof![Just(Rejection::Retried), Just(Rejection::Final)];
    (configs(), durability, dead_letter, rejection).prop_map(|it| {
        let (config, durability, dead_letter, rejection) = it;
        let dispatch = Dispatch::Single;
        DispatcherConfig { dispatch, durability, dead_letter, rejection, ..config }
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
        3 => (0..2_u32, prop::option::of(90..92_u32), script)
            .prop_map(|(topic, group, script)| Request::Subscribe { topic, group, script }),
        12 => (0..3_u32, key, id)
            .prop_map(|(topic, key, id)| Request::Publish { topic, key, id }),
        1 => (0..6_usize).prop_map(Request::Unsubscribe),
        1 => Just(Request::Redrive),
        1 => Just(Request::Crash),
    ];
    (gap, request)
}

/// Later messages of a key are handed out when the earlier ones are over, and not before.
pub(super) fn keeps_order(seen: &[Seen], keys: &[Option<u64>]) -> bool {
    let attempts: Vec<usize> = seen
        .iter()
        .filter_map(|seen| match seen {
            Seen::Attempt(_, message, _) => Some(*message),
            Seen::Dead(..) => None,
        })
        .collect();
    (0..2).all(|key| {
        let mine: Vec<_> = attempts.iter().filter(|at| keys[**at] == Some(key)).collect();
        mine.is_sorted()
    })
}
