//! Discovery in whole systems: what the hardened options change for those who call.

use brownout::Run;
use brownout::kernel::What;
use brownout::models::Fact;

use crate::fixtures::scenario;

/// How the arrivals ended, in order: whether well.
fn ends(run: &Run) -> Vec<bool> {
    let end = |what: &What<Fact>| {
        let What::Noted(Fact::Ended { failure, .. }) = what else { return None };
        Some(failure.is_none())
    };
    run.entries().filter_map(|entry| end(&entry.what)).collect()
}

/// Three instances, a client that calls one of them each second, and what else is said.
fn shop(registry: &str, payment: &str, client: &str, faults: &str) -> Run {
    let text = format!(
        r#"(
            version: 1,
            horizon: "5m",
            heal_at: "100s",
            nodes: {{
                "registry": Registry({registry}),
                "payment": Service(
                    instances: 3,
                    {payment}
                    handlers: {{ "charge": [Work("5ms")], "hang": [Work("1h")] }},
                ),
                "shopper": Clients(
                    arrivals: Every(period: "1s", count: 120),
                    {client}
                    script: [Call(to: "payment", method: "charge", timeout: "500ms")],
                ),
                "vandal": Clients(
                    script: [Call(to: "payment-2", method: "hang", timeout: "1s", may_fail: true)],
                ),
            }},
            network: (latency: "1ms"),
            faults: [{faults}],
        )"#
    );
    scenario(&text).run_seed(7)
}

#[test]
fn instances_register_again_where_a_hardened_registry_starts_anew() {
    let crash = r#"Crash(odds: "1/40", at: ["registry"], restart: "100ms")"#;
    let last = |registry| ends(&shop(registry, "", "", crash)).split_off(113);
    assert_eq!(last(""), [false; 8], "REG-19: nobody is found again");
    assert_eq!(last("profile: hardened"), [true; 8]);
}

#[test]
fn an_instance_that_fails_is_ejected_by_its_callers() {
    let failed = |client| {
        let ends = ends(&shop("", "workers: 1,", client, ""));
        ends.iter().filter(|well| !**well).count()
    };
    assert_eq!(failed(""), 40, "a third of 120, for ever");
    let hardened = failed("outlier: (profile: hardened),");
    // Five in a row in the first 15 s; it comes back after 30 s, then after 60.
    assert!((5..=15).contains(&hardened), "{hardened} failed");
}

#[test]
fn an_instance_that_beats_and_never_answers_is_probed_out() {
    let payment = "workers: 1,";
    let late = |registry| {
        let ends = ends(&shop(registry, payment, "", ""));
        ends[60..120].iter().filter(|well| !**well).count()
    };
    assert_eq!(late(""), 20, "REG-14: a third, for ever");
    assert_eq!(late("probing: On"), 0);
}

#[test]
fn every_rule_serves_all_who_arrive() {
    for kind in [
        "RoundRobin",
        "Random",
        "Weighted",
        "PowerOfTwo",
        "LeastRequest",
        "RingHash",
        "Maglev",
        "PeakEwma",
    ] {
        for profile in ["guide", "hardened"] {
            let client = format!("balancer: (kind: {kind}, profile: {profile}),");
            let run = shop("", "workers: 2,", &client, "");
            let ends = ends(&run);
            assert_eq!(ends.len(), 121, "{kind}");
            assert!(ends.iter().all(|well| *well), "{kind} under {profile}");
        }
    }
}
