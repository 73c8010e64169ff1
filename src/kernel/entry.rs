//! What a trace is made of: one typed entry for everything that happened, and what it follows from.

use brownout_models::contract::{Failure, FlowId, Kind, NodeId};
use brownout_models::{Name, Span, Time};
use serde::Serialize;

use super::Digest;

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
}

impl<F: Serialize> Entry<F> {
    /// Takes the entry into a digest, in a few words that everybody can take apart again:
    ///
    /// ```text
    /// word  upper half              lower half
    /// 1     ---------- when it happened ----------
    /// 2     the flow                the node
    /// 3     how many entries ago    the variant of `What`; from bit 8 whether it was a reply;
    ///       its cause was           from bit 16 the failure, from 1
    /// then  the other node          the name of the message
    /// then  numbers, one a word; a fact as serde takes it apart
    /// ```
    ///
    /// Its number is that of the entries before it.
    #[inline(always)]
    pub fn pack_into(&self, digest: &mut Digest) {
        let halves = |upper: u32, lower: u32| u64::from(upper) << 32 | u64::from(lower);
        let mut begin = |variant: u64| {
            digest.word(self.at.as_nanos());
            digest.word(halves(self.flow.0, self.node.0));
            digest.word((self.seq - self.cause) << 32 | variant);
        };
        let reply = |kind: &Kind| u64::from(kind.reply) << 8;
        match &self.what {
            What::Started { life } => {
                begin(0);
                digest.word(u64::from(*life));
            }
            What::Delivered { from: node, kind } => {
                begin(1 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
            What::Woke { timer } => {
                begin(2);
                digest.word(*timer);
            }
            What::Answered { from, kind, failure } => {
                let failure = failure.map_or(0, |failure| 1 + failure as u64);
                begin(3 | reply(kind) | failure << 16);
                digest.word(halves(from.0, kind.name.0));
            }
            What::Expired { to } => {
                begin(4);
                digest.word(u64::from(to.0));
            }
            What::Lost { to: node, kind } => {
                begin(5 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
            What::Delayed { to, kind, by } => {
                begin(6 | reply(kind));
                digest.word(halves(to.0, kind.name.0));
                digest.word(by.as_nanos());
            }
            What::Duplicated { to: node, kind } => {
                begin(7 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
            What::Dropped { from: node, kind } => {
                begin(8 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
            What::Refused { from: node, kind } => {
                begin(9 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
            What::Stale { from: node, kind } => {
                begin(10 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
            What::Overtook { passed } => {
                begin(11);
                digest.word(u64::from(*passed));
            }
            What::Crashed { after } => {
                begin(12);
                digest.word(after.map_or(0, |effects| 1 + u64::from(effects)));
            }
            What::Paused { until } => {
                begin(13);
                digest.word(until.as_nanos());
            }
            What::Wrote { table, key, amount, value } => {
                begin(14);
                for word in
                    [u64::from(table.0), *key, amount.cast_unsigned(), value.cast_unsigned()]
                {
                    digest.word(word);
                }
            }
            What::Noted(fact) => {
                begin(15);
                digest.absorb(fact);
            }
            What::Partitioned { to, until } => {
                begin(16);
                digest.word(u64::from(to.0));
                digest.word(until.as_nanos());
            }
            What::Slowed { until } => {
                begin(17);
                digest.word(until.as_nanos());
            }
            What::Inherited { from: node, kind } => {
                begin(18 | reply(kind));
                digest.word(halves(node.0, kind.name.0));
            }
        }
    }
}

impl<F> What<F> {
    /// Every word for a kind of entry, in the order of declaration.
    pub const KINDS: [&'static str; 19] = [
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
            | Self::Inherited { .. } => true,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_entry_has_its_word_in_order() {
        let (node, kind) = (NodeId(0), Kind { name: Name(0), reply: false });
        let (from, to, failure, by) = (node, node, None, Span::ZERO);
        let whats: [What<()>; 19] = [
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
        ];
        assert_eq!(whats.map(|what| what.kind()), What::<()>::KINDS);
    }
}
