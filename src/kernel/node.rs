//! What the kernel keeps for each node besides its machine.

use brownout_models::Time;
use brownout_models::contract::{CallId, Calls, Context, Kind, NodeId, Sender};
use indexmap::IndexMap;

use super::queue::Handle;
use crate::hash::FixedState;

/// What every event asks of its node. It is apart from the rest because events come to nodes at
/// random: the heads of a thousand nodes fit into the nearest cache.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// The current life, from 1; 0 before the first.
    pub(super) life: u32,
    pub(super) host: u32,
    pub(super) store: u32,
    pub(super) is_down: bool,
}

/// What a node waits for and owes in its current life.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) calls: Calls,
    /// The expiry of each open call, by the slot of the call.
    expiries: Vec<Option<Handle>>,
    timers: IndexMap<u64, SetTimer, FixedState>,
    timers_set: u32,
    /// Calls that this node has not answered yet, kept where nodes may crash.
    pub(super) owed: Vec<(Sender, Kind, Context)>,
}

/// A timer that waits.
#[derive(Clone, Copy, Debug)]
struct SetTimer {
    number: u32,
    at: Time,
    handle: Handle,
}

/// What nodes on one machine share.
#[derive(Clone, Debug, Default)]
pub(super) struct Host {
    pub(super) nodes: Vec<NodeId>,
    pub(super) paused_until: Time,
}

impl Node {
    /// The number under which the next timer will be set.
    pub(super) fn number_timer(&mut self) -> u32 {
        self.timers_set = self.timers_set.wrapping_add(1);
        self.timers_set
    }

    /// Keeps a timer; the one of the same code that it replaces is handed back.
    pub(super) fn set(
        &mut self,
        timer: u64,
        number: u32,
        at: Time,
        handle: Handle,
    ) -> Option<Handle> {
        self.timers.insert(timer, SetTimer { number, at, handle }).map(|old| old.handle)
    }

    /// Forgets a timer, and hands back the event to remove.
    pub(super) fn cancel(&mut self, timer: u64) -> Option<Handle> {
        self.timers.swap_remove(&timer).map(|set| set.handle)
    }

    /// Takes a timer that is due; false when it was cancelled or replaced.
    pub(super) fn fire(&mut self, timer: u64, number: u32) -> bool {
        let is_set = self.timers.get(&timer).is_some_and(|set| set.number == number);
        if is_set {
            self.timers.swap_remove(&timer);
        }
        is_set
    }

    /// The event of a timer moved.
    pub(super) fn moved(&mut self, timer: u64, number: u32, at: Time, handle: Handle) {
        if let Some(set) = self.timers.get_mut(&timer)
            && set.number == number
        {
            (set.at, set.handle) = (at, handle);
        }
    }

    /// When the next timer is due.
    pub(super) fn next_timer(&self) -> Option<Time> {
        self.timers.values().map(|set| set.at).min()
    }

    /// Keeps the event that expires a call.
    pub(super) fn expires(&mut self, call: CallId, handle: Handle) {
        let slot = call.slot() as usize;
        if self.expiries.len() <= slot {
            self.expiries.resize(slot + 1, None);
        }
        self.expiries[slot] = Some(handle);
    }

    /// Hands back the event that would have expired a settled call.
    pub(super) fn expiry(&mut self, call: CallId) -> Option<Handle> {
        self.expiries.get_mut(call.slot() as usize)?.take()
    }

    /// Ends the life: every event to remove.
    pub(super) fn forget(&mut self) -> impl Iterator<Item = Handle> {
        self.calls.clear();
        self.owed.clear();
        let expiries = self.expiries.drain(..).flatten().collect::<Vec<_>>();
        self.timers.drain(..).map(|(_, set)| set.handle).chain(expiries)
    }
}
