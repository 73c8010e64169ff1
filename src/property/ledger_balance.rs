//! The books balance: for every key several tables, kept by several services, say the same.

use brownout_models::Map;
use brownout_models::{Fact, Name};
use serde::Deserialize;

use super::{Ending, Observer, in_range};
use crate::kernel::{Entry, What};
use crate::layout::Layout;

/// In the end the values of all tables are equal, for every key or in total; a row never written is
/// zero.
#[derive(Clone, Debug)]
pub struct LedgerBalance {
    tables: Vec<Name>,
    per: Per,
    /// The books that do not balance.
    values: Map<u64, Vec<i128>>,
    /// What every total was when they last balanced.
    balanced: i128,
    writes: u64,
}

/// What must be equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Per {
    /// The values of every key.
    #[default]
    Key,
    /// The sums of all values: rows that many pieces of work share, against rows of their own.
    Total,
}

impl LedgerBalance {
    /// Watches tables.
    #[must_use]
    pub fn new(tables: Vec<Name>) -> Self {
        Self { tables, per: Per::Key, values: Map::default(), balanced: 0, writes: 0 }
    }

    /// The same, for every key or in total.
    #[must_use]
    pub fn per(self, per: Per) -> Self {
        Self { per, ..self }
    }
}

impl Observer for LedgerBalance {
    fn see(&mut self, entry: &Entry<Fact>, layout: &Layout) -> Result<(), String> {
        let (table, key, amount, value) =
            if let What::Wrote { table, key, amount, value } = entry.what {
                (table, key, i128::from(amount), value)
            } else if let What::Unwrote { table, key, amount, value } = entry.what {
                (table, key, -i128::from(amount), value)
            } else {
                return Ok(());
            };
        let Some(at) = self.tables.iter().position(|known| *known == table) else { return Ok(()) };
        self.writes += 1;
        in_range(layout, table, key, value)?;
        let tables = self.tables.len();
        // Books that balanced said the same in every table.
        let (key, before) = match self.per {
            Per::Key => (key, i128::from(value) - amount),
            Per::Total => (0, self.balanced),
        };
        let values = self.values.entry(key).or_insert_with(|| vec![before; tables]);
        values[at] += amount;
        if values.iter().all(|value| *value == values[0]) {
            // Balanced books are forgotten: memory follows what is open.
            self.balanced = values[0];
            self.values.swap_remove(&key);
        }
        Ok(())
    }

    fn end(&mut self, ending: &Ending<'_>) -> Result<(), String> {
        let Some((key, values)) = self.values.first() else { return Ok(()) };
        let words: Vec<String> = self
            .tables
            .iter()
            .zip(values)
            .map(|(table, value)| format!("{} {value}", ending.layout.names.text(*table)))
            .collect();
        let of = match self.per {
            Per::Key => format!(" of {}", ending.layout.key_text(*key)),
            Per::Total => String::new(),
        };
        Err(format!("the books{of} do not balance: {}", words.join(", ")))
    }

    fn looked(&self) -> u64 {
        self.writes
    }

    fn about(&self) -> Option<u64> {
        match self.per {
            Per::Key => self.values.first().map(|(key, _)| *key),
            Per::Total => None,
        }
    }

    fn copy(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }
}
