//! The words for what the snapshots never show.

use brownout_models::policy::{Checkpoint, SagaEnd, SagaPlace, StepEnd};
use brownout_models::{Span, Time};

use super::*;
use crate::scenario::Scenario;
use crate::system::Kinds;

const SHOP: &str = r#"(version: 1, title: "a shop", nodes: {
    "shop": Service(handlers: { "buy": [] }),
    "client": Clients(script: [Call(to: "shop", method: "buy")]),
})"#;

/// The words for something that happened at the shop in the flow `client/0`, and the name `buy`.
fn check(cases: impl FnOnce(NodeId, Name, u64) -> Vec<(What<Fact>, &'static str)>) {
    let scenario = Scenario::parse("shop.ron", SHOP, &Kinds::new()).expect("it makes sense");
    let run = scenario.run_calm();
    let asked = run.facts().find_map(|(entry, fact)| {
        if let Fact::Asked { key } = fact { Some((entry.flow, *key)) } else { None }
    });
    let (flow, key) = asked.expect("the client asks");
    let shop = scenario.layout().find("shop-1").expect("there is a shop");
    let buy = scenario.layout().names.find("buy").expect("something is bought");
    for (what, expected) in cases(shop, buy, key) {
        let entry = Entry { seq: 0, cause: 0, flow, at: Time::ZERO, node: shop, what };
        assert_eq!(Words::new(run.world()).what(&entry), expected, "{:?}", entry.what);
    }
}

#[test]
fn faults_and_what_follows_from_them_are_told_in_names() {
    check(|shop, buy, _| {
        let (kind, reply) = (Kind { name: buy, reply: false }, Kind { name: buy, reply: true });
        let by = Span::from_millis(30);
        vec![
            (What::Lost { to: shop, kind: reply }, "buy reply to shop-1"),
            (What::Delayed { to: shop, kind, by }, "buy to shop-1 by 30ms"),
            (What::Duplicated { to: shop, kind }, "buy to shop-1"),
            (What::Dropped { from: shop, kind }, "buy from shop-1, for an earlier life"),
            (What::Refused { from: shop, kind }, "buy from shop-1, the node is down"),
            (What::Stale { from: shop, kind: reply }, "buy from shop-1, not awaited"),
            (What::Overtook { passed: 1 }, "passed another that was first"),
            (What::Overtook { passed: 3 }, "passed 3 others that were first"),
            (What::Crashed { after: None }, "before the step"),
            (What::Crashed { after: Some(0) }, "after no effect of the step"),
            (What::Crashed { after: Some(2) }, "after effect 2 of the step"),
            (What::Paused { until: Time::ZERO + by }, "until 30ms"),
            (
                What::Answered { from: shop, kind: reply, failure: Some(Failure::TimedOut) },
                "buy from shop-1: timed out",
            ),
        ]
    });
}

#[test]
fn facts_are_told_in_names_and_with_foreign_keys() {
    check(|shop, buy, key| {
        let (other, failure) = (key + (12 << 20) + 4, Some(Failure::Rejected));
        let (service, instance, limit) = (buy, shop, 5);
        let breaker = |from, to| Fact::Breaker { service, from, to };
        let step = |compensation, failure| {
            let (saga, name, step) = (buy, buy, 0);
            Fact::SagaStep { saga, key, step, name, compensation, failure }
        };
        let waited = |is_in| {
            let waited = Span::from_millis(5);
            Fact::Waiting(WaitingFact::Ended { service, key, waited, is_in })
        };
        let facts = [
            (Fact::Began { method: buy, key }, "began buy"),
            (Fact::Began { method: buy, key: other }, "began buy of 12.4"),
            (Fact::Queued { method: buy, key, waiting: 3 }, "put buy aside, 3 waiting"),
            (Fact::Overloaded { method: buy, key }, "turned buy away: queue full"),
            (
                Fact::BulkheadFull { method: buy, key, inside: 3 },
                "turned buy away: bulkhead full at 3",
            ),
            (
                Fact::GatewayFull { service, key, inside: 3 },
                "bulkhead of buy: turned away, full at 3",
            ),
            (
                Fact::Waiting(WaitingFact::Began { service, key, waiting: 2 }),
                "bulkhead of buy: put aside, 2 waiting",
            ),
            (waited(true), "bulkhead of buy: let in after 5ms"),
            (waited(false), "bulkhead of buy: given up after 5ms"),
            (
                Fact::Waiting(WaitingFact::Refunded { client: buy, route: buy, limit }),
                "gave buy a token back on buy (5/min)",
            ),
            (Fact::Finished { method: buy, key, failure }, "gave buy up: rejected"),
            (
                Fact::PushedBack { service, method: buy, key, after: Span::from_millis(200) },
                "comes back with buy in 200ms, as asked",
            ),
            (Fact::AlreadyThere { table: buy, key }, "buy is there already"),
            (Fact::Conflicted { table: buy, key }, "buy changed since it was read"),
            (Fact::WriteRefused { table: buy, key, is_full: true }, "buy was not written: full"),
            (Fact::Unhealthy { service, instance }, "gave up shop-1 of buy"),
            (Fact::Revived { service, instance }, "heard again from shop-1 of buy"),
            (Fact::Evicted { service, instance }, "evicted shop-1 of buy"),
            (Fact::Ejected { service, instance }, "ejected shop-1 of buy"),
            (Fact::Readmitted { service, instance }, "readmitted shop-1 of buy"),
            (Fact::Limited { client: buy, route: buy, limit }, "turned buy away on buy (5/min)"),
            (Fact::Broken { service }, "breaker of buy: turned away"),
            (breaker(BreakerState::Closed, BreakerState::Open), "breaker of buy: closed -> open"),
            (
                breaker(BreakerState::Open, BreakerState::HalfOpen),
                "breaker of buy: open -> half-open",
            ),
            (step(false, failure), "step 1 buy failed: rejected"),
            (step(true, None), "step 1 buy undone"),
            (step(true, failure), "step 1 buy not undone: rejected"),
            (Fact::SagaEnded { saga: buy, key, committed: false }, "saga buy rolled back"),
            (
                Fact::SagaFailed { saga: buy, key, step: 1, failure: Failure::TimedOut },
                "saga buy: step 2 timed out",
            ),
            (Fact::SagaStuck { saga: buy, key, step: 0 }, "saga buy needs intervention at step 1"),
            (Fact::SagaResumed { saga: buy, key: other }, "saga buy of 12.4 goes on"),
            (Fact::SagaJoined { saga: buy, key }, "saga buy is known"),
            (
                Fact::PartMissing { composition: buy, part: buy, key, failure: None },
                "part buy is missing: not waited for",
            ),
            (
                Fact::Composed { composition: buy, key, parts: 3, missing: 1, ok: true },
                "composed buy: 2 of 3 parts",
            ),
            (
                Fact::Delivering { topic: buy, key, subscription: 0, attempt: 2 },
                "sends buy to subscription 1, attempt 2",
            ),
            (
                Fact::DeadLettered { topic: buy, key: other, subscription: 0 },
                "dead letter: buy of 12.4",
            ),
            (Fact::Own("Opened { by: 3 }".into()), "Opened { by: 3 }"),
        ];
        facts.into_iter().map(|(fact, expected)| (What::Noted(fact), expected)).collect()
    });
}

const SAGA: &str = r#"(version: 1, nodes: {
    "shop": Service(registered: false, handlers: { "buy": [], "return": [], "ship": [] }),
    "checkout": Saga(profile: hardened, steps: [
        (name: "reserve", action: (to: "shop", method: "buy"),
            compensation: (to: "shop", method: "return")),
        (name: "ship", kind: Pivot, action: (to: "shop", method: "ship")),
    ]),
    "client": Clients(script: [Call(to: "checkout", method: "run")]),
})"#;

#[test]
fn rows_of_the_log_of_a_saga_say_where_it_stands() {
    use SagaPlace::{Acting, Compensating, Ended, New};
    let scenario = Scenario::parse("saga.ron", SAGA, &Kinds::new()).expect("it makes sense");
    let run = scenario.run_calm();
    let words = Words::new(run.world());
    let node = scenario.layout().find("checkout").expect("there is a saga");
    let name = |text: &str| scenario.layout().names.find(text).expect("the saga has two tables");
    let (log, inbox) = (name("checkout.log"), name("checkout.inbox"));
    let row = |place, attempt, doubt, is_unresolved| {
        Checkpoint { place, attempt, failed: None, doubt, is_unresolved }.to_row()
    };
    let known = StepEnd::Rejected;
    for (place, attempt, doubt, is_unresolved, expected) in [
        (New, 1, known, false, "before step 1"),
        (Acting(0), 1, known, false, "at step 1 reserve"),
        (Acting(1), 3, StepEnd::Failed, false, "at step 2 ship, attempt 3"),
        (Acting(1), 2, StepEnd::Unknown, false, "at step 2 ship, attempt 2, perhaps done"),
        (Acting(7), 1, known, false, "at step 8"),
        (Compensating(0), 1, StepEnd::Unknown, false, "undoing step 1 reserve"),
        (Compensating(0), 2, known, true, "undoing step 1 reserve, attempt 2, not all undone"),
        (Ended(SagaEnd::Committed), 4, known, false, "committed"),
        (Ended(SagaEnd::Compensated), 1, known, false, "compensated"),
        (Ended(SagaEnd::NeedsIntervention), 1, known, true, "in need of intervention"),
    ] {
        let value = row(place, attempt, doubt, is_unresolved);
        assert_eq!(words.wrote(node, log, 7, value), format!("now {expected}"));
        let lost = words.unwrote(node, log, value, 0);
        assert_eq!(lost, format!("empty again, not {expected}"));
    }
    let (before, after) = (row(Acting(0), 1, known, false), row(Acting(1), 1, known, false));
    let lost = words.unwrote(node, log, after - before, before);
    assert_eq!(lost, "at step 1 reserve again, not at step 2 ship");
    // Amounts are amounts, whoever wrote them, and so is what is no record.
    let shop = scenario.layout().find("shop-1").expect("there is a shop");
    for (node, table, value) in [(node, inbox, before), (shop, log, before), (node, log, 0)] {
        assert_eq!(words.wrote(node, table, 7, value), format!("+7, now {value}"));
        assert_eq!(words.unwrote(node, table, 7, value), format!("+7 was lost, {value} again"));
    }
}
