//! Things under way, by number; a number is used again once its thing is gone.

use serde::Serialize;

/// Things under way.
#[derive(Clone, Debug, Serialize)]
pub struct Slab<T> {
    slots: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
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
        let slot = self.free.pop().unwrap_or_else(|| self.add_slot());
        // A free place holds nothing that would have to be dropped.
        std::mem::forget(self.slots[slot as usize].replace(make()));
        slot
    }

    #[cold]
    fn add_slot(&mut self) -> u32 {
        self.slots.push(None);
        u32::try_from(self.slots.len() - 1).expect("what is under way fits in memory")
    }

    /// Hands a thing back and frees its number.
    pub fn remove(&mut self, slot: u32) -> Option<T> {
        let thing = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        Some(thing)
    }

    /// Forgets a thing where it lies, after a last look, and frees its number.
    #[inline]
    pub fn release<R>(&mut self, slot: u32, last: impl FnOnce(&mut T) -> R) -> Option<R> {
        let place = self.slots.get_mut(slot as usize)?;
        let seen = last(place.as_mut()?);
        *place = None;
        self.free.push(slot);
        Some(seen)
    }

    /// The thing of this number.
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// The thing of this number.
    #[must_use]
    pub fn get(&self, slot: u32) -> Option<&T> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// Every thing, in the order of the numbers.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().flatten()
    }

    /// How many things are under way.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether nothing is under way.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
