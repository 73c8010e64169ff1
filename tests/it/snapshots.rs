//! What a reader sees of runs: text that is reviewed as text, in the top-level folder `snapshots`.

use std::fmt::Write as _;
use std::path::Path;

use brownout::render::{Styles, TraceText, report, story, summary};
use brownout::{Run, Scenario};

use crate::cli;

/// The one place that says where snapshots live: by the stem of the fixture and what is seen of it.
fn check(stem: &str, seen: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(format!("{stem}.{seen}"), text));
}

fn load(stem: &str) -> Scenario {
    // Relative, as the path is part of what is seen.
    Scenario::load(format!("fixtures/{stem}.ron")).expect("the fixture makes sense")
}

fn trace(run: &Run) -> String {
    let lines = TraceText::new(run.world(), Styles::PLAIN);
    run.entries().fold(String::new(), |mut text, entry| {
        writeln!(text, "{}", lines.line(entry)).expect("a string takes any text");
        text
    })
}

#[test]
fn the_guides_demo_runs_calmly() {
    let scenario = load("guide_demo");
    let run = scenario.run_calm();
    check("guide_demo", "trace", &trace(&run));
    check("guide_demo", "summary", &summary(&scenario, &run, Styles::PLAIN));
    let report = serde_json::to_string_pretty(&report(&scenario, &run, None)).expect("plain data");
    check("guide_demo", "report", &report);
}

#[test]
fn one_path_leads_to_three_places() {
    check("routes", "trace", &trace(&load("routes").run_calm()));
}

#[test]
fn dead_letters_are_driven_again() {
    let args = [
        "run",
        "fixtures/dead_letters/redriven_hardened.ron",
        "--calm",
        "--trace",
        "--node",
        "broker",
    ];
    check("dead_letters.redriven_hardened", "run", &cli::run(&args).out);
    check(
        "dead_letters.redriven",
        "run",
        &cli::run(&["run", "fixtures/dead_letters/redriven.ron", "--calm"]).out,
    );
}

#[test]
fn a_busy_till_says_when_to_come_back() {
    check("pushback", "trace", &trace(&load("pushback").run_calm()));
}

#[test]
fn orders_hold_under_their_own_seed() {
    let scenario = load("order_system");
    let run = scenario.run_seed(scenario.seed);
    check("order_system", "summary", &summary(&scenario, &run, Styles::PLAIN));
}

#[test]
fn a_lost_reply_charges_an_order_twice() {
    let scenario = load("order_system");
    let run = scenario.run_seed(19);
    let story = story(&run, Styles::PLAIN).expect("seed 19 loses the reply to a charge");
    let shown = story.text + &story.sagas;
    let text = format!("{}\n{shown}", summary(&scenario, &run, Styles::PLAIN));
    check("order_system", "violated", &text);
}

#[test]
fn a_campaign_finds_the_lost_reply() {
    let saved = Path::new(env!("CARGO_TARGET_TMPDIR")).join("snapshots");
    let saved = saved.to_str().unwrap();
    let said = cli::run(&["fuzz", "fixtures/order_system.ron", "--runs", "64", "--save", saved]);
    // Where this machine has its folder for tests is not part of what is seen.
    check("order_system", "fuzz", &said.out.replace(saved, "findings"));
}

#[test]
fn a_certificate_finds_the_gap_between_two_writes() {
    let said = cli::run(&["certify", "fixtures/dual_write.ron"]);
    check("dual_write", "certify", &said.out);
}

#[test]
fn the_lost_reply_is_explained() {
    let said = cli::run(&["explain", "fixtures/regressions/charged_twice.ron"]);
    check("order_system", "explain", &said.out);
}

#[test]
fn the_lost_reply_parts_two_runs() {
    let lost = r#"(deviations: [(
        site: "payment-1>checkout-sidecar charge reply", what: "lose",
        flow: "shopper/2.15", count: 1, answer: "yes",
    )])"#;
    let lost = cli::file("one_reply.ron", lost);
    let said = cli::run(&["diff", "--scenario", "fixtures/order_system.ron", "calm", &lost]);
    check("order_system", "diff", &said.out.replace(&lost, "one_reply.ron"));
}
