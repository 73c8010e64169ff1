//! Rounds: what is due at one instant, in an order of its own.
//!
//! What is *not* here: which order that is.

use std::mem;

use super::links::{List, NONE};
use super::{DRAWN_ONCE, Drawn, Lead, Queue};

/// Where an event of a round waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(u32);

impl Place {
    pub(crate) const NOWHERE: Self = Self(NONE);
}

impl Default for Place {
    fn default() -> Self {
        Self::NOWHERE
    }
}

/// Where an event goes in its round, among those that were shown before it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goes {
    /// Behind them all.
    Last,
    /// Right behind one of them.
    Behind(Place),
    /// Right before one of them.
    Before(Place),
}

impl<E> Queue<E> {
    /// Whether a round is under way.
    #[inline(always)]
    pub(crate) const fn is_in_round(&self) -> bool {
        !self.round.is_empty()
    }

    /// Begins a round, when none is under way: whatever is due now, beginning with what comes first, is
    /// taken before anything that is pushed from here on. Every event is shown to `seat`, in order of
    /// push, and taken where that says.
    #[inline(always)]
    pub(crate) fn begin_round(&mut self, lead: Lead, mut seat: impl FnMut(Place, &E) -> Goes) {
        let Lead(mut index) = lead;
        let due = mem::replace(&mut self.due, List::EMPTY).with_first_again(index);
        self.round = due;
        let mut last = NONE;
        loop {
            let next = self.links[index as usize].next;
            let event = self.cells[index as usize].event.as_ref().expect(DRAWN_ONCE);
            match seat(Place(index), event) {
                Goes::Last => last = index,
                Goes::Behind(Place(other)) if other == last => last = index,
                Goes::Behind(Place(other)) => {
                    self.round.unlink(&mut self.links, index);
                    List::link_behind(&mut self.links, other, index);
                }
                Goes::Before(Place(other)) => {
                    self.round.unlink(&mut self.links, index);
                    self.round.link_before(&mut self.links, other, index);
                }
            }
            if due.ends_in(index) {
                break;
            }
            index = next;
        }
    }

    /// What comes first waits on, before all else.
    #[inline(always)]
    pub(crate) fn put_back(&mut self, Lead(first): Lead) {
        self.due.prepend(&mut self.links, first);
    }

    /// The events of the round, next first.
    pub(crate) fn round(&self) -> impl Iterator<Item = (Place, &E)> {
        let event = |index: u32| self.cells[index as usize].event.as_ref().expect(DRAWN_ONCE);
        self.round.entries(&self.links).map(move |index| (Place(index), event(index)))
    }

    /// Puts an event of the round before all others.
    pub(crate) fn prefer(&mut self, Place(index): Place) {
        self.round.unlink(&mut self.links, index);
        self.round.prepend(&mut self.links, index);
    }

    /// Draws the next event of the round.
    #[inline(always)]
    pub(crate) fn draw_round(&mut self) -> Drawn {
        let first = self.round.take_first(&self.links);
        self.drawn(first)
    }

    /// Unlinks an entry that is due now. Of a list only the ends are known, and only they change hands.
    #[cold]
    pub(super) fn unlink_due(&mut self, index: u32) {
        let list = if self.round.ends_with(index) { &mut self.round } else { &mut self.due };
        list.unlink(&mut self.links, index);
    }
}
