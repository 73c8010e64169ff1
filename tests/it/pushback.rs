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

/// A gateway that is told this, of whom a client asks something after 10 ms; and the same client, who
/// pays after 20 ms through a proxy that tries again what gateways refuse.
fn refused((first, gateway): (&str, &str)) -> (Vec<u64>, Vec<Span>) {
    let text = format!(
        r#"(
            version: 1,
            nodes: {{
                "registry": Registry(),
                "gateway": Gateway(
                    routes: [
                        (path: "/pay", service: "till", method: "pay", limit: 60),
                        (path: "/break", service: "till", method: "break", limit: 60),
                    ],
                    {gateway}
                ),
                "till": Service(handlers: {{ "pay": [], "break": [Fail(Failed)] }}),
                "proxy": Sidecar(
                    profile: hardened,
                    own_rejections: Retried,
                    backoff: (base: "50ms", jitter: None),
                    upstream: "gateway",
                ),
                "first": Clients(
                    names: ["ada"],
                    script: [Sleep("10ms"), Call(to: "gateway", method: "{first}")],
                ),
                "second": Clients(
                    names: ["ada"],
                    script: [Sleep("20ms"), Call(to: "proxy", method: "/pay")],
                ),
            }},
        )"#
    );
    attempts(&scenario(&text).run_calm())
}

#[test]
fn a_gateway_that_refuses_says_when_to_come_back() {
    let limiter = ("/pay", "profile: hardened, limiter: (burst: Tokens(1)),");
    let earned = Span::from_millis(990);
    assert_eq!(refused(limiter), (vec![20, 1010], vec![earned]), "one a second");
    let closed_again = Span::from_millis(1990) + Span::from_nanos(1);
    for per in ["Service", "Instance"] {
        let gateway = format!(
            r#"profile: hardened, limiter: (burst: Tokens(9)), breaker_per: {per},
            breaker: (trip: Consecutive, failure_threshold: 1, open_timeout: "2s", open_jitter: "0%"),"#
        );
        let expected = (vec![20, 2010], vec![closed_again]);
        assert_eq!(refused(("/break", &gateway)), expected, "{per}");
        let bare = format!("{gateway} refusals: Bare,");
        assert_eq!(refused(("/break", &bare)), (vec![20, 70, 170], vec![]), "{per}");
    }
}

#[test]
fn the_guides_gateway_says_nothing_unless_it_is_told_to() {
    let one = r#"breaker: (failure_threshold: 1, open_timeout: "2s"),"#;
    assert_eq!(refused(("/break", one)), (vec![20, 70, 170], vec![]));
    let said = format!("{one} refusals: SayWhen,");
    let closed_again = Span::from_millis(1990) + Span::from_nanos(1);
    assert_eq!(refused(("/break", &said)), (vec![20, 2010], vec![closed_again]));
    // The arithmetic of its limiter does not know.
    let limiter = "refusals: SayWhen, limiter: (burst: Tokens(1)),";
    assert_eq!(refused(("/pay", limiter)), (vec![20, 70, 170], vec![]));
}
