//! Weather that a plan lists one by one: it is told, and is called no fault.

use serde_json::Value;

use crate::cli::{file, run};

const ORDERS: &str = "fixtures/order_system.ron";

#[test]
fn weather_that_a_plan_lists_is_no_fault() {
    let charge = r#"flow: "shopper/2.15", count: 1"#;
    let plan = file(
        "weather_by_hand.ron",
        &format!(
            r#"(deviations: [
                (site: "payment-1>checkout-sidecar charge reply", what: "lose", {charge}, answer: "yes"),
                (site: "checkout-sidecar>payment-1 charge", what: "latency", {charge}, answer: "3ms"),
            ])"#
        ),
    );
    let said = run(&["run", ORDERS, "--plan", &plan]);
    let told = "\
faults    1 struck: 1 lose
    payment-1>checkout-sidecar charge reply  lose  shopper/2.15 #1  yes
weather   1 as the plan says: 1 latency
    checkout-sidecar>payment-1 charge  latency  shopper/2.15 #1  3ms

";
    assert!(said.out.contains(told), "{}", said.out);
    let document = run(&["run", ORDERS, "--plan", &plan, "--json"]).out;
    let document: Value = serde_json::from_str(&document).expect("a document");
    assert_eq!(
        (&document["faults"][0]["what"], &document["faults"][1]),
        (&"lose".into(), &Value::Null)
    );
    assert_eq!(document["weather"][0]["what"], "latency", "{document}");
}

#[test]
fn weather_that_is_left_by_shrinking_is_not_called_a_fault() {
    let scenario = r#"(version: 1, title: "", horizon: "100ms",
        nodes: {
            "shop": Service(handlers: { "buy": [Work("10ms p99 20ms")] }),
            "client": Clients(script: [Call(to: "shop", method: "buy")]),
        },
        properties: [EveryCallEnds()],
    )"#;
    file("slow_day.ron", scenario);
    let slow = r#"(site: "shop-1", what: "work", flow: "client/0", count: 1, answer: "1s")"#;
    let text = format!(
        r#"(version: 1, scenario: "slow_day.ron", property: "every call ends", digest: "",
            plan: (deviations: [{slow}]))"#
    );
    let said = run(&["shrink", &file("slow_finding.ron", &text)]);
    let told = "1 deviation and 1 piece of load are left; none can be missed";
    assert!(said.out.contains(told), "{}{}", said.out, said.err);
}
