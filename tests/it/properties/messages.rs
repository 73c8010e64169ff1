//! Message conservation, and an event for every row.

use brownout::models::fact::RedriveFact;

use super::*;

const PUBLISHED: &str = r#"(
    version: 1,
    nodes: {
        "order": Service(handlers: { "place": [Publish(topic: "placed")] }),
        "broker": Broker(subscriptions: [
            (topic: "placed", subscriber: "mail"),
            (topic: "placed", subscriber: "stock"),
        ], ack_wait: "10ms", backoff: "1ms"),
        "mail": Service(handlers: { "placed": [Work("1ms")] }),
        "stock": Service(handlers: { "placed": [Work("2ms")] }),
        "shopper": Clients(
            arrivals: Every(period: "20ms", count: 2),
            script: [Call(to: "order", method: "place", timeout: "1s")],
        ),
    },
    properties: [MessageConservation()],
)"#;

fn handled(fact: &Fact) -> bool {
    // Of the handlers, only those of the topic work and end after it was published.
    matches!(fact, Fact::Finished { failure: None, .. })
}

#[test]
fn a_message_that_a_subscriber_never_handled_is_missed() {
    let case = holds(PUBLISHED);
    let layout = case.scenario.layout();
    let stock = layout.find("stock-1").unwrap();
    let said = case.says(|trace| {
        trace.retain(|it| {
            it.node != stock || !matches!(&it.what, What::Noted(fact) if handled(fact))
        });
    });
    assert_eq!(said, "placed of 0 was accepted, and stock never handled it, nor was it given up");
}

#[test]
fn handling_it_twice_at_one_subscriber_makes_up_for_no_other() {
    let case = holds(PUBLISHED);
    let [mail, stock] =
        ["mail-1", "stock-1"].map(|node| case.scenario.layout().find(node).unwrap());
    let said = case.says(|trace| {
        for entry in trace.iter_mut().filter(|entry| entry.node == stock) {
            if matches!(&entry.what, What::Noted(fact) if handled(fact)) {
                entry.node = mail;
            }
        }
    });
    assert!(said.contains("stock never handled it"), "{said}");
}

#[test]
fn a_dead_letter_of_one_subscription_excuses_no_other() {
    let case = holds(PUBLISHED);
    let [mail, stock] =
        ["mail-1", "stock-1"].map(|node| case.scenario.layout().find(node).unwrap());
    let give_up = |trace: &mut Trace, dead: u32| {
        let first = fact(trace, 0, |fact| matches!(fact, Fact::Delivering { .. }));
        let Fact::Delivering { topic, key, .. } = *noted(&mut trace[first]) else { panic!() };
        let handler = if dead == 0 { mail } else { stock };
        let gone = fact(
            trace,
            0,
            |fact| matches!(fact, Fact::Finished { method, .. } if *method == topic),
        );
        let gone = if trace[gone].node == handler {
            gone
        } else {
            fact(trace, 1, |fact| matches!(fact, Fact::Finished { method, .. } if *method == topic))
        };
        trace[gone].what = What::Noted(Fact::DeadLettered { topic, key, subscription: dead });
    };
    case.still_holds(|trace| give_up(trace, 0));
    case.still_holds(|trace| give_up(trace, 1));
    let said = case.says(|trace| {
        give_up(trace, 1);
        let dead = fact(trace, 0, |fact| matches!(fact, Fact::DeadLettered { .. }));
        let Fact::DeadLettered { subscription, .. } = noted(&mut trace[dead]) else { panic!() };
        *subscription = 0;
    });
    assert!(said.contains("stock never handled it"), "{said}");
}

#[test]
fn a_message_that_nobody_published_is_noticed() {
    let case = holds(PUBLISHED);
    let said = case.says(|trace| {
        trace.retain(|it| !matches!(&it.what, What::Noted(Fact::Publishing { .. })));
    });
    assert_eq!(said, "placed of 0 was handled, and nobody published it");
}

#[test]
fn a_broker_that_forgets_what_it_accepted_is_caught() {
    // The broker answers the publisher and dies before it hands the message out.
    let crash = fault("broker", "crash", "shopper/0", 1, "after effect 1");
    let said = violated(PUBLISHED, &[crash]);
    assert_eq!(said, "placed of 0 was accepted, and mail never handled it, nor was it given up");
}

#[test]
fn a_message_that_was_given_up_is_accounted_for() {
    let lost = |count| fault("broker>mail-1 placed", "lose", "shopper/0", count, "yes");
    let plan = Plan::calm().with_deviations(vec![lost(1), lost(2), lost(3)]);
    holds_under(PUBLISHED, &plan);
}

const DUAL_WRITE: &str = r#"(
    version: 1,
    nodes: {
        "order": Service(handlers: {
            "place": [Write(table: "orders"), Publish(topic: "placed")],
            "undo": [Write(table: "orders", add: Undo)],
        }),
        "broker": Broker(subscriptions: [(topic: "placed", subscriber: "mail")]),
        "mail": Service(handlers: { "placed": [] }),
        "shopper": Clients(script: [Call(to: "order", method: "place", timeout: "1s", may_fail: true), UNDO]),
    },
    properties: [EventPerRow(table: "orders", topic: "placed")],
)"#;

#[test]
fn a_row_without_its_event_is_found() {
    let text = DUAL_WRITE.replace(", UNDO", "");
    let case = holds(&text);
    let mail = case.scenario.layout().find("mail-1").unwrap();
    let said = case.says(|trace| {
        let handled_at = |it: &Entry<Fact>| {
            it.node == mail && matches!(&it.what, What::Noted(fact) if handled(fact))
        };
        trace.retain(|it| !handled_at(it));
    });
    assert_eq!(said, "orders has a row for 0, and nobody ever handled its placed");

    let crash = fault("order-1", "crash", "shopper/0", 1, "after effect 1");
    let said = violated(&text, &[crash]);
    assert_eq!(said, "orders has a row for 0, and nobody ever handled its placed");
}

#[test]
fn a_row_that_was_undone_needs_no_event() {
    let undo = r#"Sleep("2s"), Call(to: "order", method: "undo")"#;
    let crash = fault("order-1", "crash", "shopper/0", 1, "after effect 1");
    holds_under(&DUAL_WRITE.replace("UNDO", undo), &Plan::calm().with_deviations(vec![crash]));
}

#[test]
fn an_outbox_keeps_the_row_and_its_event_together() {
    let text = DUAL_WRITE.replace(", UNDO", "").replace(
        r#"Write(table: "orders"), Publish(topic: "placed")"#,
        r#"Write(table: "orders", event: "placed")"#,
    );
    let crash = fault("order-1", "crash", "shopper/0", 1, "after effect 1");
    holds_under(&text, &Plan::calm().with_deviations(vec![crash]));
}

#[test]
fn an_event_without_its_row_is_found() {
    let text = DUAL_WRITE.replace("UNDO", r#"Sleep("1s"), Call(to: "order", method: "undo")"#);
    let text = text.replace("EventPerRow", "RowPerEvent");
    let case = holds(&text);
    let said = case.says(|trace| trace.retain(|it| !matches!(it.what, What::Wrote { .. })));
    assert_eq!(said, "placed of 0 was handled, and orders has no row for it");
    let lose_all = |trace: &mut Trace| {
        let first = entry(trace, 0, |what| matches!(what, What::Wrote { .. }));
        let mut lost = trace[first].clone();
        let What::Wrote { table, key, amount, .. } = lost.what else { panic!() };
        lost.what = What::Unwrote { table, key, amount, value: 0 };
        trace.push(lost);
    };
    assert_eq!(case.says(lose_all), "placed of 0 was handled, and orders has no row for it");

    let first = text.replace(
        r#"Write(table: "orders"), Publish(topic: "placed")"#,
        r#"Publish(topic: "placed"), Write(table: "orders")"#,
    );
    let crash = fault("order-1", "crash", "shopper/0", 2, "before the step");
    let said = violated(&first, &[crash]);
    assert_eq!(said, "placed of 0 was handled, and orders has no row for it");
}

#[test]
fn a_message_that_a_broker_alone_loses_is_found_by_the_transcript() {
    let text = std::fs::read_to_string("fixtures/drills/broker_unsubscribe.ron").unwrap();
    let guide = text.replace("profile: hardened", "profile: guide");
    let operations = |names: &[&str]| -> Vec<Deviation> {
        let step = |(number, name): (usize, &&str)| {
            fault("broker", "operation", &format!("broker step/{number}"), 1, name)
        };
        names.iter().enumerate().map(step).collect()
    };
    let crash = operations(&["mail subscribes", "publish 1", "crash"]);
    assert_eq!(violated(&guide, &crash), "\"mail\" never got 1, nor was it given up");
    holds_under(&text, &Plan::calm().with_deviations(crash));
    let leaves = ["mail subscribes", "publish 1", "publish 2", "mail leaves", "crash"];
    holds_under(&text, &Plan::calm().with_deviations(operations(&leaves)));
}

/// The mailer rejects what it gets first, and has it again after a second.
fn redriven() -> Case {
    let text = PUBLISHED
        .replace(
            "ack_wait",
            "profile: hardened, operator: [(at: \"1s\", says: Redrive())], ack_wait",
        )
        .replace("[MessageConservation()]", "[MessageConservation(), OncePerKey(table: \"mails\")]")
        .replace("[Work(\"1ms\")]", "[Work(\"1ms\"), Write(table: \"mails\")]");
    let reject = fault("mail-1", "fail", "shopper/0", 1, "rejected");
    holds_under(&text, &Plan::calm().with_deviations(vec![reject]))
}

#[test]
fn a_redrive_that_drops_a_message_is_caught() {
    let case = redriven();
    let is_redriven = |fact: &Fact| matches!(fact, Fact::Redrive(RedriveFact::Letter { .. }));
    let said = case.says(|trace| {
        let gone = fact(trace, 0, is_redriven);
        let flow = trace[gone].flow;
        let rest = trace.split_off(gone + 1);
        trace.extend(rest.into_iter().filter(|it| it.flow != flow));
    });
    assert_eq!(said, "placed of 0 was accepted, and mail never handled it, nor was it given up");
    case.still_holds(|trace| {
        let gone = fact(trace, 0, is_redriven);
        let flow = trace[gone].flow;
        let rest = trace.split_off(gone);
        trace.extend(rest.into_iter().filter(|it| it.flow != flow));
    });
}

#[test]
fn a_redrive_that_doubles_a_message_is_caught() {
    let said = redriven().says(|trace| {
        let written = entry(trace, 1, |what| matches!(what, What::Wrote { .. }));
        let mut again = trace[written].clone();
        if let What::Wrote { value, .. } = &mut again.what {
            *value += 1;
        }
        trace.push(again);
    });
    assert_eq!(said, "mails of 0: 1 were added to 1");
}
