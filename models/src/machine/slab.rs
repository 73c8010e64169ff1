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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Call {
        Insert(u8),
        Remove(u32),
        Release(u32),
        Double(u32),
    }

    fn calls() -> impl Strategy<Value = Vec<Call>> {
        let call = prop_oneof![
            3 => any::<u8>().prop_map(Call::Insert),
            1 => (0..12_u32).prop_map(Call::Remove),
            1 => (0..12_u32).prop_map(Call::Release),
            1 => (0..12_u32).prop_map(Call::Double),
        ];
        prop::collection::vec(call, 0..80)
    }

    proptest! {
        #[test]
        fn a_slab_is_a_map_that_uses_the_number_again_that_was_freed_last(calls in calls()) {
            let mut slab = Slab::default();
            let (mut naive, mut freed) = (BTreeMap::new(), Vec::new());
            for call in calls {
                match call {
                    Call::Insert(byte) => {
                        let thing = vec![byte];
                        let most = u32::try_from(naive.len()).unwrap();
                        let number = freed.pop().unwrap_or(most);
                        prop_assert_eq!(slab.insert(thing.clone()), number);
                        naive.insert(number, thing);
                    }
                    Call::Remove(number) => {
                        let thing = naive.remove(&number);
                        freed.extend(thing.is_some().then_some(number));
                        prop_assert_eq!(slab.remove(number), thing);
                    }
                    Call::Release(number) => {
                        let thing = naive.remove(&number);
                        freed.extend(thing.is_some().then_some(number));
                        prop_assert_eq!(slab.release(number, |it| it.clone()), thing);
                    }
                    Call::Double(number) => {
                        let thing = naive.get_mut(&number);
                        prop_assert_eq!(slab.get_mut(number).is_some(), thing.is_some());
                        if let (Some(it), Some(thing)) = (slab.get_mut(number), thing) {
                            it.push(0);
                            thing.push(0);
                        }
                    }
                }
                prop_assert_eq!((slab.len(), slab.is_empty()), (naive.len(), naive.is_empty()));
                (0..12).for_each(|number| assert_eq!(slab.get(number), naive.get(&number)));
                prop_assert!(slab.iter_mut().map(|it| &*it).eq(naive.values()));
            }
        }
    }
}
