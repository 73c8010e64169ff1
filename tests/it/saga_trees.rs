//! Sagas as a reader sees them: trees in the top-level folder `snapshots`, and what becomes of them
//! wherever their orchestrator crashes.

use std::fmt::Write as _;
use std::path::Path;

use brownout::render::{Filter, Styles, saga_trees, story};
use brownout::{Deviation, Kinds, Plan, Run, Scenario};
use serde_json::Value;

use crate::cli;

const BACK: &str = "fixtures/sagas/crash_on_the_way_back.ron";

fn text(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn scenario(text: &str) -> Scenario {
    Scenario::parse("saga.ron", text, &Kinds::new()).unwrap_or_else(|error| panic!("{error}"))
}

fn trees(run: &Run) -> String {
    saga_trees(run, &Filter::new(), Styles::PLAIN)
}

fn crash(count: u32, answer: &str) -> Plan {
    let [site, what, flow] = ["checkout", "crash", "shopper/0"].map(str::to_owned);
    let crash = Deviation { site, what, flow, count, answer: answer.to_owned() };
    Plan::calm().with_deviations(vec![crash])
}

#[test]
fn a_saga_is_a_tree() {
    let back = text(BACK);
    let refused = r#""release": [Fail(Rejected)]"#;
    let stuck = back.replace(r#""release": [Write(table: "reservations", add: Cancel)]"#, refused);
    let guide = |text: &str| text.replace("profile: hardened", "profile: guide");
    let slow = back
        .replace("Fail(Rejected)", r#"Work("1s"), Fail(Rejected)"#)
        .replace("profile: hardened,", r#"profile: hardened, step_timeout: "400ms","#);
    let between = crash(2, "before the step");
    let (calm, end) = (Plan::calm(), crash(4, "before the step"));
    let call = "Call(to: \"checkout\", method: \"run\", timeout: \"60s\")";
    let again = text("fixtures/sagas/crash.ron").replace(call, &format!("{call}, {call}"));
    let again = again.replace("faults: [", "faults: [Duplicate(odds: \"1%\"), ");
    let [site, what, flow] = ["shopper>checkout run", "duplicate", "shopper/0"].map(str::to_owned);
    let doubled = Deviation { site, what, flow, count: 1, answer: "yes".to_owned() };
    let doubled = Plan::calm().with_deviations(vec![doubled]);
    let cases = [
        ("committed", text("fixtures/sagas/crash.ron"), &calm),
        ("compensated", back.clone(), &calm),
        (
            "compensated after attempts that timed out, of which the last may have had an effect",
            slow,
            &calm,
        ),
        ("in need of intervention", stuck.clone(), &calm),
        ("a compensation that failed is called a rollback", guide(&stuck), &calm),
        (
            "nothing to undo",
            guide(
                &back
                    .replace("to: \"inventory\"", "to: \"payment\"")
                    .replace("method: \"reserve\"", "method: \"charge\"")
                    .replace("method: \"release\"", "method: \"refund\""),
            ),
            &calm,
        ),
        ("resumed after a crash", back.clone(), &between),
        ("resumed after a crash while it was undone", back.clone(), &end),
        ("asked again while it ran, and when it was over", again, &doubled),
        ("without a log", guide(&back), &between),
        (
            "cut off by the horizon",
            back.replace("version: 1,", r#"version: 1, horizon: "4ms","#),
            &calm,
        ),
    ];
    let mut all = String::new();
    for (name, text, plan) in cases {
        let run = scenario(&text).run(plan);
        writeln!(all, "{name}\n\n{}", trees(&run)).unwrap();
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("sagas.trees", all.trim_end()));
}

/// Wherever the orchestrator crashes, the saga is seen to go on and to end as it does without.
#[test]
fn a_saga_with_a_log_is_one_tree_whatever_crashes() {
    for (path, end) in [("fixtures/sagas/crash.ron", "committed"), (BACK, "compensated")] {
        let scenario = Scenario::load(path).unwrap();
        let mut resumed = 0;
        for count in 1..=4 {
            for answer in ["before the step", "after effect 1", "after effect 2", "after effect 3"]
            {
                let run = scenario.run(&crash(count, answer));
                let trees = trees(&run);
                let head = format!("saga checkout of shopper/0: {end} after ");
                let is_unseen = trees == "no saga fits\n" && count == 1;
                assert!(is_unseen || trees.starts_with(&head), "{count} {answer}: {trees}");
                assert_eq!(trees.matches("saga ").count(), 1, "{count} {answer}: {trees}");
                resumed += trees.matches(" resumed ").count();
            }
        }
        assert!(resumed >= 6, "{path}: {resumed}");
    }
}

#[test]
fn lines_fit_a_terminal_whatever_the_names() {
    let long = "a-name-of-more-than-thirty-columns";
    let text = text(BACK)
        .replace("name: \"reserve\"", &format!("name: \"{long} {long}\""))
        .replace("checkout", &format!("checkout-{long}"))
        .replace("Fail(Rejected)", "Fail(Failed)");
    let trees = trees(&scenario(&text).run_calm());
    let widest = trees.lines().map(|line| line.chars().count()).max();
    assert!(widest.is_some_and(|widest| widest <= 80), "{trees}");
    assert!(trees.contains("├─ 1 a-name-of-more-than-"), "{trees}");
    assert!(trees.contains("..  done "), "{trees}");
    assert_eq!(trees.lines().count(), 6, "{trees}");
}

#[test]
fn trees_are_coloured_by_what_became_of_a_step() {
    let run = Scenario::load(BACK).unwrap().run_calm();
    let trees = saga_trees(&run, &Filter::new(), Styles::COLOURED);
    let (good, bad) = (Styles::COLOURED.good, Styles::COLOURED.bad);
    assert!(trees.contains(&format!("{good}done       {good:#}")), "{trees}");
    assert!(trees.contains(&format!("{bad}failed     {bad:#}")), "{trees}");
    assert_eq!(self::trees(&run), anstream::adapter::strip_str(&trees).to_string());
}

/// The guide's orchestrator forgets what a crash interrupts.
fn forgotten() -> String {
    text(BACK).replace("profile: hardened", "profile: guide")
}

const FORGOTTEN: &str = "\
\nsaga checkout of shopper/0: lost in the crash at 0.005000\n\
├─ 1 reserve  done     0.003000\n\
└─ checkout   crashed  0.005000  in life 1\n";

#[test]
fn the_story_of_a_violation_ends_with_the_sagas_that_it_is_about() {
    let run = scenario(&forgotten()).run(&crash(3, "before the step"));
    let story = story(&run, Styles::PLAIN).expect("the saga never ended");
    assert_eq!(story.sagas, FORGOTTEN);
}

#[test]
fn run_shows_the_sagas_of_the_work_that_is_asked_for() {
    let orders = "fixtures/sagas/orders.ron";
    let said = cli::run(&["run", orders, "--seed", "3", "--sagas", "--flow", "shopper/1"]);
    assert_eq!(said.status, Some(0), "{}", said.err);
    let head = "saga checkout of shopper/1: committed after 619ms\n├─ 1 Reserve Inventory  done  ";
    assert!(said.out.starts_with(head), "{}", said.out);
    let trees = said.out.lines().filter(|line| line.starts_with("saga ")).count();
    assert_eq!(trees, 1, "{}", said.out);
    let all = cli::run(&["run", orders, "--seed", "3", "--sagas"]);
    assert_eq!(all.out.matches("\nsaga ").count() + 1, 7, "{}", all.out);
    let none = cli::run(&["run", orders, "--calm", "--sagas", "--flow", "shopper/999"]);
    assert!(none.out.starts_with("no saga fits\n\n"), "{}", none.out);
}

#[test]
fn sagas_come_with_the_document_when_asked_for() {
    let document = |args: &[&str]| -> Value {
        serde_json::from_str(&cli::run(args).out).expect("one document")
    };
    let report = document(&["run", BACK, "--calm", "--json", "--sagas"]);
    let expected = serde_json::json!([{
        "saga": "checkout", "key": report["sagas"][0]["key"], "flow": "shopper/0",
        "node": "checkout", "end": "compensated", "began_ns": 1_000_000, "ended_ns": 7_000_000,
        "acts": [
            {"act": "step", "step": 1, "name": "reserve", "compensation": false, "attempts": 1,
             "failure": null, "at_ns": 3_000_000},
            {"act": "step", "step": 2, "name": "charge", "compensation": false, "attempts": 1,
             "failure": "rejected", "at_ns": 5_000_000},
            {"act": "step", "step": 1, "name": "reserve", "compensation": true, "attempts": 1,
             "failure": null, "at_ns": 7_000_000},
        ],
    }]);
    assert_eq!(report["sagas"], expected);
    assert_eq!(document(&["run", BACK, "--calm", "--json"]).get("sagas"), None);
    let replay = document(&["replay", BACK, "--seed", "1", "--json", "--sagas"]);
    assert_eq!(replay["sagas"][0]["end"], "compensated");
    let none =
        document(&["replay", BACK, "--seed", "1", "--json", "--sagas", "--flow", "shopper/999"]);
    assert_eq!(none["sagas"], serde_json::json!([]));
}

#[test]
fn rows_of_a_log_are_told_in_words() {
    let trace = |args: &[&str]| -> Value {
        let shown = [&["run", BACK, "--calm", "--trace", "--kind", "write"][..], args].concat();
        serde_json::from_str(&cli::run(&shown).out).expect("one document")
    };
    let report = trace(&["--json", "--node", "checkout"]);
    let rows = report["trace"].as_array().expect("the trace was asked for");
    let texts: Vec<_> = rows.iter().map(|row| row["text"].as_str().unwrap()).collect();
    let expected = [
        "checkout.inbox: +1, now 1",
        "checkout.log: now at step 1 reserve",
        "checkout.log: now at step 2 charge",
        "checkout.log: now undoing step 1 reserve",
        "checkout.log: now compensated",
    ];
    assert_eq!(texts, expected);
    assert_eq!(rows[0].get("record"), None, "the inbox has amounts");
    let expected = serde_json::json!({
        "place": "compensating", "step": 1, "name": "reserve", "attempt": 1, "end": null,
        "failed_step": 2, "failed": "rejected", "perhaps_done": false, "unresolved": false,
    });
    assert_eq!(rows[3]["record"], expected);
    assert_eq!(rows[4]["record"]["end"], "compensated");
    assert!(rows[3]["value"].as_i64() > Some(1_000), "the number is there as well");
}

#[test]
fn replay_shows_the_sagas_of_a_finding() {
    let scenario = cli::file("forgotten.ron", &forgotten());
    let finding = cli::file(
        "forgotten_finding.ron",
        r#"(version: 1, scenario: "forgotten.ron", plan: (deviations: [
            (site: "checkout", what: "crash", flow: "shopper/0", count: 3, answer: "before the step"),
        ]))"#,
    );
    let tree = "└─ checkout   crashed  0.005000  in life 1\n";
    for args in [&["replay", &finding][..], &["replay", &finding, "--sagas"]] {
        let said = cli::run(args);
        assert_eq!(said.status, Some(1), "{}", said.err);
        assert_eq!(said.out.matches(tree).count(), 1, "{}", said.out);
    }
    let said = cli::run(&["replay", &finding, "--json", "--sagas"]);
    let report: Value = serde_json::from_str(&said.out).expect("one document");
    assert_eq!(report["forms"][0]["sagas"][0]["end"], "lost");
    let said = cli::run(&["replay", &scenario, "--seed", "1", "--sagas"]);
    assert!(said.out.contains("\n\nsaga checkout of shopper/0: "), "{}", said.out);
}

#[test]
fn the_reference_shows_trees_as_they_are() {
    let orders = "fixtures/sagas/orders.ron";
    let flows = ["--flow", "shopper/1", "--flow", "shopper/4"];
    let said = cli::run(&[&["run", orders, "--seed", "3", "--sagas"][..], &flows].concat());
    let reference = text("docs/cli.md");
    for line in said.out.lines().take_while(|line| !line.starts_with("orders are")) {
        assert!(line.is_empty() || reference.contains(&format!("\n    {line}\n")), "{line}");
    }
}
