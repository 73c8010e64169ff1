//! Every policy under the rules of the best implementations: against a naive reference on sequences
//! that nobody thought of, and each claim broken in the guide by a sequence as short as can be.
//!
//! The references are shorter and slower than the policies, and written without looking at them.

#![expect(clippy::unwrap_used, reason = "what fails here fails its test")]

mod saga;
mod saga_isolation;

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
