//! One registered instance, and what is believed of it.

use serde::Serialize;

use super::{Boundary, InitialHealth, Probing, RegistryConfig};
use crate::{Name, Span, Time};

/// What the registry believes of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Registered, and nothing speaks for it yet.
    Unknown,
    /// Its lease runs and its probes, if there are any, pass.
    Healthy,
    /// Given up: it was silent for too long, or its probes fail.
    Unhealthy,
}

/// One registered instance of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Instance<A> {
    /// Unique within its service.
    pub id: Name,
    /// Where it is reached; the registry never looks inside.
    pub address: A,
    /// Which life of the instance registered.
    pub incarnation: u64,
    /// As of the last register, heartbeat, probe or sweep.
    pub health: Health,
    /// The last register or heartbeat.
    pub last_seen: Time,
    /// When it was given up, while it is.
    pub(super) given_up_at: Option<Time>,
    /// Whether it was ever healthy.
    pub(super) was_healthy: bool,
    /// Heartbeats in a row since it was given up.
    beats: u32,
    /// Whether its probes fail, and how many in a row said otherwise.
    probes_fail: bool,
    probes_against: u32,
}

impl<A> Instance<A> {
    pub(super) fn new(
        id: Name,
        address: A,
        incarnation: u64,
        now: Time,
        initial: InitialHealth,
    ) -> Self {
        let health = match initial {
            InitialHealth::Healthy => Health::Healthy,
            InitialHealth::Unknown => Health::Unknown,
        };
        Self {
            id,
            address,
            incarnation,
            health,
            last_seen: now,
            given_up_at: None,
            was_healthy: health == Health::Healthy,
            beats: 0,
            probes_fail: false,
            probes_against: 0,
        }
    }

    /// The same owner registers again: it is alive, and may have moved.
    pub(super) fn renew(&mut self, address: A, now: Time) {
        (self.address, self.last_seen) = (address, now);
    }

    /// Takes in a heartbeat; whether it made the instance healthy.
    pub(super) fn beat(&mut self, now: Time, config: &RegistryConfig) -> bool {
        let in_time = !is_over(now.since(self.last_seen), config.lease, config.boundary);
        self.last_seen = now;
        match self.health {
            Health::Healthy => false,
            Health::Unknown => config.probing == Probing::Off && self.heal(),
            Health::Unhealthy => {
                self.beats = if in_time { self.beats.saturating_add(1) } else { 1 };
                !self.probes_fail && self.beats >= config.rise && self.heal()
            }
        }
    }

    /// Takes in the outcome of a probe; whether the health changed.
    pub(super) fn probed(&mut self, passed: bool, now: Time, config: &RegistryConfig) -> bool {
        if self.health == Health::Unknown && passed {
            return self.heal();
        }
        if passed != self.probes_fail {
            self.probes_against = 0;
            return false;
        }
        self.probes_against = self.probes_against.saturating_add(1);
        let threshold = if passed { config.healthy_threshold } else { config.unhealthy_threshold };
        if self.probes_against < threshold {
            return false;
        }
        (self.probes_fail, self.probes_against) = (!passed, 0);
        let is_silent = is_over(now.since(self.last_seen), config.lease_in_all(), config.boundary);
        match (passed, self.health) {
            (true, Health::Unhealthy) => !is_silent && self.heal(),
            (false, Health::Healthy | Health::Unknown) => {
                self.give_up(now);
                true
            }
            (true, Health::Healthy | Health::Unknown) | (false, Health::Unhealthy) => false,
        }
    }

    pub(super) const fn give_up(&mut self, now: Time) {
        self.health = Health::Unhealthy;
        self.given_up_at = Some(now);
        self.beats = 0;
    }

    const fn heal(&mut self) -> bool {
        self.health = Health::Healthy;
        (self.was_healthy, self.given_up_at, self.beats) = (true, None, 0);
        true
    }

    /// Whether it was silent for too long.
    pub(super) fn is_silent(&self, now: Time, config: &RegistryConfig) -> bool {
        is_over(now.since(self.last_seen), config.lease_in_all(), config.boundary)
    }

    /// The first instant at which it is silent for too long, if time gets that far.
    pub(super) fn silent_from(&self, config: &RegistryConfig) -> Option<Time> {
        let end = self.last_seen.as_nanos().checked_add(config.lease_in_all().as_nanos())?;
        let first = match config.boundary {
            Boundary::Exclusive => end.checked_add(1)?,
            Boundary::Inclusive => end,
        };
        Some(Time::from_nanos(first))
    }

    /// Whether it is in the running: not given up.
    pub(super) const fn is_held(&self) -> bool {
        matches!(self.health, Health::Unknown | Health::Healthy)
    }
}

/// Whether a lease is over after this silence.
fn is_over(silence: Span, lease: Span, boundary: Boundary) -> bool {
    match boundary {
        Boundary::Exclusive => silence > lease,
        Boundary::Inclusive => silence >= lease,
    }
}
