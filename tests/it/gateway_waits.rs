//! Requests that wait at a gateway's bulkhead: in turn, for a while, and never for nobody.

use brownout::choice::Fate;
use brownout::models::contract::Failure;
use brownout::models::fact::WaitingFact;
use brownout::models::{Fact, Span};
use brownout::{Deviation, Plan, Run, Scenario};

use crate::fixtures::scenario;

/// Five payments within 5 ms, of callers who wait so long, through a gateway that is told this to a bank
/// that takes 10 ms for each; the gateway calls it for one at a time.
fn five(patience: &str, gateway: &str) -> Scenario {
    scenario(&format!(
        r#"(
            version: 1,
            nodes: {{
                "gateway": Gateway(
                    routes: [(path: "/pay", service: "bank", method: "pay", limit: 60)],
                    {gateway}
                ),
                "bank": Service(registered: false, handlers: {{ "pay": [Work("10ms")] }}),
                "payer": Clients(
                    arrivals: Every(period: "1ms", count: 5),
                    script: [Call(to: "gateway", method: "/pay", timeout: "{patience}")],
                ),
            }},
            faults: [Crash(odds: "0%", at: ["gateway"], restart: "5ms")],
            properties: [TokenEnvelope()],
        )"#
    ))
}

const THREE: &str = "bulkhead: (max_concurrent: AtMost(1), max_waiting: 3),";
const NOT_LONG: &str =
    r#"bulkhead: (max_concurrent: AtMost(1), max_waiting: 3, max_wait: "15ms"),"#;

/// How long each of those waited who did, and whether they were let in.
fn waited(run: &Run) -> Vec<(u64, bool)> {
    let wait = |fact: &Fact| {
        let Fact::Waiting(WaitingFact::Ended { waited, is_in, .. }) = fact else { return None };
        Some((waited.as_nanos() / 1_000_000, *is_in))
    };
    run.facts().filter_map(|(_, fact)| wait(fact)).collect()
}

fn count(run: &Run, which: impl Fn(&Fact) -> bool) -> usize {
    run.facts().filter(|(_, fact)| which(fact)).count()
}

fn began(run: &Run) -> usize {
    count(run, |fact| matches!(fact, Fact::Began { .. }))
}

fn ended(run: &Run, wanted: Option<Failure>) -> usize {
    count(run, |fact| matches!(fact, Fact::Ended { failure, .. } if *failure == wanted))
}

#[test]
fn who_finds_it_full_waits_in_turn_while_there_is_room_to_wait() {
    let run = five("1s", THREE).run_calm();
    let lengths = |fact: &Fact| {
        let Fact::Waiting(WaitingFact::Began { waiting, .. }) = fact else { return None };
        Some(*waiting)
    };
    let lengths: Vec<u32> = run.facts().filter_map(|(_, fact)| lengths(fact)).collect();
    assert_eq!(lengths, [1, 2, 3]);
    assert_eq!(waited(&run), [(9, true), (18, true), (27, true)]);
    assert_eq!(count(&run, |fact| matches!(fact, Fact::GatewayFull { inside: 1, .. })), 1);
    assert_eq!((ended(&run, None), ended(&run, Some(Failure::Overloaded))), (4, 1));
}

#[test]
fn who_has_waited_for_as_long_as_anybody_may_is_refused() {
    let run = five("1s", NOT_LONG).run_calm();
    assert_eq!(waited(&run), [(9, true), (15, false), (15, false)]);
    assert_eq!((ended(&run, None), ended(&run, Some(Failure::Overloaded))), (2, 3));
    assert_eq!(began(&run), 2);
}

#[test]
fn who_waits_gives_up_when_the_caller_does_and_calls_nobody() {
    let run = five("12ms", THREE).run_calm();
    assert_eq!(waited(&run), [(9, true), (12, false), (12, false)]);
    assert_eq!(began(&run), 2, "no call begins for somebody who does not wait any more");
    // A place that becomes free at this very instant comes too late, and goes to the next.
    let run = five("9ms", THREE).run_calm();
    assert_eq!(waited(&run), [(9, false), (8, true), (9, false)]);
    assert_eq!(began(&run), 2);
}

#[test]
fn who_gives_up_has_spent_a_token_unless_it_goes_back() {
    let admitted = |run: &Run| count(run, |fact| matches!(fact, Fact::Admitted { .. }));
    let refunded =
        |run: &Run| count(run, |fact| matches!(fact, Fact::Waiting(WaitingFact::Refunded { .. })));
    for (order, tokens) in [("LimiterFirst", (5, 0)), ("BreakerFirst", (5, 0)), ("Refund", (4, 2))]
    {
        let run = five("1s", &format!("{NOT_LONG} order: {order},")).run_calm();
        assert_eq!((admitted(&run), refunded(&run)), tokens, "{order}");
        let at_breaker =
            count(&run, |fact| matches!(fact, Fact::Breaker { .. } | Fact::Broken { .. }));
        assert_eq!(at_breaker, 0, "what nobody tried is no failure");
    }
}

/// Of a limit of 2 a minute, five requests a second wait in vain: who has a token back may try again, and
/// nobody gets through more often than the limit allows.
#[test]
fn a_token_that_went_back_is_no_request_that_got_through() {
    let text = r#"(
        version: 1,
        nodes: {
            "gateway": Gateway(
                routes: [(path: "/pay", service: "bank", method: "pay", limit: 2)],
                limiter: (profile: hardened, burst: Quota),
                bulkhead: (max_concurrent: AtMost(1), max_waiting: 9, max_wait: "100ms"),
                order: Refund,
            ),
            "bank": Service(registered: false, handlers: { "pay": [Work("10s")] }),
            "payer": Clients(
                arrivals: Every(period: "200ms", count: 20),
                clients: 1,
                script: [Call(to: "gateway", method: "/pay")],
            ),
        },
        properties: [TokenEnvelope()],
    )"#;
    let run = scenario(text).run_calm();
    assert!(run.held(), "{:?}", run.violation);
    assert_eq!(waited(&run), [(100, false); 19], "each has the token of the one before");
    assert_eq!(count(&run, |fact| matches!(fact, Fact::Waiting(WaitingFact::Refunded { .. }))), 19);
}

#[test]
fn who_waits_at_a_gateway_that_crashes_is_told_as_if_it_had_called() {
    let crash = Deviation {
        site: "gateway".to_owned(),
        what: "crash".to_owned(),
        flow: "payer/4".to_owned(),
        count: 1,
        answer: "before the step".to_owned(),
    };
    let run = five("1s", THREE).run(&Plan::calm().with_deviations(vec![crash]));
    assert!(run.fates.iter().all(|(_, fate)| *fate == Fate::Applied), "{:?}", run.fates);
    assert_eq!(waited(&run), []);
    let reset = Some(Failure::Reset);
    assert_eq!((ended(&run, reset), began(&run)), (5, 1), "and nobody is called afterwards");
    let last = run.facts().last().map(|(entry, _)| entry.at);
    assert!(last.is_some_and(|at| at.since(brownout::models::Time::ZERO) < Span::from_secs(1)));
}
