//! `brownout run`: one run, its summary, and how a violation came about.

use std::path::PathBuf;

use brownout_models::Span;
use clap::{ArgGroup, Args};

use super::{Session, Status, Trouble, output, plan_file, quoted};
use crate::choice::{Plan, Weather};
use crate::render::{Filter, TraceText, report, saga_trees, story, summary};
use crate::run::{Keep, Run};
use crate::scenario::Scenario;

/// Runs a scenario once and judges what must hold.
///
/// Without --seed, --calm or --plan the run takes the seed that the scenario
/// names. When a property is violated, the last entries of the work that it
/// was seen in are shown.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
#[command(group = ArgGroup::new("shown").args(["trace", "sagas"]).multiple(true))]
pub(super) struct RunArgs {
    /// The scenario, a RON file.
    scenario: PathBuf,

    /// Draw the weather and the faults from this seed.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// No weather and no faults: everything takes its calm value.
    #[arg(long, conflicts_with = "seed")]
    calm: bool,

    /// Follow the plan in this file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "calm"])]
    plan: Option<PathBuf>,

    /// Show every entry of the trace before the summary.
    #[arg(long)]
    trace: bool,

    /// Show every saga as a tree before the summary, or those of --flow.
    #[arg(long)]
    sagas: bool,

    /// One JSON document instead of text.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    filter: FilterArgs,
}

/// Which entries of the trace are shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which entries of the trace to show")]
struct FilterArgs {
    /// Only those of this node, or of any instance of this service.
    #[arg(long = "node", value_name = "NAME", requires = "trace")]
    nodes: Vec<String>,

    /// Only those of this kind, by the word in the third column.
    #[arg(long = "kind", value_name = "WORD", requires = "trace")]
    kinds: Vec<String>,

    /// Only those, and only sagas, of this piece of work (`shopper/17`), or of
    /// all that start at one place (`shopper`).
    #[arg(long = "flow", value_name = "NAME", requires = "shown")]
    flows: Vec<String>,

    /// Only those from this time on, like 1.5s or 250ms.
    #[arg(long, value_name = "SPAN", requires = "trace")]
    from: Option<Span>,

    /// Only those up to this time.
    #[arg(long, value_name = "SPAN", requires = "trace")]
    until: Option<Span>,
}

const AFTER_HELP: &str = "\
A flag of the trace may be given several times; an entry is shown when it
fits one value of every flag given.

Kinds of entries:
  start deliver wake answer expire lose delay duplicate drop refuse stale
  overtake crash pause write note partition slow inherit
  unflushed unwrite skew drift

Exit status:
  0  everything held
  1  a property was violated
  2  the input or the usage is wrong
  3  a bug of brownout

Examples:
  brownout run shop.ron
  brownout run shop.ron --seed 7
  brownout run shop.ron --trace --flow shopper/17
  brownout run shop.ron --sagas --flow shopper/17
  brownout run shop.ron --trace --node payment --kind write --kind crash
  brownout run shop.ron --trace --from 14s --until 15.5s
  brownout run shop.ron --json | jq .violation.message";

pub(super) fn run(args: &RunArgs, session: &mut Session<'_>) -> Result<Status, Trouble> {
    let scenario = session.scenario(&args.scenario)?;
    output::warn_of(&scenario);
    let plan = plan(args, &scenario)?;
    let filter = filter(&args.filter, &scenario)?;
    let keep = Keep { trace: args.trace || args.sagas, metrics: true, ..Keep::VERDICT };
    let run = scenario.run_keeping(&plan, keep);
    output::note_what_never_began(&filter, &run);
    if args.json {
        let report = report(&scenario, &run, args.trace.then_some(&filter));
        let report = if args.sagas { report.with_sagas(&run, &filter) } else { report };
        session.output.json(&report)?;
    } else {
        if args.trace {
            write_trace(&run, &filter, session)?;
            session.output.text("\n")?;
        }
        if args.sagas {
            session.output.text(&saga_trees(&run, &filter, session.output.styles))?;
            session.output.text("\n")?;
        }
        session.output.text(&summary(&scenario, &run, session.output.styles))?;
        if !run.held() && !args.trace {
            write_story(args, &scenario, &plan, session)?;
        }
    }
    Ok(if run.held() { Status::Held } else { Status::Violated })
}

fn plan(args: &RunArgs, scenario: &Scenario) -> Result<Plan, Trouble> {
    Ok(match (&args.plan, args.seed) {
        (Some(path), _) => plan_file::read(path, scenario)?,
        (None, Some(seed)) => Plan::seed(seed),
        (None, None) if args.calm => Plan::calm(),
        (None, None) => Plan::seed(scenario.seed),
    })
}

fn filter(args: &FilterArgs, scenario: &Scenario) -> Result<Filter, Trouble> {
    let filter = Filter::new().at(&args.nodes, scenario.layout())?.of_kinds(&args.kinds)?;
    Ok(filter.of_flows(&args.flows, scenario.layout())?.within(args.from, args.until)?)
}

fn write_trace(run: &Run, filter: &Filter, session: &mut Session<'_>) -> Result<(), Trouble> {
    let seq = run.violation.as_ref().and_then(|violation| violation.seq);
    let trace = TraceText::new(run.world(), session.output.styles).marking(seq);
    let mut shown = false;
    for entry in run.entries().filter(|entry| filter.lets(entry, run.world())) {
        session.output.line(&trace.line(entry))?;
        shown = true;
    }
    if !shown {
        session.output.line("no entry of the trace fits")?;
    }
    Ok(())
}

/// How the violation came about. The trace was not kept: the same run gives it again.
fn write_story(
    args: &RunArgs,
    scenario: &Scenario,
    plan: &Plan,
    session: &mut Session<'_>,
) -> Result<(), Trouble> {
    let again = scenario.run_keeping(plan, Keep { trace: true, ..Keep::VERDICT });
    let Some(story) = story(&again, session.output.styles) else { return Ok(()) };
    session.output.text("\n")?;
    session.output.text(&story.text)?;
    if !args.sagas {
        session.output.text(&story.sagas)?;
    }
    let base = match (&args.plan, args.seed) {
        (Some(path), _) => format!(" --plan {}", quoted(&path.to_string_lossy())),
        (None, Some(seed)) => format!(" --seed {seed}"),
        (None, None) if args.calm => " --calm".to_owned(),
        (None, None) => String::new(),
    };
    let (what, flow) = match &story.flow {
        Some(flow) if story.omitted > 0 => ("all of it", format!(" --flow {}", quoted(flow))),
        Some(_) | None => ("the whole run", String::new()),
    };
    let path = quoted(&args.scenario.to_string_lossy());
    let program = session.program;
    if let Weather::Seed { seed, .. } = plan.weather
        && plan.random_faults
        && plan.deviations.is_empty()
    {
        let shrink = format!("{program} shrink {path} --seed {seed}");
        session.output.line(&format!("\nFind the few faults that matter:\n  {shrink}"))?;
    }
    let see = format!("{program} run {path}{base} --trace{flow}");
    session.output.line(&format!("\nSee {what}:\n  {see}"))
}
