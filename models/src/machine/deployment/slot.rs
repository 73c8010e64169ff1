//! The places where instances can run, as a control plane knows them.

use serde::Serialize;

use crate::Span;
use crate::contract::{Failure, NodeId, Outcome};
use crate::policy::{DeployEvent, Version};

/// A place for an instance.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Slot {
    /// The node.
    pub(super) node: NodeId,
    /// Which version it can run.
    pub(super) version: Version,
    /// The instance that shall run there, by the number that the strategy gave it.
    pub(super) instance: Option<u32>,
    /// The last order; later ones have larger numbers.
    pub(super) order: u64,
    /// Whether nobody has confirmed that order yet.
    pub(super) is_pending: bool,
    health: Option<Health>,
    /// Answers that did not come, in a row.
    misses: u32,
    /// What the process there has done up to its last report.
    totals: (u64, u64),
    /// How long its workers have been busy up to then; unknown of a process that ran before anybody
    /// looked.
    busy: Option<Span>,
}

/// What an instance last said of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Health {
    Down,
    Up,
    Ready,
}

impl Slot {
    /// A place where this instance runs and is ready, or nothing.
    pub(super) const fn new(node: NodeId, version: Version, instance: Option<u32>) -> Self {
        let health = if instance.is_some() { Some(Health::Ready) } else { None };
        Self {
            node,
            version,
            instance,
            order: 0,
            is_pending: false,
            health,
            misses: 0,
            totals: (0, 0),
            busy: None,
        }
    }

    /// Something else shall be there from now on.
    pub(super) const fn order(&mut self, instance: Option<u32>, order: u64) {
        (self.instance, self.order, self.is_pending) = (instance, order, true);
        (self.health, self.misses) = (None, 0);
        if instance.is_some() {
            self.busy = Some(Span::ZERO);
        }
    }

    /// An instance answered how it is, or did not; what that means for the strategy.
    pub(super) fn probed<P>(
        &mut self,
        outcome: &Outcome<P>,
        failures_max: u32,
    ) -> Vec<DeployEvent> {
        let Some(instance) = self.instance else { return Vec::new() };
        let health = match outcome {
            Ok(_) => Health::Ready,
            Err(Failure::Failed | Failure::Overloaded) => Health::Up,
            Err(Failure::TimedOut) if self.misses + 1 < failures_max => {
                self.misses += 1;
                return Vec::new();
            }
            Err(_) => Health::Down,
        };
        self.misses = 0;
        if self.health.replace(health) == Some(health) {
            return Vec::new();
        }
        match health {
            Health::Ready => vec![DeployEvent::Started(instance), DeployEvent::Ready(instance)],
            Health::Up => vec![DeployEvent::Started(instance), DeployEvent::Unready(instance)],
            Health::Down => vec![DeployEvent::Unready(instance)],
        }
    }

    /// A process reports what it has done so far; how much of that is news. A process that starts
    /// again counts from nought.
    pub(super) const fn reported(&mut self, requests: u64, errors: u64) -> (u64, u64) {
        let (before, failed) = if requests < self.totals.0 { (0, 0) } else { self.totals };
        self.totals = (requests, errors);
        (requests - before, errors.saturating_sub(failed))
    }

    /// The workers of a process have been busy for so long by now; how much of that is news.
    pub(super) fn was_busy(&mut self, busy: Span) -> Span {
        let before = match self.busy {
            None => busy,
            Some(before) if before > busy => Span::ZERO,
            Some(before) => before,
        };
        self.busy = Some(busy);
        Span::from_nanos(busy.as_nanos() - before.as_nanos())
    }
}
