//! Every state that a machine can reach with a few operations and a few steps of time, counted.
//!
//! States are merged by a canonical form, in which instants are ages and ids are numbered anew, so the
//! exploration ends by itself: then it covers operation sequences of every length. The counts are
//! derived in the comments, and do not depend on when a machine starts or from where its ids count.

#![expect(clippy::unwrap_used, reason = "what fails here fails its test")]

mod balancer;
mod breaker;
mod budget;
mod bulkhead;
mod canonical;
mod composition;
mod deployment;
mod dispatch;
mod gateway;
mod hedging;
mod limiter;
mod loads;
mod observability;
mod one_instant;
mod outlier;
mod registry;
mod retry;
mod saga;
mod telemetry;
mod windows;

use std::collections::BTreeSet;

use brownout_models::{Span, Time};
use serde::Serialize;

/// Every state that is reached from `start`, and after how many operations no new one was.
fn explore<S, K: Ord>(
    start: S,
    key: impl Fn(&S) -> K,
    next: impl Fn(&S) -> Vec<S>,
) -> (usize, usize) {
    let mut seen = BTreeSet::from([key(&start)]);
    let (mut fresh, mut depth) = (vec![start], 0);
    loop {
        let mut later = Vec::new();
        for state in fresh.iter().flat_map(&next) {
            if seen.insert(key(&state)) {
                later.push(state);
            }
        }
        if later.is_empty() {
            return (seen.len(), depth);
        }
        (fresh, depth) = (later, depth + 1);
        assert!(depth < 1_000, "the states end");
    }
}

/// Every different state, `start` among them, by its fingerprint: whatever `next` leads to, until
/// nothing is new. No alphabet here has more than `LIMIT`.
fn states<S>(
    start: S,
    fingerprint: impl Fn(&S) -> String,
    next: impl Fn(&S) -> Vec<S>,
) -> BTreeSet<String> {
    const LIMIT: usize = 100_000;
    let mut seen = BTreeSet::from([fingerprint(&start)]);
    let mut frontier = vec![start];
    while let Some(state) = frontier.pop() {
        for state in next(&state) {
            if seen.insert(fingerprint(&state)) {
                assert!(seen.len() < LIMIT, "the alphabet is not small");
                frontier.push(state);
            }
        }
    }
    seen
}

/// A value as text in which every instant is how long ago it was, or how far ahead it lies.
fn aged(value: &impl Serialize, now: Time) -> String {
    let text = ron::to_string(value).unwrap();
    let age = |part: &str| match part.parse::<Span>() {
        Ok(at) => format!("{}", i128::from(now.as_nanos()) - i128::from(at.as_nanos())),
        Err(_) => part.to_owned(),
    };
    text.split('"').map(age).collect::<Vec<_>>().join("\"")
}

/// Starts at zero, and one hour later; ids from zero, and from a thousand.
const STARTS: [(u64, u32); 4] =
    [(0, 0), (0, 1_000), (3_600_000_000_000, 0), (3_600_000_000_000, 1_000)];

fn nanos(nanos: u64) -> Span {
    Span::from_nanos(nanos)
}
