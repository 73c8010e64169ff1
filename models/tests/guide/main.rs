//! Every policy against a naive reference, on sequences that nobody thought of.
//!
//! The references follow the guide's text line by line: shorter, slower, and without looking at the
//! policies. Time moves in steps that love the boundaries: nothing, one nanosecond, and every
//! timeout of the guide with its two neighbours.

#![expect(clippy::unwrap_used, reason = "what fails here fails its test")]

mod balancer;
mod breaker;
mod composition;
mod dispatch;
mod limiter;
mod observability;
mod registry;
mod saga;
mod sidecar;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const SECOND: u64 = 1_000_000_000;

/// The same cases in every run, and no files of failures.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 512,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    }
}

/// How far time moves before the next event.
fn step() -> impl Strategy<Value = u64> {
    let around = |at: u64| prop_oneof![Just(at - 1), Just(at), Just(at + 1)];
    prop_oneof![
        4 => Just(0),
        2 => Just(1),
        2 => around(10 * SECOND),
        2 => around(30 * SECOND),
        1 => around(60 * SECOND),
        1 => around(17_400_000_000),
        1 => 0..20 * SECOND,
    ]
}
