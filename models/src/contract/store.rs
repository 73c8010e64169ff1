//! The database of one service: rows that survive every crash of its instances, an outbox of events
//! to publish, and an inbox of messages that were handled. A transaction changes all three at once.
//!
//! What is *not* here: unflushed writes; every write is durable when its effect has happened.

use crate::hash::{Map, Set};
use serde::Serialize;

use crate::contract::Context;
use crate::name::Name;

/// The rows and the outbox of one service, shared by its instances.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Store {
    rows: Map<(Name, u64), i64>,
    outbox: Map<u64, OutboxRow>,
    outbox_next: u64,
    /// Messages that were handled: the method or topic, and the business key.
    inbox: Set<(Name, u64)>,
}

/// One write of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowWrite {
    /// The table.
    pub table: Name,
    /// The key of the row.
    pub key: u64,
    /// What is added; a row starts at zero.
    pub amount: i64,
    /// The topic of an event that is committed with the row.
    pub event: Option<Name>,
}

/// An event that waits to be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OutboxRow {
    /// The topic.
    pub topic: Name,
    /// The business key of the row that it was committed with.
    pub key: u64,
    /// The amount of that write.
    pub amount: i64,
    /// On whose behalf the row was written.
    pub context: Context,
}

impl Store {
    /// The value of a row; `None` when it was never written.
    #[must_use]
    pub fn read(&self, table: Name, key: u64) -> Option<i64> {
        self.rows.get(&(table, key)).copied()
    }

    /// Events that wait to be published, oldest first, with their numbers.
    pub fn outbox(&self) -> impl Iterator<Item = (u64, &OutboxRow)> {
        self.outbox.iter().map(|(number, row)| (*number, row))
    }

    /// Every row, in the order of first writing.
    pub fn rows(&self) -> impl Iterator<Item = (Name, u64, i64)> {
        self.rows.iter().map(|((table, key), value)| (*table, *key, *value))
    }

    /// Whether this message was handled before: its effects are in the rows.
    #[must_use]
    pub fn has_handled(&self, method: Name, key: u64) -> bool {
        self.inbox.contains(&(method, key))
    }

    pub(crate) fn remember(&mut self, method: Name, key: u64) {
        self.inbox.insert((method, key));
    }

    /// Adds to a row, which starts at zero; returns its new value. Saturates.
    pub(crate) fn add(&mut self, table: Name, key: u64, amount: i64) -> i64 {
        let row = self.rows.entry((table, key)).or_insert(0);
        *row = row.saturating_add(amount);
        *row
    }

    pub(crate) fn enqueue(&mut self, row: OutboxRow) -> u64 {
        let number = self.outbox_next;
        self.outbox_next += 1;
        self.outbox.insert(number, row);
        number
    }

    pub(crate) fn dequeue(&mut self, number: u64) {
        self.outbox.shift_remove(&number);
    }
}
