//! The trace is a tree.

use super::*;

const TREE: &str = r#"(
    version: 1,
    nodes: {
        "shop": Service(workers: 1, handlers: { "buy": [Work("5ms")] }),
        "shopper": Clients(
            arrivals: Every(period: "1ms", count: 3),
            script: [Call(to: "shop", method: "buy", timeout: "20ms")],
        ),
    },
    properties: [TraceIsTree()],
)"#;

fn delivery(trace: &Trace, nth: usize) -> usize {
    entry(trace, nth, |what| {
        matches!(what, What::Delivered { kind: Kind { reply: false, .. }, .. })
    })
}

#[test]
fn an_entry_that_follows_from_a_later_one_is_noticed() {
    let case = holds(TREE);
    let said = case.says(|trace| {
        let first = delivery(trace, 0);
        trace[first].cause = trace[first].seq + 1;
    });
    assert!(said.ends_with("which comes later"), "{said}");
}

#[test]
fn an_entry_that_follows_from_another_flow_is_noticed() {
    let case = holds(TREE);
    let said = case.says(|trace| {
        let (first, second) = (delivery(trace, 0), delivery(trace, 1));
        trace[second].cause = trace[first].seq;
    });
    assert!(said.ends_with("of another flow"), "{said}");
}

#[test]
fn an_entry_that_happens_before_its_cause_is_noticed() {
    let case = holds(TREE);
    let said = case.says(|trace| {
        let woke = entry(trace, 0, |what| matches!(what, What::Answered { .. }));
        trace[woke].at = brownout::models::Time::ZERO;
    });
    assert!(said.ends_with("happens before what it follows from"), "{said}");
}

#[test]
fn an_entry_that_is_missing_is_noticed() {
    let case = holds(TREE);
    let said = case.says(|trace| {
        let first = delivery(trace, 0);
        trace.remove(first);
    });
    assert!(said.contains("stands at place"), "{said}");
}

#[test]
fn a_crash_in_one_flow_ends_the_work_of_others_within_their_own() {
    // While the first request is at work and the second waits, the third one kills the shop.
    let crash = fault("shop-1", "crash", "shopper/2", 1, "before the step");
    let case = holds_under(TREE, &Plan::calm().with_deviations(vec![crash]));
    let resets =
        |it: &&Entry<Fact>| matches!(it.what, What::Answered { failure: Some(Failure::Reset), .. });
    assert_eq!(case.run.entries().filter(resets).count(), 3);
}
