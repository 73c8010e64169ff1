//! Where an instance stands that somebody else starts and stops, and what its process has done.

use serde::Serialize;

use super::managed::Managed;
use crate::contract::Failure;
use crate::fact::InstanceState;
use crate::{Span, Time};

/// Where an instance stands.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Life {
    pub(super) state: InstanceState,
    pub(super) drain: Drain,
    /// When it is killed, while it drains.
    pub(super) until: Time,
    /// The last order that was carried out.
    pub(super) order: u64,
    pub(super) starts_again: bool,
    pub(super) is_registered: bool,
    /// Whether the registry has confirmed that the entry there is this life's.
    pub(super) has_claimed: bool,
    pub(super) requests: u64,
    pub(super) errors: u64,
    /// How long its workers have been busy, all together, up to then.
    pub(super) busy: Span,
    busy_until: Time,
}

/// How far an instance has come that drains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Drain {
    /// The registry has not confirmed yet that it is gone.
    Leaving,
    /// Callers that found it before may still come.
    Settling,
    /// It stops as soon as nothing is under way.
    Finishing,
}

impl Life {
    pub(super) const fn new(managed: &Managed) -> Self {
        Self {
            state: if managed.runs { InstanceState::Ready } else { InstanceState::Stopped },
            drain: Drain::Leaving,
            until: Time::NEVER,
            order: 0,
            starts_again: false,
            is_registered: managed.runs,
            has_claimed: false,
            requests: 0,
            errors: 0,
            busy: Span::ZERO,
            busy_until: Time::ZERO,
        }
    }

    /// What the agent of the host does once it has power again.
    pub(super) fn after_power_cut(self, managed: &Managed) -> Self {
        let runs = match self.state {
            InstanceState::Stopped => false,
            InstanceState::Draining => self.starts_again,
            InstanceState::Starting | InstanceState::WarmingUp | InstanceState::Ready => true,
        };
        let state = if runs { InstanceState::Starting } else { InstanceState::Stopped };
        Self { state, order: self.order, is_registered: false, ..Self::new(managed) }
    }

    /// Whether there is a process.
    pub(super) const fn is_up(&self) -> bool {
        match self.state {
            InstanceState::Stopped | InstanceState::Starting => false,
            InstanceState::WarmingUp | InstanceState::Ready | InstanceState::Draining => true,
        }
    }

    pub(super) const fn count(&mut self, failure: Option<Failure>) {
        self.requests += 1;
        // What a caller did wrong is no error of the version.
        self.errors += match failure {
            None | Some(Failure::Rejected) => 0,
            Some(_) => 1,
        };
    }

    /// The registry has confirmed that the entry there is this life's.
    pub(super) const fn claimed(mut self) -> Self {
        self.has_claimed = true;
        self
    }

    /// So many of its workers have been busy until now.
    pub(super) fn pass(&mut self, now: Time, workers: u32) {
        let passed = now.since(self.busy_until).as_nanos();
        self.busy = self.busy + Span::from_nanos(passed.saturating_mul(u64::from(workers)));
        self.busy_until = now;
    }

    /// A process ends, with what it knew of itself.
    pub(super) fn forget(&mut self) {
        (self.is_registered, self.has_claimed) = (false, false);
        (self.requests, self.errors, self.busy) = (0, 0, Span::ZERO);
    }
}
