//! The database of one service: rows that survive every crash of its instances, an outbox of events
//! to publish, and an inbox of messages that were handled. A transaction changes all three at once.
//! A machine that keeps its own state has its changes [counted](Store::kept) in the same log.
//!
//! Every transaction is durable when its effect has happened, unless the database flushes its log only
//! now and then ([`Store::flushed_every`]): then the end of the log may be lost with the power.
//!
//! What is *not* here: locks and isolation; a transaction is one act, and nothing comes between.

mod journal;

use serde::Serialize;

use self::journal::{Change, Journal};
use crate::contract::Context;
use crate::hash::{Map, Set};
use crate::name::Name;
use crate::{Span, Time};

/// The rows and the outbox of one service, shared by its instances.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Store {
    rows: Map<(Name, u64), Row>,
    outbox: Map<u64, OutboxRow>,
    outbox_next: u64,
    /// Messages that were handled: the method or topic, and the business key.
    inbox: Set<(Name, u64)>,
    /// Changes that a machine kept, of its own state.
    kept: u64,
    /// What is not flushed yet, where that takes a while.
    journal: Option<Box<Journal>>,
}

/// The value of a row, and how often it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The value.
    pub value: i64,
    /// Its version: 1 when it was written once.
    pub version: u64,
}

/// A row that went back to what it was, because its latest write was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwritten {
    /// The table.
    pub table: Name,
    /// The key of the row.
    pub key: u64,
    /// What the lost write had added.
    pub amount: i64,
    /// The value again; zero for a row that is gone.
    pub value: i64,
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
    /// The topic and the business key of an event that is committed with the row.
    pub event: Option<(Name, u64)>,
}

/// An event that waits to be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OutboxRow {
    /// The topic.
    pub topic: Name,
    /// Its business key.
    pub key: u64,
    /// The amount of that write.
    pub amount: i64,
    /// On whose behalf the row was written.
    pub context: Context,
}

impl Store {
    /// A database that flushes its log this long after the first transaction that is not flushed yet,
    /// as PostgreSQL does with `synchronous_commit = off` (`wal_writer_delay`, 200 ms) and Redis with
    /// `appendfsync everysec`. [`flush`](Self::flush) does it at once.
    #[must_use]
    pub fn flushed_every(period: Span) -> Self {
        Self { journal: Some(Box::new(Journal::new(period))), ..Self::default() }
    }

    /// The value of a row; `None` when it was never written.
    #[must_use]
    pub fn read(&self, table: Name, key: u64) -> Option<i64> {
        Some(self.row(table, key)?.value)
    }

    /// A row with its version; `None` when it was never written.
    #[must_use]
    pub fn row(&self, table: Name, key: u64) -> Option<Row> {
        self.rows.get(&(table, key)).copied()
    }

    /// Events that wait to be published, oldest first, with their numbers.
    pub fn outbox(&self) -> impl Iterator<Item = (u64, &OutboxRow)> {
        self.outbox.iter().map(|(number, row)| (*number, row))
    }

    /// Every row, in the order of first writing.
    pub fn rows(&self) -> impl Iterator<Item = (Name, u64, i64)> {
        self.rows.iter().map(|((table, key), row)| (*table, *key, row.value))
    }

    /// Whether this message was handled before: its effects are in the rows.
    #[must_use]
    pub fn has_handled(&self, method: Name, key: u64) -> bool {
        self.inbox.contains(&(method, key))
    }

    /// Whether a transaction is durable only later.
    #[must_use]
    pub const fn flushes_later(&self) -> bool {
        self.journal.is_some()
    }

    /// How many changes of its own state the machine has kept, those that were lost left out.
    #[must_use]
    pub const fn kept(&self) -> u64 {
        self.kept
    }

    /// How many transactions were not flushed when the latest one was committed, that one included.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.journal.as_ref().map_or(0, |journal| journal.pending())
    }

    /// How many transactions a loss of power at `now` could undo.
    #[must_use]
    pub fn unflushed(&mut self, now: Time) -> u32 {
        self.journal.as_mut().map_or(0, |journal| journal.unflushed(now))
    }

    /// Makes everything so far durable.
    pub fn flush(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.flush();
        }
    }

    /// What was written since the last commit is one transaction, committed at `now`.
    pub fn commit(&mut self, now: Time) {
        if let Some(journal) = &mut self.journal {
            journal.commit(now);
        }
    }

    /// The latest so many transactions are lost with the power, as if they had never been: their rows,
    /// their events, that their messages were handled, and what was kept. What is left is durable.
    /// Returns the rows that changed, latest first.
    pub fn lose(&mut self, transactions: u32) -> Vec<Unwritten> {
        let Some(mut journal) = self.journal.take() else { return Vec::new() };
        let mut unwritten = Vec::new();
        for change in journal.lose(transactions) {
            unwritten.extend(self.undo(change));
        }
        self.journal = Some(journal);
        unwritten
    }

    pub(crate) fn keep(&mut self) {
        self.kept += 1;
        self.write_down(|| Change::Kept);
    }

    pub(crate) fn remember(&mut self, method: Name, key: u64) {
        if self.inbox.insert((method, key)) {
            self.write_down(|| Change::Handled { method, key });
        }
    }

    /// Adds to a row, which starts at zero; returns its new value. Saturates.
    pub(crate) fn add(&mut self, table: Name, key: u64, amount: i64) -> i64 {
        let was = self.row(table, key);
        let (value, version) = was.map_or((0, 0), |row| (row.value, row.version));
        let row = Row { value: value.saturating_add(amount), version: version + 1 };
        self.rows.insert((table, key), row);
        self.write_down(|| Change::Row { table, key, was });
        row.value
    }

    pub(crate) fn enqueue(&mut self, row: OutboxRow) -> u64 {
        let number = self.outbox_next;
        self.outbox_next += 1;
        self.outbox.insert(number, row);
        self.write_down(|| Change::Enqueued { number });
        number
    }

    pub(crate) fn dequeue(&mut self, number: u64) {
        if let Some(row) = self.outbox.shift_remove(&number) {
            self.write_down(|| Change::Dequeued { number, row });
        }
    }

    fn write_down(&mut self, change: impl FnOnce() -> Change) {
        if let Some(journal) = &mut self.journal {
            journal.write_down(change());
        }
    }

    /// Takes a change back. Numbers of events are never given out again, like those of a sequence.
    fn undo(&mut self, change: Change) -> Option<Unwritten> {
        match change {
            Change::Row { table, key, was } => {
                let now = match was {
                    Some(row) => self.rows.insert((table, key), row),
                    None => self.rows.shift_remove(&(table, key)),
                };
                let value = was.map_or(0, |row| row.value);
                let amount = now.map_or(0, |row| row.value).saturating_sub(value);
                Some(Unwritten { table, key, amount, value })
            }
            Change::Enqueued { number } => {
                self.outbox.shift_remove(&number);
                None
            }
            Change::Dequeued { number, row } => {
                let place = self.outbox.keys().take_while(|other| **other < number).count();
                self.outbox.shift_insert(place, number, row);
                None
            }
            Change::Handled { method, key } => {
                self.inbox.shift_remove(&(method, key));
                None
            }
            Change::Kept => {
                self.kept -= 1;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
