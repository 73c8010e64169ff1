//! A deployment: what takes the place of what, and how.

use brownout_models::policy::{
    BlueGreenOptions, CanaryOptions, LifecycleOptions, OnStop, OperatorWord, RollingOptions,
    ScalerOptions,
};
use brownout_models::{Profile, Span};
use serde::Deserialize;

/// A deployment of a service.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "Deployment", deny_unknown_fields)]
pub struct DeploymentFile {
    /// Whose rules it follows; guide.
    #[serde(default)]
    pub profile: Option<Profile>,
    /// Former names.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The service, whose instances serve at the beginning.
    pub service: String,
    /// The service that stands for the version to come, where there is one.
    #[serde(default)]
    pub candidate: Option<String>,
    /// When it begins; at the start.
    #[serde(default)]
    pub at: Span,
    /// What a person says to it, in order of time; nothing.
    #[serde(default)]
    pub operator: Vec<OperatorFile>,
    /// How one version takes the place of the other.
    pub strategy: StrategyFile,
    /// See [`LifecycleOptions::on_stop`].
    #[serde(default)]
    pub on_stop: Option<OnStop>,
    /// See [`LifecycleOptions::drain_delay`].
    #[serde(default)]
    pub drain_delay: Option<Span>,
    /// See [`LifecycleOptions::grace`].
    #[serde(default)]
    pub grace: Option<Span>,
    /// See [`LifecycleOptions::probe_interval`].
    #[serde(default)]
    pub probe_interval: Option<Span>,
    /// See [`LifecycleOptions::probe_timeout`].
    #[serde(default)]
    pub probe_timeout: Option<Span>,
    /// See [`LifecycleOptions::probe_failures`].
    #[serde(default)]
    pub probe_failures: Option<u32>,
}

/// A word of whoever watches over a deployment.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename = "Operator", deny_unknown_fields)]
pub struct OperatorFile {
    /// When, from the start of the run.
    pub at: Span,
    /// What.
    pub says: OperatorWord,
}

/// How one version takes the place of the other.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "Strategy", deny_unknown_fields)]
pub enum StrategyFile {
    /// A few instances at a time.
    Rolling(RollingOptions),
    /// A small share of the traffic first.
    Canary(CanaryOptions),
    /// All at once.
    BlueGreen(BlueGreenOptions),
    /// More instances of the same version, or fewer.
    Scaling(ScalerOptions),
}

impl DeploymentFile {
    /// The options of how instances are watched and stopped among the fields.
    pub fn lifecycle(&self) -> LifecycleOptions {
        LifecycleOptions {
            profile: self.profile,
            on_stop: self.on_stop,
            drain_delay: self.drain_delay,
            grace: self.grace,
            probe_interval: self.probe_interval,
            probe_timeout: self.probe_timeout,
            probe_failures: self.probe_failures,
        }
    }
}
