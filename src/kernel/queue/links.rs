//! Doubly linked lists of entries, known by their first and their last.
//!
//! Times and neighbours are kept apart from the events, so that refiling an entry touches 16 bytes
//! whatever the size of its event, and 16 of the one before it.

use std::iter;

/// No entry.
pub(super) const NONE: u32 = u32::MAX;

/// When an entry is due, in nanoseconds, and its neighbours in its list.
#[derive(Clone, Copy)]
pub(super) struct Link {
    pub(super) at: u64,
    pub(super) next: u32,
    pub(super) prev: u32,
}

/// The ends of a list; both are none where it is empty.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct List {
    pub(super) head: u32,
    tail: u32,
}

impl List {
    pub(super) const EMPTY: Self = Self { head: NONE, tail: NONE };

    #[inline]
    pub(super) const fn is_empty(self) -> bool {
        self.head == NONE
    }

    /// Whether it has one entry.
    #[inline]
    pub(super) const fn is_single(self) -> bool {
        self.head == self.tail
    }

    /// Links an entry at the end.
    #[inline]
    pub(super) fn append(&mut self, links: &mut [Link], index: u32) {
        let link = &mut links[index as usize];
        (link.next, link.prev) = (NONE, self.tail);
        if self.tail == NONE {
            self.head = index;
        } else {
            links[self.tail as usize].next = index;
        }
        self.tail = index;
    }

    /// Links an entry at the beginning.
    #[inline]
    pub(super) fn prepend(&mut self, links: &mut [Link], index: u32) {
        let link = &mut links[index as usize];
        (link.next, link.prev) = (self.head, NONE);
        if self.head == NONE {
            self.tail = index;
        } else {
            links[self.head as usize].prev = index;
        }
        self.head = index;
    }

    /// Links an entry right behind one that has another behind it.
    #[inline]
    pub(super) fn link_behind(self, links: &mut [Link], before: u32, index: u32) {
        let next = std::mem::replace(&mut links[before as usize].next, index);
        links[next as usize].prev = index;
        (links[index as usize].next, links[index as usize].prev) = (next, before);
    }

    /// Whether the list begins or ends with an entry.
    pub(super) const fn ends_with(self, index: u32) -> bool {
        self.head == index || self.tail == index
    }

    /// Unlinks the first entry of a list that has one.
    #[inline]
    pub(super) fn take_first(&mut self, links: &mut [Link]) -> u32 {
        let first = self.head;
        self.head = links[first as usize].next;
        if self.head == NONE {
            self.tail = NONE;
        } else {
            links[self.head as usize].prev = NONE;
        }
        first
    }

    /// Unlinks an entry.
    #[inline]
    pub(super) fn unlink(&mut self, links: &mut [Link], index: u32) {
        let Link { next, prev, .. } = links[index as usize];
        if prev == NONE {
            self.head = next;
        } else {
            links[prev as usize].next = next;
        }
        if next == NONE {
            self.tail = prev;
        } else {
            links[next as usize].prev = prev;
        }
    }

    /// The entries, first to last.
    #[inline]
    pub(super) fn entries(self, links: &[Link]) -> impl Iterator<Item = u32> {
        let known = |index: u32| (index != NONE).then_some(index);
        iter::successors(known(self.head), move |index| known(links[*index as usize].next))
    }
}
