//! The end of a database's log that is not flushed yet: what it takes to undo each transaction.

use std::collections::VecDeque;

use serde::Serialize;

use super::{OutboxRow, Row};
use crate::name::Name;
use crate::{Span, Time};

/// What is not flushed yet.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Journal {
    /// How long after the first transaction that is not flushed everything is.
    period: Span,
    transactions: VecDeque<Transaction>,
    /// The changes of the transaction that is not committed yet.
    open: Vec<Change>,
}

/// A transaction that is not flushed.
#[derive(Clone, Debug, Serialize)]
struct Transaction {
    at: Time,
    changes: Vec<Change>,
}

/// A change, and what was there before.
#[derive(Clone, Debug, Serialize)]
pub(super) enum Change {
    /// A row was written.
    Row { table: Name, key: u64, was: Option<Row> },
    /// An event waits to be published.
    Enqueued { number: u64 },
    /// An event was published.
    Dequeued { number: u64, row: OutboxRow },
    /// A message was handled.
    Handled { method: Name, key: u64 },
    /// A machine changed its own state, and knows what it was.
    Kept,
}

impl Journal {
    pub(super) const fn new(period: Span) -> Self {
        Self { period, transactions: VecDeque::new(), open: Vec::new() }
    }

    pub(super) fn write_down(&mut self, change: Change) {
        self.open.push(change);
    }

    pub(super) fn commit(&mut self, now: Time) {
        self.settle(now);
        let changes = std::mem::take(&mut self.open);
        if !changes.is_empty() {
            self.transactions.push_back(Transaction { at: now, changes });
        }
    }

    pub(super) fn pending(&self) -> usize {
        self.transactions.len()
    }

    pub(super) fn unflushed(&mut self, now: Time) -> u32 {
        self.settle(now);
        u32::try_from(self.transactions.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn flush(&mut self) {
        self.transactions.clear();
        self.open.clear();
    }

    /// Forgets the latest transactions, and keeps the others for good. Returns what to undo, latest
    /// change first.
    pub(super) fn lose(&mut self, transactions: u32) -> Vec<Change> {
        let kept = self.transactions.len().saturating_sub(transactions as usize);
        let lost = self.transactions.split_off(kept);
        self.flush();
        lost.into_iter().rev().flat_map(|lost| lost.changes.into_iter().rev()).collect()
    }

    /// Forgets what was flushed by now: each flush comes a period after the first transaction that it
    /// takes, and takes all there are, as every commit settles what came before it.
    fn settle(&mut self, now: Time) {
        if self.transactions.front().is_some_and(|first| first.at + self.period <= now) {
            self.transactions.clear();
        }
    }
}
