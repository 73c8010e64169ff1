//! How a failing plan is explained, and where two runs part.

use serde_json::Value;

use crate::cli::{file, run};
use crate::fixtures;

use brownout::search::explain;
use brownout::{Deviation, Plan};

const ORDERS: &str = "fixtures/order_system.ron";
const CHARGED_TWICE: &str = "fixtures/regressions/charged_twice.ron";

/// A till that is asked again when it is silent.
fn till() -> String {
    fixtures::till(3, "1%")
}

fn loss(site: &str, flow: &str) -> Deviation {
    let [site, what, flow, answer] = [site, "lose", flow, "yes"].map(str::to_owned);
    Deviation { site, what, flow, count: 1, answer }
}

#[test]
fn a_fault_is_necessary_when_the_property_holds_without_it() {
    let scenario = fixtures::scenario(&till());
    let noise = loss("shopper>proxy pay", "shopper/0");
    let cause = loss("till-1>proxy pay reply", "shopper/1");
    let plan = Plan::calm().with_deviations(vec![noise.clone(), cause.clone()]);
    let explanation = explain(&scenario, &plan).expect("the second order is paid twice");
    let parts: Vec<(&Deviation, bool)> =
        explanation.parts.iter().map(|part| (&part.deviation, part.is_necessary)).collect();
    assert_eq!(parts, [(&noise, false), (&cause, true)]);
    assert!(explanation.parts[1].without.held());
    let harmless = Plan::calm().with_deviations(vec![noise]);
    assert!(explain(&scenario, &harmless).is_none());
}

#[test]
fn an_explanation_says_what_happens_instead_and_gives_a_test() {
    let said = run(&["explain", CHARGED_TWICE]);
    assert_eq!((said.status, said.err.as_str()), (Some(1), ""));
    for part in [
        "an order is charged at most once: charges of 2.15: 100 were added to 100\n",
        "\nNecessary: without it everything holds\n  payment-1>checkout-sidecar charge reply  lose",
        "\n  What happens instead:\n",
        "answer    charge from payment-1\n",
        "\nfn an_order_is_charged_at_most_once() {\n",
        "brownout::Scenario::load(\"fixtures/order_system.ron\")",
        "\n        load: Some(vec![\"shopper/2.15\".into()]),\n",
    ] {
        assert!(said.out.contains(part), "{part}\n{}", said.out);
    }
    let shrunk = run(&["explain", ORDERS, "--seed", "27"]);
    let (_, test) = said.out.split_once("As a test").unwrap();
    assert!(shrunk.out.ends_with(test), "the finding is that of seed 27: {}", shrunk.out);
}

#[test]
fn what_holds_needs_no_explanation() {
    let said = run(&["explain", "fixtures/outbox.ron", "--seed", "1"]);
    assert_eq!(said.status, Some(0), "{}", said.err);
    assert_eq!(said.out, "everything held: there is nothing to explain\n");
}

/// The reply to the second order is lost.
const LOST: &str = r#"(deviations: [
    (site: "till-1>proxy pay reply", what: "lose", flow: "shopper/1", count: 1, answer: "yes"),
])"#;

#[test]
fn two_runs_part_at_the_fault_that_only_one_of_them_has() {
    let scenario = file("till.ron", &till());
    let lost = file("lost.ron", LOST);
    let said = run(&["diff", "--scenario", &scenario, "calm", &lost]);
    assert_eq!((said.status, said.err.as_str()), (Some(1), ""));
    assert!(said.out.contains("entries and part at 1.005s, in shopper/1.\n"), "{}", said.out);
    let (calm, other) = said.out.split_once(&format!("\n{lost}\n")).unwrap();
    assert!(calm.contains("note      work succeeded"), "{calm}");
    assert!(calm.ends_with("  everything held\n"), "{calm}");
    assert!(other.starts_with("! 1.005000  till-1"), "{other}");
    assert!(other.contains("\n  paid once: paid of 1: 1 were added to 1\n"), "{other}");
    assert!(other.contains(" 1 piece of work goes another way: shopper/1\n"), "{other}");

    let same = run(&["diff", "--scenario", &scenario, "calm", "calm"]);
    assert_eq!(same.status, Some(0), "{}", same.err);
    assert!(same.out.starts_with("the same run: digest "), "{}", same.out);
    assert_eq!(run(&["diff", CHARGED_TWICE, CHARGED_TWICE]).status, Some(0));
}

#[test]
fn a_run_is_compared_with_the_same_one_in_which_nothing_breaks() {
    let scenario = file("till_twin.ron", &till());
    let lost = file("lost_twin.ron", LOST);
    let of = |what: &str| run(&["diff", "--scenario", &scenario, what, "--without-faults"]);
    let said = of(&lost);
    let beside = run(&["diff", "--scenario", &scenario, &lost, "calm"]);
    assert_eq!(said.status, Some(1), "{}", said.err);
    assert_eq!(said.out.replace("\nwithout its faults\n", "\ncalm\n"), beside.out);

    // The weather stays, be it of a seed or written down, and so does the load.
    let weather = |faults: &str| {
        let work = r#"site: "till-1", what: "work", flow: "shopper/1", count: 1, answer: "9ms""#;
        format!(r#"(load: Some(["shopper/1"]), deviations: [({work}), {faults}])"#)
    };
    let loss = LOST.split('[').nth(1).unwrap().split(']').next().unwrap();
    let stormy = file("stormy_twin.ron", &weather(loss));
    let fair = file("fair_twin.ron", &weather(""));
    let beside = run(&["diff", "--scenario", &scenario, &stormy, &fair]);
    assert_eq!(beside.status, Some(1), "{}", beside.err);
    let said = of(&stormy);
    assert_eq!(said.out.replace("without its faults", &fair), beside.out);

    for faultless in ["calm", &fair] {
        let said = of(faultless);
        assert_eq!((said.status, said.out.as_str()), (Some(2), ""));
        let expected = format!("error: `{faultless}` has no faults that could be left out\n");
        assert_eq!(said.err, expected);
    }
    let both = run(&["diff", CHARGED_TWICE, CHARGED_TWICE, "--without-faults"]);
    assert_eq!(both.status, Some(2), "{}", both.out);
}

/// What is left of an outage that never ends, with other faults.
fn periods(faults: &str) -> Value {
    let plan = file("periods.ron", &format!("(deviations: [{faults}])"));
    let said = run(&["explain", "fixtures/metastable.ron", "--plan", &plan, "--json"]);
    assert_eq!(said.status, Some(1), "{}", said.err);
    serde_json::from_str::<Value>(&said.out).unwrap()["periods"].clone()
}

const PAUSE: &str = r#"(
    site: "server-1", what: "pause", flow: "client/10.19", count: 1, answer: "300ms",
)"#;

#[test]
fn what_keeps_a_system_down_is_counted_by_periods() {
    let periods = periods(PAUSE);
    let periods = periods.as_array().unwrap();
    let names: Vec<&str> = periods.iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["before", "during", "after", "after", "after", "no load"]);
    let of = |period: &Value, what: &str| period[what].as_u64().unwrap();
    assert!(periods.windows(2).all(|two| two[0]["until_ns"] == two[1]["from_ns"]), "no gap");
    assert_eq!(of(&periods[1], "from_ns"), 10_452_000_000);
    assert_eq!(of(&periods[1], "until_ns"), 10_752_000_000);
    let asked: u64 = periods.iter().map(|it| of(it, "asked")).sum();
    assert_eq!(asked, 2_400, "everybody who came");
    assert_eq!(of(&periods[0], "retries"), 0);
    for after in &periods[2..5] {
        assert_eq!(of(after, "succeeded"), 0);
        assert_eq!(of(after, "in_vain"), of(after, "taken_up"), "the server works in vain");
        assert!(of(after, "retries") * 10 > of(after, "asked") * 29, "three for each");
    }
}

#[test]
fn nothing_is_counted_by_periods_where_nobody_knows_when_they_begin() {
    let fail = r#"(
        site: "server-1", what: "fail", flow: "client/0.1", count: 1, answer: "failed",
    )"#;
    assert_eq!(periods(&format!("{PAUSE}, {fail}")), Value::Array(Vec::new()));
    let said = run(&["explain", CHARGED_TWICE, "--json"]);
    let explained: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(explained["periods"], Value::Null, "it is about one piece of work");
    assert!(!run(&["explain", CHARGED_TWICE]).out.contains("The load by periods"));
}

#[test]
fn explanations_and_differences_are_documents_for_machines() {
    let document = |args: &[&str]| -> Value {
        let said = run(args);
        assert_eq!(said.status, Some(1), "{}", said.err);
        serde_json::from_str(&said.out).unwrap()
    };
    let explained = document(&["explain", CHARGED_TWICE, "--json"]);
    assert_eq!(explained["parts"][0]["necessary"], true);
    assert_eq!(explained["parts"][0]["otherwise"], Value::Null);
    assert_eq!(explained["parts"][0]["deviation"]["what"], "lose");
    let (scenario, lost) = (file("till_json.ron", &till()), file("lost_json.ron", LOST));
    let parted = document(&["diff", "--scenario", &scenario, "calm", &lost, "--json"]);
    assert_eq!(parted["same"], false);
    assert_ne!(parted["a"]["digest"], parted["b"]["digest"]);
}
