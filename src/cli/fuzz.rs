//! `brownout fuzz`: many random runs, what they found, and the few faults that matter.

use std::fmt::Write as _;
use std::path::PathBuf;

use brownout_models::Span;
use clap::Args;
use clap::builder::RangedU64ValueParser;
use serde_json::json;

use super::jobs::{progress, with_workers};
use super::save::save;
use super::status::settle;
use super::{Session, Status, Trouble, jobs, output, quoted};
use crate::render::lines::{self, counted, wrapped};
use crate::render::{Styles, heading, left_of, plan_report, story};
use crate::run::Keep;
use crate::scenario::Scenario;
use crate::search::{Campaign, CampaignReport, Finding};

/// Runs a scenario with one seed after another, shrinks what it finds and
/// saves it.
///
/// The report is the same for any number of workers. Each finding is saved
/// as a file that `brownout replay` takes.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct FuzzArgs {
    /// Scenarios, RON files. One that is wrong does not keep the others from
    /// running.
    #[arg(required = true)]
    scenarios: Vec<PathBuf>,

    /// How many runs at most.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = at_least_one())]
    runs: u64,

    /// Go on for this long (like 60s) instead; the number of runs then
    /// depends on the machine.
    #[arg(long = "for", value_name = "SPAN", conflicts_with = "runs")]
    lasting: Option<Span>,

    /// The seed of the first run; the others count up from it.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Stop once this many runs have failed.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = at_least_one())]
    enough: u64,

    /// How many workers; one for each core.
    #[arg(long, short, value_name = "N", value_parser = jobs::at_least_one())]
    jobs: Option<usize>,

    /// Where findings are saved.
    #[arg(long, value_name = "DIR", default_value = "findings")]
    save: PathBuf,

    /// One JSON document instead of text.
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Exit status, the highest that any of the scenarios calls for:
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
    let mut status = Status::Held;
    let mut scenarios = Vec::new();
    // A campaign takes long, so what is wrong with a file is told before the first of them. It keeps
    // nobody from running the others.
    for path in &args.scenarios {
        match session.scenario(path) {
            Ok(scenario) => scenarios.push(scenario),
            Err(trouble) => status = status.max(settle(Err(trouble))),
        }
    }
    if scenarios.is_empty() {
        return Ok(status);
    }
    scenarios.iter().for_each(output::warn_of);
    let mut documents = Vec::new();
    let mut gap = "";
    // What was found is told first, whatever goes wrong.
    let mut troubles = Vec::new();
    for scenario in &scenarios {
        let report = match campaign(args, scenario, session) {
            Ok(report) => report,
            Err(trouble) => {
                troubles.push(trouble);
                continue;
            }
        };
        if !report.findings.is_empty() || !report.unreached.is_empty() {
            status = status.max(Status::Violated);
        }
        let mut saved = Vec::new();
        for finding in &report.findings {
            let path = save(&args.save, scenario, finding);
            saved.push(path.map_err(|trouble| troubles.push(trouble)).ok());
        }
        if args.json {
            documents.push(document(scenario, &report, &saved));
        } else {
            let text = text(scenario, &report, &saved, session);
            session.output.text(&format!("{gap}{text}"))?;
            // The next campaign may take as long as this one.
            session.output.flush()?;
            gap = "\n";
        }
    }
    if args.json {
        session.output.json(&documents)?;
    }
    session.output.flush()?;
    // The command that shows a panic again comes last.
    troubles.sort_by_key(|trouble| matches!(trouble, Trouble::Panicked(_)));
    let statuses = troubles.into_iter().map(|trouble| settle(Err(trouble)));
    Ok(statuses.fold(status, Status::max))
}

/// A campaign without runs would hold.
fn at_least_one() -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(1..)
}

#[expect(clippy::disallowed_types, reason = "how long to go on is asked of the machine's clock")]
fn campaign(
    args: &FuzzArgs,
    scenario: &Scenario,
    session: &Session<'_>,
) -> Result<CampaignReport, Trouble> {
    let runs = if args.lasting.is_some() { u64::MAX } else { args.runs };
    let enough = args.enough;
    let campaign = Campaign { first_seed: args.seed, runs, enough, ..Campaign::default() };
    let bar = progress(args.runs, "fuzz");
    let started = std::time::Instant::now();
    let report = with_workers(args.jobs, runs, || {
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
    report.map_err(|panicked| Trouble::panicked(&panicked, scenario, session.program))
}

fn text(
    scenario: &Scenario,
    report: &CampaignReport,
    saved: &[Option<PathBuf>],
    session: &Session<'_>,
) -> String {
    let styles = session.output.styles;
    let mut text = heading(scenario, styles);
    let runs = counted(report.runs, "run", "runs");
    let steps = counted(report.steps, "step", "steps");
    let _ = writeln!(text, "{runs}, {} failed, {steps}", report.failed);
    for name in &report.unreached {
        text.push_str(&wrapped(&format!("never reached: {name}"), 0, styles.columns));
    }
    for name in &report.toothless {
        text.push_str(&wrapped(
            &format!("never had anything to look at: {name}"),
            0,
            styles.columns,
        ));
    }
    if scenario.properties().next().is_none() {
        text.push_str("nothing was asked to hold: the scenario has no properties\n");
    } else if report.findings.is_empty() && report.unreached.is_empty() {
        text.push_str("everything held\n");
    }
    for (finding, path) in report.findings.iter().zip(saved) {
        describe(&mut text, scenario, (finding, report.runs), styles);
        let program = session.program;
        let _ = if let Some(path) = path {
            let path = quoted(&path.to_string_lossy());
            writeln!(text, "\nSaved; see it again with\n  {program} replay {path}")
        } else {
            let (path, seed) = (quoted(&scenario.path.to_string_lossy()), finding.seed);
            writeln!(
                text,
                "\nNot saved; see it again with\n  {program} shrink {path} --seed {seed}"
            )
        };
    }
    if let (Some(planted), false) = (&scenario.planted, report.findings.is_empty()) {
        text.push('\n');
        text.push_str(&wrapped(
            &format!("This bug is there on purpose: {planted}."),
            0,
            styles.columns,
        ));
    }
    text
}

/// A finding of a campaign of so many runs.
fn describe(
    text: &mut String,
    scenario: &Scenario,
    (finding, runs): (&Finding, u64),
    styles: Styles,
) {
    let (strong, fault) = (styles.strong, styles.fault);
    let Finding { seed, failed, full, shrunk, .. } = finding;
    let property = &shrunk.violation.property;
    let _ = writeln!(text, "\n{fault}VIOLATED{fault:#}  {strong}{property}{strong:#}");
    text.push_str(&wrapped(&shrunk.violation.message, 10, styles.columns));
    let _ = writeln!(text, "          in {failed} of {}", counted(runs, "run", "runs"));
    let left = left_of(full.deviations.len(), *seed, shrunk);
    let _ = write!(text, "\n{}", wrapped(&format!("{left}:"), 0, styles.columns));
    let _ = writeln!(text, "\n{}", lines::plan_in_short(&shrunk.plan, 2, styles.columns));
    let again = scenario.run_keeping(&shrunk.plan, Keep { trace: true, ..Keep::VERDICT });
    if let Some(story) = story(&again, styles) {
        text.push_str(&story.text);
        text.push_str(&story.sagas);
    }
}

fn document(
    scenario: &Scenario,
    report: &CampaignReport,
    saved: &[Option<PathBuf>],
) -> serde_json::Value {
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
                "plan": plan_report(&finding.shrunk.plan),
                "full": plan_report(&finding.full),
                "digest": finding.shrunk.digest,
                "one_minimal": finding.shrunk.is_one_minimal,
                "load_minimal": finding.shrunk.load.is_minimal(),
                "gave_up": finding.shrunk.gave_up,
                "shrink_runs": finding.shrunk.runs,
                "saved": path,
            })
        })
        .collect();
    json!({
        "format": 1,
        "scenario": scenario.path,
        "title": scenario.title,
        "runs": report.runs,
        "failed": report.failed,
        "steps": report.steps,
        "unreached": report.unreached,
        "toothless": report.toothless,
        "planted": scenario.planted,
        "findings": findings,
    })
}
