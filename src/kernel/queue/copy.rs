//! How a queue is made, copied and shown.

use std::{fmt, mem};

use super::Queue;

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Clone> Clone for Queue<E> {
    fn clone(&self) -> Self {
        let generations = self.generations.clone();
        Self { links: self.links.clone(), generations, events: self.events.clone(), ..*self }
    }

    /// Like [`Clone::clone`], in the memory that this queue already has.
    fn clone_from(&mut self, source: &Self) {
        let mut links = mem::take(&mut self.links);
        let mut generations = mem::take(&mut self.generations);
        let mut events = mem::take(&mut self.events);
        links.clone_from(&source.links);
        generations.clone_from(&source.generations);
        events.clone_from(&source.events);
        *self = Self { links, generations, events, ..*source };
    }
}

impl<E: fmt::Debug> fmt::Debug for Queue<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ordered()).finish()
    }
}
