//! A row is written to at most once per key: one charge per order, whatever was tried again.

use brownout_models::{Fact, Name};

use super::{Ending, Observer, in_range};
use crate::kernel::{Entry, What};
use crate::layout::Layout;

/// No write adds to a row of the table that is not zero. A row that was undone may be written again.
#[derive(Clone, Debug)]
pub struct OncePerKey {
    table: Name,
    writes: u64,
}

impl OncePerKey {
    /// Watches a table.
    #[must_use]
    pub const fn new(table: Name) -> Self {
        Self { table, writes: 0 }
    }
}

impl Observer for OncePerKey {
    fn see(&mut self, entry: &Entry<Fact>, layout: &Layout) -> Result<(), String> {
        let What::Wrote { table, key, amount, value } = entry.what else { return Ok(()) };
        if table != self.table || amount <= 0 {
            return Ok(());
        }
        self.writes += 1;
        in_range(layout, table, key, value)?;
        let before = value.saturating_sub(amount);
        if before == 0 {
            return Ok(());
        }
        let (table, key) = (layout.names.text(table), layout.key_text(key));
        Err(format!("{table} of {key}: {amount} were added to {before}"))
    }

    fn end(&mut self, _: &Ending<'_>) -> Result<(), String> {
        Ok(())
    }

    fn looked(&self) -> u64 {
        self.writes
    }

    fn copy(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }
}
