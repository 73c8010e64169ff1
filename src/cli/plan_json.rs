//! A plan from JSON: as `--json` prints it, by itself or under `plan` of a whole document.
//!
//! ```json
//! {"seed": 7, "calm": ["latency"], "random_faults": false, "load": null, "deviations": [
//!   {"site": "order-1>payment-1 charge reply", "what": "lose", "flow": "shopper/17", "count": 1,
//!    "answer": "yes", "fate": "applied"}
//! ]}
//! ```

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::choice::{Deviation, Plan, Weather};
use crate::scenario::ScenarioError;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::source::{Path as Field, Source};

/// What to do about a text that is no plan.
const REMEDY: &str = "a plan is what `run --json` has under `plan`, or RON like \
                      `(weather: Seed(seed: 7))`";

/// A document about one run, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Document {
    plan: JsonPlan,
}

/// A plan; what is left out is calm.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct JsonPlan {
    seed: Option<u64>,
    calm: Vec<String>,
    random_faults: bool,
    load: Option<Vec<String>>,
    deviations: Vec<JsonDeviation>,
}

/// A deviation, perhaps with what became of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonDeviation {
    site: String,
    what: String,
    flow: String,
    count: u32,
    answer: String,
    #[serde(default, rename = "fate")]
    _fate: IgnoredAny,
    #[serde(default, rename = "possible")]
    _possible: IgnoredAny,
}

/// Whether a text can only be meant as JSON: no plan in RON begins so.
pub(super) fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

/// The plan in a JSON text, and the way to it.
///
/// # Errors
/// There is none, with the place where it is wrong.
pub(super) fn read(source: &Source) -> Result<(Plan, Field), ScenarioError> {
    let root = Field::root();
    if source.text().trim_start().starts_with('[') {
        let whole = source.place(1, 1);
        let message = "this is a list, and no plan";
        let help = format!("take the `plan` out of one of its documents; {REMEDY}");
        return Err(wrong(source, Diagnostic::new(whole, message, "expected one plan"), help));
    }
    let under_plan = root.field("plan");
    let (plan, at) = if source.find(&under_plan).is_some() {
        (serde_json::from_str(source.text()).map(|Document { plan }| plan), under_plan)
    } else {
        (serde_json::from_str(source.text()), root)
    };
    let plan: JsonPlan = plan.map_err(|error| {
        let message = error.to_string();
        let message = match message.rsplit_once(" at line ") {
            _ if error.is_eof() => "the text ends too early",
            Some((message, _)) => message,
            None => &message,
        };
        let place = source.place(error.line(), error.column());
        wrong(source, Diagnostic::new(place, message, "expected a plan"), REMEDY.to_owned())
    })?;
    Ok((plan.into(), at))
}

fn wrong(source: &Source, diagnostic: Diagnostic, help: String) -> ScenarioError {
    let diagnostics = vec![diagnostic.with_help(help)];
    ScenarioError::Wrong { source: Box::new(source.clone()), diagnostics }
}

impl From<JsonPlan> for Plan {
    fn from(plan: JsonPlan) -> Self {
        let JsonPlan { seed, calm, random_faults, load, deviations } = plan;
        let weather = seed.map_or(Weather::Calm, |seed| Weather::Seed { seed, except: calm });
        let deviations = deviations.into_iter().map(Deviation::from).collect();
        Self { weather, random_faults, load, deviations }
    }
}

impl From<JsonDeviation> for Deviation {
    fn from(deviation: JsonDeviation) -> Self {
        let JsonDeviation { site, what, flow, count, answer, .. } = deviation;
        Self { site, what, flow, count, answer }
    }
}
