//! What deployments and the instances under them say.

use serde::Serialize;

use crate::Name;
use crate::contract::NodeId;
use crate::policy::{OperatorWord, TurnBack, Version};

/// Something that became true in a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum DeploymentFact {
    /// A deployment begins.
    Began,
    /// A deployment wants this instance to run, or to stop.
    Ordered {
        /// The instance.
        instance: NodeId,
        /// Whether it shall run.
        runs: bool,
    },
    /// An instance has come this far; it says so itself.
    Instance {
        /// The service that it registers as.
        service: Name,
        /// How far.
        state: InstanceState,
    },
    /// A deployment wants the candidate to have this share of the traffic.
    Weighted {
        /// In percent.
        percent: u32,
    },
    /// The registry sends this share of those who ask for a service to a subset of it.
    Split {
        /// The service.
        service: Name,
        /// The subset.
        subset: Name,
        /// In percent.
        percent: u32,
    },
    /// A deployment turns back.
    TurnedBack {
        /// Why.
        reason: TurnBack,
    },
    /// A deployment stands where it is until a person decides.
    Halted,
    /// A deployment is over.
    Ended {
        /// Which version serves.
        version: Version,
    },
    /// A scaler wants this many instances.
    Scaled {
        /// How many.
        replicas: u32,
        /// How busy they were on average, in percent.
        usage: u32,
    },
    /// A person said something to a deployment.
    Told {
        /// What.
        word: OperatorWord,
        /// Whether it means something where the deployment stands.
        heeded: bool,
    },
}

/// How far an instance has come that a deployment starts and stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum InstanceState {
    /// It does not run: nothing listens there.
    Stopped,
    /// Its process starts.
    Starting,
    /// Its process is up, and cannot serve yet: whatever it is asked for fails.
    WarmingUp,
    /// It serves.
    Ready,
    /// It took its leave, and finishes what is under way.
    Draining,
}
