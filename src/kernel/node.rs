//! What the kernel keeps for each node besides its machine.

use std::mem;

use brownout_models::Time;
use brownout_models::contract::{CallId, Calls, Context, Kind, NodeId, Sender};

use super::clock::HostClock;
use super::queue::Handle;
use brownout_models::Map;

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
    /// The expiry of each open call, by the slot of the call; of a call without one that of nothing.
    expiries: Vec<Handle>,
    timers: Timers,
    timers_set: u32,
    /// Calls that this node has not answered yet, kept where nodes may crash.
    pub(super) owed: Vec<(Sender, Kind, Context)>,
}

/// A timer that waits.
#[derive(Clone, Copy, Debug)]
struct SetTimer {
    timer: u64,
    number: u32,
    at: Time,
    handle: Handle,
}

/// The timers of a node that wait. Most nodes have a few, which are found faster without a map;
/// a population of clients may have thousands.
#[derive(Clone, Debug, Default)]
struct Timers {
    set: Vec<SetTimer>,
    /// Where each timer stands; empty while there are few.
    places: Map<u64, usize>,
}

/// So many timers are searched one by one.
const FEW: usize = 8;

impl Timers {
    #[inline]
    fn place(&self, timer: u64) -> Option<usize> {
        if self.places.is_empty() {
            return self.set.iter().position(|set| set.timer == timer);
        }
        self.place_of_many(timer)
    }

    #[cold]
    fn place_of_many(&self, timer: u64) -> Option<usize> {
        self.places.get(&timer).copied()
    }

    #[inline]
    fn add(&mut self, new: SetTimer) {
        self.set.push(new);
        if self.set.len() > FEW || !self.places.is_empty() {
            self.index();
        }
    }

    /// Adds the last timer, or all of them, to the map.
    #[cold]
    fn index(&mut self) {
        let known = self.places.len();
        let places = self.set.iter().map(|set| set.timer).enumerate().skip(known);
        self.places.extend(places.map(|(place, timer)| (timer, place)));
    }

    /// Takes a timer out; the last one takes its place.
    #[inline]
    fn take(&mut self, place: usize) -> SetTimer {
        let taken = self.set.swap_remove(place);
        if !self.places.is_empty() {
            self.forget_place(taken.timer, place);
        }
        taken
    }

    /// The map follows when the last timer took the place of another.
    #[cold]
    fn forget_place(&mut self, taken: u64, place: usize) {
        self.places.swap_remove(&taken);
        if let Some(moved) = self.set.get(place) {
            self.places.insert(moved.timer, place);
        }
    }
}

/// What nodes on one machine share.
#[derive(Clone, Debug, Default)]
pub(super) struct Host {
    pub(super) nodes: Vec<NodeId>,
    pub(super) paused_until: Time,
    pub(super) slow_until: Time,
    pub(super) clock: HostClock,
}

impl Node {
    /// The number under which the next timer will be set.
    pub(super) fn number_timer(&mut self) -> u32 {
        self.timers_set = self.timers_set.wrapping_add(1);
        self.timers_set
    }

    /// Keeps a timer; the one of the same code that it replaces is handed back.
    #[inline(always)]
    pub(super) fn set(
        &mut self,
        timer: u64,
        number: u32,
        at: Time,
        handle: Handle,
    ) -> Option<Handle> {
        let new = SetTimer { timer, number, at, handle };
        if let Some(place) = self.timers.place(timer) {
            return Some(mem::replace(&mut self.timers.set[place], new).handle);
        }
        self.timers.add(new);
        None
    }

    /// Forgets a timer, and hands back the event to remove.
    pub(super) fn cancel(&mut self, timer: u64) -> Option<Handle> {
        let place = self.timers.place(timer)?;
        Some(self.timers.take(place).handle)
    }

    /// Takes a timer that is due; false when it was cancelled or replaced.
    pub(super) fn fire(&mut self, timer: u64, number: u32) -> bool {
        match self.timers.place(timer) {
            Some(place) if self.timers.set[place].number == number => {
                self.timers.take(place);
                true
            }
            Some(_) | None => false,
        }
    }

    /// The event of a timer moved.
    pub(super) fn moved(&mut self, timer: u64, number: u32, at: Time, handle: Handle) {
        if let Some(place) = self.timers.place(timer)
            && self.timers.set[place].number == number
        {
            self.timers.set[place] = SetTimer { timer, number, at, handle };
        }
    }

    /// When the next timer is due.
    pub(super) fn next_timer(&self) -> Option<Time> {
        self.timers.set.iter().map(|set| set.at).min()
    }

    /// Keeps the event that expires a call.
    pub(super) fn expires(&mut self, call: CallId, handle: Handle) {
        let slot = call.slot() as usize;
        match self.expiries.get_mut(slot) {
            Some(expiry) => *expiry = handle,
            None => expire_up_to(&mut self.expiries, slot, handle),
        }
    }

    /// Hands back the event that would have expired a settled call.
    pub(super) fn expiry(&mut self, call: CallId) -> Option<Handle> {
        let expiry = mem::take(self.expiries.get_mut(call.slot() as usize)?);
        (expiry != Handle::default()).then_some(expiry)
    }

    /// Ends the life: every event to remove.
    pub(super) fn forget(&mut self) -> impl Iterator<Item = Handle> {
        self.calls.clear();
        self.owed.clear();
        let expiries =
            self.expiries.drain(..).filter(|it| *it != Handle::default()).collect::<Vec<_>>();
        self.timers.places.clear();
        self.timers.set.drain(..).map(|set| set.handle).chain(expiries)
    }
}

/// Makes room for the expiry of a call.
#[cold]
fn expire_up_to(expiries: &mut Vec<Handle>, slot: usize, handle: Handle) {
    expiries.resize(slot, Handle::default());
    expiries.push(handle);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_are_found_while_they_grow_many_and_few_again() {
        let mut node = Node::default();
        let set = |node: &mut Node, timer: u64| {
            let number = node.number_timer();
            let old = node.set(timer, number, Time::from_nanos(timer), Handle::default());
            (number, old.is_some())
        };
        let numbers: Vec<u32> = (0..40).map(|timer| set(&mut node, timer).0).collect();
        for timer in (3..40).step_by(2).chain((4..40).step_by(2)) {
            let number = numbers[usize::try_from(timer).unwrap()];
            assert!(node.fire(timer, number), "timer {timer}");
            assert!(!node.fire(timer, number), "timer {timer} fired");
        }
        let (number, replaced) = set(&mut node, 50);
        assert!(!replaced);
        assert!(set(&mut node, 50).1);
        assert!(!node.fire(50, number), "it was replaced");
        assert_eq!(node.next_timer(), Some(Time::from_nanos(0)));
        assert!(node.cancel(0).is_some() && node.cancel(0).is_none());
        assert_eq!(node.forget().count(), 3);
    }
}
