//! An answer is a function of the seed and the address only, and an address bears nothing of other
//! pieces of work, of other nodes, or of the order of the file.

use std::collections::BTreeSet;

use brownout::{Deviation, Plan, Run, Scenario};

use crate::fixtures::{self, scenario, stories};
use crate::replay::recorded;

/// Two populations that share services without waiting for each other, and one that does not.
const FRONT: &str = r#""front": Service(workers: 1000, handlers: {
    "buy": [Work("1ms..9ms"), Call(to: "back", method: "pay"), Work("1ms..9ms")],
    "look": [Work("exp 3ms")],
}),"#;
const BACK: &str = r#""back": Service(workers: 1000, handlers: {
    "pay": [Work("2ms p99 20ms"), Write(table: "charges")],
}),"#;
const AUDIT: &str = r#""audit": Service(handlers: { "see": [Work("1ms..3ms")] }),"#;
const SHOPPER: &str = r#""shopper": Clients(
    arrivals: Poisson(rate: 20, during: "3s"), script: [Call(to: "front", method: "buy")],
),"#;
const VISITOR: &str = r#""visitor": Clients(
    arrivals: Every(period: "70ms", count: 40), script: [Call(to: "front", method: "look")],
),"#;
const AUDITOR: &str = r#""auditor": Clients(
    arrivals: Every(period: "90ms", count: 30), script: [Call(to: "audit", method: "see")],
),"#;

fn system(nodes: &[&str]) -> Scenario {
    let nodes = nodes.concat();
    scenario(&format!(
        r#"(
            version: 1,
            nodes: {{ {nodes} }},
            network: (latency: "exp 2ms"),
            faults: [
                Lose(odds: "1/60"),
                Duplicate(odds: "1/30"),
                Delay(odds: "1/15", by: "exp 30ms"),
                Fail(odds: "1/15"),
            ],
        )"#
    ))
}

const ALL: [&str; 6] = [FRONT, BACK, AUDIT, SHOPPER, VISITOR, AUDITOR];

/// The faults that struck, whatever their order.
fn faults(run: &Run) -> BTreeSet<String> {
    run.applied.iter().map(Deviation::to_string).collect()
}

/// What happened to the flows of one node's making.
fn stories_of(run: &Run, node: &str) -> Vec<(String, Vec<String>)> {
    let stories = stories(run).into_iter();
    stories.filter(|(flow, _)| flow.starts_with(&format!("{node}/"))).collect()
}

#[test]
fn removing_a_deviation_changes_nothing_outside_its_flow() {
    let system = system(&ALL);
    let plan = recorded(&system.run_seed(1));
    assert!(plan.deviations.len() > 20, "{plan}");
    let whole = stories(&system.run(&plan));
    for left_out in 0..plan.deviations.len() {
        let mut deviations = plan.deviations.clone();
        let flow = deviations.remove(left_out).flow;
        let mut rest = stories(&system.run(&plan.with_deviations(deviations)));
        assert_ne!(rest.remove(&flow), whole.get(&flow).cloned(), "{flow} tells of it");
        for (other, story) in &rest {
            // How often a row was written depends on who else wrote it, and nobody else does.
            assert_eq!(Some(story), whole.get(other), "{other}, without {left_out} in {flow}");
        }
        assert_eq!(rest.len() + 1, whole.len());
    }
}

#[test]
fn duplicating_a_message_changes_nothing_outside_its_flow() {
    let system = system(&ALL);
    let plan = recorded(&system.run_seed(2));
    let whole = stories(&system.run(&plan));
    for flow in ["shopper/0.1", "shopper/1.3", "visitor/7", "auditor/29"] {
        let link = if flow.starts_with("auditor") {
            "auditor>audit-1 see"
        } else {
            "visitor>front-1 look"
        };
        let link = if flow.starts_with("shopper") { "shopper>front-1 buy" } else { link };
        let mut doubled = plan.clone();
        doubled.deviations.push(Deviation {
            site: link.to_owned(),
            what: "duplicate".to_owned(),
            flow: flow.to_owned(),
            count: 1,
            answer: "yes".to_owned(),
        });
        let mut rest = stories(&system.run(&doubled));
        assert_ne!(rest.remove(flow), whole.get(flow).cloned(), "{flow} tells of it");
        for (other, story) in &rest {
            assert_eq!(Some(story), whole.get(other), "{other}, with {flow} doubled");
        }
    }
}

#[test]
fn removing_a_population_changes_nothing_for_the_others() {
    let without = system(&[FRONT, BACK, AUDIT, SHOPPER, AUDITOR]);
    for seed in 0..20 {
        let (whole, rest) = (system(&ALL).run_seed(seed), without.run_seed(seed));
        for node in ["shopper", "auditor"] {
            assert_eq!(stories_of(&rest, node), stories_of(&whole, node), "seed {seed}");
        }
        let others: BTreeSet<_> =
            faults(&whole).into_iter().filter(|fault| !fault.contains("  visitor/")).collect();
        assert_eq!(faults(&rest), others, "seed {seed}");
    }
}

#[test]
fn removing_a_node_changes_nothing_for_work_that_never_meets_it() {
    let without = system(&[FRONT, BACK, SHOPPER, VISITOR]);
    for seed in 0..20 {
        let (whole, rest) = (system(&ALL).run_seed(seed), without.run_seed(seed));
        for node in ["shopper", "visitor"] {
            assert_eq!(stories_of(&rest, node), stories_of(&whole, node), "seed {seed}");
        }
    }
}

#[test]
fn another_draw_in_a_handler_changes_no_answer_elsewhere() {
    let with_a_draw =
        FRONT.replace(r#"[Work("1ms..9ms"), "#, r#"[Sleep("exp 5ms"), Work("1ms..9ms"), "#);
    assert_ne!(with_a_draw, FRONT);
    let nodes = [with_a_draw.as_str(), BACK, AUDIT, SHOPPER, VISITOR, AUDITOR];
    for seed in 0..20 {
        let (before, after) = (system(&ALL).run_seed(seed), system(&nodes).run_seed(seed));
        assert_eq!(faults(&after), faults(&before), "seed {seed}");
        for node in ["visitor", "auditor"] {
            assert_eq!(stories_of(&after, node), stories_of(&before, node), "seed {seed}");
        }
    }
}

#[test]
fn the_order_of_the_file_changes_no_answer() {
    let mut nodes = ALL;
    for round in 0..4 {
        nodes.rotate_left(2);
        nodes.swap(0, 1 + round);
        let reordered = system(&nodes);
        for seed in 0..10 {
            let (before, after) = (system(&ALL).run_seed(seed), reordered.run_seed(seed));
            assert_eq!(stories(&after), stories(&before), "seed {seed}");
            assert_eq!(faults(&after), faults(&before), "seed {seed}");
        }
    }
}

/// The text of a scenario with its nodes in the opposite order.
fn reversed(text: &str) -> String {
    let (head, rest) = text.split_once("    nodes: {\n").unwrap();
    let (nodes, tail) = rest.split_once("\n    },\n").unwrap();
    let mut blocks: Vec<String> = Vec::new();
    for line in nodes.lines() {
        if line.starts_with("        \"") || blocks.is_empty() {
            blocks.push(String::new());
        }
        let block = blocks.last_mut().unwrap();
        block.push_str(line);
        block.push('\n');
    }
    blocks.reverse();
    format!("{head}    nodes: {{\n{}\n    }},\n{tail}", blocks.concat())
}

#[test]
fn the_order_of_a_fixture_changes_no_fault() {
    for path in fixtures::paths() {
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, after) = (scenario(&text), scenario(&reversed(&text)));
        assert_ne!(before.layout().nodes[0].name, after.layout().nodes[0].name);
        for seed in 0..5 {
            let (before, after) = (before.run_seed(seed), after.run_seed(seed));
            assert_eq!(faults(&after), faults(&before), "{}, seed {seed}", path.display());
            assert_eq!(stories(&after), stories(&before), "{}, seed {seed}", path.display());
        }
    }
}

#[test]
fn a_renamed_node_keeps_its_answers_and_its_plans() {
    let renamed: Vec<String> = ALL
        .iter()
        .map(|node| {
            node.replace(r#""back": Service("#, r#""rear": Service(aliases: ["back"], "#)
                .replace(r#"to: "back""#, r#"to: "rear""#)
                .replace(r#""shopper": Clients("#, r#""buyer": Clients(aliases: ["shopper"], "#)
        })
        .collect();
    let renamed = system(&renamed.iter().map(String::as_str).collect::<Vec<_>>());
    let translate = |text: &String| text.replace("back-1", "rear-1").replace("shopper", "buyer");
    for seed in 0..20 {
        let (before, after) = (system(&ALL).run_seed(seed), renamed.run_seed(seed));
        let expected: BTreeSet<_> = faults(&before).iter().map(translate).collect();
        assert_eq!(faults(&after), expected, "seed {seed}");
        // A plan from before the renaming means the same.
        let old = renamed.run(&recorded(&before));
        assert_eq!(old.digest, after.digest, "seed {seed}");
        assert!(old.fates.iter().all(|(_, fate)| fate.word() == "applied"), "seed {seed}");
    }
}

#[test]
fn the_plan_of_a_seed_names_every_address_once() {
    let run = scenario(include_str!("everything.ron")).run_seed(3);
    let mut addresses: Vec<_> = run
        .applied
        .iter()
        .map(|fault| (&fault.site, &fault.what, &fault.flow, fault.count))
        .collect();
    let faults = addresses.len();
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), faults, "{}", Plan::calm().with_deviations(run.applied.clone()));
}
