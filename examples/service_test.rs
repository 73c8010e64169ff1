//! What the test of a service team looks like: the system runs calmly, then under one seed that
//! they look at closely, then under many; and they assert on facts, numbers and the verdict.
//!
//! ```text
//! cargo run --example service_test
//! ```

use std::error::Error;

use brownout::models::Fact;
use brownout::models::Span;
use brownout::search::Regression;
use brownout::{Keep, Kinds, Plan, Scenario};

fn main() -> Result<(), Box<dyn Error>> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    let shop = Scenario::load(format!("{root}/order_system_hardened.ron"))?;
    a_calm_minute_is_fast_and_fails_nobody(&shop);
    a_lost_reply_is_tried_again_and_written_once(&shop);
    no_seed_charges_twice(&shop);
    the_fix_is_why(&Regression::load(format!("{root}/regressions/charged_twice.ron"))?)
}

/// Numbers of a run without weather or faults: exact, and the same on every machine.
fn a_calm_minute_is_fast_and_fails_nobody(shop: &Scenario) {
    let run = shop.run_calm();
    assert!(run.held(), "{:?}", run.violation);
    let numbers = &run.metrics;
    assert_eq!((numbers.asked, numbers.succeeded), (3_000, 3_000));
    let slowest = numbers.latency_max().expect("every order succeeded");
    assert!(slowest < Span::from_millis(50), "{slowest}");
}

/// One seed, looked at closely: faults strike, and typed facts say what the machines did about it.
fn a_lost_reply_is_tried_again_and_written_once(shop: &Scenario) {
    let run = shop.run_seed(27);
    assert!(run.held(), "{:?}", run.violation);
    let lost: Vec<&str> = run
        .applied
        .iter()
        .filter(|fault| fault.what == "lose" && fault.site.ends_with("charge reply"))
        .map(|fault| fault.flow.as_str())
        .collect();
    assert!(!lost.is_empty(), "seed 27 loses no reply to a charge any more: take another");
    for flow in lost {
        let facts: Vec<&Fact> = run
            .facts()
            .filter(|(entry, _)| run.world().flow_name(entry.flow) == flow)
            .map(|(_, fact)| fact)
            .collect();
        let again = |fact: &&Fact| matches!(fact, Fact::Attempt { attempt: 2, .. });
        let once = |fact: &&Fact| matches!(fact, Fact::AlreadyThere { .. });
        assert!(facts.iter().any(again), "{flow}: the charge is tried again");
        assert!(facts.iter().any(once), "{flow}: and is there already");
    }
}

/// Many seeds, for the verdict alone; what is not kept costs nothing.
fn no_seed_charges_twice(shop: &Scenario) {
    for seed in 1..=10 {
        let run = shop.run_keeping(&Plan::seed(seed), Keep::VERDICT);
        assert!(run.held(), "seed {seed}: {:?}", run.violation);
    }
}

/// The finding of the system without the remedy, on the system with it.
fn the_fix_is_why(finding: &Regression) -> Result<(), Box<dyn Error>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/regressions/charged_twice.ron");
    let broken = finding.scenario(path, &Kinds::new())?;
    assert!(finding.replay(&broken, Keep::VERDICT).iter().all(|replay| replay.fails));
    let fixed =
        Scenario::load(path.replace("regressions/charged_twice.ron", "order_system_hardened.ron"))?;
    assert!(finding.replay(&fixed, Keep::VERDICT).iter().all(|replay| !replay.fails));
    Ok(())
}
