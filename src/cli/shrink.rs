//! `brownout shrink`: the few faults of a failing run that matter.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Session, Status, Trouble};
use crate::choice::Plan;
use crate::scenario::Scenario;
use crate::search::{Regression, shrink};

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
        (Scenario::load_with(&args.file, session.kinds)?, Plan::seed(seed))
    } else {
        let regression = Regression::load(&args.file)?;
        let scenario = regression.scenario(&args.file, session.kinds)?;
        let full = regression.full.as_ref().unwrap_or(&regression.plan);
        (scenario, regression.seed.map_or_else(|| Plan::from(full), Plan::seed))
    };
    let Some(shrunk) = shrink(&scenario, &plan) else {
        session.output.line("everything held: there is nothing to shrink")?;
        return Ok(Status::Held);
    };
    if args.json {
        session.output.json(&json!({
            "property": shrunk.violation.property,
            "message": shrunk.violation.message,
            "weather": shrunk.plan.weather,
            "load": shrunk.plan.load,
            "deviations": shrunk.plan.deviations,
            "digest": shrunk.digest,
            "runs": shrunk.runs,
            "one_minimal": shrunk.is_one_minimal,
        }))?;
    } else {
        let mut text = String::new();
        let _ = writeln!(text, "{}: {}", shrunk.violation.property, shrunk.violation.message);
        let _ = writeln!(text, "\n{}", super::fuzz::indented(&shrunk.plan));
        let minimal =
            if shrunk.is_one_minimal { "no fault can be missed" } else { "not proven minimal" };
        let _ = writeln!(text, "\n{} runs, {minimal}, digest {}", shrunk.runs, shrunk.digest);
        session.output.text(&text)?;
    }
    Ok(Status::Violated)
}
