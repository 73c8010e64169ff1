//! Where the periods lie that faults make of a run, for every kind that lasts, and for those that do not.

use serde_json::Value;

use crate::cli::{file, run};

/// A request every 100 ms, from 0 s on; each takes 7 ms, and a client waits 100 ms for it.
const SHOP: &str = r#"(
    version: 1,
    horizon: "30s",
    nodes: {
        "shop": Service(registered: false, handlers: { "get": [Work("5ms p99 20ms")] }),
        "client": Clients(
            arrivals: Every(period: "100ms", count: 100),
            script: [Call(to: "shop", method: "get", timeout: "100ms")],
        ),
    },
    network: (latency: "1ms"),
    faults: [
        Crash(odds: "1%", at: ["shop"], restart: "RESTART"),
        Slow(odds: "1%", at: ["shop"], lasting: "2s", by: "30"),
        Partition(odds: "1%", on: "client>shop", lasting: "2s"),
    ],
    properties: [Availability(at_least: "100%")],
)"#;

/// What is decided for a request: where, what, which request, and how.
type Decided<'a> = (&'a str, &'a str, u32, &'a str);

const REQUEST: &str = "client>shop-1 get";

/// The periods under these answers, each with its name, and in milliseconds; a crash lasts so long.
fn periods_with(restart: &str, decided: &[Decided<'_>]) -> Vec<(String, u64, u64)> {
    let lines: Vec<String> = decided
        .iter()
        .map(|(site, what, flow, answer)| {
            let place = format!(r#"site: "{site}", what: "{what}", flow: "client/{flow}""#);
            format!(r#"({place}, count: 1, answer: "{answer}")"#)
        })
        .collect();
    let name = decided.iter().map(|(_, what, flow, _)| format!("{what}{flow}"));
    let name = name.collect::<String>() + restart;
    let scenario = file(&format!("shop_{name}.ron"), &SHOP.replace("RESTART", restart));
    let plan = format!("(deviations: [{}])", lines.join(", "));
    let plan = file(&format!("plan_{name}.ron"), &plan);
    let said = run(&["explain", &scenario, "--plan", &plan, "--json"]);
    assert_eq!(said.status, Some(1), "{decided:?}: {}", said.err);
    let document: Value = serde_json::from_str(&said.out).unwrap();
    let millis = |period: &Value, what: &str| period[what].as_u64().unwrap() / 1_000_000;
    let period = |it: &Value| {
        let name = it["name"].as_str().unwrap().to_owned();
        (name, millis(it, "from_ns"), millis(it, "until_ns"))
    };
    document["periods"].as_array().unwrap().iter().map(period).collect()
}

/// From when to when faults lasted, in milliseconds; nothing where they were over at once.
fn during(decided: &[Decided<'_>]) -> Option<(u64, u64)> {
    let periods = periods_with("1s", decided);
    let [(before, 0, first), .., (no_load, last, _)] = periods.as_slice() else {
        panic!("{decided:?}: {periods:?}")
    };
    assert_eq!((before.as_str(), no_load.as_str(), *last), ("before", "no load", 9_900));
    let lasted = periods.iter().find(|(name, ..)| name == "during");
    let over = lasted.map_or(*first, |(_, _, until)| *until);
    let after = periods.iter().find(|(name, ..)| name == "after").unwrap();
    assert_eq!(after.1, over, "{periods:?}");
    lasted.map(|(_, from, until)| (*from, *until))
}

#[test]
fn a_fault_that_lasts_is_over_when_it_ends() {
    for (decided, expected) in [
        (("shop-1", "pause", 20, "500ms"), (2_001, 2_501)),
        (("shop-1", "slow", 20, "2s"), (2_001, 4_001)),
        ((REQUEST, "partition", 20, "2s"), (2_000, 4_000)),
        ((REQUEST, "delay", 20, "300ms"), (2_000, 2_300)),
        (("shop-1>client get reply", "delay", 20, "300ms"), (2_006, 2_306)),
        (("shop-1", "crash", 20, "before the step"), (2_001, 3_001)),
        (("shop-1", "crash", 20, "after no effect"), (2_001, 3_001)),
    ] {
        assert_eq!(during(&[decided]), Some(expected), "{decided:?}");
    }
}

#[test]
fn a_fault_of_one_message_is_over_at_once() {
    let loss = (REQUEST, "lose", 20, "yes");
    assert_eq!(during(&[loss]), None);
    let double = (REQUEST, "duplicate", 40, "yes");
    assert_eq!(during(&[loss, double]), Some((2_000, 4_000)), "up to the last of them");
}

#[test]
fn faults_last_from_the_first_to_the_end_of_whatever_lasts_longest() {
    let slow = ("shop-1", "slow", 20, "2s");
    let loss = (REQUEST, "lose", 30, "yes");
    let crash = ("shop-1", "crash", 35, "before the step");
    assert_eq!(during(&[slow, loss]), Some((2_001, 4_001)));
    assert_eq!(during(&[loss, slow]), Some((2_001, 4_001)), "in whatever order they are written");
    assert_eq!(during(&[crash, loss]).map(|(from, _)| from), Some(3_000));
    // The node is up again at 4.501 s, while messages do not reach it before 7 s.
    let partition = (REQUEST, "partition", 20, "5s");
    assert_eq!(during(&[crash, partition]), Some((2_000, 7_000)));
}

#[test]
fn who_does_not_come_back_has_crashed_until_the_end() {
    let periods = periods_with("1h", &[("shop-1", "crash", 20, "before the step")]);
    let names: Vec<&str> = periods.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["before", "during"]);
    assert_eq!((periods[1].1, periods[1].2), (2_001, 30_000));
}

#[test]
fn weather_that_is_written_down_is_no_fault() {
    let loss = (REQUEST, "lose", 20, "yes");
    let weather = ("shop-1", "work", 10, "9ms");
    assert_eq!(periods_with("1s", &[weather, loss]), periods_with("1s", &[loss]));
}
