//! The defects of the published guide, one by one: which of them a fixture shows, and the proof.
//!
//! `cargo run --release --example defects` prints the table of `docs/defects.md`; with `prove`, it
//! runs every fixture under both profiles and prints what it found. Numbers after `prove` are the
//! runs under each profile: 2,000 and 20,000 unless said otherwise; words are the ids to prove.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use brownout::models::Profile;
use brownout::search::{Campaign, Regression};
use brownout::{Keep, Kinds, Plan, Scenario};
use indexmap::IndexMap;
use serde::Deserialize;

/// The defects of one machine, as `fixtures/defects/index` lists them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// The machine.
    pub machine: String,
    /// Every defect, by its id.
    pub defects: IndexMap<String, Defect>,
}

/// A defect of the guide.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defect {
    /// What is wrong, in a few words.
    pub claim: String,
    /// What became of it here.
    pub standing: Standing,
}

/// What became of a defect.
#[derive(Debug, Deserialize)]
pub enum Standing {
    /// `fixtures/defects/ID.ron` shows it on the machine alone.
    Shown,
    /// `fixtures/defects/ID.ron` shows it, and its remedy is still to be built.
    Open(String),
    /// It takes a larger system: which fixture shows it there, or what it would take.
    Larger(String),
    /// No pure model can show it, with the reason.
    Unshowable(String),
    /// The guide lacks something: there is nothing to show but its presence elsewhere.
    Absence(String),
}

/// What came of proving a defect.
#[derive(Debug)]
pub struct Proof {
    /// Lines of the plan that was made by hand.
    pub by_hand: usize,
    /// Runs until it was found; `None` when it was not.
    pub found_after: Option<u64>,
    /// Lines of the plan that the search shrank it to.
    pub shrunk: usize,
    /// Runs under `hardened`.
    pub hardened_runs: u64,
    /// What failed under `hardened`: the hand-made plan, or a run.
    pub hardened_failure: Option<String>,
}

impl Proof {
    /// Whether it was found, and the search came nearly as short as the hand.
    #[must_use]
    pub const fn is_found(&self) -> bool {
        self.found_after.is_some() && self.shrunk * 2 <= self.by_hand * 3
    }

    /// Whether it was found, and is gone under `hardened`.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.is_found() && self.hardened_failure.is_none()
    }
}

/// The folder of the defects.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/defects")
}

/// Every family, in the order of their files' names.
///
/// # Panics
/// When a file of the index cannot be read.
#[must_use]
pub fn families() -> Vec<Family> {
    let files = std::fs::read_dir(folder().join("index")).expect("the index is a folder");
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("it is readable").path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).expect("the index is readable");
            ron::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        })
        .collect()
}

/// The table of all defects, in Markdown.
#[must_use]
pub fn table() -> String {
    let mut table = String::new();
    for Family { machine, defects } in families() {
        let _ = writeln!(table, "### {machine}\n\n| id | defect | shown by |\n|---|---|---|");
        for (id, Defect { claim, standing }) in defects {
            let shown = match standing {
                Standing::Shown => format!("[{id}.ron](../fixtures/defects/{id}.ron)"),
                Standing::Open(what) => {
                    format!("[{id}.ron](../fixtures/defects/{id}.ron); no remedy yet: {what}")
                }
                Standing::Larger(how) => format!("a larger system: {how}"),
                Standing::Unshowable(why) => format!("no pure model: {why}"),
                Standing::Absence(what) => format!("an absence: {what}"),
            };
            let _ = writeln!(table, "| {id} | {claim} | {shown} |");
        }
        table.push('\n');
    }
    table
}

/// Proves that a defect is found and shrunk under `guide`, and gone under `hardened`.
///
/// # Panics
/// When a file of the defect makes no sense, or its hand-made plan does not show it.
#[must_use]
pub fn prove(id: &str, guide_runs: u64, hardened_runs: u64) -> Proof {
    let file = folder().join(format!("{id}.ron"));
    let plan_file = folder().join("plans").join(format!("{id}.ron"));
    let guide = Scenario::load(&file).unwrap_or_else(|error| panic!("{error}"));
    let hardened = Scenario::load_under(&file, &Kinds::new(), Profile::Hardened)
        .unwrap_or_else(|error| panic!("{error}"));
    let by_hand = Regression::load(&plan_file).unwrap_or_else(|error| panic!("{error}"));
    let plan = Plan::from(&by_hand.plan);
    let shown = guide.run_keeping(&plan, Keep::VERDICT);
    assert!(!shown.held(), "{id}: the hand-made plan shows nothing");
    assert_eq!(shown.violation.map(|found| found.property), by_hand.property, "{id}");

    let campaign = Campaign { runs: guide_runs, ..Campaign::default() };
    let report = campaign.run(&guide, &|_, _| true).unwrap_or_else(|panic| panic!("{panic:?}"));
    let finding = report.findings.iter().find(|finding| {
        by_hand.property.as_ref().is_none_or(|property| *property == finding.violation.property)
    });
    let campaign = Campaign { runs: hardened_runs, enough: 1, ..Campaign::default() };
    let safe = campaign.run(&hardened, &|_, _| true).unwrap_or_else(|panic| panic!("{panic:?}"));
    let failed = safe.findings.first().map(|finding| finding.shrunk.plan.to_string());
    let remedied = hardened.run_keeping(&plan, Keep::VERDICT);
    let by_plan = remedied.violation.map(|found| format!("the hand-made plan: {}", found.message));
    Proof {
        by_hand: plan.deviations.len(),
        found_after: finding.map(|_| report.runs),
        shrunk: finding.map_or(0, |finding| finding.shrunk.plan.deviations.len()),
        hardened_runs: safe.runs,
        hardened_failure: by_plan.or(failed),
    }
}

/// The ids that a fixture shows; those whose remedy is still to be built apart.
#[must_use]
pub fn shown() -> (Vec<String>, Vec<String>) {
    let (mut shown, mut open) = (Vec::new(), Vec::new());
    for (id, defect) in families().into_iter().flat_map(|family| family.defects) {
        match defect.standing {
            Standing::Shown => shown.push(id),
            Standing::Open(_) => open.push(id),
            Standing::Larger(_) | Standing::Unshowable(_) | Standing::Absence(_) => {}
        }
    }
    (shown, open)
}

#[allow(dead_code, reason = "the tests use this file as a module")]
#[expect(clippy::print_stdout, reason = "it is what this program is for")]
fn main() -> std::process::ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_none_or(|word| word != "prove") {
        print!("{}", table());
        return std::process::ExitCode::SUCCESS;
    }
    let numbers: Vec<u64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let (guide_runs, hardened_runs) = match numbers.as_slice() {
        [] => (2_000, 20_000),
        [runs] => (*runs, *runs),
        [guide, hardened, ..] => (*guide, *hardened),
    };
    let mut all_hold = true;
    println!("id       found in runs  by hand  shrunk  hardened runs  failure");
    let (shown, open) = shown();
    for id in shown.iter().chain(&open) {
        if words.len() > 1 + numbers.len() && !words.contains(id) {
            continue;
        }
        let proof = prove(id, guide_runs, hardened_runs);
        all_hold &= if open.contains(id) { proof.is_found() } else { proof.holds() };
        let Proof { by_hand, shrunk, hardened_runs, .. } = proof;
        let found = proof.found_after.map_or_else(|| "not".to_owned(), |runs| runs.to_string());
        let failure = proof.hardened_failure.as_deref().unwrap_or("none");
        println!("{id:8} {found:>13} {by_hand:>8} {shrunk:>7} {hardened_runs:>14}  {failure}");
    }
    if all_hold { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}
