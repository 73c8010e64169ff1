//! The books balance: for every key several tables, kept by several services, say the same.

use brownout_models::Map;
use brownout_models::{Fact, Name};

use super::{Ending, Observer, in_range};
use crate::kernel::{Entry, What};
use crate::layout::Layout;

/// In the end the values of all tables are equal for every key; a row never written is zero.
#[derive(Clone, Debug)]
pub struct LedgerBalance {
    tables: Vec<Name>,
    values: Map<u64, Vec<i128>>,
    writes: u64,
}

impl LedgerBalance {
    /// Watches tables.
    #[must_use]
    pub fn new(tables: Vec<Name>) -> Self {
        Self { tables, values: Map::default(), writes: 0 }
    }
}

impl Observer for LedgerBalance {
    fn see(&mut self, entry: &Entry<Fact>, layout: &Layout) -> Result<(), String> {
        let What::Wrote { table, key, amount, value } = entry.what else { return Ok(()) };
        let Some(at) = self.tables.iter().position(|known| *known == table) else { return Ok(()) };
        self.writes += 1;
        in_range(layout, table, key, value)?;
        let tables = self.tables.len();
        let values = self.values.entry(key).or_insert_with(|| vec![0; tables]);
        values[at] += i128::from(amount);
        if values.iter().all(|value| *value == values[0]) {
            // Only differences count, so balanced books are forgotten: memory follows what is open.
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
        let key = ending.layout.key_text(*key);
        Err(format!("the books of {key} do not balance: {}", words.join(", ")))
    }

    fn looked(&self) -> u64 {
        self.writes
    }

    fn about(&self) -> Option<u64> {
        self.values.first().map(|(key, _)| *key)
    }

    fn copy(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }
}
