//! What was found, as a file: the seed, its faults, and the few that matter.
//!
//! A regression passes when none of the three fails any more. The minimal plan is what a person
//! reads; the full plan and the seed still find the bug when a change has moved what the minimal
//! plan names.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Finding;
use crate::choice::{Deviation, Plan, Weather};
use crate::run::{Keep, Run};
use crate::scenario::diagnostic::{Diagnostic, from_ron_error, render};
use crate::scenario::source::{Path as Field, Source};
use crate::scenario::{Scenario, ScenarioError};
use crate::system::Kinds;

/// The version of the format that is read and written.
const VERSION: u32 = 1;

/// A finding as a file keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
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
#[serde(deny_unknown_fields, default)]
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
    pub fn render(&self, colour: bool) -> String {
        match self {
            Self::Unreadable { path, reason } => {
                format!("error: cannot read `{}`: {reason}\n", path.display())
            }
            Self::Wrong { source, diagnostics } => render(source, diagnostics, colour),
            Self::Scenario(error) => error.render(colour),
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
        let wrong = |source: &Source, diagnostic| RegressionError::Wrong {
            source: Box::new(source.clone()),
            diagnostics: vec![diagnostic],
        };
        let regression: Self = ron::Options::default()
            .with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME)
            .from_str(text)
            .map_err(|error| wrong(&source, from_ron_error(&source, &error)))?;
        if regression.version != VERSION {
            let field = Field::root().field("version");
            let place = source.find(&field).unwrap_or_else(|| source.nearest(&field));
            let message = format!("version {} of the format is not known", regression.version);
            return Err(wrong(&source, Diagnostic::new(place, message, "expected 1")));
        }
        Ok(regression)
    }

    /// The scenario that the file at `path` means.
    ///
    /// # Errors
    /// It cannot be read, or it makes no sense.
    pub fn scenario(&self, path: &Path, kinds: &Kinds) -> Result<Scenario, RegressionError> {
        let base = path.parent().unwrap_or_else(|| Path::new(""));
        Scenario::load_with(base.join(&self.scenario), kinds).map_err(RegressionError::Scenario)
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
        let mut text = String::from("(\n");
        let mut field = |name: &str, value: String| {
            let _ = writeln!(text, "    {name}: {value},");
        };
        field("version", self.version.to_string());
        field("scenario", quoted(&self.scenario.to_string_lossy()));
        if let Some(property) = &self.property {
            field("property", quoted(property));
        }
        if let Some(digest) = &self.digest {
            field("digest", quoted(digest));
        }
        if let Some(seed) = self.seed {
            field("seed", seed.to_string());
        }
        field("plan", plan_text(&self.plan));
        if let Some(full) = &self.full {
            field("full", plan_text(full));
        }
        text.push_str(")\n");
        text
    }
}

fn plan_text(plan: &PlanFile) -> String {
    let mut text = String::from("(\n");
    if let Weather::Seed { seed, except } = &plan.weather {
        let except =
            if except.is_empty() { String::new() } else { format!(", except: {}", list(except)) };
        let _ = writeln!(text, "        weather: Seed(seed: {seed}{except}),");
    }
    if let Some(load) = &plan.load {
        let _ = writeln!(text, "        load: {},", list(load));
    }
    text.push_str("        deviations: [\n");
    for deviation in &plan.deviations {
        let Deviation { site, what, flow, count, answer } = deviation;
        let _ = writeln!(
            text,
            "            (site: {}, what: {}, flow: {}, count: {count}, answer: {}),",
            quoted(site),
            quoted(what),
            quoted(flow),
            quoted(answer),
        );
    }
    text.push_str("        ],\n    )");
    text
}

fn list(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    format!("[{}]", words.join(", "))
}

/// A string as RON writes it.
fn quoted(text: &str) -> String {
    ron::to_string(text).unwrap_or_else(|_| format!("{text:?}"))
}
