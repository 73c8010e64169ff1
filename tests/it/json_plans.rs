//! Plans as documents: what `--json` prints is taken wherever a plan is.

use serde_json::{Value, json};

use crate::cli::{file, run};

const ORDERS: &str = "fixtures/order_system.ron";
const FINDING: &str = "fixtures/regressions/charged_twice.ron";

fn document(args: &[&str]) -> Value {
    serde_json::from_str(&run(args).out).unwrap()
}

#[test]
fn the_plan_of_a_document_is_the_same_run_again() {
    for base in [&["--seed", "19"][..], &["--calm"], &["--plan", FINDING]] {
        let recorded = document(&[&["run", ORDERS, "--json"], base].concat());
        let whole = file("whole_document.json", &recorded.to_string());
        let plan = file("plan_alone.json", &format!("\u{feff}\n {:#}", recorded["plan"]));
        for path in [&whole, &plan] {
            let again = document(&["run", ORDERS, "--plan", path, "--json"]);
            assert_eq!(again, recorded, "{base:?}, {path}");
        }
    }
}

#[test]
fn every_command_that_takes_a_plan_takes_its_document() {
    let shrunk = document(&["shrink", FINDING, "--json"]);
    let plan = file("shrunk_plan.json", &shrunk["plan"].to_string());
    let explained = document(&["explain", ORDERS, "--plan", &plan, "--json"]);
    assert_eq!(explained["digest"], shrunk["digest"]);
    let parted = run(&["diff", "--scenario", ORDERS, FINDING, &plan]);
    assert_eq!(parted.status, Some(0), "the same run: {}{}", parted.out, parted.err);
    // What stays calm is part of the weather.
    let except = json!({ "seed": 3, "calm": ["latency", "work"] }).to_string();
    let except = file("plan_except.json", &except);
    let ron = r#"(weather: Seed(seed: 3, except: ["latency", "work"]))"#;
    let ron = file("plan_except.ron", ron);
    let parted = run(&["diff", "--scenario", ORDERS, &except, &ron]);
    assert_eq!(parted.status, Some(0), "the same run: {}{}", parted.out, parted.err);
}

#[test]
fn mistakes_in_a_document_have_their_places_and_remedies() {
    let deviation = r#"{ "site": "paymnt-1", "what": "crash", "flow": "shopper/1", "count": 1,
        "answer": "before the step" }"#;
    for (text, expected) in [
        (r#"{"sed": 3}"#, &["unknown field `sed`", "plan_wrong.json:1:2\n", "`run --json`"][..]),
        (r#"{"seed": "3"}"#, &["invalid type: string \"3\"", "plan_wrong.json:1:10\n"]),
        ("{\"seed\": 3", &["the text ends too early", "plan_wrong.json:1:10\n"]),
        ("{deviations: []}", &["key must be a string", "or RON like"]),
        (r#"[{"plan": {}}]"#, &["this is a list, and no plan", "take the `plan` out of one"]),
        (r#"{"plan": null, "fails": false}"#, &["invalid type: null", "plan_wrong.json:1:10\n"]),
        (r#"{"seed": 3, "calm": ["latncy"]}"#, &["nothing called `latncy`", "`latency`?"]),
        (r#"{"plan": {"load": ["shoper/1"]}}"#, &["plan_wrong.json:1:21\n", "`shopper`?"]),
        (
            &format!("{{\n  \"deviations\": [{deviation}]\n}}"),
            &["there is no node `paymnt-1`", "plan_wrong.json:2:28\n", "mean `payment-1`?"],
        ),
    ] {
        let said = run(&["run", ORDERS, "--plan", &file("plan_wrong.json", text)]);
        assert_eq!((said.status, said.out.as_str()), (Some(2), ""), "{text}");
        for part in expected {
            assert!(said.err.contains(part), "{text}, {part}: {}", said.err);
        }
    }
}

#[test]
fn a_document_is_no_scenario_and_no_finding() {
    let plan = file("kind_plan.json", r#"{"seed": 3}"#);
    let said = run(&["run", &plan]);
    assert_eq!(said.status, Some(2));
    assert!(said.err.contains("is JSON, and no scenario; scenarios are RON\n"), "{}", said.err);
    let said = run(&["replay", &plan]);
    assert_eq!(said.status, Some(2));
    assert!(said.err.contains("is JSON, and no finding; findings are RON"), "{}", said.err);
}
