//! The front: the few entries due next, in order.

use super::links::{Link, List, NONE};

/// A slot with more entries than this is spread over the levels below instead of sorted. Measured:
/// 8 to 24 differ little, and sorting costs the square of it.
const FRONT: usize = 16;

/// The entries due after the present and no later than `reach`, with their times.
#[derive(Clone, Copy)]
pub(super) struct Front {
    /// The end of the slot that was drawn last. Later pushes up to here are sorted in.
    reach: u64,
    len: usize,
    /// Latest first, and of equal times the last pushed first: the next one is at the end.
    entries: [(u64, u32); FRONT],
}

impl Front {
    pub(super) const fn new() -> Self {
        Self { reach: 0, len: 0, entries: [(0, 0); FRONT] }
    }

    /// Fills an empty front with the list of a slot that ends at `reach`; false, and nothing
    /// changed, if the list is too long. Whoever is in it is shown to `warm` before all are sorted.
    ///
    /// Counts how many entries each one is behind: unlike those of an insertion sort, these
    /// comparisons are no branches, which would be mispredicted once an entry.
    #[inline]
    pub(super) fn fill(
        &mut self,
        links: &[Link],
        list: List,
        reach: u64,
        mut warm: impl FnMut(u32),
    ) -> bool {
        let mut times = [0; FRONT];
        let mut indices = [0; FRONT];
        let mut places = [0_u8; FRONT];
        let mut len = 0;
        let mut index = list.head;
        while index != NONE {
            if len == FRONT {
                return false;
            }
            let Link { at, next, .. } = links[index as usize];
            times[len] = at;
            indices[len] = index;
            warm(index);
            len += 1;
            index = next;
        }
        // No count exceeds FRONT; wrapping spares the check that overflow checks would make.
        for pushed in 1..len {
            let at = times[pushed];
            let mut later = 0_u8;
            for (before, place) in times[..pushed].iter().zip(&mut places) {
                let first = u8::from(*before <= at);
                *place = place.wrapping_add(first);
                later = later.wrapping_add(first ^ 1);
            }
            places[pushed] = later;
        }
        for pushed in 0..len {
            self.entries[usize::from(places[pushed]) % FRONT] = (times[pushed], indices[pushed]);
        }
        self.len = len;
        self.reach = reach;
        true
    }

    /// Sorts one entry in, behind those due at the same time; false if the front is full.
    #[inline]
    pub(super) fn insert(&mut self, index: u32, at: u64) -> bool {
        if self.len == FRONT {
            return false;
        }
        let mut place = self.len;
        while place > 0 && self.entries[place - 1].0 <= at {
            self.entries[place] = self.entries[place - 1];
            place -= 1;
        }
        self.entries[place] = (at, index);
        self.len += 1;
        true
    }

    /// Takes out one entry.
    pub(super) fn remove(&mut self, index: u32) {
        let entries = &mut self.entries[..self.len];
        if let Some(place) = entries.iter().position(|(_, other)| *other == index) {
            entries.copy_within(place + 1.., place);
            self.len -= 1;
        }
    }

    /// Takes out the next entry.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<(u64, u32)> {
        let next = self.next()?;
        self.len -= 1;
        Some(next)
    }

    /// Takes out the next entry if it is due at `at`.
    #[inline]
    pub(super) fn pop_at(&mut self, at: u64) -> Option<u32> {
        let (_, index) = self.next().filter(|(next_at, _)| *next_at == at)?;
        self.len -= 1;
        Some(index)
    }

    /// Ends the stretch of time that the front covers. It must be empty.
    pub(super) const fn close(&mut self) {
        self.reach = 0;
    }

    /// The next entry.
    #[inline]
    pub(super) fn next(&self) -> Option<(u64, u32)> {
        self.entries[..self.len].last().copied()
    }

    /// Whether an entry due at `at`, after the present, belongs here and not into the wheel.
    #[inline]
    pub(super) const fn covers(&self, at: u64) -> bool {
        at <= self.reach
    }

    /// The indices of all entries, next first.
    pub(super) fn indices(&self) -> impl Iterator<Item = u32> {
        self.entries[..self.len].iter().rev().map(|(_, index)| *index)
    }
}
