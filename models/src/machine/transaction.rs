//! What a job reads and writes in its service's database.

use serde::Serialize;

use crate::Name;
use crate::contract::{Failure, Purpose, Request, Row, RowWrite, Turn};
use crate::fact::Fact;
use crate::machine::program::{Add, Update, Write};

/// The rows that a job read, as they were then. Few jobs read, and all of them are moved about.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Reads(Option<Box<[Read]>>);

#[derive(Clone, Copy, Debug, Serialize)]
struct Read {
    table: Name,
    key: u64,
    row: Row,
}

/// Whether and how the database refuses a transaction.
const WRITE: Purpose = Purpose("write");
const WAYS_TO_REFUSE: [&str; 2] = ["refused", "full"];

/// A row that was never written.
const ABSENT: Row = Row { value: 0, version: 0 };

impl Reads {
    /// Reads a row, by its key or the request's, and remembers it in place of what was read before.
    pub(super) fn read<P>(
        &mut self,
        request: &Request<P>,
        (table, row): (Name, Option<u64>),
        turn: &Turn<'_, P, Fact>,
    ) {
        let key = row.unwrap_or(request.key);
        let earlier = self.0.take().into_iter().flatten();
        let others = earlier.filter(|read| (read.table, read.key) != (table, key));
        let read = Read { table, key, row: turn.row(table, key).unwrap_or(ABSENT) };
        self.0 = Some(others.chain([read]).collect());
    }

    fn of(&self, table: Name, key: u64) -> Row {
        let read = self.0.iter().flatten().find(|read| (read.table, read.key) == (table, key));
        read.map_or(ABSENT, |read| read.row)
    }

    /// Writes what is to be written, all at once; nothing at all of a request that was handled before.
    ///
    /// # Errors
    /// A row changed since it was read, and its write insists that it did not; or the database refuses.
    /// Then nothing is written.
    pub(super) fn transact<P>(
        &self,
        request: &Request<P>,
        writes: &[Write],
        inbox: bool,
        turn: &mut Turn<'_, P, Fact>,
    ) -> Result<(), Failure> {
        let method = request.method;
        if inbox && turn.has_handled(method, request.key) {
            turn.note(Fact::AlreadyThere { table: method, key: request.key });
            return Ok(());
        }
        for write in writes.iter().filter(|write| write.update == Update::CompareAndSet) {
            let (table, key) = (write.table, write.row.unwrap_or(request.key));
            if turn.row(table, key).unwrap_or(ABSENT).version != self.of(table, key).version {
                turn.note(Fact::Conflicted { table, key });
                return Err(Failure::Failed);
            }
        }
        let mut rows: Vec<RowWrite> = Vec::new();
        for write in writes {
            let (table, key) = (write.table, write.row.unwrap_or(request.key));
            let Some(amount) = self.amount(write, request, &rows, turn) else { continue };
            let event = write.event.map(|topic| (topic, request.key));
            rows.push(RowWrite { table, key, amount, event });
        }
        if !inbox && rows.is_empty() {
            return Ok(());
        }
        if let Some(way) = turn.fault(WRITE, &WAYS_TO_REFUSE) {
            let first = rows.first().map_or((method, request.key), |row| (row.table, row.key));
            let (table, key) = first;
            let is_full = way > 0;
            turn.note(Fact::WriteRefused { table, key, is_full });
            return Err(if is_full { Failure::Rejected } else { Failure::Failed });
        }
        for (topic, key) in rows.iter().filter_map(|row| row.event) {
            turn.note(Fact::Publishing { topic, key });
        }
        turn.transact(&rows, inbox.then_some((method, request.key)));
        Ok(())
    }

    /// What a write adds to its row after the `earlier` ones; `None` when it is left out.
    fn amount<P>(
        &self,
        write: &Write,
        request: &Request<P>,
        earlier: &[RowWrite],
        turn: &mut Turn<'_, P, Fact>,
    ) -> Option<i64> {
        let (table, key) = (write.table, write.row.unwrap_or(request.key));
        let of_row = earlier.iter().filter(|row| (row.table, row.key) == (table, key));
        let added = of_row.map(|row| row.amount).reduce(i64::saturating_add);
        let row = match (turn.read(table, key), added) {
            (None, added) => added,
            (Some(value), added) => Some(value.saturating_add(added.unwrap_or(0))),
        };
        if write.once && row.is_some() {
            turn.note(Fact::AlreadyThere { table, key });
            return None;
        }
        let amount = match write.add {
            Add::Constant(amount) => Some(amount),
            Add::Amount => Some(request.amount),
            Add::Cancel => match row {
                None => Some(0),
                Some(0) => None,
                Some(value) => Some(value.saturating_neg()),
            },
            Add::Undo => row.filter(|value| *value != 0).map(i64::saturating_neg),
        };
        match write.update {
            Update::Atomic | Update::CompareAndSet => amount,
            Update::LastWriteWins => amount.map(|amount| {
                let now = self.of(table, key).value.saturating_add(amount);
                now.saturating_sub(row.unwrap_or(0))
            }),
        }
    }
}
