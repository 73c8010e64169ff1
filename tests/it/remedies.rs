//! Remedies that do not lead into the next mistake.

use brownout::Kinds;
use brownout::scenario::{Scenario, ScenarioError};

const SOUND: &str = r#"(
    version: 1,
    horizon: "100s",
    nodes: {
        "shop": Service(registered: false, handlers: { "buy": [Work("100ms")], "sell": [STEP] }),
        "proxy": Sidecar(upstream: "shop", budget: BUDGET),
        "client": Clients(arrivals: ARRIVALS, script: [
            Call(to: "shop", method: "buy", timeout: "100ms"),
        ]),
    },
    network: (latency: LATENCY),
    faults: [FAULT],
    properties: [PROPERTY],
)"#;

/// The parts of the scenario that a case replaces, and what stands there otherwise.
const PARTS: [(&str, &str); 6] = [
    ("STEP", "Reply"),
    ("BUDGET", "Unlimited"),
    ("ARRIVALS", "Once"),
    ("LATENCY", "\"1ms\""),
    ("FAULT", "Tie(odds: \"1%\")"),
    ("PROPERTY", "Quiescence()"),
];

fn with(part: &str, written: &str) -> String {
    PARTS.iter().fold(SOUND.to_owned(), |text, (name, otherwise)| {
        text.replace(name, if *name == part { written } else { otherwise })
    })
}

/// What is marked first, and the remedy.
fn remedy(text: &str) -> Option<(String, String)> {
    match Scenario::parse("x", text, &Kinds::new()) {
        Ok(_) => None,
        Err(ScenarioError::Wrong { source, diagnostics }) => {
            let first = &diagnostics[0];
            Some((source.slice(first.place).to_owned(), first.help.clone().unwrap()))
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn what_a_remedy_says_can_be_written() {
    let cases = [
        ("PROPERTY", "SometimesSucceeds", "SometimesSucceeds", "SometimesSucceeds()"),
        ("PROPERTY", "SometimesSucceeds(..)", "..", "SometimesSucceeds()"),
        ("PROPERTY", "Availability", "Availability", "Availability(at_least: \"99%\")"),
        ("PROPERTY", "Availability(\"99%\")", "\"99%\"", "Availability(at_least: \"99%\")"),
        ("FAULT", "Fail", "Fail", "Fail(odds: \"1%\")"),
        ("FAULT", "Slow(..)", "..", "Slow(odds: \"1%\", lasting: \"1s\")"),
        ("FAULT", "Slow(\"9%\")", "\"9%\"", "Slow(odds: \"9%\", lasting: \"1s\")"),
        ("STEP", "Fail", "Fail", "Fail(Failed)"),
        ("STEP", "Fail(..)", "..", "Fail(Failed)"),
        ("STEP", "Work", "Work", "Work(\"5ms\")"),
        ("BUDGET", "Quota", "Quota", "Quota()"),
        ("BUDGET", "Share", "Share", "Share()"),
        ("ARRIVALS", "Every(\"100ms\", 10)", "\"100ms\"", "Every(period: \"100ms\", count: 10)"),
        ("ARRIVALS", "Every(100, 10)", "100", "Every(period: 100, count: 10)"),
        ("ARRIVALS", "Every(5ms, 3)", "5ms", "Every(period: \"5ms\", count: 3)"),
        ("PROPERTY", "Availability('99%')", "'99%'", "\"99%\""),
        ("ARRIVALS", "3", "3", "Every(period: \"100ms\", count: 10)"),
        ("LATENCY", "'1ms'", "'1ms'", "\"1ms\""),
        ("LATENCY", "'1'", "'1'", "\"1\""),
        ("FAULT", "Slow(odds: \"1%\", lasting: \"1s\", by: 10)", "10", "\"10\""),
        ("FAULT", "Crash(odds: \"1%\", at: \"shop\")", "\"shop\"", "[\"shop\"]"),
        ("FAULT", "Crash(odds: 20)", "20", "\"20%\""),
        ("BUDGET", "Share(percent: 20)", "20", "\"20%\""),
    ];
    for (part, written, marked, said) in cases {
        let (place, help) = remedy(&with(part, written)).unwrap();
        assert_eq!(place, marked, "{written}: {help}");
        assert!(help.contains(&format!("`{said}`")), "{written}: {help}");
        // A remedy in the place of what it is for leaves one other mistake at the most.
        let mended = if said.starts_with(char::is_uppercase) {
            said.to_owned()
        } else {
            written.replace(marked, said)
        };
        let left = remedy(&with(part, &mended));
        let is_value = matches!(written, "Every(100, 10)" | "'1'" | "Availability('99%')");
        assert_eq!(left.is_some(), is_value, "{written}: {left:?}");
    }
}

#[test]
fn the_mark_stands_where_the_mistake_is() {
    let text = with("ARRIVALS", "Every(100, 10)").replace("timeout: \"100ms\"", "");
    let Err(ScenarioError::Wrong { diagnostics, .. }) = Scenario::parse("x", &text, &Kinds::new())
    else {
        panic!("a form without names is accepted")
    };
    assert_eq!(diagnostics[0].place.line, 7, "{diagnostics:?}");
    let text = with("LATENCY", "'100ms'");
    let Err(ScenarioError::Wrong { diagnostics, .. }) = Scenario::parse("x", &text, &Kinds::new())
    else {
        panic!("single quotes are accepted")
    };
    assert_eq!((diagnostics[0].place.line, diagnostics[0].place.column), (11, 24));
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_text() {
    let text = format!("\u{feff}{}", with("STEP", "Reply"));
    assert!(Scenario::parse("x", &text, &Kinds::new()).is_ok());
    let text = format!("\u{feff}{}", with("FAULT", "Fail"));
    assert_eq!(remedy(&text).unwrap().0, "Fail");
}
