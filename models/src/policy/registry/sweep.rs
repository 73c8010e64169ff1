//! Giving up those that were silent for too long, and forgetting them.

use super::{EmptyServices, Eviction, Expiry, ExpiryCap, Instance, Registry, SelfPreservation};
use crate::{Name, Time};

/// An instance that a sweep gave up or forgot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The service.
    pub service: Name,
    /// The instance.
    pub id: Name,
    /// What the sweep did.
    pub how: GoneHow,
}

/// What a sweep did with an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoneHow {
    /// It is unhealthy from now on.
    GivenUp,
    /// It was unhealthy for too long, and is forgotten.
    Evicted,
}

impl<A> Registry<A> {
    /// Gives up every instance that was silent for too long, unless self-preservation or the cap
    /// withholds it, and then forgets those that were given up for too long. Says which: service by
    /// service in the order of first registration, instances in list order.
    pub fn sweep(&mut self, now: Time) -> Vec<Gone> {
        let mut gone = Vec::new();
        self.preserving = self.is_preserving(now);
        if !self.preserving {
            self.give_up_silent(now, &mut gone);
        }
        if let Eviction::After(grace) = self.config.eviction {
            self.evict(&mut gone, |instance| {
                instance.given_up_at.is_some_and(|at| at + grace <= now)
            });
        }
        self.swept = Some(now);
        self.version += u64::from(!gone.is_empty());
        gone
    }

    /// Whether so many instances fell silent that the network is to blame, and nobody is given up.
    #[must_use]
    pub fn is_preserving(&self, now: Time) -> bool {
        let SelfPreservation::Below(threshold) = self.config.self_preservation else {
            return false;
        };
        let held = || self.services.values().flatten().filter(|instance| instance.is_held());
        let window = self.config.renewal_window;
        let heard = held().filter(|instance| now.since(instance.last_seen) <= window).count();
        let all = held().count();
        all >= self.config.preservation_minimum as usize
            && heard as u128 * u128::from(threshold.den())
                <= all as u128 * u128::from(threshold.num())
    }

    /// The first instant at which a sweep may change something if nothing is heard until then; all
    /// sweeps before it change nothing, so an owner may leave them out. Without exact expiry that
    /// is a multiple of [`sweep_every`](super::RegistryConfig::sweep_every). Nothing where it lies
    /// beyond the end of time.
    #[must_use]
    pub fn due(&self) -> Option<Time> {
        self.services.values().flatten().filter_map(|instance| self.due_of(instance)).min()
    }

    fn due_of(&self, instance: &Instance<A>) -> Option<Time> {
        if instance.is_held() {
            let due = self.look_at(instance.silent_from(&self.config)?)?;
            return match self.swept {
                // It was looked at and held on purpose.
                Some(swept) if due <= swept => self.second_look(swept),
                Some(_) | None => Some(due),
            };
        }
        let Eviction::After(grace) = self.config.eviction else { return None };
        let end = instance.given_up_at?.as_nanos().checked_add(grace.as_nanos())?;
        self.look_at(Time::from_nanos(end))
    }

    /// When those that the last sweep withheld are looked at again. As long as nothing is heard the
    /// network looks no better, and only the cap lets go with time.
    fn second_look(&self, swept: Time) -> Option<Time> {
        let from = match self.heard {
            Some(heard) if heard >= swept => heard,
            Some(_) | None if self.preserving => return None,
            Some(_) | None => swept,
        };
        self.tick_from(Time::from_nanos(from.as_nanos().checked_add(1)?))
    }

    /// When something that is so from `at` on is noticed.
    fn look_at(&self, at: Time) -> Option<Time> {
        match self.config.expiry {
            Expiry::Exact => Some(at),
            Expiry::Sweep => self.tick_from(at),
        }
    }

    /// The first multiple of `sweep_every` from `at` on.
    fn tick_from(&self, at: Time) -> Option<Time> {
        let every = self.config.sweep_every.as_nanos().max(1);
        Some(Time::from_nanos(at.as_nanos().div_ceil(every).checked_mul(every)?))
    }

    fn give_up_silent(&mut self, now: Time, gone: &mut Vec<Gone>) {
        let config = &self.config;
        let silent =
            |instance: &&Instance<A>| instance.is_held() && instance.is_silent(now, config);
        let mut since: Vec<Time> = self
            .services
            .values()
            .flatten()
            .filter(silent)
            .map(|instance| instance.last_seen)
            .collect();
        since.sort_unstable();
        let allowed = usize::try_from(self.allowance(now)).unwrap_or(usize::MAX);
        since.truncate(allowed);
        // Of those last seen at one instant the first in list order go first.
        let Some(latest) = since.last().copied() else { return };
        let mut of_latest = since.iter().filter(|seen| **seen == latest).count();
        for (service, instances) in &mut self.services {
            for instance in instances {
                let seen = instance.last_seen;
                if !instance.is_held() || !instance.is_silent(now, &self.config) || seen > latest {
                    continue;
                }
                if seen == latest {
                    if of_latest == 0 {
                        continue;
                    }
                    of_latest -= 1;
                }
                instance.give_up(now);
                self.given_up.1 += 1;
                gone.push(Gone { service: *service, id: instance.id, how: GoneHow::GivenUp });
            }
        }
    }

    /// How many more may be given up in this multiple of `sweep_every`.
    fn allowance(&mut self, now: Time) -> u64 {
        let window = now.as_nanos() / self.config.sweep_every.as_nanos().max(1);
        if self.given_up.0 != window {
            self.given_up = (window, 0);
        }
        let all: u64 = self.services.values().map(|instances| instances.len() as u64).sum();
        let ExpiryCap::AtMost(share) = self.config.expiry_cap else { return u64::MAX };
        if all < u64::from(self.config.preservation_minimum) {
            return u64::MAX;
        }
        let most = (u128::from(all) * u128::from(share.num())).div_ceil(u128::from(share.den()));
        u64::try_from(most).unwrap_or(u64::MAX).saturating_sub(self.given_up.1)
    }

    fn evict(&mut self, gone: &mut Vec<Gone>, is_over: impl Fn(&Instance<A>) -> bool) {
        for (service, instances) in &mut self.services {
            instances.retain(|instance| {
                let evicted = !instance.is_held() && is_over(instance);
                if evicted {
                    let how = GoneHow::Evicted;
                    gone.push(Gone { service: *service, id: instance.id, how });
                }
                !evicted
            });
        }
        if self.config.empty_services == EmptyServices::Removed {
            self.services.retain(|_, instances| !instances.is_empty());
        }
    }
}
