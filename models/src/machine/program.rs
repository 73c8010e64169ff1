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
    /// Answer the request; later steps still run.
    Reply,
    /// Fail.
    Fail(Failure),
}

/// A write of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Write {
    /// The table; the key is the request's.
    pub table: Name,
    /// What to add.
    pub add: Add,
    /// Leave the write out when the row is there: the key is an idempotency key.
    pub once: bool,
    /// Put an event for this topic into the outbox, in the same transaction.
    pub event: Option<Name>,
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
