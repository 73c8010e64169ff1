//! Small numbers for nodes, flows and calls, and the context that work carries along.

use std::num::NonZeroU64;

use serde::{Serialize, Serializer};

use crate::Time;
use crate::name::Name;

/// A node of the system: a machine at a place, across all its lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct NodeId(pub u32);

/// A piece of work that the outside world started: an arrival, a tick of a heartbeat, an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u32);

/// A call in flight, unique within one life of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u32);

impl Serialize for FlowId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("FlowId", &self.0)
    }
}

impl Serialize for CallId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("CallId", &self.0)
    }
}

/// On whose behalf something happens. A machine that puts work aside keeps its context and hands it
/// to [`Turn::on_behalf`](crate::contract::Turn::on_behalf) when it takes the work up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Context {
    /// The piece of work that this belongs to.
    pub flow: FlowId,
    /// The trace entry that this follows from; [`Context::UNCAUSED`] where nothing came before.
    pub cause: u32,
    /// When nobody waits for the result any more; [`Time::NEVER`] without a timeout upstream.
    pub deadline: Time,
    /// The span that this is part of, for whoever traces; none where nobody up to here did.
    pub span: Option<NonZeroU64>,
}

impl Context {
    /// The cause of what follows from no entry.
    pub const UNCAUSED: u32 = u32::MAX;
}

/// Where a message came from, and where its answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sender {
    /// The node that sent it.
    pub node: NodeId,
    /// The life of that node when it sent it: an answer to an earlier life is dropped.
    pub life: u32,
    /// The call to answer; `None` for a message that wants no answer.
    pub call: Option<CallId>,
}

/// A message that is answered later: what [`Turn::answer`](crate::contract::Turn::answer) needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Ticket {
    /// On whose behalf.
    pub context: Context,
    /// Where the answer goes.
    pub from: Sender,
    /// What was asked.
    pub what: Name,
}
