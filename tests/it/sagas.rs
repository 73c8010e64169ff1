//! Sagas across real services: every outcome in a table, every crash of the orchestrator, and plans
//! that nobody thought of.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use brownout::kernel::What;
use brownout::models::{Fact, Profile};
use brownout::search::{Campaign, certify};
use brownout::{Kinds, Run, Scenario};
use indexmap::IndexMap;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sagas").join(name)
}

fn load(name: &str) -> Scenario {
    Scenario::load(path(name)).unwrap_or_else(|error| panic!("{error}"))
}

/// A fixture in which the orchestrator has another profile.
fn load_under(name: &str, profile: &str) -> Scenario {
    let text = std::fs::read_to_string(path(name)).unwrap();
    let text = text.replace("profile: hardened", &format!("profile: {profile}"));
    Scenario::parse(name, &text, &Kinds::new()).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs every plan of so many crashes; crash points of the calm run, plans, and what failed.
fn certified(scenario: &Scenario, faults: u32) -> (u64, u64, Vec<String>) {
    let certificate = certify(scenario, faults, None, &|_| ()).unwrap();
    let failures = certificate.failures.iter().map(|(_, violation)| violation.message.clone());
    (certificate.crash_points, certificate.plans, failures.collect())
}

/// The points are counted by hand in the fixtures. A second crash can come at any point after the
/// first, so of two crashes there are more plans, and none of them fails either.
#[test]
fn every_crash_of_the_orchestrator_leaves_an_order_done_or_undone() {
    for (name, points) in [("crash.ron", 11), ("crash_on_the_way_back.ron", 14)] {
        let scenario = load(name);
        assert_eq!(certified(&scenario, 1), (points, points + 1, vec![]), "{name}");
        let (_, plans, failures) = certified(&scenario, 2);
        assert_eq!(failures, [""; 0], "{name}");
        assert!(plans > points * points / 2, "{name}: {plans}");
    }
}

/// Without a log a crash strands the saga wherever it comes after its beginning (SG-8).
#[test]
fn a_crash_without_a_log_strands_the_order() {
    let volatile = "profile: hardened,\n            durability: Volatile";
    let text = std::fs::read_to_string(path("crash.ron")).unwrap();
    let text = text.replace("profile: hardened", volatile);
    let scenario = Scenario::parse("volatile.ron", &text, &Kinds::new()).unwrap();
    let (points, _, failures) = certified(&scenario, 1);
    // Before and after the call; before and after the second call; before the reply. Only a crash
    // before the first step, or after the reply, strands nothing.
    assert_eq!(points, 6, "the log's acts are gone");
    assert_eq!(failures.len(), 4, "{failures:?}");
    for failure in failures {
        assert!(failure.contains("never ended"), "{failure}");
    }
}

/// An orchestrator crashes while an answer is on its way, comes back, and asks the same again under
/// fresh numbers; the old answer arrives while the new call waits, and settles nothing.
#[test]
fn an_answer_to_an_earlier_life_settles_nothing_in_the_next() {
    let text = std::fs::read_to_string(path("crash.ron")).unwrap();
    let late = "faults: [Delay(odds: \"1%\", by: \"1500ms\", on: \"*>checkout\"), ";
    let text = text.replace("faults: [", late);
    // Long enough for the old answer to come while the new call waits.
    let text =
        text.replace("[Write(table: \"charges\", once: true)]", "[Work(\"2s\"), Fail(Rejected)]");
    let text = text.replace("OncePerKey(name: \"one charge per order\", table: \"charges\"),", "");
    let scenario = Scenario::parse("late.ron", &text, &Kinds::new()).unwrap();
    let (_, plans, failures) = certified(&scenario, 2);
    assert!(plans > 100, "{plans}");
    assert_eq!(failures, [""; 0]);
}

/// A few hundred of the 10,000 that `brownout fuzz fixtures/sagas/orders.ron --runs 10000` runs.
#[test]
fn no_plan_takes_a_hardened_saga_out_of_its_terminal_states() {
    let scenario = load("orders.ron");
    let campaign = Campaign { runs: 200, enough: 1, ..Campaign::default() };
    let report = campaign.run(&scenario, &|_, _| true).unwrap();
    let found: Vec<_> = report.findings.iter().map(|finding| &finding.violation).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn plans_take_the_guides_saga_out_of_its_terminal_states() {
    let scenario = load_under("orders.ron", "guide");
    let campaign = Campaign { runs: 50, enough: 1, ..Campaign::default() };
    let report = campaign.run(&scenario, &|_, _| true).unwrap();
    assert!(!report.findings.is_empty(), "lost replies and crashes do no harm");
}

/// The guide's order saga, some of whose actions and compensations fail for good.
fn order_saga(profile: Profile, actions: u32, compensations: u32) -> Scenario {
    let profile = if profile == Profile::Guide { "guide" } else { "hardened" };
    let steps = [
        ("Reserve Inventory", "inventory", "reserve", "release", "reservations"),
        ("Process Payment", "payment", "charge", "refund", "charges"),
        ("Create Order", "order", "create", "cancel", "orders"),
    ];
    let (mut saga, mut services) = (String::new(), String::new());
    for (number, (name, service, action, compensation, table)) in (0..).zip(steps) {
        write!(
            saga,
            "(name: \"{name}\", action: (to: \"{service}\", method: \"{action}\"),
              compensation: (to: \"{service}\", method: \"{compensation}\")),"
        )
        .unwrap();
        let handler = |fails: bool, write: String| {
            if fails { "Fail(Rejected)".to_owned() } else { write }
        };
        let act = handler(actions >> number & 1 == 1, format!("Write(table: \"{table}\")"));
        let undo = format!("Write(table: \"{table}\", add: Cancel)");
        let undo = handler(compensations >> number & 1 == 1, undo);
        write!(
            services,
            "\"{service}\": Service(handlers: {{ \"{action}\": [{act}], \"{compensation}\": [{undo}] }}),"
        )
        .unwrap();
    }
    let text = format!(
        "(version: 1, nodes: {{
            \"checkout\": Saga(profile: {profile}, steps: [{saga}]),
            {services}
            \"shopper\": Clients(script: [Call(to: \"checkout\", method: \"run\")]),
        }})"
    );
    Scenario::parse("order_saga.ron", &text, &Kinds::new())
        .unwrap_or_else(|error| panic!("{error}"))
}

/// How the saga ended, and what it left in the books.
fn outcome(run: &Run) -> String {
    let mut end = "never ended";
    let mut rows: IndexMap<&str, i64> = IndexMap::new();
    for entry in run.entries() {
        if let What::Noted(Fact::SagaEnded { committed, .. }) = entry.what {
            end = if committed { "committed" } else { "rolled back" };
        } else if let What::Noted(Fact::SagaStuck { .. }) = entry.what {
            end = "needs help";
        } else if let What::Wrote { table, amount, .. } = entry.what {
            let table = run.world().layout().names.text(table);
            // The log is not among the books.
            if !table.starts_with("checkout.") {
                *rows.entry(table).or_default() += amount;
            }
        }
    }
    let left: Vec<&str> =
        rows.iter().filter(|(_, value)| **value != 0).map(|(table, _)| *table).collect();
    let left = if left.is_empty() { "nothing".to_owned() } else { left.join(" ") };
    format!("{end:<12} {left}")
}

/// The names of the bits that are set.
fn names(set: u32, of: [&str; 3]) -> String {
    let names: Vec<&str> =
        (0..).zip(of).filter(|(bit, _)| set >> bit & 1 == 1).map(|(_, name)| name).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(" ") }
}

#[test]
fn every_way_to_fail_ends_as_the_table_says() {
    let mut table = format!(
        "{:<22} {:<22} {:<44} {}\n",
        "actions fail", "compensations fail", "guide: end, what stays", "hardened: end, what stays"
    );
    for actions in 0..8 {
        for compensations in 0..8 {
            let [guide, hardened] = [Profile::Guide, Profile::Hardened]
                .map(|profile| outcome(&order_saga(profile, actions, compensations).run_calm()));
            let failing = names(actions, ["reserve", "charge", "create"]);
            let undoing = names(compensations, ["release", "refund", "cancel"]);
            let line = format!("{failing:<22} {undoing:<22} {guide:<44} {hardened}");
            writeln!(table, "{}", line.trim_end()).unwrap();
        }
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("order_saga", table));
}
