//! What is in the tables: once per key, and books that balance.

use super::*;

const CHARGED: &str = r#"(
    version: 1,
    nodes: {
        "payment": Service(handlers: {
            "charge": [Write(table: "charges"), Work("5ms")],
            "refund": [Write(table: "charges", add: Undo)],
        }),
        "order": Service(handlers: { "create": [Write(table: "orders"), Work("1ms")] }),
        "shopper": Clients(amount: 7, script: [
            Call(to: "payment", method: "charge"), Call(to: "order", method: "create"), AGAIN
        ]),
    },
    properties: [PROPERTY],
)"#;

fn once() -> String {
    CHARGED.replace("PROPERTY", r#"OncePerKey(table: "charges")"#)
}

#[test]
fn a_second_write_to_a_row_is_noticed() {
    let case = holds(&once().replace("AGAIN", ""));
    let said = case.says(|trace| {
        let first = entry(trace, 0, |what| matches!(what, What::Wrote { .. }));
        let mut again = trace[first].clone();
        let What::Wrote { value, amount, .. } = &mut again.what else { panic!() };
        *value += *amount;
        trace.insert(first + 1, again);
    });
    assert_eq!(said, "charges of 0: 7 were added to 7");

    let doubled = fault("shopper>payment-1 charge", "duplicate", "shopper/0", 1, "yes");
    let said = violated(&once().replace("AGAIN", ""), &[doubled]);
    assert_eq!(said, "charges of 0: 7 were added to 7");
}

#[test]
fn a_sum_that_no_row_can_hold_is_a_violation_and_not_a_number() {
    let again = r#"Call(to: "payment", method: "charge")"#;
    let text = CHARGED.replace("AGAIN", again).replace("amount: 7", "amount: 9223372036854775807");
    for property in
        [r#"OncePerKey(table: "charges")"#, r#"LedgerBalance(tables: ["charges", "orders"])"#]
    {
        let said = violated(&text.replace("PROPERTY", property), &[]);
        let end = "charges of 0 has grown to 9223372036854775807, the end of what a row can hold";
        assert_eq!(said, end);
    }
}

#[test]
fn a_row_that_was_undone_may_be_written_again() {
    let again = r#"Call(to: "payment", method: "refund"), Call(to: "payment", method: "charge")"#;
    holds(&once().replace("AGAIN", again));
}

#[test]
fn books_that_do_not_balance_are_found() {
    let text = CHARGED
        .replace("PROPERTY", r#"LedgerBalance(tables: ["charges", "orders"])"#)
        .replace("AGAIN", "");
    let case = holds(&text);
    for (lost, said) in [(0, "charges 0, orders 7"), (1, "charges 7, orders 0")] {
        let message = case.says(|trace| {
            let write = entry(trace, lost, |what| matches!(what, What::Wrote { .. }));
            trace.remove(write);
        });
        assert_eq!(message, format!("the books of 0 do not balance: {said}"));
    }
    // The charge took place, and its failure keeps the order from being created.
    let fail = fault("payment-1", "fail", "shopper/0", 1, "failed after its effects");
    let lost = violated(&text, &[fail]);
    assert_eq!(lost, "the books of 0 do not balance: charges 7, orders 0");
}
