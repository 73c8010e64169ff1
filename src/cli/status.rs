//! How a command ended: its exit status, and the trouble that kept it from its work.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::process::ExitCode;

use super::{output, quoted};
use crate::choice::{Plan, Weather};
use crate::render::FilterError;
use crate::scenario::{Scenario, ScenarioError};
use crate::search::{Panicked, RegressionError, plan_text};
use crate::stdio::StdioError;

/// The exit status of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    /// Everything held.
    Held = 0,
    /// A property was violated.
    Violated = 1,
    /// The input or the usage is wrong.
    Wrong = 2,
    /// A bug of ours.
    Bug = 3,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(super) enum Trouble {
    /// A scenario, or a plan, does not load.
    Scenario(Box<ScenarioError>),
    /// A file is of another kind than the one that is asked for.
    Misfiled {
        /// What it is, and is not.
        message: String,
        /// What to do with such a file.
        remedy: String,
    },
    /// A finding does not load.
    Regression(Box<RegressionError>),
    /// Something else that was asked for makes no sense, in one sentence.
    Usage(String),
    /// A file or a folder cannot be written.
    Unwritable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A machine panicked, in a run that the sentence names.
    Panicked(String),
    /// Reading or writing failed.
    Io(io::Error),
}

impl Trouble {
    /// A machine panicked in a run of this scenario; the last line is how to see it again.
    pub(super) fn panicked(panicked: &Panicked, scenario: &Scenario, program: &str) -> Self {
        let Panicked { plan, message } = panicked;
        let path = quoted(&scenario.path.to_string_lossy());
        let seed = match plan.weather {
            Weather::Seed { seed, .. } if *plan == Plan::seed(seed) => Some(seed),
            Weather::Seed { .. } | Weather::Calm => None,
        };
        let (run, flag) = match seed {
            Some(seed) => (format!("the run of seed {seed}"), format!("--seed {seed}")),
            None if *plan == Plan::calm() => ("the calm run".to_owned(), "--calm".to_owned()),
            None => {
                (format!("the run of this plan:\n{}\n", plan_text(plan)), "--plan FILE".to_owned())
            }
        };
        Self::Panicked(format!(
            "a machine panicked with `{message}` in {run}; this is a bug of brownout or of a machine \
             of your own; it happens with\n  {program} run {path} {flag}"
        ))
    }
}

/// The status of a command; its trouble is told on stderr.
///
/// A reader that went away wanted no more: that is no trouble.
pub(super) fn settle(done: Result<Status, Trouble>) -> Status {
    match done {
        Ok(status) => return status,
        Err(Trouble::Io(error)) if error.kind() == ErrorKind::BrokenPipe => return Status::Held,
        Err(Trouble::Io(error)) => output::complain(&format!("cannot read or write: {error}")),
        Err(Trouble::Unwritable { path, error }) => {
            output::complain(&format!("cannot write `{}`: {error}", path.display()));
        }
        Err(Trouble::Panicked(message)) => {
            output::complain(&message);
            return Status::Bug;
        }
        Err(Trouble::Usage(message)) => output::complain(&message),
        Err(Trouble::Misfiled { message, remedy }) => {
            output::complain(&format!("{message}; {remedy}"));
        }
        Err(Trouble::Scenario(error)) => output::complain_of(|screen| error.render(screen)),
        Err(Trouble::Regression(error)) => output::complain_of(|screen| error.render(screen)),
    }
    Status::Wrong
}

impl From<ScenarioError> for Trouble {
    fn from(error: ScenarioError) -> Self {
        Self::Scenario(Box::new(error))
    }
}

impl From<RegressionError> for Trouble {
    fn from(error: RegressionError) -> Self {
        Self::Regression(Box::new(error))
    }
}

impl From<FilterError> for Trouble {
    fn from(error: FilterError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<StdioError> for Trouble {
    fn from(error: StdioError) -> Self {
        match error {
            StdioError::Io(error) => Self::Io(error),
            StdioError::UnknownMachine { .. }
            | StdioError::UnknownProfile { .. }
            | StdioError::Config { .. } => Self::Usage(error.to_string()),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
