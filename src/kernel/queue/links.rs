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

/// The ends of a list; both are none where it is empty. What is linked before the first and behind the
/// last means nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct List {
    pub(super) head: u32,
    tail: u32,
}

impl List {
    pub(super) const EMPTY: Self = Self { head: NONE, tail: NONE };

    /// The list of one entry.
    #[inline]
    pub(super) const fn of(index: u32) -> Self {
        Self { head: index, tail: index }
    }

    #[inline]
    pub(super) const fn is_empty(self) -> bool {
        self.head == NONE
    }

    /// Whether it has one entry, if it has any.
    #[inline]
    pub(super) const fn is_single(self) -> bool {
        self.head == self.tail
    }

    /// Links an entry at the end of a list that is not empty.
    #[inline]
    pub(super) fn append(&mut self, links: &mut [Link], index: u32) {
        links[index as usize].prev = self.tail;
        links[self.tail as usize].next = index;
        self.tail = index;
    }

    /// Links another list at the end of this one; neither is empty.
    pub(super) fn extend(&mut self, links: &mut [Link], other: Self) {
        links[other.head as usize].prev = self.tail;
        links[self.tail as usize].next = other.head;
        self.tail = other.tail;
    }

    /// Links an entry at the beginning.
    #[inline]
    pub(super) fn prepend(&mut self, links: &mut [Link], index: u32) {
        if self.is_empty() {
            self.tail = index;
        } else {
            links[index as usize].next = self.head;
            links[self.head as usize].prev = index;
        }
        self.head = index;
    }

    /// Links an entry right behind one that has another behind it.
    #[inline]
    pub(super) fn link_behind(links: &mut [Link], before: u32, index: u32) {
        let next = std::mem::replace(&mut links[before as usize].next, index);
        links[next as usize].prev = index;
        (links[index as usize].next, links[index as usize].prev) = (next, before);
    }

    /// Links an entry right before another.
    #[inline]
    pub(super) fn link_before(&mut self, links: &mut [Link], next: u32, index: u32) {
        if next == self.head {
            self.prepend(links, index);
        } else {
            Self::link_behind(links, links[next as usize].prev, index);
        }
    }

    /// Whether an entry is the last.
    #[inline]
    pub(super) const fn ends_in(self, index: u32) -> bool {
        self.tail == index
    }

    /// Whether the list begins or ends with an entry.
    pub(super) const fn ends_with(self, index: u32) -> bool {
        self.head == index || self.tail == index
    }

    /// Unlinks the first entry of a list that has one.
    #[inline]
    pub(super) fn take_first(&mut self, links: &[Link]) -> u32 {
        let first = self.head;
        if self.is_single() {
            *self = Self::EMPTY;
        } else {
            self.head = links[first as usize].next;
        }
        first
    }

    /// The list with the entry again that was [taken](Self::take_first) from it last, if nothing happened to
    /// it since.
    #[inline]
    pub(super) const fn with_first_again(self, first: u32) -> Self {
        if self.is_empty() { Self::of(first) } else { Self { head: first, tail: self.tail } }
    }

    /// Unlinks an entry.
    #[inline]
    pub(super) fn unlink(&mut self, links: &mut [Link], index: u32) {
        if index == self.head {
            self.take_first(links);
            return;
        }
        if index == self.tail {
            self.tail = links[index as usize].prev;
        } else {
            Self::unlink_inner(links, index);
        }
    }

    /// Unlinks an entry that has others on both sides, of whichever list.
    #[inline]
    pub(super) fn unlink_inner(links: &mut [Link], index: u32) {
        let Link { next, prev, .. } = links[index as usize];
        links[prev as usize].next = next;
        links[next as usize].prev = prev;
    }

    /// The entry behind one of the list; none behind the last.
    #[inline]
    pub(super) fn after(self, links: &[Link], index: u32) -> u32 {
        if index == self.tail { NONE } else { links[index as usize].next }
    }

    /// The entries, first to last.
    #[inline]
    pub(super) fn entries(self, links: &[Link]) -> impl Iterator<Item = u32> {
        let known = |index: u32| (index != NONE).then_some(index);
        iter::successors(known(self.head), move |index| known(self.after(links, *index)))
    }
}
