//! Every option of every policy against a naive reference, on sequences that nobody thought of; and the
//! claims that tell the hardened policies from the guide's, each with the shortest sequence that shows
//! it.
//!
//! The references are written from the documentation of the options, not from the policies: they keep
//! whole histories and count them again at every question. Time moves in steps that love the
//! boundaries.

#![expect(clippy::unwrap_used, reason = "what fails here fails its test")]

mod backoff;
mod backoff_curve;
mod balancer;
mod balancer_lists;
mod balancer_theory;
mod balancer_turns;
mod balancer_zones;
mod breaker;
mod breaker_claims;
mod breaker_counts;
mod budget;
mod bulkhead;
mod bulkhead_limits;
mod composition;
mod config_claims;
mod deployment;
mod deployment_crashes;
mod deployment_words;
mod dispatch;
mod dispatch_claims;
mod dispatch_corners;
mod dispatch_options;
mod dispatch_owner;
mod dispatch_requests;
mod dispatch_single;
mod gateway;
mod gateway_breakers;
mod gateway_claims;
mod gateway_router;
mod hedging;
mod limiter;
mod limiter_claims;
mod naive_breaker;
mod observability;
mod outlier;
mod outlier_claims;
mod registry;
mod registry_claims;
mod registry_outages;
mod registry_rows;
mod retry;
mod retry_config;
mod saga;
mod saga_isolation;
mod saga_life;
mod saga_theory;
mod store;
mod telemetry;
mod theory;
mod turns;
mod vocabulary;
mod words;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The same cases in every run, and no files of failures.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 1_024,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    }
}

/// How far time moves before the next event, where all spans are small multiples of ten.
fn step() -> impl Strategy<Value = u64> {
    let around = |at: u64| prop_oneof![Just(at - 1), Just(at), Just(at + 1)];
    prop_oneof![
        6 => Just(0),
        3 => Just(1),
        2 => around(10),
        2 => around(20),
        1 => around(40),
        1 => 0..100_u64,
    ]
}
