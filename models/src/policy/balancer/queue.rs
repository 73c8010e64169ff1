//! Turns: whose turn it is in a list that changes.

use indexmap::IndexMap;
use serde::Serialize;

use super::Host;
use crate::{Name, Time};

/// The hosts of one service in the order in which they had their turns.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Queue {
    places: IndexMap<Name, Place>,
    /// Greater than every position.
    next: u64,
    pub(super) seen: Time,
}

/// Where a host stands, also while it is away.
#[derive(Clone, Copy, Debug, Serialize)]
struct Place {
    /// The number of its last turn; of its arrival, before the first.
    position: u64,
    /// What is due to it, in parts of a turn, where turns are weighted.
    credit: i128,
    seen: Time,
}

impl Queue {
    /// Notes who is shown. The first ones stand in list order from the `start`-th on; whoever comes
    /// later stands behind them, as if it had just had its turn.
    pub(super) fn show(&mut self, now: Time, hosts: &[Host], start: usize) {
        self.seen = now;
        let start = if self.places.is_empty() { start % hosts.len().max(1) } else { 0 };
        let (before, from) = hosts.split_at(start);
        for host in from.iter().chain(before) {
            let next = &mut self.next;
            let place = self.places.entry(host.id).or_insert_with(|| {
                *next += 1;
                Place { position: *next, credit: 0, seen: now }
            });
            place.seen = now;
        }
    }

    /// Forgets whoever was not shown since.
    pub(super) fn forget_before(&mut self, since: Time) {
        self.places.retain(|_, place| place.seen >= since);
    }

    /// The one of `hosts` that waits longest; all of them have been shown.
    pub(super) fn longest_waiting(&mut self, hosts: &[Host]) -> Option<usize> {
        let waits = |at: &usize| self.places.get(&hosts[*at].id).map(|place| place.position);
        let index = (0..hosts.len()).min_by_key(waits)?;
        self.had_its_turn(hosts[index].id);
        Some(index)
    }

    /// The one of `hosts` to whom most is due: each turn earns a host its weight, and costs the one
    /// that gets it the weights of all.
    pub(super) fn most_due(&mut self, hosts: &[Host], weights: &[u64]) -> Option<usize> {
        let all: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
        let mut best: Option<(usize, i128, u64)> = None;
        for (index, (host, weight)) in hosts.iter().zip(weights).enumerate() {
            let Some(place) = self.places.get_mut(&host.id) else { continue };
            place.credit += i128::from(*weight);
            let is_better = best.is_none_or(|(_, credit, position)| {
                (place.credit, std::cmp::Reverse(place.position))
                    > (credit, std::cmp::Reverse(position))
            });
            if is_better && *weight > 0 {
                best = Some((index, place.credit, place.position));
            }
        }
        let (index, ..) = best?;
        if let Some(place) = self.places.get_mut(&hosts[index].id) {
            place.credit -= all;
        }
        self.had_its_turn(hosts[index].id);
        Some(index)
    }

    fn had_its_turn(&mut self, host: Name) {
        self.next += 1;
        if let Some(place) = self.places.get_mut(&host) {
            place.position = self.next;
        }
    }
}
