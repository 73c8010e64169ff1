//! A recorded plan is the run again.

use brownout::choice::Fate;
use brownout::{Keep, Plan, Run, Scenario};

use crate::fixtures;

/// The plan that a seeded run amounts to: its weather, and the faults that struck.
pub(crate) fn recorded(run: &Run) -> Plan {
    let plan = Plan { random_faults: false, ..run.plan.clone() };
    plan.with_deviations(run.applied.clone())
}

fn check(name: &str, scenario: &Scenario, seed: u64) -> usize {
    let run = scenario.run_keeping(&Plan::seed(seed), Keep::VERDICT);
    let again = scenario.run_keeping(&recorded(&run), Keep::VERDICT);
    assert_eq!(again.digest, run.digest, "{name}, seed {seed}: {}", again.plan);
    assert_eq!(again.violation, run.violation, "{name}, seed {seed}");
    assert_eq!(again.applied, run.applied, "{name}, seed {seed}");
    for (deviation, fate) in &again.fates {
        assert_eq!(*fate, Fate::Applied, "{name}, seed {seed}: {deviation}");
    }
    run.applied.len()
}

#[test]
fn the_recorded_plan_of_a_fixture_has_the_digest_of_its_seed() {
    let mut faults = 0;
    for (name, scenario) in fixtures::all() {
        faults += (0..20).map(|seed| check(&name, &scenario, seed)).sum::<usize>();
    }
    assert!(faults > 100, "only {faults} faults struck");
}

/// Every kind of fault, often, where everything meets.
const EVERYTHING: &str = include_str!("everything.ron");

#[test]
fn the_recorded_plan_has_the_digest_of_its_seed_where_everything_breaks() {
    let scenario = fixtures::scenario(EVERYTHING);
    let faults: usize = (0..300).map(|seed| check("everything", &scenario, seed)).sum();
    assert!(faults > 3_000, "only {faults} faults struck");
}

#[test]
fn everything_that_can_break_breaks() {
    let scenario = fixtures::scenario(EVERYTHING);
    let mut struck: Vec<String> = (0..100)
        .flat_map(|seed| scenario.run_keeping(&Plan::seed(seed), Keep::VERDICT).applied)
        .map(|fault| fault.what)
        .collect();
    struck.sort();
    struck.dedup();
    let expected = [
        "crash",
        "delay",
        "drift",
        "duplicate",
        "fail",
        "lose",
        "partition",
        "pause",
        "silence",
        "skew",
        "slow",
        "successor",
        "tie",
        "unflushed",
        "write",
    ];
    assert_eq!(struck, expected);
}
