//! An API composition: its parts, and the options of its policy beside them.

use brownout_models::Profile;
use brownout_models::policy::{
    BalancerOptions, CompositionOptions, ErrorOrder, Need, OnPartFailure, OutlierOptions,
    SidecarOptions, Timeout,
};
use serde::Deserialize;

/// An API composition.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename = "Composition", deny_unknown_fields, default)]
pub struct CompositionFile {
    /// The profile; guide.
    pub profile: Profile,
    /// Former names.
    pub aliases: Vec<String>,
    /// What it consists of, in order.
    pub parts: Vec<PartFile>,
    /// A sidecar beside it, through which its calls go.
    pub sidecar: Option<SidecarOptions>,
    /// The zone where it is; none.
    pub zone: Option<String>,
    /// How it chooses among the instances of a service that it calls; round robin.
    pub balancer: BalancerOptions,
    /// How it tells instances that had better not be called; not at all.
    pub outlier: OutlierOptions,
    /// See [`CompositionOptions::on_failure`].
    pub on_failure: Option<OnPartFailure>,
    /// See [`CompositionOptions::errors`].
    pub errors: Option<ErrorOrder>,
    /// See [`CompositionOptions::deadline`].
    pub deadline: Option<Timeout>,
    /// See [`CompositionOptions::hedging_delay`].
    pub hedging_delay: Option<Timeout>,
    /// See [`CompositionOptions::hedging_attempts`].
    pub hedging_attempts: Option<u32>,
}

impl CompositionFile {
    /// The options of the policy among the fields.
    pub fn options(&self) -> CompositionOptions {
        CompositionOptions {
            profile: Some(self.profile),
            on_failure: self.on_failure,
            errors: self.errors,
            deadline: self.deadline,
            hedging_delay: self.hedging_delay,
            hedging_attempts: self.hedging_attempts,
        }
    }
}

/// A part of a composition.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "Part", deny_unknown_fields)]
pub struct PartFile {
    /// The name.
    pub name: String,
    /// A service or a node.
    pub to: String,
    /// The method.
    pub method: String,
    /// Whether the composition can do without it; it cannot.
    #[serde(default)]
    pub need: Need,
}
