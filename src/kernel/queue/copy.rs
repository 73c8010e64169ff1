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
        Self { links: self.links.clone(), cells: self.cells.clone(), ..*self }
    }

    /// Like [`Clone::clone`], in the memory that this queue already has.
    fn clone_from(&mut self, source: &Self) {
        let (mut links, mut cells) = (mem::take(&mut self.links), mem::take(&mut self.cells));
        links.clone_from(&source.links);
        cells.clone_from(&source.cells);
        *self = Self { links, cells, ..*source };
    }
}

impl<E: fmt::Debug> fmt::Debug for Queue<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ordered()).finish()
    }
}
