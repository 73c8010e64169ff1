//! A scenario as a file says it: strict, and not yet checked for meaning.
//!
//! Spans of time are strings (`"250ms"`), odds are strings (`"3%"`, `"1/200"`), durations that vary
//! are strings as well: `"8ms"` is always the same, `"5ms..10ms"` is anything between, `"exp 20ms"`
//! is exponential with that mean, and `"8ms p99 40ms"` is log-normal with that median and that 99th
//! percentile.

mod composition;
mod deployment;
mod duration;
mod faults;
mod nodes;
mod properties;
mod saga;
mod steps;

use brownout_models::Span;
use indexmap::IndexMap;
use serde::Deserialize;

pub use composition::{CompositionFile, PartFile};
pub use deployment::{DeploymentFile, OperatorFile, StrategyFile};
pub use duration::Duration;
pub use faults::{FaultFile, LinkFile, NetworkFile};
pub use nodes::{
    ArrivalsFile, ClientsFile, DrillFile, GatewayFile, NodeFile, OwnFile, RouteFile, ServiceFile,
};
pub use properties::PropertyFile;
pub use saga::{ActionFile, SagaFile, SagaStepFile};
pub use steps::{AddFile, FailureFile, StepFile, UpdateFile, WriteFile};

/// A scenario file.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "Scenario", deny_unknown_fields)]
pub struct ScenarioFile {
    /// The version of the format; 1.
    pub version: u32,
    /// What the scenario is about, in one line.
    #[serde(default)]
    pub title: String,
    /// The seed of a run that names none; 1.
    #[serde(default = "one")]
    pub seed: u64,
    /// Nothing happens later than this; an hour.
    #[serde(default = "an_hour")]
    pub horizon: Span,
    /// The nodes by name; a service has as many as it has instances.
    pub nodes: IndexMap<String, NodeFile>,
    /// How messages travel; in no time.
    #[serde(default)]
    pub network: NetworkFile,
    /// What may break; nothing.
    #[serde(default)]
    pub faults: Vec<FaultFile>,
    /// When random faults cease; never.
    #[serde(default)]
    pub heal_at: Option<Span>,
    /// What must hold.
    #[serde(default)]
    pub properties: Vec<PropertyFile>,
    /// What the planted bug is, where there is one on purpose; reports say so.
    #[serde(default)]
    pub planted: Option<String>,
}

const fn one() -> u64 {
    1
}

const fn an_hour() -> Span {
    Span::from_secs(3_600)
}
