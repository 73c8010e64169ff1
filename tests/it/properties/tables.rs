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

const SHARED_ROW: &str = r#"(
    version: 1,
    nodes: {
        "stock": Service(handlers: { "reserve": [Write(table: "reserved", row: "widgets")] }),
        "order": Service(handlers: { "create": [Write(table: "orders")] }),
        "shopper": Clients(amount: 7, arrivals: Every(period: "1s", count: 2), script: [
            Call(to: "stock", method: "reserve"), Call(to: "order", method: "create"),
        ]),
    },
    properties: [LedgerBalance(tables: ["reserved", "orders"], per: Total)],
)"#;

#[test]
fn totals_balance_whatever_their_rows_are_called() {
    let case = holds(SHARED_ROW);
    let said = case.says(|trace| {
        let last = trace.iter().rposition(|it| matches!(it.what, What::Wrote { .. })).unwrap();
        trace.remove(last);
    });
    assert_eq!(said, "the books do not balance: reserved 14, orders 7");
    case.still_holds(|trace| {
        let last = trace.iter().rposition(|it| matches!(it.what, What::Wrote { .. })).unwrap();
        let mut unwritten = trace[last].clone();
        let What::Wrote { table, key, amount, value } = unwritten.what else { panic!() };
        unwritten.what = What::Unwrote { table, key, amount, value: value - amount };
        let again = trace[last].clone();
        trace.extend([unwritten, again]);
    });
    let by_key = SHARED_ROW.replace(", per: Total", "");
    assert_eq!(
        violated(&by_key, &[]),
        "the books of widgets do not balance: reserved 14, orders 0"
    );
}

#[test]
fn a_write_that_was_lost_leaves_the_books_out_of_balance_and_may_be_made_again() {
    let books = CHARGED.replace("AGAIN", "");
    let books = books.replace("PROPERTY", r#"LedgerBalance(tables: ["charges", "orders"])"#);
    let lose_charge = |trace: &mut Trace| {
        let charge = entry(trace, 0, |what| matches!(what, What::Wrote { .. }));
        let mut lost = trace[charge].clone();
        let What::Wrote { table, key, amount, .. } = lost.what else { panic!() };
        lost.what = What::Unwrote { table, key, amount, value: 0 };
        trace.push(lost);
    };
    let said = holds(&books).says(lose_charge);
    assert_eq!(said, "the books of 0 do not balance: charges 0, orders 7");
    holds(&once().replace("AGAIN", "")).still_holds(|trace| {
        lose_charge(trace);
        let charge = entry(trace, 0, |what| matches!(what, What::Wrote { .. }));
        trace.push(trace[charge].clone());
    });
}
