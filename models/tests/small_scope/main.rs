//! Every sequence of operations over a small alphabet: states that look alike are one state, and
//! how many there are is known beforehand.

#![expect(clippy::unwrap_used, reason = "what fails here fails its test")]

mod saga;

use std::collections::BTreeSet;

/// Every state that can be reached, as its fingerprint; `step` gives the states after each
/// operation and checks what must hold.
fn reachable<S>(
    start: S,
    fingerprint: impl Fn(&S) -> String,
    step: impl Fn(&S) -> Vec<S>,
) -> BTreeSet<String> {
    let mut seen = BTreeSet::from([fingerprint(&start)]);
    let mut frontier = vec![start];
    while let Some(state) = frontier.pop() {
        for next in step(&state) {
            if seen.insert(fingerprint(&next)) {
                frontier.push(next);
            }
        }
    }
    seen
}
