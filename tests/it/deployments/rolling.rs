//! Rolling updates.

use brownout::models::fact::DeploymentFact;
use brownout::models::policy::{TurnBack, Version};
use brownout::search::certify;

use super::{holds, load, mutant, said, violation};

const STRATEGY: &str = "Rolling(max_surge: Count(1), max_unavailable: Count(0))";
/// A version that starts and never serves.
const NEVER_READY: (&str, &str) = ("warm_up: \"3s p99 8s\"", "becomes_ready: false");

#[test]
fn a_hardened_update_is_noticed_by_nobody() {
    holds(&load("rolling"), 0..20);
    assert_eq!(violation(&load("rolling").run_calm()), ("", ""));
}

#[test]
fn the_update_of_the_guide_loses_calls_without_any_fault() {
    let run = load("rolling_guide").run_calm();
    assert_eq!(violation(&run).0, "no call to a stopped instance");
}

#[test]
fn an_instance_that_is_killed_is_called_on() {
    let scenario = mutant("rolling", &[(STRATEGY, &format!("{STRATEGY}, on_stop: Kill"))]);
    assert_eq!(violation(&scenario.run_calm()).0, "no call to a stopped instance");
}

#[test]
fn an_instance_that_stops_as_soon_as_it_took_its_leave_is_called_on() {
    let delay = format!("{STRATEGY}, drain_delay: \"0s\"");
    let scenario = mutant(
        "rolling",
        &[(STRATEGY, &delay), ("latency: \"500us p99 3ms\"", "latency: \"20ms p99 90ms\"")],
    );
    let failed = (0..20).filter(|seed| !scenario.run_seed(*seed).held()).count();
    assert!(failed > 0, "callers that found it before still come");
}

#[test]
fn a_heartbeat_is_no_capacity() {
    let strategy = STRATEGY.replace("Count(0)", "Count(0), readiness: Heartbeat");
    let run = mutant("rolling", &[(STRATEGY, &strategy)]).run_calm();
    let ready = "3 instances are ready, fewer than 4";
    assert_eq!(violation(&run), ("capacity during rollout", ready));
}

#[test]
fn a_surge_beyond_what_was_allowed_is_seen() {
    let run = mutant("rolling", &[("surge: 1", "surge: 0")]).run_calm();
    let many = "5 instances shall run, more than 4";
    assert_eq!(violation(&run), ("capacity during rollout", many));
}

#[test]
fn a_version_that_never_serves_is_rolled_back_and_nobody_notices() {
    let strategy = STRATEGY.replace("Count(0)", "Count(0), progress_deadline: \"30s\"");
    let back = [(STRATEGY, strategy.as_str()), NEVER_READY, ("RolledOut", "RolledBack")];
    let scenario = mutant("rolling", &back);
    holds(&scenario, 0..10);
    let said = said(&scenario.run_calm());
    let reason = TurnBack::ProgressDeadline;
    assert!(said.contains(&DeploymentFact::TurnedBack { reason }));
    assert!(said.contains(&DeploymentFact::Ended { version: Version::Stable }));
    let run = mutant("rolling", &back[..2]).run_calm();
    let wrong = "rollout rolled back, where it should have rolled out";
    assert_eq!(violation(&run), ("rollout ends", wrong));
}

#[test]
fn without_a_deadline_a_version_that_never_serves_is_awaited_for_ever() {
    let strategy = STRATEGY.replace("Count(0)", "Count(0), progress_deadline: \"never\"");
    let run = mutant("rolling", &[(STRATEGY, &strategy), NEVER_READY]).run_calm();
    assert_eq!(violation(&run), ("rollout ends", "rollout never came to an end"));
    let pause =
        STRATEGY.replace("Count(0)", "Count(0), progress_deadline: \"30s\", on_deadline: Pause");
    let run = mutant("rolling", &[(STRATEGY, &pause), NEVER_READY]).run_calm();
    assert_eq!(violation(&run), ("rollout ends", "rollout stands where a person has to decide"));
}

#[test]
fn crashes_of_the_control_plane_and_of_new_instances_do_not_stop_an_update() {
    let crash = "faults: [Crash(odds: \"1/50\", at: [\"rollout\", \"payment-v2\"]),";
    let available = ("at_least: \"100%\"", "at_least: \"1%\"");
    let scenario = mutant("rolling", &[("faults: [", crash), available]);
    let mut crashes = 0;
    for seed in 0..20 {
        let run = scenario.run_seed(seed);
        assert_eq!(violation(&run), ("", ""), "seed {seed}");
        crashes += run.applied.iter().filter(|fault| fault.what == "crash").count();
    }
    assert!(crashes > 40, "{crashes}");
}

#[test]
fn no_crash_of_the_control_plane_leaves_an_update_half_done() {
    let certificate = certify(&load("rolling_crash"), 1, None, &|_| ()).unwrap();
    let failures: Vec<_> = certificate.failures.iter().map(|(_, it)| &it.message).collect();
    assert_eq!(failures, [""; 0]);
    assert!(certificate.crash_points > 20, "{}", certificate.crash_points);
}

/// Whoever crashes and starts again stands in the registry with an earlier life until it is heard, and a
/// later life takes leave of that one as well.
#[test]
fn instances_that_crash_and_orders_that_are_late_lead_nobody_to_a_stopped_instance() {
    let trouble = "faults: [
        Crash(odds: \"1/3000\", restart: \"1s\"),
        Delay(odds: \"1/500\", by: \"exp 300ms\"),
        Duplicate(odds: \"1/300\"),
        Lose(odds: \"1/50\", on: \"*>registry\"),";
    let available = ("at_least: \"100%\"", "at_least: \"1%\"");
    let slow = ("EveryCallEnds(within: \"4s\"),", "");
    holds(&mutant("rolling", &[("faults: [", trouble), available, slow]), 0..40);
}

/// The subscriber's next version handles what the subscriber would have.
#[test]
fn messages_are_conserved_while_their_subscriber_is_updated() {
    let text = "(version: 1, nodes: {
        \"registry\": Registry(profile: hardened),
        \"mail\": Service(instances: 2, handlers: { \"paid\": [Work(\"5ms\")] }),
        \"mail-v2\": Service(instances: 2, start_up: \"1s\", handlers: { \"paid\": [Work(\"5ms\")] }),
        \"rollout\": Deployment(
            profile: hardened, service: \"mail\", candidate: \"mail-v2\", at: \"2s\",
            strategy: Rolling(),
        ),
        \"broker\": Broker(
            profile: hardened, subscriptions: [(topic: \"paid\", subscriber: \"mail\")],
        ),
        \"till\": Clients(
            arrivals: Every(period: \"100ms\", count: 200),
            script: [Sleep(\"1s\"), Publish(topic: \"paid\", timeout: \"1s\")],
        ),
    },
    network: (latency: \"1ms\"),
    properties: [MessageConservation(), DeploymentEnds(deployment: \"rollout\", outcome: RolledOut)])";
    let run = crate::fixtures::scenario(text).run_calm();
    assert_eq!(violation(&run), ("", ""));
}
