//! What a machine wants done, as data: for whoever drives a machine by hand.

use crate::Span;
use crate::contract::{
    Body, CallId, Calls, Choice, Context, Driver, FlowId, Ground, Message, NodeId, OpenCall,
    Outcome, Purpose, Sender, Store, Surroundings, Written,
};
use crate::name::Name;

/// What a machine wants done.
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

/// What a timer counts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The node's own clock.
    Wall,
    /// The node's processor, which may be slow or paused.
    Processor,
}

/// A driver that writes down what a machine wants done and leaves it to its owner.
pub struct Desk<'a, P, F> {
    /// Effects are appended here, in order.
    pub effects: &'a mut Vec<Effect<P, F>>,
    /// The open calls of this life.
    pub calls: &'a mut Calls,
    /// The database of the node's service.
    pub store: &'a mut Store,
    /// Who answers choices.
    pub surroundings: &'a mut dyn Surroundings,
}

impl<P, F> Surroundings for Desk<'_, P, F> {
    fn choose(
        &mut self,
        node: NodeId,
        context: &Context,
        purpose: Purpose,
        choice: Choice<'_>,
    ) -> u64 {
        self.surroundings.choose(node, context, purpose, choice)
    }

    fn start_flow(&mut self, node: NodeId, source: Purpose, index: u64, ground: Ground) -> FlowId {
        self.surroundings.start_flow(node, source, index, ground)
    }

    fn takes_part(&mut self, node: NodeId, source: Purpose, index: u64) -> bool {
        self.surroundings.takes_part(node, source, index)
    }
}

impl<P, F> Driver<P, F> for Desk<'_, P, F> {
    fn ask(
        &mut self,
        to: NodeId,
        after: Span,
        call: Option<CallId>,
        body: Body<P>,
        context: &Context,
    ) {
        let message = Message::Ask { call, body };
        self.effects.push(Effect::Send { to, message, after, life: None, context: *context });
    }

    fn answer(
        &mut self,
        to: Sender,
        call: CallId,
        what: Name,
        outcome: Outcome<P>,
        retry_after: Option<Span>,
        context: &Context,
    ) {
        let message = Message::Answer { call, to: what, outcome, retry_after };
        let (to, after, life) = (to.node, Span::ZERO, Some(to.life));
        self.effects.push(Effect::Send { to, message, after, life, context: *context });
    }

    /// A desk is told of inputs, and not of what else their messages said.
    fn retry_after(&self) -> Option<Span> {
        None
    }

    fn open(&mut self, call: OpenCall) -> CallId {
        self.calls.open(call)
    }

    fn expire(&mut self, call: CallId, after: Span, context: &Context) {
        self.effects.push(Effect::Expire { call, after, context: *context });
    }

    fn set(&mut self, timer: u64, after: Span, clock: Clock, context: &Context) {
        self.effects.push(Effect::Set { timer, after, clock, context: *context });
    }

    fn cancel(&mut self, timer: u64) {
        self.effects.push(Effect::Cancel { timer });
    }

    fn wrote(&mut self, row: Written, context: &Context) {
        let Written { table, key, amount, value } = row;
        self.effects.push(Effect::Wrote { table, key, amount, value, context: *context });
    }

    fn note(&mut self, fact: F, context: &Context) {
        self.effects.push(Effect::Note { fact, context: *context });
    }

    fn store(&self) -> &Store {
        self.store
    }

    fn store_mut(&mut self) -> &mut Store {
        self.store
    }
}

impl<P, F> std::fmt::Debug for Desk<'_, P, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk")
            .field("effects", &self.effects.len())
            .field("calls", &self.calls)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
