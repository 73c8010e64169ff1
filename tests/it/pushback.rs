//! Refusals that say when to come back, from the service to whoever tries again.

use brownout::models::policy::GivenUp;
use brownout::models::{Fact, Span, Time};
use brownout::{Deviation, Plan, Run};

use crate::fixtures::scenario;

/// A till that is busy for 150 ms and turns others away, as it is told to; and a client that comes
/// after 10 ms, through a proxy, with a backoff of 50 ms, that is told this besides.
fn till(till: &str, proxy: &str) -> String {
    format!(
        r#"(
            version: 1,
            nodes: {{
                "till": Service(
                    registered: false, workers: 1, {till} handlers: {{ "pay": [Work("150ms")] }},
                ),
                "gateway": Gateway(
                    routes: [(path: "pay", service: "till", method: "pay", limit: 60)],
                ),
                "relay": Sidecar(upstream: "till-1", max_attempts: 1),
                "proxy": Sidecar(backoff: "50ms", {proxy}),
                "first": Clients(script: [Call(to: "till", method: "pay")]),
                "second": Clients(script: [Sleep("10ms"), Call(to: "proxy", method: "pay")]),
            }},
            faults: [Duplicate(odds: "0%")],
        )"#
    )
}

/// When the proxy tried, in milliseconds, and how long it was asked to wait.
fn attempts(run: &Run) -> (Vec<u64>, Vec<Span>) {
    let at_proxy = |node| run.world().layout().node_name(node) == "proxy";
    let facts: Vec<_> = run.facts().filter(|(entry, _)| at_proxy(entry.node)).collect();
    let tried = facts.iter().filter(|(_, fact)| matches!(fact, Fact::Attempt { .. }));
    let tried = tried.map(|(entry, _)| entry.at.since(Time::ZERO).as_nanos() / 1_000_000);
    let asked = facts.iter().filter_map(|(_, fact)| {
        let Fact::PushedBack { after, .. } = fact else { return None };
        Some(*after)
    });
    (tried.collect(), asked.collect())
}

const FULL: &str = r#"queue: 0, retry_after: "200ms","#;
const HONOURED: &str = r#"pushback: Honoured, upstream: "till-1","#;

#[test]
fn who_is_turned_away_comes_back_when_it_is_asked_to() {
    let asked = vec![Span::from_millis(200)];
    let bulkhead = r#"bulkhead: (max_concurrent: AtMost(1)), retry_after: "200ms","#;
    let hardened = r#"profile: hardened, upstream: "till-1","#;
    for (which, proxy) in [(FULL, HONOURED), (bulkhead, HONOURED), (FULL, hardened)] {
        let run = scenario(&till(which, proxy)).run_calm();
        assert_eq!(attempts(&run), (vec![10, 210], asked.clone()), "{which} {proxy}");
    }
}

#[test]
fn who_does_not_listen_or_is_told_nothing_goes_by_its_own_backoff() {
    let ignored = r#"upstream: "till-1","#;
    for (which, proxy) in [(FULL, ignored), ("queue: 0,", HONOURED)] {
        let run = scenario(&till(which, proxy)).run_calm();
        assert_eq!(attempts(&run), (vec![10, 60, 160], vec![]), "{which} {proxy}");
    }
}

#[test]
fn gateways_and_sidecars_on_the_way_pass_the_word_on() {
    for between in ["gateway", "relay"] {
        let proxy = format!(r#"pushback: Honoured, upstream: "{between}","#);
        let run = scenario(&till(FULL, &proxy)).run_calm();
        assert_eq!(attempts(&run), (vec![10, 210], vec![Span::from_millis(200)]), "{between}");
    }
}

#[test]
fn an_answer_that_comes_twice_says_it_once() {
    let twice = Deviation {
        site: "till-1>proxy pay reply".to_owned(),
        what: "duplicate".to_owned(),
        flow: "second/0".to_owned(),
        count: 1,
        answer: "yes".to_owned(),
    };
    let scenario = scenario(&till(FULL, HONOURED));
    let run = scenario.run(&Plan::calm().with_deviations(vec![twice]));
    assert_eq!(run.applied.len(), 1);
    assert_eq!(attempts(&run), (vec![10, 210], vec![Span::from_millis(200)]));
}

#[test]
fn who_would_come_back_too_late_gives_up_at_once() {
    let late = r#"queue: 0, retry_after: "1h","#;
    let proxy =
        r#"pushback: Honoured, total_timeout: "5s", attempt_timeout: "1s", upstream: "till-1","#;
    let run = scenario(&till(late, proxy)).run_calm();
    assert_eq!(attempts(&run), (vec![10], vec![]));
    let gave_up = |fact: &Fact| matches!(fact, Fact::GaveUp { why: GivenUp::Deadline, .. });
    assert_eq!(run.facts().filter(|(_, fact)| gave_up(fact)).count(), 1);
}
