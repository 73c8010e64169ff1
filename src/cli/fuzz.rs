//! `brownout fuzz`: many random runs, what they found, and the few faults that matter.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use brownout_models::Span;
use clap::Args;
use serde_json::json;

use super::jobs::{progress, with_workers};
use super::{Session, Status, Trouble, quoted};
use crate::choice::Plan;
use crate::render::{Styles, story};
use crate::run::Keep;
use crate::scenario::Scenario;
use crate::search::{Campaign, CampaignReport, Finding, Regression};

/// Runs a scenario with one seed after another, shrinks what it finds and
/// saves it.
///
/// The report is the same for any number of workers. Each finding is saved
/// as a file that `brownout replay` takes.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct FuzzArgs {
    /// Scenarios, RON files.
    #[arg(required = true)]
    scenarios: Vec<PathBuf>,

    /// How many runs at most.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    runs: u64,

    /// Go on for this long (like 60s) instead; the number of runs then
    /// depends on the machine.
    #[arg(long = "for", value_name = "SPAN", conflicts_with = "runs")]
    lasting: Option<Span>,

    /// The seed of the first run; the others count up from it.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Stop once this many runs have failed.
    #[arg(long, value_name = "N", default_value_t = 16)]
    enough: u64,

    /// How many workers; one for each core.
    #[arg(long, short, value_name = "N")]
    jobs: Option<usize>,

    /// Where findings are saved.
    #[arg(long, value_name = "DIR", default_value = "findings")]
    save: PathBuf,

    /// One JSON document instead of text.
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Exit status:
  0  everything held in every run
  1  a property was violated, or what should be reached sometimes never was
  2  the input or the usage is wrong
  3  a bug of brownout

Examples:
  brownout fuzz shop.ron
  brownout fuzz shop.ron --runs 20000 --jobs 2
  brownout fuzz shop.ron --for 60s --save regressions
  brownout fuzz shop.ron --seed 1001 --json";

pub(super) fn run(args: &FuzzArgs, session: &mut Session<'_>) -> Result<Status, Trouble> {
    let scenarios: Vec<Scenario> = args
        .scenarios
        .iter()
        .map(|path| Scenario::load_with(path, session.kinds))
        .collect::<Result<_, _>>()?;
    let mut documents = Vec::new();
    let mut status = Status::Held;
    for scenario in &scenarios {
        let report = campaign(args, scenario)?;
        if !report.findings.is_empty() || !report.unreached.is_empty() {
            status = Status::Violated;
        }
        let saved = save(args, scenario, &report)?;
        if args.json {
            documents.push(document(scenario, &report, &saved));
        } else {
            let text = text(scenario, &report, &saved, session);
            session.output.text(&text)?;
        }
    }
    if args.json {
        session.output.json(&documents)?;
    }
    Ok(status)
}

#[expect(clippy::disallowed_types, reason = "how long to go on is asked of the machine's clock")]
fn campaign(args: &FuzzArgs, scenario: &Scenario) -> Result<CampaignReport, Trouble> {
    let runs = if args.lasting.is_some() { u64::MAX } else { args.runs };
    let enough = args.enough.max(1);
    let campaign = Campaign { first_seed: args.seed, runs, enough, ..Campaign::default() };
    let bar = progress(args.runs, "fuzz");
    let started = std::time::Instant::now();
    let report = with_workers(args.jobs, || {
        campaign.run(scenario, &|done, failed| {
            bar.set_position(done);
            bar.set_message(format!("{failed} failed"));
            if failed >= enough || done >= runs {
                bar.set_message(format!("{failed} failed, shrinking"));
            }
            args.lasting
                .is_none_or(|span| started.elapsed().as_nanos() < u128::from(span.as_nanos()))
        })
    })?;
    bar.finish_and_clear();
    Ok(report)
}

/// Saves every finding and gives the files.
fn save(
    args: &FuzzArgs,
    scenario: &Scenario,
    report: &CampaignReport,
) -> Result<Vec<PathBuf>, Trouble> {
    let mut saved = Vec::new();
    for finding in &report.findings {
        fs::create_dir_all(&args.save)?;
        let stem = scenario
            .path
            .file_stem()
            .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let property: String = finding
            .violation
            .property
            .chars()
            .map(|c| if c.is_alphanumeric() { c } else { '_' })
            .collect();
        let path = args.save.join(format!("{stem}-{property}.ron"));
        let regression = Regression::of(finding, &from_folder(&args.save, &scenario.path));
        fs::write(&path, regression.to_ron())?;
        saved.push(path);
    }
    Ok(saved)
}

/// The path of a file as one says it in a folder.
fn from_folder(folder: &Path, file: &Path) -> PathBuf {
    if file.is_absolute() {
        return file.to_owned();
    }
    if folder.is_absolute() {
        return fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    }
    let up: PathBuf =
        folder.components().filter(|part| part.as_os_str() != ".").map(|_| "..").collect();
    up.join(file)
}

fn text(
    scenario: &Scenario,
    report: &CampaignReport,
    saved: &[PathBuf],
    session: &Session<'_>,
) -> String {
    let styles = session.output.styles;
    let strong = styles.strong;
    let mut text = format!("{strong}{}{strong:#}\n", scenario.title);
    let _ =
        writeln!(text, "{} runs, {} failed, {} steps", report.runs, report.failed, report.steps);
    for name in &report.unreached {
        let _ = writeln!(text, "never reached: {name}");
    }
    for name in &report.toothless {
        let _ = writeln!(text, "never had anything to look at: {name}");
    }
    if report.findings.is_empty() {
        text.push_str("everything held\n");
    }
    for (finding, path) in report.findings.iter().zip(saved) {
        describe(&mut text, scenario, finding, styles);
        let path = quoted(&path.to_string_lossy());
        let _ = writeln!(
            text,
            "\nSaved in {path}; see it again with\n  {} replay {path}",
            session.program
        );
    }
    if let (Some(planted), false) = (&scenario.planted, report.findings.is_empty()) {
        let _ = writeln!(text, "\nThis bug is planted: {planted}.");
    }
    text
}

fn describe(text: &mut String, scenario: &Scenario, finding: &Finding, styles: Styles) {
    let (strong, fault) = (styles.strong, styles.fault);
    let Finding { seed, failed, full, shrunk, .. } = finding;
    let property = &shrunk.violation.property;
    let _ =
        writeln!(text, "\n{fault}VIOLATED{fault:#} {strong}{property}{strong:#} in {failed} runs");
    let _ = writeln!(text, "  {}", shrunk.violation.message);
    let (all, few) = (full.deviations.len(), shrunk.plan.deviations.len());
    let minimal = if shrunk.is_one_minimal { "none can be missed" } else { "not proven minimal" };
    let _ = writeln!(
        text,
        "\nOf {all} faults in the run of seed {seed}, {few} matter{} ({minimal}; {} runs):",
        if few == 1 { "s" } else { "" },
        shrunk.runs
    );
    let _ = writeln!(text, "\n{}\n", indented(&shrunk.plan));
    let again = scenario.run_keeping(&shrunk.plan, Keep { trace: true, ..Keep::VERDICT });
    if let Some((story, _)) = story(&again, styles) {
        text.push_str(&story);
    }
}

/// A plan, each line set in.
pub(super) fn indented(plan: &Plan) -> String {
    plan.to_string().lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn document(scenario: &Scenario, report: &CampaignReport, saved: &[PathBuf]) -> serde_json::Value {
    let findings: Vec<_> = report
        .findings
        .iter()
        .zip(saved)
        .map(|(finding, path)| {
            json!({
                "property": finding.violation.property,
                "message": finding.shrunk.violation.message,
                "failed": finding.failed,
                "seed": finding.seed,
                "weather": finding.shrunk.plan.weather,
                "load": finding.shrunk.plan.load,
                "deviations": finding.shrunk.plan.deviations,
                "digest": finding.shrunk.digest,
                "one_minimal": finding.shrunk.is_one_minimal,
                "shrink_runs": finding.shrunk.runs,
                "saved": path,
            })
        })
        .collect();
    json!({
        "scenario": scenario.path,
        "runs": report.runs,
        "failed": report.failed,
        "steps": report.steps,
        "unreached": report.unreached,
        "toothless": report.toothless,
        "planted": scenario.planted,
        "findings": findings,
    })
}
