//! API compositions over real services: what is missing, why, and how long it takes to know.

use brownout::models::Fact;
use brownout::models::contract::Failure;
use brownout::{Run, Scenario};

use crate::fixtures::scenario;

/// Three services, of which these answer after so long or not at all, and options of the composition.
fn details(options: &str, handlers: [&str; 3]) -> Scenario {
    let [user, product, payment] = handlers;
    scenario(&format!(
        "(version: 1, nodes: {{
            \"details\": Composition({options}, parts: [
                (name: \"user\", to: \"users\", method: \"get\"),
                (name: \"product\", to: \"products\", method: \"get\"),
                (name: \"payment\", to: \"payments\", method: \"get\", need: Optional),
            ]),
            \"users\": Service(handlers: {{ \"get\": [{user}] }}),
            \"products\": Service(handlers: {{ \"get\": [{product}] }}),
            \"payments\": Service(handlers: {{ \"get\": [{payment}] }}),
            \"client\": Clients(script: [Call(to: \"details\", method: \"order\")]),
        }})"
    ))
}

/// Whether it was composed, of how many parts; what is missing and why; and how long it took.
fn outcome(run: &Run) -> (bool, u32, Vec<(String, Option<Failure>)>, String) {
    let names = &run.world().layout().names;
    let (mut composed, mut missing, mut took) = (None, Vec::new(), String::new());
    for (_, fact) in run.facts() {
        if let Fact::PartMissing { part, failure, .. } = fact {
            missing.push((names.text(*part).to_owned(), *failure));
        } else if let Fact::Composed { parts, missing, ok, .. } = fact {
            composed = Some((*ok, parts - missing));
        } else if let Fact::Ended { latency, .. } = fact {
            took = latency.to_string();
        }
    }
    let (ok, came) = composed.expect("every composition ends");
    (ok, came, missing, took)
}

fn lacks(part: &str, why: Option<Failure>) -> (String, Option<Failure>) {
    (part.to_owned(), why)
}

const GUIDE: &str = "profile: guide";
const HARDENED: &str = "profile: hardened";

#[test]
fn parts_that_all_come_make_an_answer_as_slow_as_the_slowest() {
    for options in [GUIDE, HARDENED] {
        let run =
            details(options, ["Work(\"5ms\")", "Work(\"30ms\")", "Work(\"10ms\")"]).run_calm();
        assert_eq!(outcome(&run), (true, 3, vec![], "30ms".to_owned()), "{options}");
    }
}

#[test]
fn an_optional_part_is_missed_and_a_required_one_is_not() {
    let run = details(HARDENED, ["Work(\"5ms\")", "Work(\"5ms\")", "Fail(Failed)"]).run_calm();
    let missing = vec![lacks("payment", Some(Failure::Failed))];
    assert_eq!(outcome(&run), (true, 2, missing, "5ms".to_owned()));
    let run = details(HARDENED, ["Work(\"5ms\")", "Fail(Failed)", "Work(\"5ms\")"]).run_calm();
    let missing =
        vec![lacks("user", None), lacks("product", Some(Failure::Failed)), lacks("payment", None)];
    assert_eq!(
        outcome(&run),
        (false, 0, missing, "0s".to_owned()),
        "and nobody waits for the rest"
    );
}

#[test]
fn the_guide_waits_for_everything_when_it_is_lost() {
    let run = details(GUIDE, ["Work(\"9s\")", "Fail(Failed)", "Work(\"5ms\")"]).run_calm();
    let missing = vec![lacks("product", Some(Failure::Failed))];
    assert_eq!(outcome(&run), (false, 2, missing, "9s".to_owned()));
}

#[test]
fn a_deadline_ends_what_is_slow() {
    let options = "profile: hardened, deadline: \"1s\"";
    let run = details(options, ["Work(\"5ms\")", "Work(\"5ms\")", "Work(\"9s\")"]).run_calm();
    let missing = vec![lacks("payment", Some(Failure::TimedOut))];
    assert_eq!(outcome(&run), (true, 2, missing, "1s".to_owned()));
    let run = details(options, ["Work(\"9s\")", "Work(\"5ms\")", "Work(\"5ms\")"]).run_calm();
    let (ok, _, missing, took) = outcome(&run);
    assert_eq!((ok, took.as_str()), (false, "1s"));
    assert_eq!(missing, [lacks("user", Some(Failure::TimedOut))]);
}

#[test]
fn a_slow_answer_is_asked_for_again() {
    let text = "(version: 1, nodes: {
        \"registry\": Registry(),
        \"details\": Composition(
            profile: hardened, hedging_delay: \"50ms\",
            parts: [(name: \"user\", to: \"users\", method: \"get\")],
        ),
        \"users\": Service(instances: 2, handlers: { \"get\": [Work(\"10ms\")] }),
        \"client\": Clients(
            arrivals: Every(period: \"1s\", count: 1),
            script: [Sleep(\"100ms\"), Call(to: \"details\", method: \"order\")],
        ),
    },
    faults: [Lose(odds: \"1%\")])";
    let scenario = scenario(text);
    let calm = scenario.run_calm();
    assert!(outcome(&calm).0);
    let plan = brownout::Plan { deviations: vec![lost_call(&scenario)], ..brownout::Plan::calm() };
    let run = scenario.run(&plan);
    assert_eq!(run.applied.len(), 1, "{:?}", run.fates);
    let (ok, came, _, took) = outcome(&run);
    assert_eq!((ok, came), (true, 1), "the second call found the other instance");
    assert_eq!(took, "160ms", "100 asleep, 50 until the second call, and 10 of work");
}

/// The loss of the first call that the composition makes of a service.
fn lost_call(scenario: &Scenario) -> brownout::Deviation {
    let keep = brownout::Keep { points: true, ..brownout::Keep::VERDICT };
    let run = scenario.run_keeping(&brownout::Plan::calm(), keep);
    let point = run.points.iter().find(|point| {
        point.address.site.starts_with("details>users-1") && point.address.what == "lose"
    });
    let point = point.expect("the composition calls the first instance");
    let mut lost = point.address.clone();
    lost.answer.clone_from(&point.menu[0]);
    lost
}
