//! Correlation of calls: which answer settles which call of this life.

use std::mem;

use serde::Serialize;

use crate::contract::{CallId, Context, NodeId};

/// The calls of one life that wait for an answer. An answer settles its call once; whatever comes
/// after that, or after the call expired, is stale.
#[derive(Clone, Debug, Serialize)]
pub struct Calls {
    slots: Vec<Slot>,
    /// The slot whose call was settled last, which is used next; the others follow by `next_free`.
    free: u32,
}

#[derive(Clone, Debug, Serialize)]
struct Slot {
    /// Odd while the call is open; answers carry it, so that a reused slot tells them apart.
    generation: u32,
    /// The slot that is used after this one, while this one is free.
    next_free: u32,
    call: OpenCall,
}

/// No slot.
const NONE: u32 = u32::MAX;

/// A call that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OpenCall {
    /// What the machine gave along.
    pub tag: u64,
    /// On whose behalf it was made.
    pub context: Context,
    /// Who was called.
    pub to: NodeId,
}

/// How many calls can wait at once: the low bits of a [`CallId`] are its slot.
const SLOT_BITS: u32 = 20;

impl CallId {
    /// The place of the call among those that wait at once, reused once the call is settled.
    #[must_use]
    pub const fn slot(self) -> u32 {
        self.0 & ((1 << SLOT_BITS) - 1)
    }
}

impl Default for Calls {
    fn default() -> Self {
        Self { slots: Vec::new(), free: NONE }
    }
}

impl Calls {
    /// Opens a call.
    ///
    /// # Panics
    /// When a million calls of one life wait at once.
    #[inline(always)]
    pub fn open(&mut self, call: OpenCall) -> CallId {
        let slot = self.free;
        let Some(entry) = self.slots.get_mut(slot as usize) else { return self.grow(call) };
        self.free = mem::replace(&mut entry.next_free, NONE);
        entry.generation = entry.generation.wrapping_add(1);
        entry.call = call;
        Self::id(slot, entry.generation)
    }

    #[cold]
    fn grow(&mut self, call: OpenCall) -> CallId {
        let slot = u32::try_from(self.slots.len()).unwrap_or(NONE);
        assert!(slot < 1 << SLOT_BITS, "fewer than a million calls of one life wait at once");
        self.slots.push(Slot { generation: 1, next_free: NONE, call });
        Self::id(slot, 1)
    }

    /// Closes the call and hands it back; `None` when it is stale.
    pub fn settle(&mut self, id: CallId) -> Option<OpenCall> {
        let slot = id.slot();
        let entry = self.slots.get_mut(slot as usize).filter(|entry| entry.is_open_as(id))?;
        entry.generation = entry.generation.wrapping_add(1);
        entry.next_free = mem::replace(&mut self.free, slot);
        Some(entry.call)
    }

    /// Whether the call waits for its answer.
    #[must_use]
    pub fn is_open(&self, id: CallId) -> bool {
        self.slots.get(id.slot() as usize).is_some_and(|slot| slot.is_open_as(id))
    }

    /// How many calls wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.iter().filter(|slot| slot.is_open()).count()
    }

    /// Whether no call waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.slots.iter().any(Slot::is_open)
    }

    /// Forgets every call, as a crash does.
    pub fn clear(&mut self) {
        self.slots.clear();
        self.free = NONE;
    }

    const fn id(slot: u32, generation: u32) -> CallId {
        CallId(((generation >> 1) << SLOT_BITS) + slot)
    }
}

impl Slot {
    #[inline]
    const fn is_open(&self) -> bool {
        !self.generation.is_multiple_of(2)
    }

    /// Whether the call of this number, whose slot this is, waits here.
    #[inline]
    fn is_open_as(&self, id: CallId) -> bool {
        self.is_open() && Calls::id(id.slot(), self.generation) == id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Time;
    use crate::contract::FlowId;

    fn call(tag: u64) -> OpenCall {
        let context = Context { flow: FlowId(0), cause: 0, deadline: Time::NEVER, span: None };
        OpenCall { tag, context, to: NodeId(0) }
    }

    #[test]
    fn a_call_is_settled_once() {
        let mut calls = Calls::default();
        let id = calls.open(call(7));
        assert_eq!(calls.settle(id).map(|open| open.tag), Some(7));
        assert_eq!(calls.settle(id), None);
    }

    #[test]
    fn an_answer_to_an_earlier_call_does_not_settle_the_one_in_its_slot() {
        let mut calls = Calls::default();
        let first = calls.open(call(1));
        calls.settle(first);
        let second = calls.open(call(2));
        assert_ne!(first, second);
        assert_eq!(calls.settle(first), None);
        assert_eq!(calls.len(), 1);
        assert!(!calls.is_empty());
        assert_eq!(calls.settle(second).map(|open| open.tag), Some(2));
        assert!(calls.is_empty());
    }

    #[test]
    fn a_slot_has_as_many_ids_as_the_bits_beside_it_say() {
        let mut calls = Calls::default();
        calls.open(call(0));
        let ids: Vec<u32> = (0..4_097)
            .map(|tag| {
                let id = calls.open(call(tag));
                calls.settle(id);
                assert_eq!(id.slot(), 1);
                id.0 >> SLOT_BITS
            })
            .collect();
        assert_eq!(ids[..4_096], (0..4_096).collect::<Vec<u32>>());
        assert_eq!(ids[4_096], 0, "and then the first one comes again");
    }

    #[test]
    fn a_crash_forgets_every_call() {
        let mut calls = Calls::default();
        let ids = [1, 2].map(|tag| calls.open(call(tag)));
        calls.clear();
        assert!(calls.is_empty());
        assert_eq!(ids.map(|id| calls.settle(id)), [None, None]);
    }
}
