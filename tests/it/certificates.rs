//! Which faults a certificate is about: every kind and place, and of those that last or delay the
//! lengths that the scenario allows.

use std::collections::BTreeSet;

use brownout::search::{Certificate, certify};

use crate::fixtures::scenario;

/// A server that takes 20 ms for each of a few requests, and what can go wrong.
fn certificate(faults: &str, more: &str) -> Certificate {
    let text = format!(
        r#"(
            version: 1,
            horizon: "1m",
            nodes: {{
                "server": Service(
                    registered: false, workers: 1, handlers: {{ "get": [Work("20ms")] }},
                ),
                "client": Clients(
                    arrivals: Every(period: "100ms", count: 3),
                    script: [Call(to: "server", method: "get", timeout: "450ms")],
                ),
            }},
            network: (latency: "1ms"),
            faults: [{faults}],
            {more}
        )"#
    );
    certify(&scenario(&text), 1, None, &|_, _| {}).expect("no machine panics")
}

const AVAILABLE: &str = r#"properties: [Availability(at_least: "100%")],"#;

/// What was answered where something failed, each once.
fn failing(certificate: &Certificate) -> Vec<&str> {
    let deviations = certificate.failures.iter().flat_map(|(plan, _)| &plan.deviations);
    let answers: BTreeSet<&str> = deviations.map(|deviation| deviation.answer.as_str()).collect();
    answers.into_iter().collect()
}

#[test]
fn faults_that_last_are_tried_at_their_shortest_and_their_longest() {
    let pause = |lasting: &str| {
        let faults = format!(r#"Pause(odds: "1%", at: ["server"], lasting: "{lasting}")"#);
        certificate(&faults, AVAILABLE)
    };
    assert!(pause("10ms..400ms").failures.is_empty());
    assert_eq!(failing(&pause("10ms..1s")), ["1s"]);
    let points = pause("10ms").plans - 1;
    assert_eq!(pause("10ms..1s").plans, 1 + 2 * points);
    // Of a length without an end one that 99 of 100 do not exceed: 100 ms times the logarithm of 100.
    assert_eq!(failing(&pause("exp 100ms")), ["460.517019ms"]);
}

#[test]
fn messages_are_delayed_as_long_as_the_scenario_says() {
    let delay = |by: &str| {
        certificate(&format!(r#"Delay(odds: "1%", by: "{by}", only: ["get"])"#), AVAILABLE)
    };
    // The deadline of the work is 449 ms after the message arrives, and 20 ms of it are for the work.
    assert!(delay("10ms..400ms").failures.is_empty());
    assert_eq!(failing(&delay("10ms..440ms")), ["440ms"]);
    assert_eq!(failing(&delay("10ms..449ms")), ["448.999999ms", "449ms"]);
}

#[test]
fn after_the_system_heals_nothing_strikes() {
    let lose = r#"Lose(odds: "1%", only: ["get"])"#;
    let plans = |more: &str| certificate(lose, more).plans;
    assert_eq!(plans(AVAILABLE), 4);
    assert_eq!(plans(&format!(r#"heal_at: "150ms", {AVAILABLE}"#)), 3);
}
