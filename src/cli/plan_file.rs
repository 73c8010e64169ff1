//! A plan from a file: RON, with the names that runs print, or JSON as they print it; of a finding, its
//! minimal plan.
//!
//! ```ron
//! (
//!     weather: Seed(seed: 7, except: ["latency"]),
//!     random_faults: false,
//!     deviations: [
//!         (
//!             site: "order-1>payment-1 charge reply", what: "lose",
//!             flow: "shopper/17", count: 1, answer: "yes",
//!         ),
//!     ],
//! )
//! ```

use std::fs;
use std::path::Path;

use ron::extensions::Extensions;
use serde::Deserialize;

use super::kind::FileKind;
use super::{Trouble, plan_json};
use crate::choice::{Deviation, Plan, Weather};
use crate::scenario::diagnostic::from_ron_error;
use crate::scenario::source::{Path as Field, Source};
use crate::scenario::{Scenario, ScenarioError};
use crate::search::Regression;

/// The plan as it is written down; what is left out is calm.
#[derive(Debug, Default, Deserialize)]
#[serde(rename = "Plan", deny_unknown_fields, default)]
struct PlanFile {
    weather: Weather,
    random_faults: bool,
    load: Option<Vec<String>>,
    deviations: Vec<Deviation>,
}

/// Reads a plan for a scenario.
///
/// # Errors
/// The file cannot be read, it is no plan, or the scenario does not know a name in it.
pub(super) fn read(path: &Path, scenario: &Scenario) -> Result<Plan, Trouble> {
    let text = fs::read_to_string(path).map_err(|error| ScenarioError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    let source = Source::new(path.to_string_lossy(), text);
    if plan_json::is_json(source.text()) {
        let source = Source::of_json(source.name(), source.text());
        let (plan, at) = plan_json::read(&source)?;
        scenario.check_names(&plan, &source, &at)?;
        return Ok(plan);
    }
    if FileKind::of(&source) == Some(FileKind::Scenario) {
        let path = path.display();
        let message = format!(
            "`{path}` is a scenario, and no plan; a plan is like `(weather: Seed(seed: 7))`"
        );
        return Err(Trouble::Usage(message));
    }
    if source.find(&Field::root().field("plan")).is_some() {
        let regression = Regression::parse(source.name(), source.text())?;
        let plan = Plan::from(&regression.plan);
        scenario.check_names(&plan, &source, &Field::root().field("plan"))?;
        return Ok(plan);
    }
    let extensions = Extensions::IMPLICIT_SOME | Extensions::UNWRAP_VARIANT_NEWTYPES;
    let options = ron::Options::default().with_default_extension(extensions);
    let file: PlanFile = options.from_str(source.text()).map_err(|error| {
        let diagnostics = vec![from_ron_error(&source, &error)];
        ScenarioError::Wrong { source: Box::new(source.clone()), diagnostics }
    })?;
    let PlanFile { weather, random_faults, load, deviations } = file;
    let plan = Plan { weather, random_faults, load, deviations };
    scenario.check_names(&plan, &source, &Field::root())?;
    Ok(plan)
}
