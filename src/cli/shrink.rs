//! `brownout shrink`: the few faults of a failing run that matter.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Session, Status, Trouble};
use crate::choice::Plan;
use crate::render::lines::{self, counted, wrapped};
use crate::render::{left, plan_report};
use crate::scenario::Scenario;
use crate::search::{Shrunk, shrink};

/// Takes away every fault that plays no part in a failing run.
///
/// The file is a finding; with --seed it is a scenario, and the run of
/// that seed is shrunk.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ShrinkArgs {
    /// The finding, as `brownout fuzz` saves it; with --seed, a scenario.
    file: PathBuf,

    /// Shrink the run of this seed of a scenario.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// One JSON document instead of text.
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Exit status:
  0  the run does not fail: there is nothing to shrink
  1  the run fails; the smallest plan found is printed
  2  the input or the usage is wrong
  3  a bug of brownout

Examples:
  brownout shrink shop.ron --seed 17
  brownout shrink findings/shop-every_call_ends.ron";

pub(super) fn run(args: &ShrinkArgs, session: &mut Session<'_>) -> Result<Status, Trouble> {
    let (scenario, plan) = if let Some(seed) = args.seed {
        (session.scenario(&args.file)?, Plan::seed(seed))
    } else {
        let (regression, scenario) = session.finding(&args.file, "add `--seed N`")?;
        let full = regression.full.as_ref().unwrap_or(&regression.plan);
        (scenario, regression.seed.map_or_else(|| Plan::from(full), Plan::seed))
    };
    let shrunk = shrink(&scenario, &plan);
    if args.json {
        session.output.json(&document(&scenario, shrunk.as_ref()))?;
    } else {
        session.output.text(&text(shrunk.as_ref(), session.output.styles.columns))?;
    }
    Ok(if shrunk.is_some() { Status::Violated } else { Status::Held })
}

fn text(shrunk: Option<&Shrunk>, columns: usize) -> String {
    let Some(shrunk) = shrunk else {
        return "everything held: there is nothing to shrink\n".to_owned();
    };
    let Shrunk { plan, violation, digest, runs, .. } = shrunk;
    let violated = wrapped(&format!("{}: {}", violation.property, violation.message), 0, columns);
    let plan = lines::plan(plan, 2, columns);
    let left = wrapped(&left(shrunk), 0, columns);
    let runs = counted(*runs, "run", "runs");
    format!("{violated}\n{plan}\n{left}{runs}, digest {digest}\n")
}

fn document(scenario: &Scenario, shrunk: Option<&Shrunk>) -> serde_json::Value {
    json!({
        "format": 1,
        "scenario": scenario.path,
        "fails": shrunk.is_some(),
        "property": shrunk.map(|shrunk| &shrunk.violation.property),
        "message": shrunk.map(|shrunk| &shrunk.violation.message),
        "plan": shrunk.map(|shrunk| plan_report(&shrunk.plan)),
        "digest": shrunk.map(|shrunk| &shrunk.digest),
        "one_minimal": shrunk.map(|shrunk| shrunk.is_one_minimal),
        "load_minimal": shrunk.and_then(|shrunk| shrunk.load.is_minimal()),
        "gave_up": shrunk.map(|shrunk| shrunk.gave_up),
        "runs": shrunk.map(|shrunk| shrunk.runs),
    })
}
