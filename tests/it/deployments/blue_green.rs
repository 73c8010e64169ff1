//! Blue-green deployments.

use brownout::models::fact::DeploymentFact;
use brownout::models::policy::TurnBack;

use super::{holds, load, mutant, said, violation};

const STRATEGY: &str = "BlueGreen(preview: \"10s\")";

#[test]
fn a_hardened_switch_is_noticed_by_nobody() {
    holds(&load("blue_green"), 0..20);
    assert_eq!(violation(&load("blue_green").run_calm()), ("", ""));
}

#[test]
fn the_switch_of_the_guide_loses_calls_without_any_fault() {
    let run = load("blue_green_guide").run_calm();
    assert_eq!(violation(&run).0, "no call to a stopped instance");
    let silent = [("        NoCallToStopped(),\n", "")];
    let run = mutant("blue_green_guide", &silent).run_calm();
    assert_eq!(violation(&run).0, "no call fails");
}

#[test]
fn a_fleet_that_goes_with_the_switch_is_called_on() {
    let strategy = format!("{STRATEGY}, on_stop: Kill");
    let strategy = strategy.replace("\"10s\"", "\"10s\", scale_down_delay: \"0s\"");
    let run = mutant("blue_green", &[(STRATEGY, &strategy)]).run_calm();
    assert_ne!(violation(&run).0, "");
}

#[test]
fn a_bad_fleet_is_switched_back() {
    let bad = ("\"charge\": [Work(\"150ms p99 600ms\"), ", "\"charge\": [Fail(Failed), ");
    let back = ("RolledOut", "RolledBack");
    let some = ("at_least: \"100%\"", "at_least: \"90%\"");
    let scenario = mutant("blue_green", &[bad, back, some]);
    holds(&scenario, 0..5);
    let run = scenario.run_calm();
    let reason = TurnBack::Analysis;
    assert!(said(&run).contains(&DeploymentFact::TurnedBack { reason }));
    let failed = run.metrics.failures();
    assert!((100..=130).contains(&failed), "{failed} calls failed before it was seen");
}

#[test]
fn testers_see_the_new_fleet_before_anybody_else() {
    let tester = "\"tester\": Clients(
        script: [Sleep(\"15s\"), Call(to: \"payment-v2\", method: \"charge\", timeout: \"1s\")],
    ), \"shopper\":";
    let scenario = mutant("blue_green", &[("\"shopper\":", tester)]);
    assert_eq!(violation(&scenario.run_calm()), ("", ""));
}

#[test]
fn a_fleet_that_never_serves_is_given_up() {
    let strategy = STRATEGY.replace("\"10s\"", "\"10s\", progress_deadline: \"30s\"");
    let never = ("warm_up: \"3s p99 8s\"", "becomes_ready: false");
    let scenario =
        mutant("blue_green", &[(STRATEGY, &strategy), never, ("RolledOut", "RolledBack")]);
    holds(&scenario, 0..5);
}
