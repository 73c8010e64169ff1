//! The wheel: which entries are due in which stretch of time.
//!
//! Not here: the events, and the present. The wheel only knows a cursor before which nothing is
//! due.

use super::links::{Link, List};

/// Bits of a digit: the occupancy of a level is one 64-bit word.
const DIGIT_BITS: u32 = 6;
const DIGIT: u64 = (1 << DIGIT_BITS) - 1;
const SLOTS: usize = 1 << DIGIT_BITS;
/// Digits of a 64-bit time; the highest has four bits.
const LEVELS: usize = 11;

/// Lists of entries, filed by the highest digit in which their time differs from the cursor's.
#[derive(Clone, Copy)]
pub(super) struct Wheel {
    /// No later than the present, so that every later push can be filed.
    cursor: u64,
    /// Which levels have an occupied slot.
    levels: u32,
    /// Which slots of a level are occupied. The lists of the others mean nothing.
    occupied: [u64; LEVELS],
    lists: [[List; SLOTS]; LEVELS],
}

/// The list of a slot, and the first and last instant that the slot stands for.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) list: List,
    pub(super) first: u64,
    pub(super) last: u64,
}

impl Wheel {
    pub(super) const fn new() -> Self {
        Self { cursor: 0, levels: 0, occupied: [0; LEVELS], lists: [[List::EMPTY; SLOTS]; LEVELS] }
    }

    /// Files an entry at the end of its slot's list.
    #[inline]
    pub(super) fn file(&mut self, links: &mut [Link], index: u32, at: u64) {
        let (level, slot) = self.place(at);
        let list = &mut self.lists[level][slot];
        if self.occupied[level] >> slot & 1 == 0 {
            *list = List::of(index);
        } else {
            list.append(links, index);
        }
        self.occupied[level] |= 1 << slot;
        self.levels |= 1 << level;
    }

    /// Takes out one entry, due at `at`.
    pub(super) fn remove(&mut self, links: &mut [Link], index: u32, at: u64) {
        let (level, slot) = self.place(at);
        let list = &mut self.lists[level][slot];
        list.unlink(links, index);
        if list.is_empty() {
            self.vacate(level, slot);
        }
    }

    /// Takes out the earliest slot that is occupied and moves the cursor to its first instant.
    #[inline]
    pub(super) fn draw(&mut self) -> Option<Slot> {
        let (level, slot) = self.earliest()?;
        self.vacate(level, slot);
        let drawn = self.slot(level, slot);
        self.cursor = drawn.first;
        Some(drawn)
    }

    /// The earliest slot that is occupied.
    pub(super) fn peek(&self) -> Option<Slot> {
        self.earliest().map(|(level, slot)| self.slot(level, slot))
    }

    /// All lists, earliest slot first.
    pub(super) fn lists(&self) -> impl Iterator<Item = List> {
        self.occupied.iter().zip(&self.lists).flat_map(|(occupied, lists)| {
            let list =
                move |(slot, list): (usize, &List)| (occupied >> slot & 1 == 1).then_some(*list);
            lists.iter().enumerate().filter_map(list)
        })
    }

    #[inline]
    fn vacate(&mut self, level: usize, slot: usize) {
        self.occupied[level] &= !(1 << slot);
        if self.occupied[level] == 0 {
            self.levels &= !(1 << level);
        }
    }

    /// The level and slot of a time.
    #[inline]
    fn place(&self, at: u64) -> (usize, usize) {
        let level = ((at ^ self.cursor) | 1).ilog2() / DIGIT_BITS;
        let slot = ((at >> (level * DIGIT_BITS)) & DIGIT) as usize;
        (level as usize, slot)
    }

    #[inline]
    fn earliest(&self) -> Option<(usize, usize)> {
        let level = self.levels.trailing_zeros() as usize;
        let occupied = self.occupied.get(level)?;
        Some((level, occupied.trailing_zeros() as usize))
    }

    /// What a slot stands for: the cursor's digits above, its own, and any below.
    #[inline]
    fn slot(&self, level: usize, slot: usize) -> Slot {
        let shift = DIGIT_BITS as usize * level;
        let below = (1 << shift) - 1;
        let above = !(below | (DIGIT << shift));
        let first = (self.cursor & above) | ((slot as u64) << shift);
        Slot { list: self.lists[level][slot], first, last: first | below }
    }
}
