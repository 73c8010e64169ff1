//! The publishers' own message ids, remembered for a while.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use super::DedupWindow;
use crate::{Name, Time};

/// The publishers' own message ids of the last while: bounded by what is taken in within the window.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Duplicates {
    window: DedupWindow,
    /// When each was taken in.
    seen: BTreeMap<(Name, u64), Time>,
    /// The same in the order of being taken in.
    order: VecDeque<(Time, (Name, u64))>,
}

impl Duplicates {
    pub(super) const fn new(window: DedupWindow) -> Self {
        Self { window, seen: BTreeMap::new(), order: VecDeque::new() }
    }

    /// Whether the id was taken in less than the window ago.
    pub(super) fn knows(&mut self, now: Time, id: (Name, u64)) -> bool {
        let DedupWindow::For(window) = self.window else { return false };
        while let Some((at, id)) = self.order.front().copied()
            && now.since(at) >= window
        {
            self.order.pop_front();
            // An id that was forgotten and came again is as old as its second coming.
            if self.seen.get(&id) == Some(&at) {
                self.seen.remove(&id);
            }
        }
        self.seen.contains_key(&id)
    }

    /// Remembers an id from now on.
    pub(super) fn remember(&mut self, now: Time, id: (Name, u64)) {
        if self.window != DedupWindow::Off {
            self.seen.insert(id, now);
            self.order.push_back((now, id));
        }
    }

    /// Forgets an id whose message was lost before it was taken in.
    pub(super) fn forget(&mut self, id: (Name, u64)) {
        self.seen.remove(&id);
    }

    pub(super) fn clear(&mut self) {
        self.seen.clear();
        self.order.clear();
    }
}
