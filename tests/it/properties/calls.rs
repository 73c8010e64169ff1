//! Calls that end, breakers, limits, balancers, and what should happen sometimes.

use super::*;

const CALLED: &str = r#"(
    version: 1,
    nodes: {
        "shop": Service(handlers: { "buy": [Work("5ms")] }),
        "shopper": Clients(
            arrivals: Every(period: "20ms", count: 2),
            script: [Call(to: "shop", method: "buy", TIMEOUT may_fail: MAY)],
        ),
    },
    properties: [PROPERTY],
)"#;

fn called(property: &str) -> String {
    CALLED.replace("PROPERTY", property).replace("MAY", "false")
}

#[test]
fn work_that_never_ended_is_found() {
    let text = called("EveryCallEnds()").replace("TIMEOUT", "");
    let said = holds(&text).says(|trace| {
        let end = fact(trace, 1, |fact| matches!(fact, Fact::Ended { .. }));
        trace.remove(end);
    });
    assert_eq!(said, "the work of 1 never ended");

    let lost = fault("shopper>shop-1 buy", "lose", "shopper/0", 1, "yes");
    assert_eq!(violated(&text, &[lost]), "the work of 0 never ended");
}

#[test]
fn work_that_took_too_long_is_found_whatever_the_client_says() {
    let text = called(r#"EveryCallEnds(within: "8ms")"#).replace("TIMEOUT", "");
    let said = holds(&text).says(|trace| {
        let end = fact(trace, 0, |fact| matches!(fact, Fact::Ended { .. }));
        trace[end].at += Span::from_millis(4);
    });
    assert_eq!(said, "the work of 0 took 9ms, more than 8ms");

    let late = fault("shop-1>shopper buy reply", "delay", "shopper/1", 1, "4ms");
    assert_eq!(violated(&text, &[late]), "the work of 1 took 9ms, more than 8ms");
}

#[test]
fn a_run_that_does_not_come_to_rest_is_found() {
    let case = holds(&called("Quiescence()").replace("TIMEOUT", ""));
    for (end, said) in [
        (End::Horizon, "at 25ms, the horizon, there was still something to do"),
        (End::Steps, "at 25ms the bound on steps was reached"),
        (End::Stuck, "the system goes in circles at 25ms and time stands still"),
    ] {
        assert_eq!(case.judged(|_| (), end).as_deref(), Some(said));
    }
    let text = called("Quiescence()").replace("TIMEOUT", r#"timeout: "2m","#);
    let text = text.replace("version: 1,", r#"version: 1, horizon: "1m","#);
    let lost = fault("shopper>shop-1 buy", "lose", "shopper/0", 1, "yes");
    let said = violated(&text, &[lost]);
    assert_eq!(said, "at 60s, the horizon, there was still something to do");
}

#[test]
fn a_run_that_was_stopped_had_something_to_come_to_rest() {
    let text = called(r#"EveryCallEnds(within: "1ms"), Quiescence()"#).replace("TIMEOUT", "");
    let run = scenario(&text).run_calm();
    assert_eq!(run.violation.unwrap().property, "every call ends");
    assert_eq!(run.toothless, [""; 0]);
}

#[test]
fn success_is_reached_by_some_run_and_not_by_one_where_everything_is_lost() {
    let text = called("SometimesSucceeds()").replace("TIMEOUT", r#"timeout: "7ms","#);
    let reached = |deviations: &[Deviation]| {
        let run = scenario(&text).run(&Plan::calm().with_deviations(deviations.to_vec()));
        assert_eq!(run.violation, None);
        run.sometimes[0].1
    };
    let lost = |flow| fault("shopper>shop-1 buy", "lose", flow, 1, "yes");
    assert!(reached(&[]));
    assert!(reached(&[lost("shopper/0")]));
    assert!(!reached(&[lost("shopper/0"), lost("shopper/1")]));
}

const GATEWAY: &str = r#"(
    version: 1,
    nodes: {
        "registry": Registry(),
        "gateway": Gateway(
            routes: [
                (path: "/a", service: "shop", method: "METHOD", limit: 3),
                (path: "/b", service: "shop", method: "METHOD", limit: 30),
            ],
            breaker: (failure_threshold: 2, open_timeout: "50ms"),
        ),
        "shop": Service(
            instances: 3,
            handlers: { "good": [], "bad": [Fail(Failed)] },
        ),
        "shopper": Clients(
            arrivals: Every(period: "30ms", count: 9),
            script: [Sleep("1ms"), Call(to: "gateway", method: "PATH", may_fail: true)],
        ),
    },
    properties: [PROPERTY],
)"#;

fn gateway(property: &str, method: &str, path: &str) -> Case {
    let text = GATEWAY.replace("PROPERTY", property);
    holds(&text.replace("METHOD", method).replace("PATH", path))
}

#[test]
fn a_transition_that_leaves_another_state_than_the_last_is_noticed() {
    let case = gateway("BreakerPath()", "bad", "/b");
    let said = case.says(|trace| {
        let second = fact(trace, 1, |fact| matches!(fact, Fact::Breaker { .. }));
        trace.remove(second);
    });
    let expected = "the breaker of shop says that it went from HalfOpen to Open, but it was Open";
    assert_eq!(said, expected);
}

#[test]
fn a_transition_that_is_not_in_the_graph_is_noticed() {
    let said = gateway("BreakerPath()", "bad", "/b").says(|trace| {
        let first = fact(trace, 0, |fact| matches!(fact, Fact::Breaker { .. }));
        let second = fact(trace, 1, |fact| matches!(fact, Fact::Breaker { .. }));
        let Fact::Breaker { to: half_open, .. } = *noted(&mut trace[second]) else { panic!() };
        let Fact::Breaker { to, .. } = noted(&mut trace[first]) else { panic!() };
        *to = half_open;
    });
    assert_eq!(said, "the breaker of shop went from Closed to HalfOpen");
}

#[test]
fn a_breaker_of_a_new_life_starts_closed() {
    let case = gateway("BreakerPath()", "bad", "/b");
    let gateway = case.scenario.layout().find("gateway").unwrap();
    let forget = |trace: &mut Trace, start: bool| {
        let second = fact(trace, 1, |fact| matches!(fact, Fact::Breaker { .. }));
        let mut first = trace[fact(trace, 0, |fact| matches!(fact, Fact::Breaker { .. }))].clone();
        first.at = trace[second].at;
        trace.truncate(second);
        if start {
            let started = Entry { what: What::Started { life: 2 }, node: gateway, ..first.clone() };
            trace.push(started);
        }
        trace.push(first);
    };
    case.still_holds(|trace| forget(trace, true));
    let said = case.says(|trace| forget(trace, false));
    assert_eq!(said, "the breaker of shop says that it went from Closed to Open, but it was Open");
}

#[test]
fn a_request_beyond_the_limit_is_noticed() {
    // Three of the nine requests get through, and the rest is turned away.
    let case = gateway("TokenEnvelope()", "good", "/a");
    let said = case.says(|trace| {
        let third = fact(trace, 2, |fact| matches!(fact, Fact::Admitted { .. }));
        trace.insert(third, trace[third].clone());
    });
    assert_eq!(said, "shopper-1 got through /a more often than its limit of 3 a minute allows");
    // A minute later there is room for another one.
    case.still_holds(|trace| {
        let third = fact(trace, 2, |fact| matches!(fact, Fact::Admitted { .. }));
        let mut late = trace[third].clone();
        late.at += Span::from_secs(20);
        trace.push(late);
    });
}

#[test]
fn an_instance_that_is_picked_too_often_is_noticed() {
    let case = gateway("BalancerFairness()", "good", "/b");
    let picked = |fact: &Fact| matches!(fact, Fact::Picked { .. });
    let said = case.says(|trace| {
        let (first, second) = (fact(trace, 0, picked), fact(trace, 1, picked));
        trace[second].what = trace[first].what.clone();
    });
    assert_eq!(said, "shop-1 of shop was picked 2 times, another instance 0 times");
    // A balancer starts to count again with its node.
    case.still_holds(|trace| {
        let (first, second) = (fact(trace, 0, picked), fact(trace, 1, picked));
        let started = Entry { what: What::Started { life: 2 }, ..trace[first].clone() };
        trace[second].what = trace[first].what.clone();
        trace.truncate(second + 1);
        trace.insert(second, started);
    });
}
