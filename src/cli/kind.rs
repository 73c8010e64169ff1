//! Which kind of file it is: a scenario, a finding and a plan are easily taken for one another.

use std::fs;
use std::path::Path;

use serde::de::IgnoredAny;

use super::{Session, Trouble, quoted};
use crate::scenario::source::{Path as Field, Source};
use crate::scenario::{Scenario, ScenarioError};
use crate::search::{Regression, RegressionError};

/// What a file is, as far as the names of its fields tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    Scenario,
    Finding,
    Plan,
    /// No RON at all: what some command said with `--json`.
    Json,
}

impl FileKind {
    pub(super) fn of(source: &Source) -> Option<Self> {
        let has = |field: &str| source.find(&Field::root().field(field)).is_some();
        if serde_json::from_str::<IgnoredAny>(source.text()).is_ok() {
            Some(Self::Json)
        } else if has("nodes") {
            Some(Self::Scenario)
        } else if has("scenario") && has("plan") {
            Some(Self::Finding)
        } else if ["weather", "random_faults", "load", "deviations"].into_iter().any(has) {
            Some(Self::Plan)
        } else {
            None
        }
    }
}

impl Session<'_> {
    /// Loads a scenario, or says what the file is instead.
    pub(super) fn scenario(&self, path: &Path) -> Result<Scenario, Trouble> {
        let error = match Scenario::load_with(path, self.kinds) {
            Ok(scenario) => return Ok(scenario),
            Err(error) => error,
        };
        let ScenarioError::Wrong { source, .. } = &error else { return Err(error.into()) };
        match FileKind::of(source) {
            Some(FileKind::Finding) => {
                let (shown, word, program) = (path.display(), word(path), self.program);
                let message = format!("`{shown}` is a finding, and no scenario");
                let remedy = format!("see it again with\n  {program} replay {word}");
                Err(Trouble::Misfiled { message, remedy })
            }
            Some(FileKind::Plan) => Err(self.is_plan(path, "scenario")),
            Some(FileKind::Json) => Err(is_json(path, "scenario", "scenarios are RON")),
            Some(FileKind::Scenario) | None => Err(error.into()),
        }
    }

    /// Loads a finding and its scenario, or says what the file is instead; `otherwise` is what to do
    /// where it is a scenario.
    pub(super) fn finding(
        &self,
        path: &Path,
        otherwise: &str,
    ) -> Result<(Regression, Scenario), Trouble> {
        let text = fs::read_to_string(path).map_err(|error| RegressionError::Unreadable {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        let source = Source::new(path.to_string_lossy(), text);
        let regression = Regression::parse(source.name(), source.text()).map_err(|error| {
            let shown = path.display();
            match FileKind::of(&source) {
                Some(FileKind::Scenario) => {
                    Trouble::Usage(format!("`{shown}` is a scenario, and no finding: {otherwise}"))
                }
                Some(FileKind::Plan) => self.is_plan(path, "finding"),
                Some(FileKind::Json) => {
                    is_json(path, "finding", "findings are RON, as `fuzz` saves them")
                }
                Some(FileKind::Finding) | None => error.into(),
            }
        })?;
        let scenario = regression.scenario(path, self.kinds)?;
        regression.check(path, &scenario)?;
        Ok((regression, scenario))
    }

    fn is_plan(&self, path: &Path, wanted: &str) -> Trouble {
        let (shown, word, program) = (path.display(), word(path), self.program);
        let message = format!("`{shown}` is a plan, and no {wanted}");
        let run = format!("{program} run SCENARIO --plan {word}");
        Trouble::Misfiled { message, remedy: format!("run its scenario under it with\n  {run}") }
    }
}

fn is_json(path: &Path, wanted: &str, remedy: &str) -> Trouble {
    let message = format!("`{}` is JSON, and no {wanted}", path.display());
    Trouble::Misfiled { message, remedy: remedy.to_owned() }
}

fn word(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}
