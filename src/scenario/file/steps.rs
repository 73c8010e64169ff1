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
    },
    /// Write a row of the service's database; its key is that of the request.
    Write {
        /// The table.
        table: String,
        /// What to add to the row; the amount of the request.
        #[serde(default)]
        add: AddFile,
        /// Leave the write out when the row is there; false.
        #[serde(default)]
        once: bool,
        /// Commit an event for this topic with the row, to be published from the outbox.
        #[serde(default)]
        event: Option<String>,
    },
    /// Write several rows of the service's database at once: all of them or none.
    Transaction {
        /// The rows.
        writes: Vec<WriteFile>,
        /// Do it once for each message, which the database remembers; false.
        #[serde(default)]
        inbox: bool,
    },
    /// Answer now; the steps behind it still run.
    Reply,
    /// Fail.
    Fail(FailureFile),
}

/// A write within a transaction.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "Write", deny_unknown_fields)]
pub struct WriteFile {
    /// The table.
    pub table: String,
    /// What to add to the row; the amount of the request.
    #[serde(default)]
    pub add: AddFile,
    /// Leave the write out when the row is there; false.
    #[serde(default)]
    pub once: bool,
    /// Commit an event for this topic with the row, to be published from the outbox.
    #[serde(default)]
    pub event: Option<String>,
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
