//! What a trace is made of: one typed entry for everything that happened, and what it follows from.

mod owned;
mod pack;

use std::mem;

use brownout_models::contract::{Failure, FlowId, Kind, NodeId};
use brownout_models::{Name, Span, Time};
use serde::Serialize;

pub(super) use self::owned::owns_memory;
pub(super) use self::pack::pack_fact;

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

/// An entry without what happened.
#[derive(Clone, Copy)]
pub(super) struct Stamp {
    pub(super) seq: u64,
    pub(super) cause: u64,
    pub(super) flow: FlowId,
    pub(super) at: Time,
    pub(super) node: NodeId,
}

impl<F> Entry<F> {
    /// Makes it another one, save for what happened.
    #[inline(always)]
    pub(super) fn stamp(&mut self, Stamp { seq, cause, flow, at, node }: Stamp) {
        (self.seq, self.cause, self.flow, self.at, self.node) = (seq, cause, flow, at, node);
    }

    /// Takes in what happened, where what it was before owns no memory: nothing is given back.
    #[inline(always)]
    pub(super) fn happened(&mut self, what: What<F>) {
        mem::forget(mem::replace(&mut self.what, what));
    }

    /// Gives back what it owns.
    #[cold]
    #[inline(never)]
    pub(super) fn give_back(&mut self) {
        self.what = What::Started { life: 0 };
    }
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
    /// A row was written.
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
    /// No message gets from here to there for a while.
    Partitioned {
        /// To whom.
        to: NodeId,
        /// Until when.
        until: Time,
    },
    /// The work that the node begins takes longer for a while.
    Slowed {
        /// Until when.
        until: Time,
    },
    /// A message for an earlier life of the node reaches this one.
    Inherited {
        /// Who sent it.
        from: NodeId,
        /// What it was.
        kind: Kind,
    },
    /// The database of the node lost the end of its log, which was not flushed yet.
    Unflushed {
        /// How many transactions.
        transactions: u32,
    },
    /// A row is what it was before its latest write, which was lost.
    Unwrote {
        /// The table.
        table: Name,
        /// The key of the row.
        key: u64,
        /// What the lost write had added.
        amount: i64,
        /// The value again.
        value: i64,
    },
    /// The clock of the node's host is set ahead or back.
    Skewed {
        /// By how much.
        by: Span,
        /// Whether it is set back.
        is_back: bool,
    },
    /// The clock of the node's host goes too fast or too slow for a while.
    Drifted {
        /// Until when.
        until: Time,
    },
}

impl<F> What<F> {
    /// Every word for a kind of entry, in the order of declaration.
    pub const KINDS: [&'static str; 23] = [
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
        "partition",
        "slow",
        "inherit",
        "unflushed",
        "unwrite",
        "skew",
        "drift",
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
            Self::Partitioned { .. } => "partition",
            Self::Slowed { .. } => "slow",
            Self::Inherited { .. } => "inherit",
            Self::Unflushed { .. } => "unflushed",
            Self::Unwrote { .. } => "unwrite",
            Self::Skewed { .. } => "skew",
            Self::Drifted { .. } => "drift",
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
            | Self::Paused { .. }
            | Self::Partitioned { .. }
            | Self::Slowed { .. }
            | Self::Inherited { .. }
            | Self::Unflushed { .. }
            | Self::Skewed { .. }
            | Self::Drifted { .. } => true,
            Self::Started { .. }
            | Self::Delivered { .. }
            | Self::Woke { .. }
            | Self::Answered { .. }
            | Self::Expired { .. }
            | Self::Dropped { .. }
            | Self::Refused { .. }
            | Self::Stale { .. }
            | Self::Wrote { .. }
            | Self::Unwrote { .. }
            | Self::Noted(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_entry_has_its_word_in_order() {
        let (node, kind) = (NodeId(0), Kind { name: Name(0), reply: false });
        let (from, to, failure, by) = (node, node, None, Span::ZERO);
        let whats: [What<()>; 23] = [
            What::Started { life: 1 },
            What::Delivered { from, kind },
            What::Woke { timer: 0 },
            What::Answered { from, kind, failure },
            What::Expired { to },
            What::Lost { to, kind },
            What::Delayed { to, kind, by },
            What::Duplicated { to, kind },
            What::Dropped { from, kind },
            What::Refused { from, kind },
            What::Stale { from, kind },
            What::Overtook { passed: 1 },
            What::Crashed { after: None },
            What::Paused { until: Time::ZERO },
            What::Wrote { table: Name(0), key: 0, amount: 1, value: 1 },
            What::Noted(()),
            What::Partitioned { to, until: Time::ZERO },
            What::Slowed { until: Time::ZERO },
            What::Inherited { from, kind },
            What::Unflushed { transactions: 1 },
            What::Unwrote { table: Name(0), key: 0, amount: 1, value: 0 },
            What::Skewed { by: Span::ZERO, is_back: false },
            What::Drifted { until: Time::ZERO },
        ];
        assert_eq!(whats.map(|what| what.kind()), What::<()>::KINDS);
    }
}
