//! Names in plans and findings: what nobody knows is a mistake, what no run comes to is told.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::{file, run};

const ORDERS: &str = "fixtures/order_system.ron";

/// One deviation, with one of its words replaced.
fn deviation(from: &str, to: &str) -> String {
    let good = r#"(deviations: [
        (site: "payment-1>checkout-sidecar charge reply", what: "lose", flow: "shopper/2.15", count: 1, answer: "yes"),
        (site: "payment-1", what: "crash", flow: "order-1 heartbeat/3", count: 1, answer: "before the step"),
    ])"#;
    assert!(from.is_empty() || good.contains(from), "{from}");
    good.replace(from, to)
}

#[test]
fn a_name_in_a_plan_that_nobody_knows_is_a_mistake_with_its_place_and_a_remedy() {
    let sidecar = "did you mean `checkout-sidecar`?";
    let number = "write where it starts and its number";
    let cases = [
        (deviation("1>checkout-", "1>chekout-"), "chekout-sidecar", sidecar),
        (deviation("\"payment-1\"", "\"paymnt-1\""), "\"paymnt-1\"", "did you mean `payment-1`?"),
        (deviation("charge reply", "chrge reply"), "chrge", "did you mean `charge`?"),
        (deviation(" charge reply", ""), "\"payment-1>checkout-sidecar\"", "add the message: `"),
        (deviation("\"lose\"", "\"loose\""), "\"loose\"", "did you mean `lose`?"),
        (deviation("\"crash\"", "\"lose\""), "\"lose\"", "known are `crash`, "),
        (deviation("shopper/2.15", "shoper/2.15"), "shoper", "did you mean `shopper`?"),
        (deviation("shopper/2.15", "shopper"), "\"shopper\"", number),
        (deviation("1 heartbeat", "1 hartbeat"), "hartbeat", "did you mean `heartbeat`?"),
        (deviation("1 heartbeat/3", "1/3"), "\"order-1/3\"", "known are `shopper`"),
        (deviation("5\", count: 1", "5\", count: 0"), "0, answer", "write 1 for the first time"),
        (
            "(load: [\"shopper/2.15\", \"shoper/1\"])".to_owned(),
            "shoper",
            "did you mean `shopper`?",
        ),
        ("(load: [\"order-1 heartbeat/3\"])".to_owned(), "\"order", "name arrivals of clients"),
        (deviation("\"yes\"", "\"maybe\""), "\"maybe\"", "write `yes`"),
        (deviation("before the", "behind the"), "\"behind", "write `before the step`"),
        ("(load: [\"shopper/3000.1\"])".to_owned(), "\"shopper/3000", "`59` the last slot"),
        ("(load: [\"shopper/3\"])".to_owned(), "\"shopper/3", "the first one is `shopper/0.1`"),
        (
            "(weather: Seed(seed: 1, except: [\"werk\"]))".to_owned(),
            "\"werk\"",
            "did you mean `work`?",
        ),
    ];
    for (plan, offending, help) in cases {
        let before = &plan[..plan.rfind(offending).unwrap()];
        let line = before.lines().count();
        let column = before.lines().last().unwrap().len() + 1;
        let path = file("unknown_name.ron", &plan);
        let said = run(&["run", ORDERS, "--plan", &path]);
        assert_eq!((said.status, said.out.as_str()), (Some(2), ""), "{plan}: {}", said.err);
        assert!(
            said.err.contains(&format!("{path}:{line}:{column}\n")),
            "{offending}: {}",
            said.err
        );
        assert!(said.err.contains(help), "{offending}: {}", said.err);
    }
}

/// What is said of a plan for the order system with these answers to one decision.
fn refusal(name: &str, answers: [(&str, &str); 2]) -> (Option<i32>, String, String) {
    let [first, second] = answers.map(|(site, answer)| {
        format!(
            r#"(site: "{site}", what: "crash", flow: "shopper/2.15", count: 1, answer: "{answer}")"#
        )
    });
    let path = file(name, &format!("(deviations: [\n  {first},\n  {second},\n])"));
    let said = run(&["run", ORDERS, "--plan", &path]);
    (said.status, said.err, path)
}

#[test]
fn a_decision_with_two_answers_is_a_mistake() {
    let answers = [("payment-1", "before the step"), ("payment-1", "after effect 1")];
    let (status, err, path) = refusal("two_answers.ron", answers);
    assert_eq!(status, Some(2), "{err}");
    let message = "error: one decision has two answers, `before the step` and `after effect 1`\n";
    assert!(err.starts_with(message), "{err}");
    assert!(err.contains(&format!("{path}:3:78\n")), "{err}");
    assert!(err.contains("^ `before the step` stands in line 2, column 78\n"), "{err}");
    assert!(err.contains("help: leave one of the two out"), "{err}");
}

#[test]
fn a_deviation_that_is_there_twice_is_a_mistake() {
    let (status, err, path) = refusal("twice.ron", [("payment-1", "before the step"); 2]);
    assert_eq!(status, Some(2), "{err}");
    let message = "error: this decision has the answer `before the step` already\n";
    assert!(err.starts_with(message), "{err}");
    assert!(err.contains(&format!("{path}:3:78\n")), "{err}");
}

#[test]
fn a_former_name_is_no_other_address() {
    let scenario = r#"(
        version: 1,
        nodes: {
            "pay": Service(aliases: ["till"], registered: false, handlers: { "charge": [] }),
            "shopper": Clients(script: [Call(to: "pay", method: "charge")]),
        },
    )"#;
    let plan = r#"(deviations: [
        (site: "pay-1", what: "crash", flow: "shopper/0", count: 1, answer: "before the step"),
        (site: "till-1", what: "crash", flow: "shopper/0", count: 1, answer: "after effect 1"),
    ])"#;
    let (scenario, plan) = (file("renamed.ron", scenario), file("both_names.ron", plan));
    let said = run(&["run", &scenario, "--plan", &plan]);
    assert_eq!(said.status, Some(2), "{}", said.out);
    assert!(said.err.starts_with("error: one decision has two answers"), "{}", said.err);
}

#[test]
fn the_outside_world_does_not_break_in_a_plan_either() {
    let faults = [("skew", "+5s"), ("drift", "1m"), ("crash", "before the step"), ("tie", "x")];
    for (what, answer) in faults {
        let plan = format!(
            r#"(deviations: [
                (site: "shopper", what: "{what}", flow: "shopper/2.15", count: 1, answer: "{answer}"),
            ])"#
        );
        let said = run(&["run", ORDERS, "--plan", &file("clients_break.ron", &plan)]);
        assert_eq!(said.status, Some(2), "{what}: {}", said.out);
        let message = "error: `shopper` stands for the outside world, which does not break\n";
        assert!(said.err.starts_with(message), "{what}: {}", said.err);
        assert!(said.err.contains("clients_break.ron:2:"), "{what}: {}", said.err);
    }
    let plan = r#"(deviations: [
        (site: "shopper", what: "arrivals", flow: "shopper slot/2", count: 1, answer: "3"),
    ])"#;
    let said = run(&["run", ORDERS, "--plan", &file("clients_arrive.ron", plan)]);
    assert_eq!((said.status, said.err.as_str()), (Some(0), ""), "{}", said.out);
}

#[test]
fn an_answer_that_is_not_possible_is_told_with_those_that_are() {
    let reply = "payment-1>checkout-sidecar charge reply";
    let cases = [
        (reply, "latency", "late", "a span other than `"),
        ("payment-1", "fail", "badly", "`failed`"),
        ("payment-1", "crash", "after effect 9", "`before the step` or `after no effect`"),
    ];
    for (site, what, answer, possible) in cases {
        let plan = format!(
            r#"(deviations: [
                (site: "{site}", what: "{what}", flow: "shopper/2.15", count: 1, answer: "{answer}"),
            ])"#
        );
        let path = file("impossible.ron", &plan);
        let said = run(&["run", ORDERS, "--plan", &path]);
        assert!(said.out.contains("unused    1 inapplicable"), "{what}: {}", said.out);
        let words = format!("\n      possible there: {possible}");
        assert!(said.out.contains(&words), "{what}: {}", said.out);
        let json = run(&["run", ORDERS, "--plan", &path, "--json"]);
        let possible = format!("\"possible\":\"{possible}");
        assert!(json.out.contains(&possible), "{what}: {}", json.out);
    }
}

/// What no run could ever take is a mistake, wherever it is asked.
#[test]
fn an_answer_that_is_possible_nowhere_is_refused() {
    let reply = "payment-1>checkout-sidecar charge reply";
    for (site, what, answer, help) in [
        (reply, "lose", "maybe", "write `yes`"),
        (reply, "lose", "no", "write `yes`"),
        (reply, "delay", "0s", "write a span longer than `0s`, like `1s`"),
        ("payment-1", "skew", "5s", "write a span behind `+` or `-`, like `+5s`"),
        ("payment-1", "crash", "soon", "write `before the step`, `after no effect`, or `after "),
    ] {
        let plan = format!(
            r#"(deviations: [
                (site: "{site}", what: "{what}", flow: "shopper/2.15", count: 1, answer: "{answer}"),
            ])"#
        );
        let said = run(&["run", ORDERS, "--plan", &file("nowhere.ron", &plan)]);
        assert_eq!((said.status, said.out.as_str()), (Some(2), ""), "{what}: {}", said.err);
        let message = format!("error: `{answer}` is no answer to `{what}`\n");
        assert!(said.err.starts_with(&message), "{what}: {}", said.err);
        assert!(said.err.contains(&format!("= help: {help}")), "{what}: {}", said.err);
    }
}

#[test]
fn every_unknown_name_of_a_plan_is_reported_at_once() {
    let plan = deviation("\"lose\"", "\"loose\"").replace("\"payment-1\"", "\"paymnt-1\"");
    let said = run(&["run", ORDERS, "--plan", &file("unknown_twice.ron", &plan)]);
    assert_eq!(said.status, Some(2), "{}", said.out);
    assert_eq!(said.err.matches("error: ").count(), 2, "{}", said.err);
}

#[test]
fn what_is_known_and_not_reached_is_told_and_is_no_mistake() {
    let plan = deviation("shopper/2.15", "shopper/2.1500");
    let plan = plan.replacen('(', "(load: [\"shopper/2.15\", \"shopper/2.999\"], ", 1);
    let said = run(&["run", ORDERS, "--plan", &file("unreached.ron", &plan)]);
    assert_eq!((said.status, said.err.as_str()), (Some(0), ""), "{}", said.out);
    assert!(said.out.contains("unused    2 unreached: the run never came there\n"), "{}", said.out);
    let absent =
        "unused    1 piece of load unreached: it never arrived in this run\n    shopper/2.999\n";
    assert!(said.out.contains(absent), "{}", said.out);
}

#[test]
fn a_finding_whose_names_are_gone_does_not_pass() {
    let orders = Path::new(env!("CARGO_MANIFEST_DIR")).join(ORDERS);
    let good = fs::read_to_string("fixtures/regressions/charged_twice.ron").unwrap();
    let good = good.replace("\"../order_system.ron\"", &format!("{:?}", orders.to_str().unwrap()));
    let minimal = good.replacen("payment-1>", "billing-1>", 1);
    let (head, full) = good.split_once("    full: (").unwrap();
    let full = format!("{head}    full: ({}", full.replacen("shopper", "buyer", 1));
    for (name, finding) in [("minimal", minimal), ("full", full)] {
        assert_ne!(finding, good, "{name}");
        let path = file(&format!("gone_{name}.ron"), &finding);
        for command in ["replay", "shrink"] {
            let said = run(&[command, &path]);
            assert_eq!((said.status, said.out.as_str()), (Some(2), ""), "{name}: {}", said.err);
            assert!(said.err.starts_with("error: there is no node `b"), "{name}: {}", said.err);
        }
    }
}

/// The files in a folder and those below it.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| if path.is_dir() { sources(&path) } else { vec![path] };
    entries.flat_map(below).collect()
}

#[test]
fn every_purpose_of_a_stock_machine_is_known_to_plans() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let machines = root.join("models/src/machine");
    if !machines.exists() {
        return;
    }
    let known = fs::read_to_string(root.join("src/scenario/plan_names.rs")).unwrap();
    let mut met = 0;
    for path in sources(&machines) {
        let text = fs::read_to_string(path).unwrap();
        for rest in text.split("= Purpose(\"").skip(1) {
            let purpose = rest.split('"').next().unwrap();
            met += usize::from(!purpose.is_empty());
            let is_known = purpose.is_empty() || known.contains(&format!("\"{purpose}\""));
            assert!(is_known, "plan_names.rs does not know `{purpose}`");
        }
    }
    assert!(met >= 8, "only {met} purposes were found");
}
