//! Turns: whose turn it is in a list that changes.

use crate::hash::Map;
use serde::Serialize;

use super::Host;
use crate::{Name, Time};

/// The hosts of one service in the order in which they had their turns.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Queue {
    places: Map<Name, Place>,
    /// Greater than every position.
    next: u64,
    pub(super) seen: Time,
    /// The list that was shown last, each host with its index in `places`: as lists seldom change, a
    /// turn looks nothing up. It follows from the rest and the next list, so it is no state.
    #[serde(skip)]
    shown: Vec<(Name, usize)>,
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
        if !self.is_shown(hosts) {
            self.look_up(now, hosts, start);
        }
        for (_, at) in &self.shown {
            self.places[*at].seen = now;
        }
    }

    /// Forgets whoever was not shown since.
    pub(super) fn forget_before(&mut self, since: Time) {
        self.places.retain(|_, place| place.seen >= since);
        self.shown.clear();
    }

    /// The one of those shown last that waits longest.
    pub(super) fn longest_waiting(&mut self) -> Option<usize> {
        let waits = |at: &usize| self.places[self.shown[*at].1].position;
        let index = (0..self.shown.len()).min_by_key(waits)?;
        self.had_its_turn(index);
        Some(index)
    }

    /// The one of those shown last to whom most is due: each turn earns a host its weight, and costs
    /// the one that gets it the weights of all.
    pub(super) fn most_due(&mut self, weights: &[u64]) -> Option<usize> {
        let all: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
        let mut best: Option<(usize, i128, u64)> = None;
        for (index, ((_, at), weight)) in self.shown.iter().zip(weights).enumerate() {
            let place = &mut self.places[*at];
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
        self.places[self.shown[index].1].credit -= all;
        self.had_its_turn(index);
        Some(index)
    }

    fn is_shown(&self, hosts: &[Host]) -> bool {
        self.shown.len() == hosts.len()
            && self.shown.iter().zip(hosts).all(|((id, _), host)| *id == host.id)
    }

    /// Finds the places of a list, and gives one to whoever has none.
    fn look_up(&mut self, now: Time, hosts: &[Host], start: usize) {
        let start = if self.places.is_empty() { start % hosts.len().max(1) } else { 0 };
        let (before, from) = hosts.split_at(start);
        self.shown.clear();
        for host in from.iter().chain(before) {
            let entry = self.places.entry(host.id);
            self.shown.push((host.id, entry.index()));
            entry.or_insert_with(|| {
                self.next += 1;
                Place { position: self.next, credit: 0, seen: now }
            });
        }
        self.shown.rotate_right(start);
    }

    /// Notes that the one at this index of the list shown had its turn.
    fn had_its_turn(&mut self, index: usize) {
        self.next += 1;
        self.places[self.shown[index].1].position = self.next;
    }
}
