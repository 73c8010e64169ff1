//! A scenario, a finding and a plan are easily taken for one another; and what asks for nothing.

use crate::cli::{file, run};

const ORDERS: &str = "fixtures/order_system.ron";
const FINDING: &str = "fixtures/regressions/charged_twice.ron";

#[test]
fn the_wrong_kind_of_file_is_told_by_its_name() {
    let plan = file("kind_plan.ron", "(weather: Seed(seed: 7))");
    let plan = plan.as_str();
    let seed = "is a scenario, and no finding: add `--seed N`";
    let replay = "is a finding, and no scenario; see it again with\n  brownout replay fixtures/";
    let under = "run its scenario under it with\n  brownout run SCENARIO --plan ";
    for (args, expected) in [
        (&["replay", ORDERS][..], seed),
        (&["shrink", ORDERS], seed),
        (&["explain", ORDERS], seed),
        (&["diff", ORDERS, ORDERS], "is a scenario, and no finding: name it as `--scenario`"),
        (&["run", FINDING], replay),
        (&["certify", FINDING], replay),
        (&["check", FINDING], replay),
        (&["fuzz", FINDING], replay),
        (&["replay", FINDING, "--seed", "1"], replay),
        (&["replay", plan], under),
        (&["run", plan], under),
        (&["run", ORDERS, "--plan", ORDERS], "is a scenario, and no plan; a plan is like"),
    ] {
        let said = run(args);
        assert_eq!(said.status, Some(2), "{args:?}: {}", said.out);
        assert!(said.err.contains(expected), "{args:?}: {}", said.err);
        assert!(!said.err.contains("unknown field"), "{args:?}: {}", said.err);
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_any_file() {
    let finding = crate::fixture_text("regressions/charged_twice.ron");
    let scenario = crate::fixture_path("order_system.ron");
    let scenario = scenario.to_str().unwrap();
    let finding = finding.replace("../order_system.ron", scenario);
    let marked = |name: &str, text: &str| file(name, &format!("\u{feff}{text}"));
    let plan = marked("marked_plan.ron", "(weather: Calm)");
    assert_eq!(run(&["run", ORDERS, "--plan", &plan]).status, Some(0));
    let finding = marked("marked_finding.ron", &finding);
    let said = run(&["replay", &finding]);
    assert_eq!((said.status, said.err.as_str()), (Some(1), ""), "{}", said.out);
}

#[test]
fn weather_is_written_by_name() {
    for (text, expected) in [
        ("(weather: 3)", "write `Calm` or `Seed(seed: 3)`"),
        ("(weather: Seed(3))", "write `Seed(seed: 3)`"),
        ("(weather: Seed(17))", "write `Seed(seed: 17)`"),
        ("(weather: Seed)", "write `Seed(seed: 3)`"),
        ("(weather: Seed(..))", "write `Seed(seed: 3)`"),
    ] {
        let said = run(&["run", ORDERS, "--plan", &file("weather_plan.ron", text)]);
        assert_eq!(said.status, Some(2), "{text}");
        assert!(said.err.contains(expected), "{text}: {}", said.err);
    }
}

#[test]
fn nobody_works_with_no_worker() {
    for command in ["fuzz", "certify"] {
        let said = run(&[command, ORDERS, "--jobs", "0"]);
        assert_eq!(said.status, Some(2), "{}", said.out);
        assert!(said.err.contains("--jobs <N>"), "{}", said.err);
    }
    let save = file("nothing_found", "");
    let said = run(&["fuzz", ORDERS, "--jobs", "100000", "--runs", "2", "--save", &save]);
    assert_eq!((said.status, said.err.as_str()), (Some(0), ""));
}

#[test]
fn work_and_times_that_cannot_be_are_mistakes() {
    for (flags, expected) in [
        (&["--flow", "nobody/0"][..], "no work can be called `nobody/0`: no node is called so"),
        (&["--flow", ""], "no work can be called ``"),
        (&["--flow", "shoper/1"], "did you mean `shopper`?"),
        (&["--from", "2s", "--until", "1s"], "nothing is both from 2s on and up to 1s"),
    ] {
        let said = run(&[&["run", ORDERS, "--trace"], flags].concat());
        assert_eq!((said.status, said.out.as_str()), (Some(2), ""), "{flags:?}");
        assert!(said.err.contains(expected), "{flags:?}: {}", said.err);
    }
    for shown in ["--trace", "--sagas"] {
        let said = run(&["run", ORDERS, shown, "--flow", "shopper/999"]);
        assert_eq!(said.status, Some(0));
        assert_eq!(said.err, "note: no work called `shopper/999` began in this run\n");
    }
    for (subject, runs) in [
        (&[ORDERS, "--seed", "1"][..], "in this run"),
        (&[ORDERS, "--seed", "1", "--json"], "in this run"),
        (&[FINDING], "in this run"),
        (&[FINDING, "--json"], "in any of these runs"),
    ] {
        let sagas = ["--sagas", "--flow", "shopper/999", "--flow", "shopper/2.15"];
        let said = run(&[&["replay"], subject, &sagas].concat());
        assert!(said.out.contains("shopper/2.15"), "{subject:?}: {}", said.out);
        let expected = format!("note: no work called `shopper/999` began {runs}\n");
        assert_eq!(said.err, expected, "{subject:?}");
    }
    let said = run(&["replay", ORDERS, "--seed", "1", "--sagas", "--flow", "shoper/1"]);
    assert_eq!(said.status, Some(2), "{}", said.out);
}

#[test]
fn what_held_until_another_property_did_not_has_a_standing_of_its_own() {
    let said = run(&["run", ORDERS, "--seed", "19", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let properties = report["properties"].as_array().unwrap();
    let standings: Vec<&str> = properties.iter().filter_map(|it| it["standing"].as_str()).collect();
    assert!(standings.contains(&"violated") && standings.contains(&"so_far"), "{standings:?}");
    assert!(!standings.contains(&"held"), "{standings:?}");
    let said = run(&["run", ORDERS, "--json"]);
    assert!(said.out.contains("\"held\"") && !said.out.contains("so_far"), "{}", said.out);
}

#[test]
fn without_a_title_there_is_no_blank_line_and_one_is_one() {
    let text = r#"(
        version: 1,
        title: "",
        nodes: {
            "shop": Service(registered: false, handlers: { "buy": [Fail(Failed)] }),
            "proxy": Sidecar(upstream: "shop", max_attempts: 1),
            "client": Clients(script: [Call(to: "proxy", method: "buy", may_fail: true)]),
        },
        properties: [EveryCallEnds()],
    )"#;
    let said = run(&["run", &file("untitled.ron", text)]);
    assert!(said.out.starts_with("scenario  "), "{}", said.out);
    assert!(said.out.contains(": 1 request, 1 error (100.00%)"), "{}", said.out);
    let said = run(&["certify", &file("untitled.ron", text)]);
    assert!(said.out.contains("\neverything held after it\n"), "{}", said.out);
}
