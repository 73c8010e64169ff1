//! A row and its event belong together: the dual write, judged from outside.

use brownout_models::Set;
use brownout_models::{Fact, Name};

use super::{Ending, Observer};
use crate::kernel::{Entry, What};
use crate::layout::Layout;

/// In the end an event for every key that the table has a row of was handled. A row that is back at
/// zero was undone and needs none.
#[derive(Clone, Debug)]
pub struct EventPerRow {
    table: Name,
    topic: Name,
    rows: Set<u64>,
    handled: Set<u64>,
    looked: u64,
}

impl EventPerRow {
    /// Watches a table and the topic that announces its rows.
    #[must_use]
    pub fn new(table: Name, topic: Name) -> Self {
        Self { table, topic, rows: Set::default(), handled: Set::default(), looked: 0 }
    }
}

impl Observer for EventPerRow {
    fn see(&mut self, entry: &Entry<Fact>, _: &Layout) -> Result<(), String> {
        if let What::Wrote { table, key, value, .. } | What::Unwrote { table, key, value, .. } =
            entry.what
            && table == self.table
        {
            self.looked += 1;
            if value == 0 {
                self.rows.shift_remove(&key);
            } else if !self.handled.contains(&key) {
                self.rows.insert(key);
            }
        } else if let What::Noted(Fact::Finished { method, key, failure: None }) = entry.what
            && method == self.topic
        {
            self.handled.insert(key);
            self.rows.shift_remove(&key);
        }
        Ok(())
    }

    fn end(&mut self, ending: &Ending<'_>) -> Result<(), String> {
        let Some(key) = self.rows.first() else { return Ok(()) };
        let names = &ending.layout.names;
        let (table, topic) = (names.text(self.table), names.text(self.topic));
        let key = ending.layout.key_text(*key);
        Err(format!("{table} has a row for {key}, and nobody ever handled its {topic}"))
    }

    fn looked(&self) -> u64 {
        self.looked
    }

    fn about(&self) -> Option<u64> {
        self.rows.first().copied()
    }

    fn copy(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }
}
