//! What handlers and clients do, step by step.

use brownout_models::Span;
use serde::Deserialize;

use super::Duration;

/// One step of a handler or a script.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "Step", deny_unknown_fields)]
pub enum StepFile {
    /// Work on the processor.
    Work(Duration),
    /// Wait.
    Sleep(Duration),
    /// Call a service or a node.
    Call {
        /// The service or the node.
        to: String,
        /// The method; at a gateway the path, and before it what its routes ask for, an HTTP method
        /// and a host, like `POST shop.example/orders`.
        method: String,
        /// How long to wait; for ever.
        #[serde(default)]
        timeout: Option<Span>,
        /// Go on when the call fails; false.
        #[serde(default)]
        may_fail: bool,
        /// The node that stands between; the sidecar, if there is one.
        #[serde(default)]
        via: Option<String>,
    },
    /// Put a message on a topic.
    Publish {
        /// The topic.
        topic: String,
        /// How long to wait for the broker; for ever.
        #[serde(default)]
        timeout: Option<Span>,
        /// The broker takes it in once for each key, as long as it remembers; false.
        #[serde(default)]
        once: bool,
    },
    /// Read a row of the service's database, for a later write that builds on it.
    Read {
        /// The table.
        table: String,
        /// The name of a row that requests share; the row of the request.
        #[serde(default)]
        row: Option<String>,
    },
    /// Write a row of the service's database.
    Write(WriteFile),
    /// Write several rows of the service's database at once: all of them or none.
    Transaction {
        /// The rows.
        writes: Vec<WriteFile>,
        /// Do it once for each message, which the database remembers; false.
        #[serde(default)]
        inbox: bool,
    },
    /// Make everything that the service's database has so far durable.
    Flush,
    /// Answer now; the steps behind it still run.
    Reply,
    /// Fail.
    Fail(FailureFile),
}

/// A write of a row.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "Write", deny_unknown_fields)]
pub struct WriteFile {
    /// The table.
    pub table: String,
    /// The name of a row that requests share; the row of the request.
    #[serde(default)]
    pub row: Option<String>,
    /// What to add to the row; the amount of the request.
    #[serde(default)]
    pub add: AddFile,
    /// What it adds to, where others may write the row meanwhile; the row as it is.
    #[serde(default)]
    pub update: UpdateFile,
    /// Leave the write out when the row is there; false.
    #[serde(default)]
    pub once: bool,
    /// Commit an event for this topic with the row, to be published from the outbox.
    #[serde(default)]
    pub event: Option<String>,
}

/// What a write builds on, where others may write the row at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename = "Update")]
pub enum UpdateFile {
    /// The row as it is: reading and writing are one act.
    #[default]
    Atomic,
    /// The row as a `Read` saw it: what was written in between is lost.
    LastWriteWins,
    /// The row as a `Read` saw it, if it has not changed since; else the handler fails.
    CompareAndSet,
}

/// What a write adds.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename = "Add")]
pub enum AddFile {
    /// The amount of the request.
    #[default]
    Amount,
    /// Whatever brings the row back to zero.
    Undo,
    /// The same, and a row of zero where there was none, so that a write that is `once` and comes
    /// too late is left out.
    Cancel,
    /// This much.
    Constant(i64),
}

/// How a handler fails on purpose.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename = "Failure")]
pub enum FailureFile {
    /// Trying again may help.
    Failed,
    /// Trying again will not help.
    Rejected,
}
