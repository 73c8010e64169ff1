//! Deployments: what takes the place of what, when, and what turns it back.
//!
//! The guide only draws them (lines 1037-1055), so `guide` is the naive reading of the drawing: one
//! instance after the other and "verify health" by the heartbeat, which says nothing of whether the
//! version works (DEP-3); metrics of both versions in one heap, without a sample size or a rule to
//! abort (DEP-2); a switch in an instant that cuts off whatever is still under way (DEP-1).
//! `hardened` follows Kubernetes' Deployment and Argo's Rollouts.
//!
//! What is *not* here: instances, load balancers, and the time they take. Events come in - an
//! instance is ready, so many requests failed - and actions come out.
//!
//! ```
//! use brownout_models::Time;
//! use brownout_models::policy::{DeployAction, DeployEvent, Rolling, RollingConfig, Version};
//!
//! let mut rolling = Rolling::new(RollingConfig::hardened(), 4, Time::ZERO);
//! // A quarter of 4 more, and a quarter of 4 less: one starts, and one may go at once.
//! let start = DeployAction::Start { instance: 4, version: Version::Candidate };
//! assert_eq!(rolling.begin(Time::ZERO), [start, DeployAction::Stop { instance: 0 },
//!     DeployAction::Start { instance: 5, version: Version::Candidate }]);
//! let next = rolling.handle(Time::ZERO, DeployEvent::Ready(4));
//! assert_eq!(next, [DeployAction::Stop { instance: 1 },
//!     DeployAction::Start { instance: 6, version: Version::Candidate }]);
//! ```

mod blue_green;
mod canary;
mod fleet;
mod lifecycle;
mod operator;
mod rolling;
mod scaling;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use blue_green::{BlueGreen, BlueGreenConfig, BlueGreenOptions};
pub use canary::{Canary, CanaryConfig, CanaryOptions, CanaryStep, MetricsOf, OnFailure};
pub use fleet::{Fleet, Replica, ReplicaState};
pub use lifecycle::{LifecycleConfig, LifecycleOptions, OnStop};
pub use operator::OperatorWord;
pub use rolling::{OnDeadline, Portion, Rolling, RollingConfig, RollingOptions};
pub use scaling::{Scaler, ScalerConfig, ScalerOptions};

/// Which of two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Version {
    /// The one that served before.
    Stable,
    /// The one that shall serve.
    Candidate,
}

impl Version {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Stable => Self::Candidate,
            Self::Candidate => Self::Stable,
        }
    }
}

/// What counts as health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Readiness {
    /// The process is up and beats; the registry calls that healthy (REG-2).
    Heartbeat,
    /// The instance says that it can serve.
    Probe,
}

/// What a deployment hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeployEvent {
    /// The process of this instance is up.
    Started(u32),
    /// The readiness probe of this instance passes.
    Ready(u32),
    /// It fails, though the process is up.
    Unready(u32),
    /// This instance crashed.
    Failed(u32),
    /// So many more requests reached a version, and so many of them failed.
    Metrics {
        /// Which.
        version: Version,
        /// How many were answered since the last report.
        requests: u64,
        /// How many of these failed.
        errors: u64,
    },
    /// A person says: go on, from where it pauses or stands.
    Promote,
    /// A person says: go on, and leave out all that is still to be waited for and looked at.
    PromoteFull,
    /// A person says: turn back.
    Abort,
}

/// What a deployment wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum DeployAction {
    /// Start a new instance.
    Start {
        /// Its number, never used before.
        instance: u32,
        /// Of which version.
        version: Version,
    },
    /// Take an instance out of service and stop it.
    Stop {
        /// Which.
        instance: u32,
    },
    /// Send this share of the traffic to the candidate, the rest to the stable version.
    Weight {
        /// In percent.
        candidate: u32,
    },
    /// The candidate does not do: everything goes back to the stable version.
    TurnBack {
        /// Why.
        reason: TurnBack,
    },
    /// Nothing more happens until a person decides.
    Pause,
    /// The deployment is over, and this version serves.
    Done {
        /// Which.
        version: Version,
    },
}

/// Why a deployment turns back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnBack {
    /// Nothing became available for too long.
    ProgressDeadline,
    /// Too many requests failed.
    Analysis,
    /// A person said so.
    Aborted,
}
