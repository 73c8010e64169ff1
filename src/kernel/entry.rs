//! What a trace is made of: one typed entry for everything that happened, and what it follows from.

use brownout_models::contract::{Failure, FlowId, Kind, NodeId};
use brownout_models::{Name, Span, Time};
use serde::Serialize;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry<F> {
    /// Its number, from 0 in the order of happening.
    pub seq: u64,
    /// The number of the entry that it follows from; its own where nothing came before.
    pub cause: u64,
    /// The piece of work that it belongs to.
    pub flow: FlowId,
    /// When it happened, in the time of the world.
    pub at: Time,
    /// Where it happened.
    pub node: NodeId,
    /// What happened.
    pub what: What<F>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum What<F> {
    /// A life of the node began.
    Started {
        /// Which life, from 1.
        life: u32,
    },
    /// A message that is no answer arrived and was handled.
    Delivered {
        /// Who sent it.
        from: NodeId,
        /// What it was.
        kind: Kind,
    },
    /// A timer was due.
    Woke {
        /// The code of the timer.
        timer: u64,
    },
    /// A call was answered in time.
    Answered {
        /// Who answered.
        from: NodeId,
        /// What was answered.
        kind: Kind,
        /// Why the call failed, if it did.
        failure: Option<Failure>,
    },
    /// The timeout of a call passed.
    Expired {
        /// Who was called.
        to: NodeId,
    },
    /// A message was lost on its way.
    Lost {
        /// Who would have received it.
        to: NodeId,
        /// What it was.
        kind: Kind,
    },
    /// A message will arrive late.
    Delayed {
        /// Who will receive it.
        to: NodeId,
        /// What it is.
        kind: Kind,
        /// By how much.
        by: Span,
    },
    /// A message will arrive twice.
    Duplicated {
        /// Who will receive it.
        to: NodeId,
        /// What it is.
        kind: Kind,
    },
    /// A message was dropped: it was meant for an earlier life of its receiver.
    Dropped {
        /// Who sent it.
        from: NodeId,
        /// What it was.
        kind: Kind,
    },
    /// A message met nobody: the node is down.
    Refused {
        /// Who sent it.
        from: NodeId,
        /// What it was.
        kind: Kind,
    },
    /// An answer was dropped: its call was settled or had expired.
    Stale {
        /// Who answered.
        from: NodeId,
        /// What was answered.
        kind: Kind,
    },
    /// Several events waited at one instant, and another than the first was taken.
    Overtook {
        /// How many were passed over.
        passed: u32,
    },
    /// The node crashed.
    Crashed {
        /// After how many effects of the step; `None` before the step.
        after: Option<u32>,
    },
    /// The node stands still.
    Paused {
        /// Until when.
        until: Time,
    },
    /// A row was written, durably.
    Wrote {
        /// The table.
        table: Name,
        /// The key of the row.
        key: u64,
        /// What was added.
        amount: i64,
        /// The new value.
        value: i64,
    },
    /// The machine says that something became true.
    Noted(F),
}

impl<F> What<F> {
    /// Every word for a kind of entry, in the order of declaration.
    pub const KINDS: [&'static str; 16] = [
        "start",
        "deliver",
        "wake",
        "answer",
        "expire",
        "lose",
        "delay",
        "duplicate",
        "drop",
        "refuse",
        "stale",
        "overtake",
        "crash",
        "pause",
        "write",
        "note",
    ];

    /// The word for the kind of entry.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Started { .. } => "start",
            Self::Delivered { .. } => "deliver",
            Self::Woke { .. } => "wake",
            Self::Answered { .. } => "answer",
            Self::Expired { .. } => "expire",
            Self::Lost { .. } => "lose",
            Self::Delayed { .. } => "delay",
            Self::Duplicated { .. } => "duplicate",
            Self::Dropped { .. } => "drop",
            Self::Refused { .. } => "refuse",
            Self::Stale { .. } => "stale",
            Self::Overtook { .. } => "overtake",
            Self::Crashed { .. } => "crash",
            Self::Paused { .. } => "pause",
            Self::Wrote { .. } => "write",
            Self::Noted(_) => "note",
        }
    }

    /// Whether something broke here.
    #[must_use]
    pub const fn is_fault(&self) -> bool {
        match self {
            Self::Lost { .. }
            | Self::Delayed { .. }
            | Self::Duplicated { .. }
            | Self::Overtook { .. }
            | Self::Crashed { .. }
            | Self::Paused { .. } => true,
            Self::Started { .. }
            | Self::Delivered { .. }
            | Self::Woke { .. }
            | Self::Answered { .. }
            | Self::Expired { .. }
            | Self::Dropped { .. }
            | Self::Refused { .. }
            | Self::Stale { .. }
            | Self::Wrote { .. }
            | Self::Noted(_) => false,
        }
    }
}
