//! What a person reads when a scenario is wrong: one small file for each claim.

use std::fs;
use std::path::{Path, PathBuf};

use brownout::scenario::{Scenario, ScenarioError};
use brownout::system::Kinds;

/// The scenarios of a folder, by stem, in alphabetical order.
pub(crate) fn scenarios(folder: &str) -> Vec<(String, String)> {
    let folder = root().join(folder);
    let entries = fs::read_dir(&folder).expect("the folder is part of the repository");
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "ron"));
    files.sort();
    let read = |file: &PathBuf| {
        let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let text = fs::read_to_string(file).expect("scenarios can be read");
        (stem.unwrap_or_default(), text)
    };
    files.iter().map(read).collect()
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_rejected_scenario_is_refused_in_words_that_help() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("snapshots/rejected"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _settings = settings.bind_to_scope();
    let scenarios = scenarios("fixtures/rejected");
    assert!(scenarios.len() >= 32, "{} scenarios are too few", scenarios.len());
    let mut poor = Vec::new();
    for (stem, text) in scenarios {
        let name = format!("rejected/{stem}.ron");
        let Err(error) = Scenario::parse(&name, &text, &Kinds::new()) else {
            panic!("{name} is accepted")
        };
        let ScenarioError::Wrong { source, diagnostics } = &error else {
            panic!("{name} could not even be judged")
        };
        assert!(!diagnostics.is_empty(), "{name} is refused without a reason");
        for diagnostic in diagnostics {
            let is_marked = !source.slice(diagnostic.place).is_empty();
            let is_at_end = diagnostic.place.start >= text.trim_end().len();
            let is_helpful = (is_marked || is_at_end)
                && !diagnostic.label.is_empty()
                && diagnostic.help.as_ref().is_some_and(|help| !help.is_empty())
                && !diagnostic.message.ends_with('.');
            if !is_helpful {
                poor.push((name.clone(), diagnostic.message.clone()));
            }
        }
        insta::assert_snapshot!(stem, error.render(false));
    }
    assert!(poor.is_empty(), "no mark, no expectation or no remedy: {poor:#?}");
}

#[test]
fn seven_mistakes_are_reported_at_once_in_the_order_of_the_file() {
    let (_, text) = scenarios("fixtures/rejected")
        .into_iter()
        .find(|(stem, _)| stem == "seven_mistakes_at_once")
        .unwrap();
    let Err(ScenarioError::Wrong { diagnostics, .. }) = Scenario::parse("x", &text, &Kinds::new())
    else {
        panic!("seven mistakes are accepted")
    };
    let lines: Vec<usize> = diagnostics.iter().map(|diagnostic| diagnostic.place.line).collect();
    assert!(lines.len() >= 7, "{lines:?}");
    assert!(lines.is_sorted(), "{lines:?}");
}

/// Places of wrong values, and of wrong names beside them: nothing hides anything.
#[test]
fn a_wrong_value_hides_no_other_mistake_and_makes_none() {
    let text = r#"(
        version: 1,
        horizon: "5 parsecs",
        heal_at: "2m",
        nodes: {
            "shop": Service(registered: false, instances: -2, handlers: {
                "buy": [Work("9ms..1ms"), Call(to: "pya", method: "charge")],
            }),
            "client": Clients(script: [Call(to: "shop", method: "buyy", timeout: 3)]),
        },
        faults: [Lose(odds: "200%", on: "shop>clint"), Delay(odds: "often", by: "1 s")],
    )"#;
    let Err(ScenarioError::Wrong { source, diagnostics }) =
        Scenario::parse("x", text, &Kinds::new())
    else {
        panic!("ten mistakes are accepted")
    };
    let marked: Vec<&str> =
        diagnostics.iter().map(|diagnostic| source.slice(diagnostic.place)).collect();
    let expected = [
        "\"5 parsecs\"",
        "-2",
        "\"9ms..1ms\"",
        "\"pya\"",
        "\"buyy\"",
        "3",
        "\"200%\"",
        "clint",
        "\"often\"",
        "\"1 s\"",
    ];
    assert_eq!(marked, expected);
}

#[test]
fn what_is_hardly_meant_is_a_warning_with_its_place_and_no_mistake() {
    let text = r#"(
        version: 1,
        nodes: {
            "shop": Service(registered: false, handlers: {
                "buy": [Publish(topic: "bougt"), Write(table: "sales", event: "sold")],
                "bought": [],
            }),
            "broker": Broker(subscriptions: [(topic: "bought", subscriber: "shop")]),
            "client": Clients(script: [Call(to: "shop", method: "buy")]),
        },
        faults: [
            Lose(odds: "1%", on: "*>shop"),
            Lose(odds: "2%", on: "client>shop", only: ["buy"]),
            Lose(odds: "3%"),
            Crash(odds: "1%", at: ["shop-1", "broker"]),
            Pause(odds: "1%", at: ["shop"], lasting: "1s"),
            Crash(odds: "9%", at: ["shop"]),
            Crash(odds: "9%"),
            Unflushed(odds: "9%"),
        ],
    )"#;
    let scenario = Scenario::parse("x", text, &Kinds::new()).unwrap();
    let warnings: Vec<String> = scenario
        .warnings
        .diagnostics()
        .iter()
        .map(|it| format!("{} {}; {}", it.place.line, it.message, it.help.as_deref().unwrap()))
        .collect();
    let dead = "this fault never strikes: an earlier one of its kind covers all of it; \
                the first that fits holds: write what is special before what is general";
    let expected = [
        "5 nobody subscribes to `bougt`: the broker drops what comes; did you mean `bought`?"
            .to_owned(),
        "5 nobody subscribes to `sold`: the broker drops what comes; \
         use `bought`, or add a subscription to the broker"
            .to_owned(),
        format!("13 {dead}"),
        format!("17 {dead}"),
        format!("18 {dead}"),
        "19 this fault never strikes: every log here is flushed at once; \
         say how long it takes to flush, `flush: \"200ms\"`, or remove the fault"
            .to_owned(),
    ];
    assert_eq!(warnings, expected);
    assert!(scenario.warnings.render(false).starts_with("warning: nobody subscribes"));
}

#[test]
fn what_is_said_in_vain_is_a_warning() {
    let text = r#"(
        version: 1,
        horizon: "1m",
        nodes: {
            "registry": Registry(),
            "gateway": Gateway(
                route_match: HostMethodPath,
                routes: [(path: "/orders/*", service: "shop", method: "buy", limit: 9)],
                bulkhead: (limit: Aimd(timeout: "80ms"), max_concurrent: AtMost(5)),
            ),
            "shop": Service(
                bulkhead: (max_concurrent: AtMost(5)),
                handlers: { "buy": [Write(table: "sales"), Flush] },
            ),
            "shop-v2": Service(handlers: { "buy": [Flush] }),
            "safe": Service(flush: "1s", handlers: { "buy": [Flush] }),
            "rollout": Deployment(
                service: "shop",
                candidate: "shop-v2",
                operator: [(at: "1m", says: Promote), (at: "61s", says: Abort)],
                strategy: Canary(),
            ),
            "late": Deployment(service: "safe", at: "2m", strategy: Scaling(max_replicas: 1)),
            "client": Clients(script: [
                Call(to: "gateway", method: "/orders/7"),
                Call(to: "gateway", method: "/orders/*"),
            ]),
            "broker": Broker(operator: [(at: "1m", says: Redrive()), (at: "2m", says: Redrive())]),
        },
    )"#;
    let scenario = Scenario::parse("x", text, &Kinds::new()).unwrap_or_else(|it| panic!("{it}"));
    let warnings: Vec<String> = scenario
        .warnings
        .diagnostics()
        .iter()
        .map(|it| format!("{}:{} {}", it.place.line, it.place.column, it.message))
        .collect();
    let expected = [
        "9:74 this bounds nothing: the limit is one that adapts",
        "13:60 nothing is left to flush: `shop` flushes at once",
        "15:52 nothing is left to flush: `shop-v2` flushes at once",
        "20:60 nobody hears this word: the run is over at its horizon, 60s",
        "23:53 the deployment never begins: the run is over at its horizon, 60s",
        "26:45 this asks for `/orders/*` itself, star and all",
        "28:75 nobody hears this word: the run is over at its horizon, 60s",
    ];
    assert_eq!(warnings, expected);
    let helps: Vec<_> = scenario.warnings.diagnostics().iter().map(|it| &it.help).collect();
    assert!(helps[5].as_ref().unwrap().contains("like `/orders/7`"), "{helps:?}");
}

#[test]
fn a_broker_that_remembers_nothing_takes_nothing_once() {
    let warnings = |profile: &str| {
        let text = r#"(
            version: 1,
            nodes: {
                "broker": Broker(PROFILE subscriptions: [(topic: "bought", subscriber: "shop")]),
                "shop": Service(registered: false, handlers: { "bought": [] }),
                "client": Clients(script: [
                    Publish(topic: "bought"),
                    Publish(topic: "bought", once: true),
                ]),
            },
        )"#;
        let text = text.replace("PROFILE", profile);
        let scenario = Scenario::parse("x", &text, &Kinds::new()).unwrap();
        let lines = scenario.warnings.diagnostics().iter().map(|it| it.place.line);
        lines.collect::<Vec<_>>()
    };
    assert_eq!(warnings("profile: guide,"), [8]);
    assert_eq!(warnings("profile: guide, dedup_window: \"1s\","), [0_usize; 0]);
    assert_eq!(warnings("profile: hardened,"), [0_usize; 0]);
}

#[test]
fn shipped_scenarios_have_no_warnings() {
    for (stem, text) in scenarios("fixtures").into_iter().chain(scenarios("fixtures/defects")) {
        let scenario = Scenario::parse(&stem, &text, &Kinds::new()).unwrap();
        assert_eq!(scenario.warnings.render(false), "", "{stem}");
    }
}

#[test]
fn every_shipped_scenario_is_accepted() {
    for (stem, text) in scenarios("fixtures") {
        if let Err(error) = Scenario::parse(&format!("{stem}.ron"), &text, &Kinds::new()) {
            panic!("{error}");
        }
    }
}
