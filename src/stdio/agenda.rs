//! Timers of a machine: what is due first comes first, at one instant in the order set.

use std::collections::BTreeMap;

use brownout_models::Time;

/// What is still to happen.
#[derive(Clone, Debug)]
pub(super) struct Agenda<T> {
    entries: BTreeMap<(Time, u64), T>,
    set: u64,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), set: 0 }
    }
}

impl<T> Agenda<T> {
    /// Sets a timer.
    pub(super) fn set(&mut self, at: Time, entry: T) {
        self.entries.insert((at, self.set), entry);
        self.set += 1;
    }

    /// When the first timer is due.
    pub(super) fn due(&self) -> Option<Time> {
        self.entries.keys().next().map(|(at, _)| *at)
    }

    /// Takes the first timer.
    pub(super) fn pop(&mut self) -> Option<T> {
        self.entries.pop_first().map(|(_, entry)| entry)
    }

    /// Whether nothing is set.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
