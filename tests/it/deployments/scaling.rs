//! Scaling out and in.

use brownout::models::fact::DeploymentFact;

use super::{holds, load, mutant, said, violation};

/// How many instances there were to be, one after the other.
fn wanted(run: &brownout::Run) -> Vec<u32> {
    let mut wanted = Vec::new();
    for fact in said(run) {
        if let DeploymentFact::Scaled { replicas, .. } = fact {
            wanted.push(replicas);
        }
    }
    wanted
}

#[test]
fn a_rush_is_met_and_nobody_notices_when_it_is_over() {
    let scenario = load("scaling");
    holds(&scenario, 0..5);
    let wanted = wanted(&scenario.run_calm());
    let most = wanted.iter().max().copied();
    assert!(most >= Some(4), "{wanted:?}");
    assert_eq!(wanted.last(), Some(&2), "{wanted:?}");
}

#[test]
fn the_scaler_of_the_guide_kills_whoever_goes() {
    let run = load("scaling_guide").run_calm();
    assert_eq!(violation(&run).0, "no call to a stopped instance");
}

/// A load that swings around what two instances can take at the wanted usage.
#[test]
fn a_scaler_without_tolerance_and_memory_flaps() {
    let swinging = ("Every(period: \"50ms\", count: 6000)", "Poisson(rate: 55, during: \"300s\")");
    let rush = ("Every(period: \"10ms\", count: 6000)", "Once");
    let eager = ("stabilization: \"60s\"", "stabilization: \"0s\", tolerance: 0");
    let calm = wanted(&mutant("scaling", &[swinging, rush]).run_seed(1)).len();
    let flapping = wanted(&mutant("scaling", &[swinging, rush, eager]).run_seed(1)).len();
    assert!(calm <= 4 && flapping >= 8, "{calm} and {flapping} changes");
}

#[test]
fn a_scaler_beyond_its_range_is_seen() {
    let run = mutant("scaling", &[("surge: 4", "surge: 1")]).run_calm();
    let many = "4 instances shall run, more than 3";
    assert_eq!(violation(&run), ("from two to six", many));
}

#[test]
fn what_happened_before_the_scaler_began_does_not_count() {
    let late = ("at: \"5s\"", "at: \"50s\"");
    let wanted = wanted(&mutant("scaling", &[late]).run_calm());
    assert_eq!(wanted.first(), Some(&4), "{wanted:?}");
}
