//! Sagas as a reader sees them: trees in the top-level folder `snapshots`, and what becomes of them
//! wherever their orchestrator crashes.

use std::fmt::Write as _;
use std::path::Path;

use brownout::render::{Filter, Styles, saga_trees, story};
use brownout::search::certify;
use brownout::{Deviation, Keep, Kinds, Plan, Run, Scenario};
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
    let (calm, end) = (Plan::calm(), crash(4, "after effect 1"));
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
