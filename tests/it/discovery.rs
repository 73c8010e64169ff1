//! Discovery in whole systems: what the hardened options change for those who call.

use brownout::Run;
use brownout::kernel::{Entry, What};
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

#[test]
fn every_rule_that_draws_reaches_every_instance() {
    for kind in ["Random", "PowerOfTwo", "LeastRequest"] {
        for slow_start in ["", "slow_start: Over(\"30s\"),"] {
            let client = format!("balancer: (kind: {kind}, {slow_start}),");
            let picks = picks(&shop("", "workers: 2,", &client, ""));
            for instance in ['1', '2', '3'] {
                let to_it = picks.iter().filter(|(_, picked)| *picked == instance).count();
                // A third of 120 is 40, and three deviations less are 24.
                assert!(to_it >= 24, "{kind} {slow_start} {instance}: {to_it}");
            }
        }
    }
}

/// By weights of 3, 1 and 2, of 120 calls.
#[test]
fn instances_get_as_much_as_they_weigh() {
    let shares = |kind: &str| {
        let client = format!("balancer: (kind: {kind}),");
        let picks = picks(&shop("", "workers: 2, weights: [3, 1, 2],", &client, ""));
        let is_to = |instance, pick: &(String, char)| *pick == ("shopper".to_owned(), instance);
        ['1', '2', '3'].map(|instance| picks.iter().filter(|pick| is_to(instance, pick)).count())
    };
    assert_eq!(shares("Weighted"), [60, 20, 40]);
    assert_eq!(shares("RoundRobin"), [40, 40, 40], "it does not heed them");
    let [most, least, more] = shares("Random");
    // Four deviations of each: 60 by 21.9, 20 by 16.3, 40 by 20.7.
    assert!(most.abs_diff(60) < 22 && least.abs_diff(20) < 17 && more.abs_diff(40) < 21);
    // Nobody has a call under way when the next one comes: the heaviest of those that are drawn.
    let [heavy, light, middle] = shares("PowerOfTwo");
    assert_eq!(light, 0, "every pair has a heavier one");
    assert!(heavy > middle, "{heavy} and {middle}: two pairs of three, and one");
}

#[test]
fn weights_that_nobody_heeds_are_a_warning() {
    let warnings = |kind: &str| {
        let text = format!(
            r#"(
                version: 1,
                nodes: {{
                    "registry": Registry(),
                    "till": Service(instances: 2, weights: [3, 1], handlers: {{ "pay": [] }}),
                    "shopper": Clients(
                        balancer: (kind: {kind}),
                        script: [Call(to: "till", method: "pay")],
                    ),
                }},
            )"#
        );
        let scenario = scenario(&text);
        let warnings = scenario.warnings.diagnostics().iter();
        warnings.map(|it| (it.place.line, it.message.clone())).collect::<Vec<_>>()
    };
    let message = "nobody heeds the weights of `till`".to_owned();
    assert_eq!(warnings("Maglev"), [(5, message)]);
    assert_eq!(warnings("RingHash"), []);
}

/// Who asked which instance, by the last digit of its name, in order.
fn picks(run: &Run) -> Vec<(String, char)> {
    let layout = run.world().layout();
    let pick = |(entry, fact): (&Entry<Fact>, &Fact)| {
        let Fact::Picked { instance, .. } = fact else { return None };
        let digit = layout.node_name(*instance).chars().last()?;
        Some((layout.node_name(entry.node).to_owned(), digit))
    };
    run.facts().filter_map(pick).collect()
}

/// Three tills, the first of which never answers, and everybody who calls a service: each with the
/// same options, once a second.
fn everybody(options: &str) -> Run {
    let text = format!(
        r#"(
            version: 1,
            horizon: "1m",
            nodes: {{
                "registry": Registry(),
                "till": Service(
                    instances: 3,
                    handlers: {{ "pay": [Work("5ms")], "hang": [Work("1h")], "paid": [Work("5ms")] }},
                    workers: 1,
                ),
                "vandal": Clients(
                    script: [Call(to: "till-1", method: "hang", timeout: "1s", may_fail: true)],
                ),
                "proxy": Sidecar(max_attempts: 1, attempt_timeout: "100ms", {options}),
                "broker": Broker(
                    subscriptions: [(topic: "paid", subscriber: "till")],
                    ack_wait: "100ms",
                    max_attempts: 1,
                    {options}
                ),
                "saga": Saga(
                    steps: [(name: "pay", action: (to: "till", method: "pay"))],
                    step_timeout: "100ms",
                    {options}
                ),
                "page": Composition(
                    parts: [(name: "till", to: "till", method: "pay")],
                    deadline: "100ms",
                    {options}
                ),
                "shopper": Clients(
                    arrivals: Every(period: "1s", count: 30),
                    script: [
                        Sleep("1ms"),
                        Call(to: "till", method: "pay", via: "proxy", may_fail: true),
                        Call(to: "saga", method: "run", may_fail: true),
                        Call(to: "page", method: "show", may_fail: true),
                        Publish(topic: "paid"),
                    ],
                ),
            }},
        )"#
    );
    scenario(&text).run_calm()
}

#[test]
fn whoever_calls_a_service_chooses_as_it_is_told() {
    for (options, expected) in [
        ("", "123123"),
        // A call that hangs is over for its caller, and so are its load and its place.
        ("balancer: (profile: hardened),", "123123"),
        ("balancer: (kind: Maglev),", ""),
    ] {
        let run = everybody(options);
        for node in ["proxy", "saga", "page", "broker"] {
            let picked: String =
                picks(&run).iter().filter(|(of, _)| of == node).map(|(_, it)| *it).collect();
            assert_eq!(picked.len(), 30, "{node}");
            assert!(picked.starts_with(expected), "{node} with `{options}`: {picked}");
            let is_cyclic = picked.as_bytes().windows(4).all(|four| four[0] == four[3]);
            assert_eq!(is_cyclic, !expected.is_empty(), "{node} with `{options}`: {picked}");
        }
    }
}

#[test]
fn whoever_calls_a_service_ejects_an_instance_that_hangs() {
    let run = everybody("outlier: (consecutive_failures: AtLeast(2)),");
    for node in ["proxy", "saga", "page", "broker"] {
        let picked: String =
            picks(&run).iter().filter(|(of, _)| of == node).map(|(_, it)| *it).collect();
        // Out with its second failure, and not back within the rest of the run.
        assert_eq!(picked.matches('1').count(), 2, "{node}: {picked}");
    }
}

#[test]
fn calls_that_nobody_waits_for_any_more_are_no_load() {
    // Hedges leave calls behind; least request must see them end.
    let text = r#"(
        version: 1,
        nodes: {
            "registry": Registry(),
            "till": Service(instances: 2, handlers: { "pay": [Work("50ms")] }),
            "page": Composition(
                parts: [(name: "till", to: "till", method: "pay")],
                hedging_delay: "10ms",
                balancer: (kind: LeastRequest),
            ),
            "proxy": Sidecar(
                max_attempts: 2,
                hedging: After("10ms"),
                balancer: (kind: LeastRequest),
            ),
            "shopper": Clients(
                arrivals: Every(period: "1s", count: 4),
                script: [
                    Sleep("1ms"),
                    Call(to: "page", method: "show"),
                    Call(to: "till", method: "pay", via: "proxy"),
                ],
            ),
        },
    )"#;
    let run = scenario(text).run_calm();
    for node in ["page", "proxy"] {
        let picked: String =
            picks(&run).iter().filter(|(of, _)| of == node).map(|(_, it)| *it).collect();
        assert_eq!(picked, "12121212", "{node}: the first is idle again each time");
    }
}
