//! The strategies behind one face.

use serde::Serialize;

use crate::Time;
use crate::policy::{DeployAction, DeployEvent, Rolling, RollingConfig};

/// How one version takes the place of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum StrategyConfig {
    /// A few instances at a time.
    Rolling(RollingConfig),
}

/// A strategy under way.
#[derive(Clone, Debug, Serialize)]
pub(super) enum Strategy {
    Rolling(Rolling),
}

impl Strategy {
    /// So many instances of the stable version serve.
    pub(super) fn new(config: &StrategyConfig, replicas: u32, now: Time) -> Self {
        match config {
            StrategyConfig::Rolling(config) => {
                Self::Rolling(Rolling::new(config.clone(), replicas, now))
            }
        }
    }

    pub(super) fn begin(&mut self, now: Time) -> Vec<DeployAction> {
        match self {
            Self::Rolling(rolling) => rolling.begin(now),
        }
    }

    pub(super) fn handle(&mut self, now: Time, event: DeployEvent) -> Vec<DeployAction> {
        match self {
            Self::Rolling(rolling) => rolling.handle(now, event),
        }
    }

    pub(super) fn wake(&mut self, now: Time) -> Vec<DeployAction> {
        match self {
            Self::Rolling(rolling) => rolling.wake(now),
        }
    }

    /// When time alone changes something.
    pub(super) fn due(&self, now: Time) -> Option<Time> {
        let due = match self {
            Self::Rolling(rolling) => rolling.due(now),
        };
        due.filter(|due| *due < Time::NEVER)
    }
}
