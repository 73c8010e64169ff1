//! Canaries.

use brownout::models::fact::DeploymentFact;
use brownout::models::policy::{TurnBack, Version};

use super::{holds, load, mutant, said, violation};

/// A version whose every call fails.
const BAD: (&str, &str) =
    ("\"charge\": [Work(\"15ms p99 60ms\"), ", "\"charge\": [Work(\"15ms\"), Fail(Failed), ");
const NO_FAULTS: (&str, &str) = ("Fail(odds: \"8%\", at: [\"payment-v2\"])", "");

#[test]
fn a_version_that_fails_now_and_then_is_turned_back_before_many_notice() {
    let scenario = load("canary");
    let turned = (0..10).filter(|seed| {
        let run = scenario.run_seed(*seed);
        assert_eq!(violation(&run), ("", ""), "seed {seed}");
        let reason = TurnBack::Analysis;
        said(&run).contains(&DeploymentFact::TurnedBack { reason })
    });
    assert_eq!(turned.count(), 10);
}

#[test]
fn a_version_that_works_rolls_out() {
    let rolls_out = (
        "DeploymentEnds(deployment: \"rollout\")",
        "DeploymentEnds(deployment: \"rollout\", outcome: RolledOut)",
    );
    holds(&mutant("canary", &[NO_FAULTS, rolls_out]), 0..5);
}

#[test]
fn the_heap_of_the_guide_hides_the_same_version() {
    let scenario = load("canary_guide");
    let mut rolled_out = 0;
    for seed in 0..10 {
        let run = scenario.run_seed(seed);
        assert_ne!(violation(&run).0, "", "seed {seed}");
        let version = Version::Candidate;
        rolled_out += u32::from(said(&run).contains(&DeploymentFact::Ended { version }));
    }
    assert!(rolled_out >= 5, "{rolled_out} of 10 times");
}

/// A tenth of fifty calls a second, for the twenty seconds of a measurement, and no more.
#[test]
fn a_bad_version_costs_its_share_for_one_measurement() {
    let scenario = mutant("canary", &[NO_FAULTS, BAD, ("at_least: \"99%\"", "at_least: \"98%\"")]);
    for seed in 0..5 {
        let run = scenario.run_seed(seed);
        assert_eq!(violation(&run), ("", ""), "seed {seed}");
        let failed = run.metrics.failures();
        assert!((95..=105).contains(&failed), "{failed} calls failed");
    }
}

#[test]
fn a_version_that_is_called_beside_its_share_is_seen() {
    let tester = "\"tester\": Clients(
        arrivals: Every(period: \"1s\", count: 60),
        script: [Call(to: \"payment-v2\", method: \"charge\", may_fail: true)],
    ), \"shopper\":";
    let run = mutant("canary", &[("\"shopper\":", tester)]).run_calm();
    let (property, message) = violation(&run);
    assert_eq!(property, "traffic share of rollout");
    assert!(message.ends_with("which is to have 10 %"), "{message}");
}

#[test]
fn a_canary_that_too_few_ask_stands_until_a_person_decides() {
    let rare = ("period: \"20ms\", count: 12000", "period: \"1s\", count: 300");
    let run = mutant("canary", &[NO_FAULTS, rare]).run_calm();
    assert_eq!(violation(&run), ("rollout ends", "rollout stands where a person has to decide"));
}

#[test]
fn a_split_outlives_a_crash_of_the_registry() {
    let crash = "faults: [Crash(odds: \"1/5000\", at: [\"registry\"]),";
    let loose = ("at_least: \"99%\"", "at_least: \"50%\"");
    // A registry that forgot everybody finds the candidate now and then, and nobody else.
    let share =
        ("TrafficShare(deployment: \"rollout\"", "TrafficShare(deployment: \"rollout\", slack: 20");
    let scenario = mutant("canary", &[("faults: [", crash), loose, share]);
    let mut crashes = 0;
    for seed in 0..10 {
        let run = scenario.run_seed(seed);
        assert_eq!(violation(&run), ("", ""), "seed {seed}");
        crashes += run.applied.iter().filter(|fault| fault.what == "crash").count();
    }
    assert!(crashes > 10, "{crashes}");
}

/// A candidate that fails a tenth of its requests is turned back by the analysis. Without any load no
/// analysis would ever come to an end, which is another failure: what shrinking leaves is the first.
#[test]
fn what_turns_a_canary_back_is_what_shrinking_leaves() {
    let text = r#"(
        version: 1,
        horizon: "5m",
        nodes: {
            "registry": Registry(profile: hardened),
            "pay": Service(instances: 2, handlers: { "charge": [Work("10ms")] }),
            "pay-new": Service(instances: 2, handlers: { "charge": [Work("10ms")] }),
            "rollout": Deployment(
                profile: hardened,
                service: "pay",
                candidate: "pay-new",
                at: "5s",
                strategy: Canary(
                    interval: "10s", measurements: 2, min_requests: 20, max_errors: "5%",
                ),
            ),
            "shopper": Clients(
                arrivals: Every(period: "20ms", count: 3000),
                script: [Call(to: "pay", method: "charge", timeout: "2s")],
            ),
        },
        network: (latency: "1ms"),
        faults: [Fail(odds: "30%", at: ["pay-new"])],
        properties: [DeploymentEnds(deployment: "rollout", outcome: RolledOut)],
    )"#;
    let scenario = crate::fixtures::scenario(text);
    assert!(scenario.run_calm().held());
    let shrunk = brownout::search::shrink(&scenario, &brownout::Plan::seed(1)).expect("it fails");
    assert_eq!(shrunk.violation.message, "rollout rolled back, where it should have rolled out");
    // About 50 requests in an interval: two failures are 4 % of them, and three are 6.
    assert_eq!((shrunk.plan.deviations.len(), shrunk.is_one_minimal), (3, true));
    assert_eq!(shrunk.load, brownout::search::LoadLeft::All);
    assert!(shrunk.violation.flow.is_some(), "the rollout is what is shown");
}
