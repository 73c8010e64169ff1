//! `brownout check`: load scenarios and say everything that is wrong with them.

use std::path::{Path, PathBuf};

use clap::Args;

use super::status::settle;
use super::{Session, Status, Trouble, output};
use crate::render::lines::counted;
use crate::render::{DiagnosticReport, diagnostic_reports};
use crate::scenario::{Scenario, ScenarioError};

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

    /// One JSON document a line for each mistake and each warning, instead of
    /// text.
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Exit status:
  0  every scenario makes sense
  2  some scenario does not

Examples:
  brownout check shop.ron
  brownout check scenarios/*.ron
  brownout check scenarios/*.ron --json | jq .message";

pub(super) fn check(args: &CheckArgs, session: &mut Session<'_>) -> Result<Status, Trouble> {
    let mut status = Status::Held;
    for path in &args.scenarios {
        let loaded = session.scenario(path);
        let of_this =
            if args.json { list(path, loaded, session)? } else { tell(path, loaded, session)? };
        status = status.max(of_this);
    }
    Ok(status)
}

/// Says how it is with a file, and what is wrong on stderr.
fn tell(
    path: &Path,
    loaded: Result<Scenario, Trouble>,
    session: &mut Session<'_>,
) -> Result<Status, Trouble> {
    let scenario = match loaded {
        Ok(scenario) => scenario,
        Err(trouble) => {
            // In one terminal, the files appear in the order in which they were named.
            session.output.flush()?;
            return Ok(settle(Err(trouble)));
        }
    };
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
    Ok(Status::Held)
}

/// Writes a document for each mistake and each warning, on stdout.
fn list(
    path: &Path,
    loaded: Result<Scenario, Trouble>,
    session: &mut Session<'_>,
) -> Result<Status, Trouble> {
    let file = path.to_string_lossy();
    let of_file = |message: &str, help: Option<&str>, session: &mut Session<'_>| {
        session.output.json(&DiagnosticReport::of_file(&file, message, help))
    };
    match loaded {
        Ok(scenario) => {
            let warnings = &scenario.warnings;
            for report in diagnostic_reports(warnings.source(), warnings.diagnostics()) {
                session.output.json(&report)?;
            }
            return Ok(Status::Held);
        }
        Err(Trouble::Scenario(error)) => match *error {
            ScenarioError::Unreadable { reason, .. } => {
                of_file(&format!("cannot read `{file}`: {reason}"), None, session)?;
            }
            ScenarioError::Wrong { source, diagnostics } => {
                for report in diagnostic_reports(&source, &diagnostics) {
                    session.output.json(&report)?;
                }
            }
        },
        Err(Trouble::Misfiled { message, remedy }) => {
            of_file(&message, Some(&remedy), session)?;
        }
        Err(
            trouble @ (Trouble::Regression(_)
            | Trouble::Usage(_)
            | Trouble::Unwritable { .. }
            | Trouble::Panicked(_)
            | Trouble::Io(_)),
        ) => return Err(trouble),
    }
    Ok(Status::Wrong)
}
