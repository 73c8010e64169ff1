//! What a machine wants done, as data: whoever drives the machine carries it out.

use crate::Span;
use crate::contract::{CallId, Context, Message, NodeId};
use crate::name::Name;

/// What a machine wants done, in order. Whoever drives the machine carries it out.
#[derive(Clone, Debug)]
pub enum Effect<P, F> {
    /// Carry a message to another node, leaving after a while.
    Send {
        /// The receiver.
        to: NodeId,
        /// The message.
        message: Message<P>,
        /// How long it stays here before it leaves.
        after: Span,
        /// The life of the receiver that it is for; `None` for whoever lives there.
        life: Option<u32>,
        /// On whose behalf.
        context: Context,
    },
    /// The call that was just sent expires after this time.
    Expire {
        /// The call.
        call: CallId,
        /// The time that the caller gives it.
        after: Span,
        /// On whose behalf.
        context: Context,
    },
    /// Wake the machine later; a timer of the same code is replaced.
    Set {
        /// The timer.
        timer: u64,
        /// How long from now, as the clock counts.
        after: Span,
        /// Which clock.
        clock: Clock,
        /// On whose behalf.
        context: Context,
    },
    /// Forget a timer; it never wakes, even if it is due right now.
    Cancel {
        /// The timer.
        timer: u64,
    },
    /// A row was written. The store has it already.
    Wrote {
        /// The table.
        table: Name,
        /// The key of the row.
        key: u64,
        /// What was added.
        amount: i64,
        /// The new value.
        value: i64,
        /// On whose behalf.
        context: Context,
    },
    /// Something became true.
    Note {
        /// What.
        fact: F,
        /// On whose behalf.
        context: Context,
    },
}

impl<Q, G> Effect<Q, G> {
    /// The same effect in terms of other payloads and facts.
    pub(super) fn map<P, F>(
        self,
        payload: impl FnOnce(Q) -> P,
        note: impl FnOnce(G) -> F,
    ) -> Effect<P, F> {
        match self {
            Self::Send { to, message, after, life, context } => {
                let message = message.map_payload(payload);
                Effect::Send { to, message, after, life, context }
            }
            Self::Expire { call, after, context } => Effect::Expire { call, after, context },
            Self::Set { timer, after, clock, context } => {
                Effect::Set { timer, after, clock, context }
            }
            Self::Cancel { timer } => Effect::Cancel { timer },
            Self::Wrote { table, key, amount, value, context } => {
                Effect::Wrote { table, key, amount, value, context }
            }
            Self::Note { fact, context } => Effect::Note { fact: note(fact), context },
        }
    }
}

/// What a timer counts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The node's own clock.
    Wall,
    /// The node's processor, which may be slow or paused.
    Processor,
}
