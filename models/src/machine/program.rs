//! Handlers as data: a list of steps that a job goes through.

use serde::Serialize;

use crate::contract::{Distribution, Failure, NodeId};
use crate::machine::Target;
use crate::{Name, Span};

/// What a handler, or a client's script, does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Program {
    /// The steps, in order. At the end the job is done, and answered if it was not.
    pub steps: Vec<Step>,
}

/// One step of a handler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Step {
    /// Work on the processor.
    Work(Distribution),
    /// Wait, doing nothing.
    Sleep(Distribution),
    /// Call a service or a node and wait for the answer. When it fails, so does the job.
    Call {
        /// Who is called.
        target: Target,
        /// What is asked.
        method: Name,
        /// How long to wait; `None` for ever.
        timeout: Option<Span>,
        /// Go on even if the call fails.
        may_fail: bool,
    },
    /// Put a message on a topic and wait until the broker has it.
    Publish {
        /// The broker.
        broker: NodeId,
        /// The topic.
        topic: Name,
        /// How long to wait; `None` for ever.
        timeout: Option<Span>,
        /// Publishing again for the same key is no other message: the name under which the keys of
        /// this publisher's messages of this topic are told apart from all others.
        once: Option<Name>,
    },
    /// Read a row of the service's database: a later write may build on what was read.
    Read {
        /// The table.
        table: Name,
        /// The key of the row; the request's where there is none.
        row: Option<u64>,
    },
    /// Write a row of the service's database.
    Write(Write),
    /// Write several rows of the service's database at once.
    Transaction {
        /// The rows.
        writes: Vec<Write>,
        /// Leave it all out when the request, its method and key, is in the inbox, and put it there
        /// in the same transaction.
        inbox: bool,
    },
    /// Make everything that the service's database has so far durable.
    Flush,
    /// Answer the request; later steps still run.
    Reply,
    /// Fail.
    Fail(Failure),
}

/// A write of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Write {
    /// The table.
    pub table: Name,
    /// The key of the row; the request's where there is none.
    pub row: Option<u64>,
    /// What to add.
    pub add: Add,
    /// What it adds to: the row as it is, or as it was read.
    pub update: Update,
    /// Leave the write out when the row is there: the key is an idempotency key.
    pub once: bool,
    /// Put an event for this topic into the outbox, in the same transaction.
    pub event: Option<Name>,
}

/// What a write builds on, where others may write the row at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Update {
    /// The row as it is: reading and writing are one act.
    #[default]
    Atomic,
    /// The row as the job read it: what was written in between is lost.
    LastWriteWins,
    /// The row as the job read it, if its version is still the same; else the job fails, and may be
    /// tried again (optimistic concurrency control, as HTTP's `If-Match`).
    CompareAndSet,
}

/// What a write adds to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Add {
    /// This much.
    Constant(i64),
    /// The amount of the request.
    Amount,
    /// Whatever brings the row back to zero: a compensation that may come twice, or too early.
    Undo,
    /// The same, and a row of zero where there was none: an action that comes after its compensation
    /// finds the row, and a write that is `once` is left out.
    Cancel,
}
