//! Scaling under way: how busy instances were, and which ones come and go.

use serde::Serialize;

use crate::policy::{
    DeployAction, DeployEvent, Fleet, Readiness, ReplicaState, Scaler, ScalerConfig, Version,
};
use crate::{Span, Time};

/// How a service is scaled, and by what it is measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScalingConfig {
    /// How many instances a usage asks for, and how often it is looked at.
    pub scaler: ScalerConfig,
    /// How many workers an instance has.
    pub workers: u32,
}

/// A service that is scaled.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Scaling {
    scaler: Scaler,
    interval: Span,
    workers: u32,
    fleet: Fleet,
    /// When the usage was looked at last.
    since: Time,
    /// How long workers have been busy since then, all together.
    busy: Span,
}

impl Scaling {
    pub(super) fn new(config: &ScalingConfig, replicas: u32, now: Time) -> Self {
        Self {
            scaler: Scaler::new(config.scaler.clone()),
            interval: config.scaler.interval,
            workers: config.workers,
            fleet: Fleet::stable(replicas, now),
            since: now,
            busy: Span::ZERO,
        }
    }

    pub(super) fn handle(&mut self, now: Time, event: DeployEvent) {
        self.fleet.note(now, event, Readiness::Probe);
    }

    /// The workers of some instance have been busy for so much longer.
    pub(super) fn busy(&mut self, more: Span) {
        self.busy = self.busy + more;
    }

    pub(super) fn due(&self) -> Time {
        self.since + self.interval
    }

    /// Looks at the usage. Who is not ready counts as idle, so that nobody starts more instances
    /// because some are starting; and nobody stops any meanwhile.
    pub(super) fn wake(&mut self, now: Time) -> Vec<DeployAction> {
        if now < self.due() {
            return Vec::new();
        }
        let current = u32::try_from(self.fleet.len()).unwrap_or(u32::MAX);
        let wanted = self.scaler.wanted(now, current, self.usage(now));
        (self.since, self.busy) = (now, Span::ZERO);
        let mut replicas: Vec<_> = self.fleet.of(Version::Stable).collect();
        let is_starting = replicas.iter().any(|(_, it)| it.state == ReplicaState::Pending);
        if wanted > current {
            return (current..wanted).map(|_| self.fleet.start(Version::Stable)).collect();
        }
        if is_starting {
            return Vec::new();
        }
        // The youngest go first.
        let spare = replicas.split_off(wanted as usize);
        spare.into_iter().rev().map(|(instance, _)| self.fleet.stop(instance)).collect()
    }

    /// How many instances there shall be.
    pub(super) fn replicas(&self) -> u32 {
        u32::try_from(self.fleet.len()).unwrap_or(u32::MAX)
    }

    /// How busy the workers of all instances were on average, in percent, rounded up.
    pub(super) fn usage(&self, now: Time) -> u32 {
        let workers = u128::from(self.workers) * self.fleet.len() as u128;
        let possible = workers * u128::from(now.since(self.since).as_nanos());
        let busy = u128::from(self.busy.as_nanos()) * 100;
        u32::try_from(busy.div_ceil(possible.max(1))).unwrap_or(u32::MAX)
    }
}
