//! The strategies behind one face.

use serde::Serialize;

use super::scaling::{Scaling, ScalingConfig};
use crate::Time;
use crate::policy::{
    BlueGreen, BlueGreenConfig, Canary, CanaryConfig, DeployAction, DeployEvent, OperatorWord,
    Rolling, RollingConfig,
};

/// How one version takes the place of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum StrategyConfig {
    /// A few instances at a time.
    Rolling(RollingConfig),
    /// A small share of the traffic first.
    Canary(CanaryConfig),
    /// All at once.
    BlueGreen(BlueGreenConfig),
    /// More instances of the same version, or fewer.
    Scaling(ScalingConfig),
}

/// A strategy under way.
#[derive(Clone, Debug, Serialize)]
pub(super) enum Strategy {
    Rolling(Rolling),
    Canary(Canary),
    BlueGreen(BlueGreen),
    Scaling(Scaling),
}

impl Strategy {
    /// So many instances of the stable version serve.
    pub(super) fn new(config: &StrategyConfig, replicas: u32, now: Time) -> Self {
        match config {
            StrategyConfig::Rolling(config) => {
                Self::Rolling(Rolling::new(config.clone(), replicas, now))
            }
            StrategyConfig::Canary(config) => {
                Self::Canary(Canary::new(config.clone(), replicas, now))
            }
            StrategyConfig::BlueGreen(config) => {
                Self::BlueGreen(BlueGreen::new(config.clone(), replicas, now))
            }
            StrategyConfig::Scaling(config) => Self::Scaling(Scaling::new(config, replicas, now)),
        }
    }

    pub(super) fn begin(&mut self, now: Time) -> Vec<DeployAction> {
        match self {
            Self::Rolling(rolling) => rolling.begin(now),
            Self::Canary(canary) => canary.begin(now),
            Self::BlueGreen(blue_green) => blue_green.begin(now),
            Self::Scaling(_) => Vec::new(),
        }
    }

    pub(super) fn handle(&mut self, now: Time, event: DeployEvent) -> Vec<DeployAction> {
        match self {
            Self::Rolling(rolling) => rolling.handle(now, event),
            Self::Canary(canary) => canary.handle(now, event),
            Self::BlueGreen(blue_green) => blue_green.handle(now, event),
            Self::Scaling(scaling) => {
                scaling.handle(now, event);
                Vec::new()
            }
        }
    }

    pub(super) fn wake(&mut self, now: Time) -> Vec<DeployAction> {
        match self {
            Self::Rolling(rolling) => rolling.wake(now),
            Self::Canary(canary) => canary.wake(now),
            Self::BlueGreen(blue_green) => blue_green.wake(now),
            Self::Scaling(scaling) => scaling.wake(now),
        }
    }

    /// Whether a word means something where it stands; nobody decides about scaling.
    pub(super) fn heeds(&self, word: OperatorWord) -> bool {
        match self {
            Self::Rolling(rolling) => rolling.heeds(word),
            Self::Canary(canary) => canary.heeds(word),
            Self::BlueGreen(blue_green) => blue_green.heeds(word),
            Self::Scaling(_) => false,
        }
    }

    /// When time alone changes something.
    pub(super) fn due(&self, now: Time) -> Option<Time> {
        let due = match self {
            Self::Rolling(rolling) => rolling.due(now),
            Self::Canary(canary) => canary.due(),
            Self::BlueGreen(blue_green) => blue_green.due(),
            Self::Scaling(scaling) => Some(scaling.due()),
        };
        due.filter(|due| *due < Time::NEVER)
    }
}
