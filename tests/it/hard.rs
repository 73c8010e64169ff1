//! What a weak foundation fails: noise, gaps between two effects, somebody else's queue, weather.

use std::sync::Arc;

use brownout::kernel::What;
use brownout::models::Fact;
use brownout::search::{LoadLeft, certify, shrink};
use brownout::{Deviation, Keep, Kinds, Plan, Scenario, Weather};

use crate::{fixture, fixture_text};

/// The first `count` seeds of a scenario that violate something.
fn failing_seeds(scenario: &Scenario, count: usize) -> Vec<u64> {
    (1..)
        .filter(|seed| !scenario.run_keeping(&Plan::seed(*seed), Keep::VERDICT).held())
        .take(count)
        .collect()
}

/// 200 failing seeds at a rate of loss: how many shrink to the two losses of one order?
fn shrunk_to_the_two_losses(odds: &str) -> usize {
    let text = fixture_text("defects/two_losses.ron")
        .replace("odds: \"5%\"", &format!("odds: \"{odds}\""));
    let scenario = Scenario::parse("two_losses.ron", &text, &Kinds::new()).unwrap();
    let two_losses = |seed: &u64| {
        let shrunk = shrink(&scenario, &Plan::seed(*seed)).unwrap();
        let [charge, release] = shrunk.plan.deviations.as_slice() else { return false };
        charge.site == "checkout>payment-1 charge"
            && release.site == "checkout>inventory-1 release"
            && charge.what == "lose"
            && release.what == "lose"
            && charge.flow == release.flow
            && shrunk.violation.message.contains(charge.flow.trim_start_matches("shopper/"))
    };
    failing_seeds(&scenario, 200).iter().filter(|seed| two_losses(seed)).count()
}

#[test]
fn two_losses_are_found_in_any_noise() {
    for odds in ["5%", "15%", "30%"] {
        let shrunk = shrunk_to_the_two_losses(odds);
        assert!(shrunk >= 190, "at {odds} only {shrunk} of 200 shrank to the two losses");
    }
}

#[test]
fn a_crash_between_the_row_and_its_event_is_the_only_one_that_loses_it() {
    let certificate = certify(&fixture("dual_write.ron"), 1, None, &|_| ()).unwrap();
    assert_eq!(certificate.crash_points, 5, "counted by hand in the fixture");
    assert_eq!(certificate.plans, 6);
    let [(plan, violation)] = certificate.failures.as_slice() else {
        panic!("one failure expected: {:?}", certificate.failures);
    };
    assert_eq!(violation.property, "every order is announced");
    assert_eq!(plan.deviations[0].to_string(), "orders-1  crash  shopper/0 #1  after effect 1");
}

#[test]
fn an_outbox_with_deduplication_loses_nothing_and_doubles_nothing() {
    let outbox = fixture("outbox.ron");
    let certificate = certify(&outbox, 1, None, &|_| ()).unwrap();
    assert_eq!(certificate.crash_points, 7, "counted by hand in the fixture");
    assert_eq!(certificate.plans, 8);
    assert!(certificate.failures.is_empty(), "{:?}", certificate.failures);
    let certificate = certify(&outbox, 2, None, &|_| ()).unwrap();
    assert!(certificate.plans > 8, "the second life can crash as well");
    assert!(certificate.failures.is_empty(), "{:?}", certificate.failures);
}

/// A caller crashes in mid-call and numbers its calls anew: the old answer fits a new call.
#[test]
fn a_late_reply_settles_a_call_of_the_next_life_only_where_nothing_tells_lives_apart() {
    let certificate = certify(&fixture("late_reply.ron"), 2, None, &|_| ()).unwrap();
    let [(plan, violation)] = certificate.failures.as_slice() else {
        panic!("one failure expected: {:?}", certificate.failures);
    };
    assert_eq!(violation.property, "every refund was paid");
    let deviations: Vec<_> = plan.deviations.iter().map(ToString::to_string).collect();
    let expected =
        ["order-1  crash  buyer/0 #2  after effect 1", "order-1  successor  buyer/0 #1  yes"];
    assert_eq!(deviations, expected);
    let certificate = certify(&fixture("late_reply_hardened.ron"), 2, None, &|_| ()).unwrap();
    assert!(certificate.crash_points > 0 && certificate.failures.is_empty(), "{certificate:?}");
}

/// A registry that takes silence for death takes a service down whose heartbeats do not get through.
#[test]
fn a_partition_takes_a_service_down_unless_its_registry_doubts_itself() {
    let certificate = certify(&fixture("partition.ron"), 1, None, &|_| ()).unwrap();
    let (plan, violation) = certificate.failures.first().expect("a partition does harm");
    assert_eq!(violation.property, "the catalogue is there");
    assert_eq!(plan.deviations[0].what, "partition");
    let certificate = certify(&fixture("partition_hardened.ron"), 1, None, &|_| ()).unwrap();
    assert!(certificate.plans > 60 && certificate.failures.is_empty(), "{certificate:?}");
}

/// A registry whose clock is set ahead takes everybody for dead, unless it doubts itself.
#[test]
fn a_clock_that_is_set_takes_a_service_down_unless_its_registry_doubts_itself() {
    let certificate = certify(&fixture("clock_jump.ron"), 1, None, &|_| ()).unwrap();
    let (plan, violation) = certificate.failures.first().expect("a clock that is set does harm");
    assert_eq!(violation.property, "the catalogue is there");
    assert_eq!((&*plan.deviations[0].what, &*plan.deviations[0].answer), ("skew", "+60s"));
    assert!(certificate.failures.iter().all(|(plan, _)| plan.deviations[0].what == "skew"));
    let hardened = certify(&fixture("clock_jump_hardened.ron"), 1, None, &|_| ()).unwrap();
    assert_eq!((hardened.plans, hardened.failures.len()), (certificate.plans, 0));
}

/// Two writes with a gap, and a message that may be late: a crash in the gap fails alone.
#[test]
fn a_plan_that_contains_a_failing_one_is_not_run() {
    let text = fixture_text("dual_write.ron")
        .replace("Crash(", "Delay(odds: \"1%\", by: \"7ms\"), Crash(");
    let scenario = Scenario::parse("dual_write.ron", &text, &Kinds::new()).unwrap();
    let one = certify(&scenario, 1, None, &|_| ()).unwrap();
    let two = certify(&scenario, 2, None, &|_| ()).unwrap();
    let singles: Vec<_> = one.failures.iter().map(|(plan, _)| plan.deviations[0].clone()).collect();
    assert_eq!(singles.len(), 1, "{:?}", one.failures);
    assert_eq!(two.failures[..1], one.failures, "shorter plans come first");
    for (plan, _) in &two.failures[1..] {
        assert_eq!(plan.deviations.len(), 2);
        assert!(!plan.deviations.contains(&singles[0]), "{plan}");
    }
    // Counted by hand, from the points that each plan of one fault comes to after that fault.
    let keep = Keep { points: true, ..Keep::VERDICT };
    let calm = scenario.run_keeping(&Plan::calm(), keep).points;
    let mut plans = one.plans;
    for point in calm {
        for answer in &point.menu {
            let mut first = point.address.clone();
            first.answer.clone_from(answer);
            if first == singles[0] {
                continue;
            }
            let run = scenario.run_keeping(&Plan::calm().with_deviations(vec![first]), keep);
            let second = run
                .points
                .iter()
                .flat_map(|point| point.menu.iter().map(|answer| (&point.address, answer)));
            let fails = |address: &Deviation, answer: &String| {
                Deviation { answer: answer.clone(), ..address.clone() } == singles[0]
            };
            plans += second.filter(|(address, answer)| !fails(address, answer)).count() as u64;
        }
    }
    assert_eq!(two.plans, plans);
}

/// One worker and two orders, a millisecond apart: the second waits while the first is worked on.
fn one_worker() -> Scenario {
    let text = r#"(
        version: 1,
        nodes: {
            "press": Service(
                registered: false,
                workers: 1,
                handlers: { "print": [Work("10ms p99 30ms"), Write(table: "prints")] },
            ),
            "reader": Clients(
                arrivals: Every(period: "1ms", count: 2),
                script: [Call(to: "press", method: "print", timeout: "5s")],
            ),
        },
        faults: [Crash(odds: "1%", at: ["press"], restart: "1ms"), Lose(odds: "1%"), Fail(odds: "1%")],
        properties: [TraceIsTree(), EveryCallEnds(), Quiescence()],
    )"#;
    Scenario::parse("one_worker.ron", text, &Kinds::new()).unwrap()
}

/// The tree of one flow: what happened and which of the flow's entries it follows from.
fn tree(scenario: &Scenario, plan: &Plan, flow: &str) -> Vec<(String, Option<usize>)> {
    let run = scenario.run(plan);
    assert!(run.held(), "{:?}", run.violation);
    let entries: Vec<_> =
        run.entries().filter(|entry| run.world().flow_name(entry.flow) == flow).collect();
    let place = |seq| entries.iter().position(|entry| entry.seq == seq);
    let describe = |what: &What<Fact>| {
        if let What::Noted(Fact::Ended { failure, .. }) = what {
            // How long others take is theirs; that it took something is the flow's.
            return format!("ended {failure:?}");
        }
        let is_about_others = matches!(what, What::Noted(Fact::Queued { .. }));
        if is_about_others { String::new() } else { format!("{what:?}") }
    };
    entries
        .iter()
        .map(|entry| {
            (describe(&entry.what), place(entry.cause).filter(|_| entry.cause != entry.seq))
        })
        .filter(|(what, _)| !what.is_empty())
        .collect()
}

/// Every address that a flow comes to.
fn addresses(scenario: &Scenario, plan: &Plan, flow: &str) -> Vec<(String, String, u32)> {
    let keep = Keep { points: true, ..Keep::VERDICT };
    let points = scenario.run_keeping(plan, keep).points.into_iter();
    points
        .filter(|point| point.address.flow == flow)
        .map(|point| (point.address.site, point.address.what, point.address.count))
        .collect()
}

#[test]
fn work_that_waited_in_a_queue_is_done_in_its_own_name() {
    let scenario = one_worker();
    let both = Plan { weather: Weather::Seed { seed: 7, except: Vec::new() }, ..Plan::calm() };
    let alone = Plan { load: Some(vec!["reader/1".to_owned()]), ..both.clone() };
    let queued = scenario
        .run(&both)
        .facts()
        .any(|(_, fact)| matches!(fact, Fact::Queued { key, .. } if *key & 0xfff0_0000 == 1 << 20));
    assert!(queued, "the second order waits for the first");
    let without_notes = |tree: Vec<(String, Option<usize>)>| -> Vec<String> {
        tree.into_iter().map(|(what, _)| what).collect()
    };
    assert_eq!(
        without_notes(tree(&scenario, &both, "reader/1")),
        without_notes(tree(&scenario, &alone, "reader/1")),
    );
    assert_eq!(addresses(&scenario, &both, "reader/1"), addresses(&scenario, &alone, "reader/1"),);
    // The same work takes the same time, whoever went before.
    let work = |plan: &Plan| {
        let run = scenario.run(plan);
        let at = |wanted: fn(&Fact) -> bool| {
            run.facts()
                .filter(|(entry, _)| run.world().flow_name(entry.flow) == "reader/1")
                .find(|(_, fact)| wanted(fact))
                .map(|(entry, _)| entry.at)
        };
        let began = at(|fact| matches!(fact, Fact::Began { .. })).unwrap();
        at(|fact| matches!(fact, Fact::Finished { .. })).unwrap().since(began)
    };
    assert_eq!(work(&both), work(&alone));
}

#[test]
fn a_crash_during_somebody_elses_work_renames_nothing() {
    let scenario = one_worker();
    let points = scenario.run_keeping(&Plan::calm(), Keep { points: true, ..Keep::VERDICT }).points;
    let crash = points
        .iter()
        .find(|point| point.address.what == "crash" && point.address.flow == "reader/0")
        .unwrap();
    let mut deviation = crash.address.clone();
    // The second step of the first order ends its work while the second order waits.
    (deviation.count, deviation.answer) = (2, "before the step".to_owned());
    let crashed = Plan::calm().with_deviations(vec![deviation]);
    let run = scenario.run(&crashed);
    assert!(run.held(), "{:?}", run.violation);
    assert_eq!(run.applied.len(), 1);
    let before = addresses(&scenario, &Plan::calm(), "reader/1");
    let after = addresses(&scenario, &crashed, "reader/1");
    let met_in_both = after.iter().filter(|address| before.contains(address)).count();
    assert!(met_in_both > 0);
    // What the second order meets after the crash is less, and under the same names.
    let new: Vec<_> = after.iter().filter(|address| !before.contains(address)).collect();
    assert!(
        new.iter().all(|(site, what, _)| site.contains("reply") || what == "silence"),
        "only the answer to the lost work is new: {new:?}"
    );
}

/// What may happen to a scenario in a year, and the regression must survive.
fn edited(text: &str) -> Vec<(&'static str, String)> {
    let added = text.replace(
        "        \"shopper\": Clients(",
        "        \"audit\": Service(handlers: { \"note\": [Work(\"1ms\")] }),\n        \"shopper\": Clients(",
    );
    let renamed = text
        .replace(
            "\"payment\": Service(",
            "\"billing\": Service(\n            aliases: [\"payment\"],",
        )
        .replace("to: \"payment\"", "to: \"billing\"")
        .replace("at: [\"inventory\", \"payment\"", "at: [\"inventory\", \"billing\"");
    let drawn = text.replace("\"charge\": [Work(", "\"charge\": [Work(\"1ms p99 2ms\"), Work(");
    let start = text.find("        \"inventory\": Service(").unwrap();
    let end = text.find("        \"broker\": Broker(").unwrap();
    let middle = text.find("        \"payment\": Service(").unwrap();
    let reordered =
        [&text[..start], &text[middle..end], &text[start..middle], &text[end..]].concat();
    vec![
        ("a service more", added),
        ("a new name", renamed),
        ("another order", reordered),
        ("a draw more", drawn),
    ]
}

#[test]
fn a_failing_seed_in_the_weather_shrinks_and_survives_a_year_of_edits() {
    let scenario = fixture("order_system.ron");
    let property = "an order is charged at most once";
    let seeds: Vec<u64> = failing_seeds(&scenario, 5);
    for seed in seeds {
        let full = scenario.run_keeping(&Plan::seed(seed), Keep::VERDICT);
        let full = Plan { random_faults: false, deviations: full.applied, ..Plan::seed(seed) };
        let shrunk = shrink(&scenario, &Plan::seed(seed)).unwrap();
        assert!(shrunk.plan.deviations.len() <= 10, "{}", shrunk.plan);
        assert!(shrunk.is_one_minimal);
        assert_eq!(shrunk.load, LoadLeft::Minimal(1), "{}", shrunk.plan);
        assert_eq!(shrunk.violation.property, property);
        for (edit, text) in edited(&fixture_text("order_system.ron")) {
            assert_ne!(text, fixture_text("order_system.ron"), "{edit}");
            let edited = Scenario::parse("edited.ron", &text, &Kinds::new())
                .unwrap_or_else(|error| panic!("{edit}: {error}"));
            let fails = |plan: &Plan| {
                let run = edited.run_keeping(plan, Keep::VERDICT);
                run.violation.is_some_and(|violation| violation.property == property)
            };
            let forms = [fails(&shrunk.plan), fails(&full), fails(&Plan::seed(seed))];
            assert!(forms.contains(&true), "seed {seed} after {edit}: {forms:?}");
        }
    }
}

#[test]
fn the_remedy_survives_the_same_faults() {
    let hardened = Arc::new(fixture("order_system_hardened.ron"));
    for seed in 1..=30 {
        let run = hardened.run_keeping(&Plan::seed(seed), Keep::VERDICT);
        assert!(run.held(), "seed {seed}: {:?}", run.violation);
    }
}
