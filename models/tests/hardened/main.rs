//! The hardened machines: against naive references on random sequences, and claim by claim.
//!
//! Every claim about a defect has two halves: a hand-written sequence that shows it under `guide`,
//! and the same sequence under `hardened`, where it is gone.

#![expect(clippy::unwrap_used, reason = "what fails here fails its test")]

mod dispatch;
mod dispatch_claims;
mod dispatch_options;
mod dispatch_owner;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The same cases in every run, and no files of failures.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 512,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    }
}
