//! Plain round robin: a counter of picks for each service, and nothing of the hosts but how many they
//! are.

use serde::Serialize;

use super::{Balancer, BalancerConfig, BalancerKind};
use super::{Forget, Pick, Position, Start};
use crate::hash::Map;
use crate::{Name, Time};

/// Picks of each service.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Rotation {
    pub(super) counters: Map<Name, Counter>,
}

/// A counter of picks.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Counter {
    pub(super) picks: u64,
    pub(super) seen: Time,
}

impl Rotation {
    /// Whether a service was ever picked for.
    pub(super) fn knows(&self, service: Name) -> bool {
        self.counters.contains_key(&service)
    }

    /// How many services have a counter.
    pub(super) fn len(&self) -> usize {
        self.counters.len()
    }

    /// The place of the next of so many hosts; a service that was never picked for begins at `first`.
    #[inline(always)]
    pub(super) fn next(&mut self, pick: Pick, first: u64, hosts: usize) -> Option<usize> {
        let place = self.counters.get_index_of(&pick.service);
        let place = place.unwrap_or_else(|| self.add(pick, first));
        let counter = &mut self.counters[place];
        counter.seen = pick.now;
        let place = counter.picks.checked_rem(hosts as u64)?;
        counter.picks = counter.picks.wrapping_add(1);
        usize::try_from(place).ok()
    }

    #[cold]
    fn add(&mut self, pick: Pick, first: u64) -> usize {
        self.counters.insert_full(pick.service, Counter { picks: first, seen: pick.now }).0
    }

    /// Forgets services that were not picked for since then.
    pub(super) fn forget_before(&mut self, since: Time) {
        self.counters.retain(|_, counter| counter.seen >= since);
    }
}

impl Balancer {
    /// The place of the host that gets the next call, of so many, where nothing else of them counts:
    /// [`pick`](Self::pick) without a list. Nothing where their weights, their loads, their names or
    /// chance have a say, and where there is none.
    #[inline(always)]
    pub fn pick_by_count(&mut self, pick: Pick, hosts: usize) -> Option<usize> {
        if !counts_only(&self.config) || hosts == 0 {
            return None;
        }
        self.rotation.next(pick, 0, hosts)
    }
}

const fn counts_only(config: &BalancerConfig) -> bool {
    matches!(config.kind, BalancerKind::RoundRobin)
        && matches!(config.position, Position::Counter)
        && matches!(config.start, Start::First)
        && matches!(config.forget, Forget::Never)
}
