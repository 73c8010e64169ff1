//! Deployments in whole systems: what a new version costs while traffic goes on, what turns it back,
//! and mutants that every property about it catches.

mod blue_green;
mod canary;
mod operator;
mod rolling;
mod scaling;

use brownout::models::Fact;
use brownout::models::fact::DeploymentFact;
use brownout::{Kinds, Run, Scenario};

fn text(name: &str) -> String {
    crate::fixture_text(&format!("deployments/{name}.ron"))
}

fn load(name: &str) -> Scenario {
    crate::fixture(&format!("deployments/{name}.ron"))
}

/// A fixture with some of its text replaced by other text; all of it must be there.
fn mutant(name: &str, edits: &[(&str, &str)]) -> Scenario {
    let text = edits.iter().fold(text(name), |text, (from, to)| {
        assert!(text.contains(from), "`{from}` is in {name}");
        text.replace(from, to)
    });
    Scenario::parse(name, &text, &Kinds::new()).unwrap_or_else(|error| panic!("{error}"))
}

/// The property that a run violates, and how.
fn violation(run: &Run) -> (&str, &str) {
    let violation = run.violation.as_ref();
    violation.map_or(("", ""), |violation| (&violation.property, &violation.message))
}

/// Runs some seeds, all of which must hold.
fn holds(scenario: &Scenario, seeds: std::ops::Range<u64>) {
    for seed in seeds {
        assert_eq!(violation(&scenario.run_seed(seed)), ("", ""), "seed {seed}");
    }
}

/// What the deployments of a run said.
fn said(run: &Run) -> Vec<DeploymentFact> {
    let mut said = Vec::new();
    for (_, fact) in run.facts() {
        if let Fact::Deployment(fact) = fact {
            said.push(*fact);
        }
    }
    said
}
