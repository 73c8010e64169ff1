//! Every state that a machine can reach with a few operations and a few steps of time, counted.
//!
//! States are merged by a canonical form, in which instants are ages and ids are numbered anew, so the
//! exploration ends by itself: then it covers operation sequences of every length. The counts are
//! derived in the comments, and do not depend on when a machine starts or from where its ids count.

#![expect(clippy::unwrap_used, reason = "what fails here fails its test")]

mod breaker;
mod canonical;
mod gateway;
mod limiter;
mod one_instant;

use std::collections::BTreeSet;

/// Every state that is reached from `start`, and after how many operations no new one was.
fn explore<S>(
    start: S,
    key: impl Fn(&S) -> Vec<u128>,
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
