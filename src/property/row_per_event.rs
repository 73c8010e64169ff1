//! No phantom events: whoever hears of a row can rely on it.

use brownout_models::Set;
use brownout_models::{Fact, Name};

use super::{Ending, Observer};
use crate::kernel::{Entry, What};
use crate::layout::Layout;

/// In the end the table has a row of every key whose event was handled. A row that somebody undid was
/// there; one whose writes were lost was not.
#[derive(Clone, Debug)]
pub struct RowPerEvent {
    table: Name,
    topic: Name,
    rows: Set<u64>,
    /// Keys whose event was handled.
    handled: Set<u64>,
    looked: u64,
}

impl RowPerEvent {
    /// Watches a table and the topic that announces its rows.
    #[must_use]
    pub fn new(table: Name, topic: Name) -> Self {
        Self { table, topic, rows: Set::default(), handled: Set::default(), looked: 0 }
    }

    fn phantom(&self) -> Option<u64> {
        self.handled.iter().copied().find(|key| !self.rows.contains(key))
    }
}

impl Observer for RowPerEvent {
    fn see(&mut self, entry: &Entry<Fact>, _: &Layout) -> Result<(), String> {
        if let What::Wrote { table, key, .. } = entry.what
            && table == self.table
        {
            self.rows.insert(key);
        } else if let What::Unwrote { table, key, value: 0, .. } = entry.what
            && table == self.table
        {
            self.rows.swap_remove(&key);
        } else if let What::Noted(Fact::Finished { method, key, failure: None }) = entry.what
            && method == self.topic
        {
            self.looked += 1;
            self.handled.insert(key);
        }
        Ok(())
    }

    fn end(&mut self, ending: &Ending<'_>) -> Result<(), String> {
        let Some(key) = self.phantom() else { return Ok(()) };
        let names = &ending.layout.names;
        let (table, topic) = (names.text(self.table), names.text(self.topic));
        let key = ending.layout.key_text(key);
        Err(format!("{topic} of {key} was handled, and {table} has no row for it"))
    }

    fn looked(&self) -> u64 {
        self.looked
    }

    fn about(&self) -> Option<u64> {
        self.phantom()
    }

    fn copy(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }
}
