//! `brownout check`: load scenarios and say everything that is wrong with them.

use std::path::PathBuf;

use clap::Args;

use super::status::settle;
use super::{Session, Status, Trouble, output};
use crate::render::lines::counted;

/// Loads scenarios and shows everything that is wrong with them.
///
/// Nothing is run. A mistake is shown with its line, the offending text and
/// what would fix it; one wrong file does not hide another.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct CheckArgs {
    /// The scenarios, RON files.
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
}

const AFTER_HELP: &str = "\
Exit status:
  0  every scenario makes sense
  2  some scenario does not

Examples:
  brownout check shop.ron
  brownout check scenarios/*.ron";

pub(super) fn check(args: &CheckArgs, session: &mut Session<'_>) -> Result<Status, Trouble> {
    let mut status = Status::Held;
    for path in &args.scenarios {
        match session.scenario(path) {
            Ok(scenario) => {
                let (good, layout) = (session.output.styles.good, scenario.layout());
                session.output.line(&format!(
                    "{good}ok{good:#}  {}: {}, {}, {}",
                    path.display(),
                    counted(layout.nodes.len() as u64, "node", "nodes"),
                    counted(layout.faults.len() as u64, "fault", "faults"),
                    counted(scenario.properties().count() as u64, "property", "properties"),
                ))?;
                session.output.flush()?;
                output::warn_of(&scenario);
            }
            Err(trouble) => {
                // In one terminal, the files appear in the order in which they were named.
                session.output.flush()?;
                status = settle(Err(trouble));
            }
        }
    }
    Ok(status)
}
