//! The instances of both versions, as a deployment knows them.

use crate::hash::Map;
use serde::Serialize;

use super::{DeployAction, DeployEvent, Readiness, Version};
use crate::{Span, Time};

/// Every instance that was started and not told to stop, by number.
#[derive(Clone, Debug, Serialize)]
pub struct Fleet {
    replicas: Map<u32, Replica>,
    next: u32,
}

/// One instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Replica {
    /// Its version.
    pub version: Version,
    /// How far it has come.
    pub state: ReplicaState,
}

/// How far an instance has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaState {
    /// Its process is starting, or it is up and not ready.
    Pending,
    /// Ready since then.
    Ready(Time),
}

impl Fleet {
    /// So many instances of the stable version, ready since `now`.
    #[must_use]
    pub fn stable(replicas: u32, now: Time) -> Self {
        let replica = Replica { version: Version::Stable, state: ReplicaState::Ready(now) };
        Self { replicas: (0..replicas).map(|number| (number, replica)).collect(), next: replicas }
    }

    /// Starts an instance.
    pub fn start(&mut self, version: Version) -> DeployAction {
        let instance = self.next;
        self.next += 1;
        self.replicas.insert(instance, Replica { version, state: ReplicaState::Pending });
        DeployAction::Start { instance, version }
    }

    /// Stops an instance.
    pub fn stop(&mut self, instance: u32) -> DeployAction {
        self.replicas.shift_remove(&instance);
        DeployAction::Stop { instance }
    }

    /// Notes what became of an instance.
    pub fn note(&mut self, now: Time, event: DeployEvent, readiness: Readiness) {
        let (instance, is_ready) = match event {
            DeployEvent::Started(instance) if readiness == Readiness::Heartbeat => (instance, true),
            DeployEvent::Ready(instance) => (instance, true),
            DeployEvent::Unready(instance) if readiness == Readiness::Probe => (instance, false),
            DeployEvent::Failed(instance) => {
                self.replicas.shift_remove(&instance);
                return;
            }
            DeployEvent::Started(_)
            | DeployEvent::Unready(_)
            | DeployEvent::Metrics { .. }
            | DeployEvent::Promote
            | DeployEvent::PromoteFull
            | DeployEvent::Abort => return,
        };
        let Some(replica) = self.replicas.get_mut(&instance) else { return };
        replica.state = match (replica.state, is_ready) {
            (ReplicaState::Pending, true) => ReplicaState::Ready(now),
            (ReplicaState::Ready(_), false) => ReplicaState::Pending,
            (state, _) => state,
        };
    }

    /// The instances of a version, oldest first.
    pub fn of(&self, version: Version) -> impl Iterator<Item = (u32, Replica)> {
        let all = self.replicas.iter().map(|(number, replica)| (*number, *replica));
        all.filter(move |(_, replica)| replica.version == version)
    }

    /// How many instances there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.replicas.len()
    }

    /// Whether there is no instance.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.replicas.is_empty()
    }

    /// The instances of a version that have been ready for a while, oldest first.
    pub fn available(
        &self,
        version: Version,
        now: Time,
        min_ready: Span,
    ) -> impl Iterator<Item = u32> {
        self.of(version)
            .filter(move |(_, replica)| replica.is_available(now, min_ready))
            .map(|(number, _)| number)
    }

    /// When the next instance will have been ready for so long.
    #[must_use]
    pub fn next_available(&self, now: Time, min_ready: Span) -> Option<Time> {
        let moments = self.replicas.values().filter_map(|replica| match replica.state {
            ReplicaState::Pending => None,
            ReplicaState::Ready(since) => Some(since + min_ready).filter(|at| *at > now),
        });
        moments.min()
    }
}

impl Replica {
    /// Whether it has been ready for so long.
    #[must_use]
    pub fn is_available(&self, now: Time, min_ready: Span) -> bool {
        match self.state {
            ReplicaState::Pending => false,
            ReplicaState::Ready(since) => since + min_ready <= now,
        }
    }
}
