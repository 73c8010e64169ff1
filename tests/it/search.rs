//! The commands that search, as processes: what they find, save, replay and certify.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::{Said, file, run};

const ORDERS: &str = "fixtures/order_system.ron";
const HARDENED: &str = "fixtures/order_system_hardened.ron";
const CHARGED_TWICE: &str = "fixtures/regressions/charged_twice.ron";
const TWICE: &str = "an order is charged at most once";
const LOST_REPLY: &str = "payment-1>checkout-sidecar charge reply";

/// An empty folder of this test, below the one that Cargo gives to tests.
pub(crate) fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        fs::remove_dir_all(&path).unwrap();
    }
    fs::create_dir_all(&path).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn json(said: &Said) -> Value {
    let document: Value = serde_json::from_str(&said.out).unwrap();
    let first = document.get(0).unwrap_or(&document);
    assert_eq!(first["format"], 1, "{}", said.out);
    document
}

/// The fields of an object that a document must have, and no others.
fn has_fields(object: &Value, expected: &[&str]) {
    let found: Vec<&String> = object.as_object().unwrap().keys().collect();
    assert_eq!(found, expected);
}

/// The committed finding, with a scenario that can be found from anywhere.
fn charged_twice(scenario: &str) -> String {
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join(scenario);
    let finding = fs::read_to_string(CHARGED_TWICE).unwrap();
    let written = "\"../order_system.ron\"";
    assert!(finding.contains(written), "{finding}");
    finding.replace(written, &format!("{:?}", text(&scenario)))
}

#[test]
fn a_campaign_says_and_saves_the_same_with_any_number_of_workers() {
    let saved = folder("workers");
    let campaign = |jobs: &str| {
        let args = ["fuzz", ORDERS, "--runs", "64", "--jobs", jobs, "--save", text(&saved)];
        let said = run(&args);
        assert_eq!((said.status, said.err.as_str()), (Some(1), ""));
        let mut files: Vec<PathBuf> =
            fs::read_dir(&saved).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert_eq!(files, [saved.join("order_system-an_order_is_charged_at_most_once.ron")]);
        let finding = fs::read_to_string(&files[0]).unwrap();
        fs::remove_file(&files[0]).unwrap();
        (said.out, finding)
    };
    let (alone, together) = (campaign("1"), campaign("2"));
    assert_eq!(alone, together);
    let (said, finding) = alone;
    assert!(said.contains("\nVIOLATED  an order is charged at most once\n"), "{said}");
    assert!(said.contains(", 1 matters, with 1 piece of load; none can be\nmissed ("), "{said}");
    assert!(said.contains(&format!("\n    {LOST_REPLY}  lose  shopper/2.15 #1  yes\n")), "{said}");
    assert!(finding.contains("fixtures/order_system.ron\",\n"), "{finding}");
    assert!(!finding.contains(env!("CARGO_MANIFEST_DIR")), "it moves with the repository");
}

#[test]
fn the_committed_finding_is_the_one_that_a_campaign_saves() {
    let saved = folder("committed");
    let said = run(&["fuzz", ORDERS, "--runs", "64", "--save", text(&saved)]);
    assert_eq!(said.status, Some(1), "{}", said.err);
    let found = saved.join("order_system-an_order_is_charged_at_most_once.ron");
    let without_path = |path: &Path| -> Vec<String> {
        let finding = fs::read_to_string(path).unwrap();
        let lines = finding.lines().filter(|line| !line.starts_with("    scenario: "));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(without_path(&found), without_path(Path::new(CHARGED_TWICE)));
}

#[test]
fn a_finding_fails_again_in_all_its_forms() {
    let said = run(&["replay", CHARGED_TWICE]);
    assert_eq!((said.status, said.err.as_str()), (Some(1), ""));
    let of = |form: &str| said.out.lines().find(|line| line.starts_with(form)).unwrap();
    for form in ["minimal plan", "full plan", "seed"] {
        assert!(of(form).contains("  fails  digest "), "{}", said.out);
    }
    assert!(of("minimal plan").ends_with(", byte-identical to the recorded run"), "{}", said.out);
    assert!(said.out.contains("\n> "), "the violation is not marked: {}", said.out);
    assert!(said.out.contains("This bug is there on purpose"), "{}", said.out);
}

#[test]
fn a_plan_is_followed_from_a_finding() {
    let said = run(&["run", ORDERS, "--plan", CHARGED_TWICE]);
    assert_eq!(said.status, Some(1), "{}", said.err);
    assert!(said.out.contains("calm weather, load shopper/2.15, 1 deviation"), "{}", said.out);
    let recorded = brownout::search::Regression::load(CHARGED_TWICE).unwrap().digest.unwrap();
    assert!(said.out.contains(&format!("digest    {recorded}\n")), "{}", said.out);
}

#[test]
fn a_finding_passes_where_the_bug_is_fixed() {
    let finding = file("fixed.ron", &charged_twice(HARDENED));
    let said = run(&["replay", &finding]);
    assert_eq!((said.status, said.err.as_str()), (Some(0), ""));
    for form in ["minimal plan  holds", "full plan     holds", "seed          holds"] {
        assert!(said.out.contains(form), "{}", said.out);
    }
    assert!(said.out.contains(", not the run that was recorded"), "{}", said.out);
    let said = run(&["shrink", &finding]);
    assert_eq!(said.status, Some(0), "{}", said.err);
    assert_eq!(said.out, "everything held: there is nothing to shrink\n");
}

#[test]
fn a_replay_says_which_deviations_no_longer_apply() {
    let moved = charged_twice(HARDENED).replace("shopper/2.15", "shopper/2.1500");
    let absurd = charged_twice(HARDENED).replace("what: \"lose\"", "what: \"latency\"");
    for (finding, fate, what) in
        [(moved, "1 unreached:", "lose"), (absurd, "1 inapplicable:", "latency")]
    {
        let said = run(&["replay", &file("no_longer.ron", &finding)]);
        assert_eq!(said.status, Some(0), "{}", said.err);
        assert!(said.out.contains(fate), "{fate} {}", said.out);
        assert!(said.out.contains(&format!("      {LOST_REPLY}  {what}  ")), "{}", said.out);
    }
}

#[test]
fn a_seed_is_replayed_and_shrunk_without_a_file() {
    let said = run(&["replay", ORDERS, "--seed", "19"]);
    assert_eq!(said.status, Some(1), "{}", said.err);
    assert!(said.out.contains("byte-identical, twice\nan order is charged"), "{}", said.out);
    let said = run(&["replay", HARDENED, "--seed", "19"]);
    assert_eq!(said.status, Some(0), "{}", said.err);
    assert!(said.out.ends_with("byte-identical, twice\neverything held\n"), "{}", said.out);

    let said = run(&["shrink", ORDERS, "--seed", "27"]);
    assert_eq!(said.status, Some(1), "{}", said.err);
    assert!(said.out.contains(&format!("\n    {LOST_REPLY}  lose  ")), "{}", said.out);
    assert!(
        said.out.contains("\n1 fault and 1 piece of load are left; none can be missed\n"),
        "{}",
        said.out
    );
    assert_eq!(run(&["shrink", HARDENED, "--seed", "27"]).status, Some(0));
}

#[test]
fn the_remedy_holds_in_a_campaign() {
    let saved = folder("remedy").join("never");
    let said = run(&["fuzz", HARDENED, "--runs", "8", "--save", text(&saved)]);
    assert_eq!((said.status, said.err.as_str()), (Some(0), ""));
    assert!(said.out.ends_with("steps\neverything held\n"), "{}", said.out);
    assert!(!saved.exists(), "nothing was found, and there is nothing to save");
}

#[test]
fn what_is_never_reached_fails_a_campaign_and_does_not_hold() {
    let scenario = r#"(version: 1, title: "nobody waits so long",
        nodes: {
            "shop": Service(handlers: { "buy": [Work("50ms")] }),
            "client": Clients(script: [Call(to: "shop", method: "buy", timeout: "1ms")]),
        },
        properties: [SometimesSucceeds(name: "somebody buys")],
    )"#;
    let said = run(&["fuzz", &file("never.ron", scenario), "--runs", "1"]);
    assert_eq!(said.status, Some(1), "{} {}", said.out, said.err);
    assert!(said.out.contains("\n1 run, 0 failed, "), "{}", said.out);
    assert!(said.out.ends_with("never reached: somebody buys\n"), "{}", said.out);
}

#[test]
fn one_moment_of_five_loses_the_event_and_none_of_seven_with_an_outbox() {
    let said = run(&["certify", "fixtures/dual_write.ron"]);
    assert_eq!((said.status, said.err.as_str()), (Some(1), ""));
    assert!(said.out.contains("\nmoments to crash: 5\n6 plans of at most 1 fault"), "{}", said.out);
    assert!(said.out.contains("\n1 of them violates something:\n"), "{}", said.out);
    let said = run(&["certify", "fixtures/outbox.ron", "--jobs", "2"]);
    assert_eq!((said.status, said.err.as_str()), (Some(0), ""));
    assert!(said.out.contains("\nmoments to crash: 7\n8 plans of at most 1 fault"), "{}", said.out);
    assert!(said.out.ends_with("everything held after every one of them\n"), "{}", said.out);
}

#[test]
fn documents_have_the_fields_that_the_reference_names() {
    let plan = ["calm", "deviations", "load", "random_faults", "seed"];

    let saved = folder("documents");
    let fuzz = json(&run(&["fuzz", ORDERS, "--runs", "32", "--json", "--save", text(&saved)]));
    has_fields(
        &fuzz[0],
        &[
            "failed",
            "findings",
            "format",
            "planted",
            "runs",
            "scenario",
            "steps",
            "title",
            "toothless",
            "unreached",
        ],
    );
    let finding = &fuzz[0]["findings"][0];
    has_fields(
        finding,
        &[
            "digest",
            "failed",
            "full",
            "gave_up",
            "load_minimal",
            "message",
            "one_minimal",
            "plan",
            "property",
            "saved",
            "seed",
            "shrink_runs",
        ],
    );
    has_fields(&finding["plan"], &plan);
    assert_eq!(finding["property"], TWICE);

    let replay = json(&run(&["replay", CHARGED_TWICE, "--json"]));
    has_fields(&replay, &["fails", "format", "forms", "property", "scenario"]);
    let forms = replay["forms"].as_array().unwrap();
    let words: Vec<&Value> = forms.iter().map(|form| &form["form"]).collect();
    assert_eq!(words, ["minimal plan", "full plan", "seed"]);
    has_fields(&forms[0], &["digest", "fails", "form", "identical", "message", "plan"]);
    assert_eq!(forms[0]["identical"], true);
    assert_eq!(forms[0]["plan"]["deviations"][0]["fate"], "applied");

    let seed = json(&run(&["replay", ORDERS, "--seed", "19", "--json"]));
    let fields =
        ["digest", "fails", "format", "identical", "message", "property", "scenario", "seed"];
    has_fields(&seed, &fields);

    let fields = [
        "digest",
        "fails",
        "format",
        "gave_up",
        "load_minimal",
        "message",
        "one_minimal",
        "plan",
        "property",
        "runs",
        "scenario",
    ];
    let shrunk = json(&run(&["shrink", CHARGED_TWICE, "--json"]));
    has_fields(&shrunk, &fields);
    has_fields(&shrunk["plan"], &plan);
    let nothing = json(&run(&["shrink", "fixtures/outbox.ron", "--seed", "1", "--json"]));
    has_fields(&nothing, &fields);
    assert_eq!((&nothing["fails"], &nothing["plan"]), (&Value::Bool(false), &Value::Null));

    let certificate = json(&run(&["certify", "fixtures/dual_write.ron", "--json"]));
    has_fields(
        &certificate,
        &[
            "crash_points",
            "failures",
            "faults",
            "format",
            "left_out",
            "plans",
            "planted",
            "points",
            "scenario",
            "title",
        ],
    );
    assert_eq!((&certificate["crash_points"], &certificate["plans"]), (&5.into(), &6.into()));
    let [failure] = certificate["failures"].as_array().unwrap().as_slice() else {
        panic!("{certificate}")
    };
    has_fields(failure, &["message", "plan", "property"]);
    assert_eq!(failure["plan"]["deviations"][0]["answer"], "after effect 1");
}

#[test]
fn a_wrong_finding_is_refused_with_its_place_and_a_remedy() {
    let good = charged_twice(ORDERS);
    let minimal = good.find("    plan: (").unwrap()..good.find("    full: (").unwrap();
    let without_plan = good.replace(&good[minimal], "");
    let cases = [
        ("unknown_field", good.replace("    seed:", "    sed:"), 6, 5, "did you mean `seed`?"),
        ("version", good.replace("version: 1", "version: 2"), 2, 14, "write `1`"),
        ("no_plan", without_plan, 1, 1, "plan"),
        (
            "no_scenario",
            good.replace("order_system.ron\"", "no_such.ron\""),
            3,
            15,
            "relative to the folder of this file",
        ),
        (
            "property",
            good.replace("charged at most", "charge at most"),
            4,
            15,
            "did you mean `an order is charged at most once`?",
        ),
        ("deviation", good.replacen("flow:", "flw:", 1), 10, 77, "did you mean `flow`?"),
    ];
    for (name, finding, line, column, help) in cases {
        assert_ne!(finding, good, "{name}");
        let path = file(&format!("wrong_{name}.ron"), &finding);
        let said = run(&["replay", &path]);
        assert_eq!((said.status, said.out.as_str()), (Some(2), ""), "{name}");
        assert!(said.err.starts_with("error: "), "{name}: {}", said.err);
        assert!(said.err.contains(&format!("{path}:{line}:{column}\n")), "{name}: {}", said.err);
        let (_, remedy) = said.err.split_once("= help: ").unwrap_or_else(|| panic!("{}", said.err));
        assert!(remedy.contains(help), "{name}: {}", said.err);
    }
}

#[test]
fn what_cannot_be_searched_ends_with_2_on_stderr_alone() {
    let cases: [(&[&str], &str); 9] = [
        (&["fuzz", "no_such.ron"], "cannot read `no_such.ron`"),
        (&["fuzz"], "required"),
        (&["fuzz", ORDERS, "--runs", "0"], "invalid value '0'"),
        (&["fuzz", ORDERS, "--runs", "5", "--for", "1s"], "cannot be used with"),
        (&["fuzz", ORDERS, "--for", "5"], "is not a span of time"),
        (&["replay", "no_such.ron"], "cannot read `no_such.ron`"),
        (&["replay", ORDERS], "is a scenario"),
        (&["certify", ORDERS, "--load", "shoper/0.1"], "did you mean `shopper/0.1`?"),
        (&["shrink", ORDERS, "--seed", "x"], "invalid value 'x'"),
    ];
    for (args, expected) in cases {
        let said = run(args);
        assert_eq!((said.status, said.out.as_str()), (Some(2), ""), "{args:?}: {}", said.err);
        assert!(said.err.starts_with("error: "), "{args:?}: {}", said.err);
        assert!(said.err.contains(expected), "{args:?}: {}", said.err);
    }
}

#[test]
fn results_fit_a_terminal() {
    let saved = folder("wide");
    let cases: [&[&str]; 4] = [
        &["fuzz", ORDERS, "--runs", "32", "--save", text(&saved)],
        &["replay", CHARGED_TWICE],
        &["shrink", CHARGED_TWICE],
        &["certify", "fixtures/dual_write.ron"],
    ];
    for args in cases {
        let said = run(args);
        // A command that is proposed is one line, however long.
        let lines = said.out.lines().filter(|line| !line.starts_with("  brownout "));
        let widest = lines.map(|line| line.chars().count()).max().unwrap_or(0);
        assert!(widest <= 80, "{args:?}: a line of {widest} columns\n{}", said.out);
    }
}
