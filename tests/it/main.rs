//! Everything that is tested from outside: one binary, a module for each boundary.

#![expect(clippy::unwrap_used, reason = "what fails here fails its test")]

mod addresses;
mod broker;
mod cli;
mod defects;
mod determinism;
mod docs;
mod examples;
mod fixtures;
mod hard;
mod kernel;
mod mutated;
mod plans;
mod properties;
mod rejected;
mod replay;
mod search;
mod snapshots;
mod stdio;
mod stranger;
mod tidy;

use std::path::PathBuf;

use brownout::Scenario;

/// The path of a fixture.
fn fixture_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// The text of a fixture.
fn fixture_text(name: &str) -> String {
    std::fs::read_to_string(fixture_path(name)).unwrap()
}

/// A fixture that must load.
fn fixture(name: &str) -> Scenario {
    Scenario::load(fixture_path(name)).unwrap_or_else(|error| panic!("{error}"))
}
