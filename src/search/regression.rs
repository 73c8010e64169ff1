//! What was found, as a file: the seed, its faults, and the few that matter.
//!
//! A regression passes when none of the three fails any more. The minimal plan is what a person
//! reads; the full plan and the seed still find the bug when a change has moved what the minimal
//! plan names. Names that the scenario does not know at all are mistakes.
//!
//! Once the bug is fixed, a test keeps it so. Here it is not, and the test says what is known:
//!
//! ```
//! use brownout::search::Regression;
//! use brownout::{Keep, Kinds};
//!
//! let path = "fixtures/regressions/charged_twice.ron";
//! let regression = Regression::load(path)?;
//! let scenario = regression.scenario(path, &Kinds::new())?;
//! regression.check(path, &scenario)?;
//! for replay in regression.replay(&scenario, Keep::VERDICT) {
//!     // In a test of your own: assert!(!replay.fails, "{:?}", replay.run.violation);
//!     assert!(replay.fails, "the bug is planted");
//! }
//! # Ok::<(), brownout::search::RegressionError>(())
//! ```

mod text;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Finding;
use crate::choice::{Deviation, Plan, Weather};
use crate::run::{Keep, Run};
use crate::scenario::diagnostic::{Diagnostic, Screen, did_you_mean, from_ron_error, render};
use crate::scenario::source::{Path as Field, Source};
use crate::scenario::{Scenario, ScenarioError};
use crate::system::Kinds;
use text::text_of;

/// A plan as a file says it.
pub(crate) fn plan_text(plan: &Plan) -> String {
    text::plan_text(&PlanFile::from(plan), "")
}

/// The version of the format that is read and written.
const VERSION: u32 = 1;

/// A finding as a file keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename = "Finding", deny_unknown_fields)]
pub struct Regression {
    /// The version of the format; 1.
    pub version: u32,
    /// The scenario, relative to the file.
    pub scenario: PathBuf,
    /// The property that did not hold.
    #[serde(default)]
    pub property: Option<String>,
    /// The digest of the minimal plan's run when it was found.
    #[serde(default)]
    pub digest: Option<String>,
    /// The seed of the run that found it.
    #[serde(default)]
    pub seed: Option<u64>,
    /// The few faults that matter.
    pub plan: PlanFile,
    /// All faults of that run.
    #[serde(default)]
    pub full: Option<PlanFile>,
}

/// A plan as a file keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename = "Plan", deny_unknown_fields, default)]
pub struct PlanFile {
    /// The base of the plan; calm.
    pub weather: Weather,
    /// The only pieces of load that take part; all of them.
    pub load: Option<Vec<String>>,
    /// What differs from calm.
    pub deviations: Vec<Deviation>,
}

/// Which of the three forms was replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayOf {
    /// The few faults that matter.
    Minimal,
    /// All faults of the run that found it.
    Full,
    /// The run that found it.
    Seed,
}

/// One form of a regression, replayed.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Which form.
    pub of: ReplayOf,
    /// What came of it.
    pub run: Run,
    /// Whether the digest is the recorded one; `None` where none was recorded.
    pub is_identical: Option<bool>,
    /// Whether the recorded property, or any where none was recorded, did not hold.
    pub fails: bool,
}

/// Why there is no regression.
#[derive(Clone, Debug)]
pub enum RegressionError {
    /// The file cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The file makes no sense.
    Wrong {
        /// The text and the places in it.
        source: Box<Source>,
        /// What is wrong.
        diagnostics: Vec<Diagnostic>,
    },
    /// Its scenario makes no sense.
    Scenario(ScenarioError),
}

impl RegressionError {
    /// The error as a person reads it.
    #[must_use]
    pub fn render(&self, screen: impl Into<Screen>) -> String {
        match self {
            Self::Unreadable { path, reason } => {
                format!("error: cannot read `{}`: {reason}\n", path.display())
            }
            Self::Wrong { source, diagnostics } => render(source, diagnostics, screen),
            Self::Scenario(error) => error.render(screen),
        }
    }
}

impl std::fmt::Display for RegressionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.render(false).trim_end())
    }
}

impl std::error::Error for RegressionError {}

impl From<&PlanFile> for Plan {
    fn from(file: &PlanFile) -> Self {
        Self {
            weather: file.weather.clone(),
            random_faults: false,
            load: file.load.clone(),
            deviations: file.deviations.clone(),
        }
    }
}

impl From<&Plan> for PlanFile {
    fn from(plan: &Plan) -> Self {
        Self {
            weather: plan.weather.clone(),
            load: plan.load.clone(),
            deviations: plan.deviations.clone(),
        }
    }
}

impl Regression {
    /// The regression of a finding; `scenario` is the path as the file will say it.
    #[must_use]
    pub fn of(finding: &Finding, scenario: &Path) -> Self {
        Self {
            version: VERSION,
            scenario: scenario.to_owned(),
            property: Some(finding.violation.property.clone()),
            digest: Some(finding.shrunk.digest.clone()),
            seed: Some(finding.seed),
            plan: PlanFile::from(&finding.shrunk.plan),
            full: Some(PlanFile::from(&finding.full)),
        }
    }

    /// Reads a regression from a file.
    ///
    /// # Errors
    /// The file cannot be read, or it makes no sense.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, RegressionError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| RegressionError::Unreadable {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        Self::parse(&path.to_string_lossy(), &text)
    }

    /// Reads a regression from a text; `name` stands for the file in errors.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn parse(name: &str, text: &str) -> Result<Self, RegressionError> {
        let source = Source::new(name, text);
        let regression: Self = ron::Options::default()
            .with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME)
            .from_str(text)
            .map_err(|error| {
                let diagnostics = vec![from_ron_error(&source, &error)];
                RegressionError::Wrong { source: Box::new(source.clone()), diagnostics }
            })?;
        if regression.version != VERSION {
            let message = format!("version {} of the format is not known", regression.version);
            let help = "write `1`, or find it again with this version of brownout";
            return Err(wrong(source, "version", message, "expected `1`", help));
        }
        Ok(regression)
    }

    /// The scenario that this regression means, which was loaded from the file at `path`.
    ///
    /// # Errors
    /// It cannot be read, or it makes no sense.
    pub fn scenario(
        &self,
        path: impl AsRef<Path>,
        kinds: &Kinds,
    ) -> Result<Scenario, RegressionError> {
        let path = path.as_ref();
        let base = path.parent().unwrap_or_else(|| Path::new(""));
        Scenario::load_with(base.join(&self.scenario), kinds).map_err(|error| match error {
            ScenarioError::Unreadable { path: scenario, reason } => {
                let message = format!("cannot read `{}`: {reason}", scenario.display());
                let help = "name the scenario relative to the folder of this file";
                wrong(source_of(path), "scenario", message, "expected a scenario", help)
            }
            wrong @ ScenarioError::Wrong { .. } => RegressionError::Scenario(wrong),
        })
    }

    /// Whether the scenario, with all properties that were added to it, has the recorded one, and
    /// knows every name in the plans.
    ///
    /// # Errors
    /// It has not, or does not: nothing would fail any more.
    pub fn check(
        &self,
        path: impl AsRef<Path>,
        scenario: &Scenario,
    ) -> Result<(), RegressionError> {
        let source = source_of(path.as_ref());
        let plans = [("plan", Some(&self.plan)), ("full", self.full.as_ref())];
        for (field, plan) in plans {
            let Some(plan) = plan else { continue };
            let known = scenario.check_names(&plan.into(), &source, &Field::root().field(field));
            known.map_err(RegressionError::Scenario)?;
        }
        let Some(property) = &self.property else { return Ok(()) };
        if scenario.properties().any(|known| known == property) {
            return Ok(());
        }
        let message = format!("the scenario has no property `{property}`");
        let help = match did_you_mean(property, scenario.properties()) {
            Some(known) => format!("did you mean `{known}`?"),
            None => {
                let known: Vec<String> =
                    scenario.properties().map(|known| format!("`{known}`")).collect();
                format!("known are {}", known.join(", "))
            }
        };
        Err(wrong(source, "property", message, "expected a property", &help))
    }

    /// Replays the minimal plan, and the full plan and the seed where they are known.
    #[must_use]
    pub fn replay(&self, scenario: &Scenario, keep: Keep) -> Vec<Replay> {
        let full = self.full.as_ref().map(|full| (ReplayOf::Full, Plan::from(full)));
        let seed = self.seed.map(|seed| (ReplayOf::Seed, Plan::seed(seed)));
        let forms = [Some((ReplayOf::Minimal, Plan::from(&self.plan))), full, seed];
        let replay = |(of, plan): (ReplayOf, Plan)| {
            let run = scenario.run_keeping(&plan, keep);
            let recorded = self.digest.as_ref().filter(|_| of == ReplayOf::Minimal);
            let is_identical = recorded.map(|digest| *digest == run.digest.to_string());
            let fails = run.violation.as_ref().is_some_and(|violation| {
                self.property.as_ref().is_none_or(|property| *property == violation.property)
            });
            Replay { of, run, is_identical, fails }
        };
        forms.into_iter().flatten().map(replay).collect()
    }

    /// The text of the file: one line for each deviation.
    #[must_use]
    pub fn to_ron(&self) -> String {
        text_of(self)
    }
}

/// The text of a regression that was read before; nothing when it is gone.
fn source_of(path: &Path) -> Source {
    Source::new(path.to_string_lossy(), std::fs::read_to_string(path).unwrap_or_default())
}

/// What is wrong with one field of a regression.
fn wrong(source: Source, field: &str, message: String, label: &str, help: &str) -> RegressionError {
    let field = Field::root().field(field);
    let place = source.find(&field).unwrap_or_else(|| source.nearest(&field));
    let diagnostics = vec![Diagnostic::new(place, message, label).with_help(help)];
    RegressionError::Wrong { source: Box::new(source), diagnostics }
}
