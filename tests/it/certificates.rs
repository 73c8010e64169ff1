//! Which faults a certificate is about: every kind and place, and of those that last or delay the
//! lengths that the scenario allows.

use std::collections::BTreeSet;
use std::sync::Mutex;

use brownout::search::{Certificate, Certifying, certify};

use crate::cli::run;
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
    certify(&scenario(&text), 1, None, &|_| {}).expect("no machine panics")
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

/// What is to be done is told before it is, and told in the end as it was.
#[test]
fn a_certificate_tells_beforehand_what_it_will_run() {
    let scenario = crate::fixture("dual_write.ron");
    let heard = Mutex::new(Vec::new());
    let certificate = certify(&scenario, 2, None, &|it| heard.lock().unwrap().push(it)).unwrap();
    let heard = heard.into_inner().unwrap();
    let (first, second): (Vec<Certifying>, _) = heard.into_iter().partition(|it| it.faults == 1);
    let points = certificate.points.iter().map(|(_, count)| count).sum();
    let begins =
        |faults, known, failed| Certifying { faults, points, done: 0, known, plans: 0, failed };
    assert_eq!(first[0], begins(1, Some(certificate.crash_points), 0));
    assert_eq!(second[0], begins(2, None, 1), "one plan of one fault fails");
    for heard in [&first, &second] {
        assert!(heard.iter().all(|it| it.points == points), "{heard:?}");
        assert_eq!(heard.iter().map(|it| it.done).max(), Some(points), "{heard:?}");
    }
    let plans = |heard: &[Certifying]| heard.iter().map(|it| it.plans).max().unwrap();
    assert_eq!(plans(&first), certificate.crash_points, "all that were known");
    assert_eq!(1 + plans(&first) + plans(&second), certificate.plans, "and the calm one");
}

#[test]
fn nothing_is_said_of_progress_where_nobody_watches() {
    for jobs in ["1", "3"] {
        let args = ["certify", "fixtures/dual_write.ron", "--faults", "2", "--jobs", jobs];
        assert_eq!(run(&args).err, "");
    }
}
