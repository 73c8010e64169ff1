//! The hardened policies against naive references, and the claims that tell them from the guide's.
//!
//! As for the guide, the references are shorter, slower and written without looking at the
//! policies, and time loves the boundaries. Each claim names what is held in `hardened`; where the
//! guide breaks it, a test beside it shows how, by hand and as shortly as possible.

#![expect(clippy::unwrap_used, reason = "what fails here fails its test")]

mod balancer;
mod balancer_theory;
mod outlier;
mod registry;
mod registry_claims;
mod registry_outages;
mod registry_rows;

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
