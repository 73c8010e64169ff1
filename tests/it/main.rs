//! Everything that is tested from outside: one binary, a module for each boundary.

#![expect(clippy::unwrap_used, reason = "what fails here fails its test")]

mod addresses;
mod broker;
mod bulkheads;
mod campaigns;
mod certificates;
mod check_json;
mod cli;
mod columns;
mod commands;
mod compositions;
mod defects;
mod deployments;
mod determinism;
mod discovery;
mod docs;
mod examples;
mod explain;
mod findings;
mod fixtures;
mod gateway_waits;
mod gateways;
mod hard;
mod hardened_gateway;
mod jitter;
mod json_plans;
mod kernel;
mod kinds_of_files;
mod listed_weather;
mod logs;
mod mutated;
mod names;
mod periods;
mod plans;
mod properties;
mod pushback;
mod redrive;
mod rejected;
mod remedies;
mod replay;
mod retries;
mod saga_trees;
mod sagas;
mod search;
mod snapshots;
mod stdio;
mod stores;
mod stories;
mod stranger;
mod theory;
mod tidy;
mod vain;
mod wrong_files;
mod zones;

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
