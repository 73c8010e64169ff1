//! Databases whose writes are durable only later, and rows that several requests write at once.

use std::collections::BTreeSet;

use brownout::kernel::What;
use brownout::models::Fact;
use brownout::models::contract::Failure;
use brownout::search::{Campaign, Certificate, certify};
use brownout::{Deviation, Kinds, Plan, Run, Scenario};

use crate::fixtures::scenario;

fn load(name: &str) -> Scenario {
    crate::fixture(&format!("stores/{name}.ron"))
}

/// Two pieces of load instead of many, so that every pair of faults can be tried.
fn two(name: &str, arrivals: &str) -> Certificate {
    let text = crate::fixture_text(&format!("stores/{name}.ron"));
    assert!(text.contains(arrivals), "{name} has {arrivals}");
    let text = text.replace(arrivals, "count: 2");
    let scenario = Scenario::parse(name, &text, &Kinds::new()).unwrap();
    certify(&scenario, 2, None, &|_| ()).unwrap()
}

fn plans(certificate: &Certificate) -> Vec<String> {
    let text = |(plan, _): &(Plan, _)| {
        let deviations = plan.deviations.iter().map(|it| format!("{} {}", it.flow, it.answer));
        deviations.collect::<Vec<_>>().join(", ")
    };
    certificate.failures.iter().map(text).collect()
}

/// What a campaign finds of a planted bug, and that the remedy leaves nothing to find.
fn found(name: &str) -> Plan {
    let campaign = Campaign { runs: 200, enough: 4, ..Campaign::default() };
    let report = campaign.run(&load(name), &|_, _| true).unwrap();
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    let plan = report.findings[0].shrunk.plan.clone();
    let report = campaign.run(&load(&format!("{name}_hardened")), &|_, _| true).unwrap();
    assert_eq!((report.runs, report.failed), (200, 0), "{:?}", report.findings);
    plan
}

/// `payment-1` takes three steps for two charges, one of which crash points come before and two after
/// the effects: a row and an answer. Whatever was acknowledged and is lost is missed.
#[test]
fn what_is_acknowledged_is_lost_with_the_log_unless_it_was_flushed() {
    let certificate = two("acknowledged", "count: 20");
    assert_eq!(certificate.crash_points, 6, "two charges: before, after the row, after the answer");
    let expected = [
        "shopper/0 after effect 2, shopper/0 last 1",
        "shopper/1 before the step, shopper/1 last 1",
        "shopper/1 after effect 1, shopper/1 last 2",
        "shopper/1 after effect 2, shopper/1 last 1",
        "shopper/1 after effect 2, shopper/1 last 2",
    ];
    assert_eq!(plans(&certificate), expected);
    let certificate = two("acknowledged_hardened", "count: 20");
    assert_eq!(certificate.crash_points, 8, "the flush is an effect as well");
    assert_eq!(plans(&certificate), [""; 0]);
}

#[test]
fn a_search_finds_the_lost_charge_the_phantom_and_the_lost_update() {
    let names = |plan: &Plan| {
        plan.deviations.iter().map(|it| it.what.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(&found("acknowledged")), "crash unflushed");
    assert_eq!(names(&found("phantom_event")), "crash unflushed");
    let plan = found("lost_update");
    assert_eq!((names(&plan), plan.load.map(|load| load.len())), (String::new(), Some(2)));
}

/// Two instances of one service, which writes one row a second at each of them.
const SHARED: &str = r#"(
    version: 1,
    nodes: {
        "till": Service(registered: false, instances: 2, FLUSH handlers: {
            "pay": [Write(table: "paid")],
            "wait": [Work("1s")],
        }),
        "a": Clients(script: [Call(to: "till-1", method: "pay")]),
        "b": Clients(script: [Sleep("100ms"), Call(to: "till-2", method: "pay")]),
        "c": Clients(script: [Sleep("WHEN"), Call(to: "till-1", method: "wait", may_fail: true)]),
    },
    properties: [OncePerKey(table: "paid")],
)"#;

/// What happens when `till-1` crashes at some time after two rows were written, and this many
/// transactions are to be lost.
fn lost(flush: &str, when: &str, answer: &str) -> (String, Run) {
    let text = SHARED.replace("FLUSH", flush).replace("WHEN", when);
    let fault = |what: &str, answer: &str| {
        let [site, what, flow, answer] = ["till-1", what, "c/0", answer].map(str::to_owned);
        Deviation { site, what, flow, count: 1, answer }
    };
    let faults = vec![fault("crash", "before the step"), fault("unflushed", answer)];
    let run = scenario(&text).run(&Plan::calm().with_deviations(faults));
    let fate = run.fates[1].1.word().to_owned();
    (fate, run)
}

/// The rows that went back, by the population that wrote them, latest first.
fn unwritten(run: &Run) -> Vec<String> {
    let layout = run.world().layout();
    let of = |key| layout.key_text(key).chars().next().map(String::from);
    let entries = run.entries().filter_map(|entry| {
        let What::Unwrote { key, amount, value, .. } = entry.what else { return None };
        Some(format!("{} {amount} {value}", of(key)?))
    });
    entries.collect()
}

#[test]
fn a_log_is_lost_from_its_end_whoever_wrote_it() {
    let flush = r#"flush: "200ms","#;
    let cases: [(&str, &str, &str, &[&str]); 7] = [
        ("150ms", "last 1", "applied", &["b 1 0"]),
        ("150ms", "last 2", "applied", &["b 1 0", "a 1 0"]),
        ("150ms", "last 3", "inapplicable", &[]),
        // The flush takes everything that was written before it.
        ("199999999ns", "last 2", "applied", &["b 1 0", "a 1 0"]),
        ("200ms", "last 1", "unreached", &[]),
        ("50ms", "last 1", "applied", &["a 1 0"]),
        ("50ms", "last 2", "inapplicable", &[]),
    ];
    for (when, answer, fate, expected) in cases {
        let (told, run) = lost(flush, when, answer);
        assert_eq!((told.as_str(), unwritten(&run)), (fate, strings(expected)), "{when} {answer}");
    }
    let (told, run) = lost("", "50ms", "last 1");
    assert_eq!((told.as_str(), unwritten(&run).len()), ("unreached", 0), "durable at once");
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Two requests read one row and both write it 10 ms later.
const RACE: &str = r#"(
    version: 1,
    nodes: {
        "stock": Service(registered: false, handlers: { "reserve": [
            Read(table: "reserved", row: "widgets"),
            Work("10ms"),
            Write(table: "reserved", row: "widgets", UPDATE),
        ] }),
        "shopper": Clients(
            arrivals: Every(period: "5ms", count: 2),
            amount: 3,
            script: [Call(to: "stock", method: "reserve", may_fail: true)],
        ),
    },
    properties: [EveryCallEnds()],
)"#;

/// The values that the row had, and how many requests were turned away.
fn race(update: &str) -> (Vec<i64>, usize) {
    let scenario = scenario(&RACE.replace("UPDATE", update));
    let run = scenario.run(&Plan::calm());
    let keys: BTreeSet<String> = run
        .facts()
        .filter_map(|(_, fact)| {
            let Fact::Conflicted { key, .. } = fact else { return None };
            Some(scenario.layout().key_text(*key))
        })
        .collect();
    assert!(keys.iter().all(|key| key == "widgets"), "{keys:?}");
    let values = run.entries().filter_map(|entry| {
        let What::Wrote { value, .. } = entry.what else { return None };
        Some(value)
    });
    (values.collect(), keys.len())
}

#[test]
fn of_two_updates_of_one_row_both_count_or_one_is_lost_or_refused() {
    assert_eq!(race("update: Atomic"), (vec![3, 6], 0));
    assert_eq!(race("update: LastWriteWins"), (vec![3, 3], 0));
    assert_eq!(race("update: CompareAndSet"), (vec![3], 1));
}

/// A transaction of two rows, one with an event, behind a sidecar that tries again.
const REFUSED: &str = r#"(
    version: 1,
    nodes: {
        "till": Service(registered: false, handlers: { "pay": [
            Transaction(writes: [(table: "paid", event: "paid"), (table: "sums", row: "day")]),
        ] }),
        "proxy": Sidecar(profile: hardened, upstream: "till-1", max_attempts: 3),
        "broker": Broker(subscriptions: [(topic: "paid", subscriber: "mail")]),
        "mail": Service(registered: false, handlers: { "paid": [] }),
        "shopper": Clients(script: [Call(to: "proxy", method: "pay", timeout: "30s", may_fail: true)]),
    },
    faults: [RefuseWrite(odds: "1%", at: ["till"])],
    properties: [EventPerRow(table: "paid", topic: "paid"), RowPerEvent(table: "paid", topic: "paid")],
)"#;

/// How the handler ended each time, and how many rows were written.
fn refused(answer: &str) -> (Vec<Option<Failure>>, usize) {
    let [site, what, flow, answer] = ["till-1", "write", "shopper/0", answer].map(str::to_owned);
    let deviation = Deviation { site, what, flow, count: 1, answer };
    let run = scenario(REFUSED).run(&Plan::calm().with_deviations(vec![deviation]));
    assert!(run.held() && run.fates[0].1.word() == "applied", "{:?}", run.violation);
    let pay = run.world().layout().names.find("pay");
    let ended = run.facts().filter_map(|(_, fact)| {
        let Fact::Finished { method, failure, .. } = fact else { return None };
        (Some(*method) == pay).then_some(*failure)
    });
    let rows = run.entries().filter(|entry| matches!(entry.what, What::Wrote { .. })).count();
    (ended.collect(), rows)
}

#[test]
fn a_write_that_is_refused_leaves_nothing_behind_and_may_be_tried_again() {
    assert_eq!(refused("refused"), (vec![Some(Failure::Failed), None], 2));
    assert_eq!(refused("full"), (vec![Some(Failure::Rejected)], 0), "it would be no use");
    let certificate = certify(&scenario(REFUSED), 2, None, &|_| ()).unwrap();
    assert_eq!((certificate.plans, plans(&certificate)), (5, vec![]), "two ways, twice");
}
