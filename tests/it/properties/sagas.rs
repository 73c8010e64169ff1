//! Saga terminal states.

use super::*;

/// Three steps; the third fails, and the second one cannot be undone where it says `UNDO2`.
const SAGA: &str = r#"(
    version: 1,
    nodes: {
        "checkout": Saga(steps: [
            (name: "one", action: (to: "shop", method: "one"), compensation: (to: "shop", method: "undo")),
            (name: "two", action: (to: "shop", method: "one") UNDO2),
            (name: "three", action: (to: "shop", method: "LAST")),
        ]),
        "shop": Service(handlers: {
            "one": [Work("1ms")], "undo": [Work("1ms")], "bad": [Fail(Rejected)], "good": [],
        }),
        "shopper": Clients(script: [Call(to: "checkout", method: "run", may_fail: true)]),
    },
    properties: [SagaTerminal()],
)"#;
const UNDO2: &str = r#", compensation: (to: "shop", method: "undo")"#;

fn rolled_back() -> Case {
    holds(&SAGA.replace("UNDO2", UNDO2).replace("LAST", "bad"))
}

fn is_compensation(fact: &Fact) -> bool {
    matches!(fact, Fact::SagaStep { compensation: true, .. })
}

#[test]
fn a_compensation_that_was_left_out_is_missed() {
    let said = rolled_back().says(|trace| {
        let second = fact(trace, 1, is_compensation);
        trace.remove(second);
    });
    assert_eq!(said, "the checkout of 0 had done steps 1, 2, and compensated 2");
}

#[test]
fn compensations_out_of_order_are_noticed() {
    let said = rolled_back().says(|trace| {
        let (first, second) = (fact(trace, 0, is_compensation), fact(trace, 1, is_compensation));
        let other = trace[second].what.clone();
        trace[second].what = std::mem::replace(&mut trace[first].what, other);
    });
    assert_eq!(said, "the checkout of 0 had done steps 1, 2, and compensated 1, 2");
}

#[test]
fn a_compensation_that_failed_is_no_rollback() {
    let said = rolled_back().says(|trace| {
        let first = fact(trace, 0, is_compensation);
        let Fact::SagaStep { failure, .. } = noted(&mut trace[first]) else { panic!() };
        *failure = Some(Failure::Failed);
    });
    assert_eq!(said, "the checkout of 0 says that it rolled back, but step 2 could not be undone");

    let text = SAGA.replace("UNDO2", UNDO2).replace("LAST", "bad");
    let fail = fault("shop-1", "fail", "shopper/0", 4, "rejected");
    let said = violated(&text, &[fail]);
    assert_eq!(said, "the checkout of 0 says that it rolled back, but step 2 could not be undone");
}

#[test]
fn a_saga_that_committed_has_undone_nothing() {
    let said = rolled_back().says(|trace| {
        let end = fact(trace, 0, |fact| matches!(fact, Fact::SagaEnded { .. }));
        let Fact::SagaEnded { committed, .. } = noted(&mut trace[end]) else { panic!() };
        *committed = true;
    });
    assert_eq!(said, "the checkout of 0 committed, and compensated steps 2, 1");
}

#[test]
fn a_saga_that_never_ended_is_found() {
    let case = holds(&SAGA.replace("UNDO2", UNDO2).replace("LAST", "good"));
    let said = case.says(|trace| {
        let end = fact(trace, 0, |fact| matches!(fact, Fact::SagaEnded { .. }));
        trace.remove(end);
    });
    assert_eq!(said, "the checkout of 0 never ended");

    let text = SAGA.replace("UNDO2", UNDO2).replace("LAST", "good");
    let crash = fault("checkout", "crash", "shopper/0", 2, "before the step");
    assert_eq!(violated(&text, &[crash]), "the checkout of 0 never ended");
}

#[test]
fn a_step_that_nothing_undoes_is_not_expected_back() {
    holds(&SAGA.replace("UNDO2", "").replace("LAST", "bad"));
}

#[test]
fn two_executions_of_one_request_are_judged_together() {
    let doubled = fault("shopper>checkout run", "duplicate", "shopper/0", 1, "yes");
    let plan = Plan::calm().with_deviations(vec![doubled]);
    for last in ["good", "bad"] {
        let case = holds_under(&SAGA.replace("UNDO2", UNDO2).replace("LAST", last), &plan);
        let said = case.says(|trace| {
            let end = fact(trace, 0, |fact| matches!(fact, Fact::SagaEnded { .. }));
            trace.remove(end);
        });
        assert_eq!(said, "the checkout of 0 never ended");
    }
    let case = holds_under(&SAGA.replace("UNDO2", UNDO2).replace("LAST", "bad"), &plan);
    let said = case.says(|trace| {
        let undone = fact(trace, 0, is_compensation);
        trace.remove(undone);
    });
    assert_eq!(
        said,
        "the checkout of 0 committed 0 times and rolled back 2 times, \
         and step 2 was done 2 times and undone 1 times"
    );
}
