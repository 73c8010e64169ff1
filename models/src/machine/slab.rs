//! Things under way, by number; a number is used again once its thing is gone.

use std::mem;

use serde::Serialize;

/// Things under way.
#[derive(Clone, Debug, Serialize)]
pub struct Slab<T> {
    slots: Vec<Slot<T>>,
    /// The number that was freed last, which is used next; the others follow.
    free: u32,
    len: usize,
}

#[derive(Clone, Debug, Serialize)]
enum Slot<T> {
    /// Nothing: used after it is this one.
    Free {
        next: u32,
    },
    Taken(T),
}

/// No number.
const NONE: u32 = u32::MAX;

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: NONE, len: 0 }
    }
}

impl<T> Slot<T> {
    #[inline]
    const fn thing(&self) -> Option<&T> {
        match self {
            Self::Taken(thing) => Some(thing),
            Self::Free { .. } => None,
        }
    }

    #[inline]
    const fn thing_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Taken(thing) => Some(thing),
            Self::Free { .. } => None,
        }
    }
}

impl<T> Slab<T> {
    /// Keeps a thing and gives its number.
    ///
    /// # Panics
    /// When four billion things are under way.
    pub fn insert(&mut self, thing: T) -> u32 {
        self.insert_with(|| thing)
    }

    /// Like [`insert`](Self::insert), and the thing is made in its place, not moved there.
    ///
    /// # Panics
    /// When four billion things are under way.
    #[inline(always)]
    pub fn insert_with(&mut self, make: impl FnOnce() -> T) -> u32 {
        // Below 2^32, as numbers are.
        self.len = self.len.wrapping_add(1);
        let number = self.free;
        let Some(slot) = self.slots.get_mut(number as usize) else { return self.add(make()) };
        if let Slot::Free { next } = slot {
            self.free = *next;
        }
        // A free place holds nothing that would have to be dropped.
        mem::forget(mem::replace(slot, Slot::Taken(make())));
        number
    }

    #[cold]
    fn add(&mut self, thing: T) -> u32 {
        self.slots.push(Slot::Taken(thing));
        let number = u32::try_from(self.slots.len() - 1).unwrap_or(NONE);
        assert!(number != NONE, "what is under way fits in memory");
        number
    }

    /// Hands a thing back and frees its number.
    pub fn remove(&mut self, number: u32) -> Option<T> {
        let slot = self.slots.get_mut(number as usize)?;
        slot.thing()?;
        let freed = Slot::Free { next: mem::replace(&mut self.free, number) };
        self.len = self.len.wrapping_sub(1);
        match mem::replace(slot, freed) {
            Slot::Taken(thing) => Some(thing),
            Slot::Free { .. } => None,
        }
    }

    /// Forgets a thing where it lies, after a last look, and frees its number.
    #[inline(always)]
    pub fn release<R>(&mut self, number: u32, last: impl FnOnce(&mut T) -> R) -> Option<R> {
        let slot = self.slots.get_mut(number as usize)?;
        let seen = last(slot.thing_mut()?);
        *slot = Slot::Free { next: mem::replace(&mut self.free, number) };
        self.len = self.len.wrapping_sub(1);
        Some(seen)
    }

    /// The thing of this number.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.slots.get_mut(number as usize)?.thing_mut()
    }

    /// The thing of this number.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&T> {
        self.slots.get(number as usize)?.thing()
    }

    /// Every thing, in the order of the numbers.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().filter_map(Slot::thing_mut)
    }

    /// How many things are under way.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is under way.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}
