//! Who drives a machine: answers what it asks and carries out what it wants done, at once.

use crate::contract::{
    Body, CallId, Choice, Clock, Context, FlowId, Ground, NodeId, OpenCall, Outcome, Purpose,
    Sender, Store, Surroundings,
};
use crate::name::Name;
use crate::{Span, Time};

/// Whoever drives a machine. A [`Turn`](crate::contract::Turn) tells it of every effect as soon as
/// the machine wants it, in order, and never of one after the power failed.
///
/// A harness does what it is told; [`Desk`](crate::contract::Desk) only writes it down.
pub trait Driver<P, F>: Surroundings {
    /// Carry a message to another node, leaving after a while. With a call it wants an answer.
    fn ask(
        &mut self,
        to: NodeId,
        after: Span,
        call: Option<CallId>,
        body: Body<P>,
        context: &Context,
    );

    /// Carry the answer to a call, and with it when the caller may come back, if the answer says
    /// so; `what` is what was asked.
    fn answer(
        &mut self,
        to: Sender,
        call: CallId,
        what: Name,
        outcome: Outcome<P>,
        retry_after: Option<Span>,
        context: &Context,
    );

    /// When the caller may come back, as the answer says that the machine hears in this step.
    fn retry_after(&self) -> Option<Span>;

    /// Number a call that is about to be made, and keep what it is about until it is settled.
    fn open(&mut self, call: OpenCall) -> CallId;

    /// The call that was just sent expires after this time.
    fn expire(&mut self, call: CallId, after: Span, context: &Context);

    /// Make a call that is over after `timeout` at the latest: number it, carry it to its node, and let
    /// it expire. The callee sees the earlier of the caller's own deadline and the end of the timeout.
    fn call(&mut self, call: OpenCall, body: Body<P>, timeout: Option<Span>, now: Time) {
        let OpenCall { to, context, .. } = call;
        let mut asked = context;
        if let Some(timeout) = timeout {
            asked.deadline = asked.deadline.min(now + timeout);
        }
        let call = self.open(call);
        self.ask(to, Span::ZERO, Some(call), body, &asked);
        if let Some(timeout) = timeout {
            self.expire(call, timeout, &context);
        }
    }

    /// Wake the machine later; a timer of the same code is replaced.
    fn set(&mut self, timer: u64, after: Span, clock: Clock, context: &Context);

    /// Forget a timer; it never wakes, even if it is due right now.
    fn cancel(&mut self, timer: u64);

    /// A row was written. The store has it already.
    fn wrote(&mut self, row: Written, context: &Context);

    /// Something became true.
    fn note(&mut self, fact: F, context: &Context);

    /// The database of the node's service.
    fn store(&self) -> &Store;

    /// The database of the node's service, to write into.
    fn store_mut(&mut self) -> &mut Store;

    /// A transaction of the database is complete. Where nobody knows of losses of power it is flushed
    /// at once.
    fn committed(&mut self) {
        self.store_mut().flush();
    }
}

/// A write to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The table.
    pub table: Name,
    /// The key of the row.
    pub key: u64,
    /// What was added.
    pub amount: i64,
    /// The new value.
    pub value: i64,
}

/// A driver for a machine inside another one, which speaks of other payloads and facts.
pub(super) struct Translator<'a, P, F, A, B> {
    pub(super) outer: &'a mut dyn Driver<P, F>,
    pub(super) payload: A,
    pub(super) fact: B,
}

impl<P, F, A, B> Surroundings for Translator<'_, P, F, A, B> {
    fn choose(
        &mut self,
        node: NodeId,
        context: &Context,
        purpose: Purpose,
        choice: Choice<'_>,
    ) -> u64 {
        self.outer.choose(node, context, purpose, choice)
    }

    fn start_flow(&mut self, node: NodeId, source: Purpose, index: u64, ground: Ground) -> FlowId {
        self.outer.start_flow(node, source, index, ground)
    }

    fn takes_part(&mut self, node: NodeId, source: Purpose, index: u64) -> bool {
        self.outer.takes_part(node, source, index)
    }
}

impl<P, F, Q, G, A, B> Driver<Q, G> for Translator<'_, P, F, A, B>
where
    A: FnMut(Q) -> P,
    B: FnMut(G) -> F,
{
    fn ask(
        &mut self,
        to: NodeId,
        after: Span,
        call: Option<CallId>,
        body: Body<Q>,
        context: &Context,
    ) {
        self.outer.ask(to, after, call, body.map_payload(&mut self.payload), context);
    }

    fn answer(
        &mut self,
        to: Sender,
        call: CallId,
        what: Name,
        outcome: Outcome<Q>,
        retry_after: Option<Span>,
        context: &Context,
    ) {
        let outcome = outcome.map(|answer| answer.map_payload(&mut self.payload));
        self.outer.answer(to, call, what, outcome, retry_after, context);
    }

    fn retry_after(&self) -> Option<Span> {
        self.outer.retry_after()
    }

    fn open(&mut self, call: OpenCall) -> CallId {
        self.outer.open(call)
    }

    fn expire(&mut self, call: CallId, after: Span, context: &Context) {
        self.outer.expire(call, after, context);
    }

    fn set(&mut self, timer: u64, after: Span, clock: Clock, context: &Context) {
        self.outer.set(timer, after, clock, context);
    }

    fn cancel(&mut self, timer: u64) {
        self.outer.cancel(timer);
    }

    fn wrote(&mut self, row: Written, context: &Context) {
        self.outer.wrote(row, context);
    }

    fn note(&mut self, fact: G, context: &Context) {
        let fact = (self.fact)(fact);
        self.outer.note(fact, context);
    }

    fn store(&self) -> &Store {
        self.outer.store()
    }

    fn store_mut(&mut self) -> &mut Store {
        self.outer.store_mut()
    }

    fn committed(&mut self) {
        self.outer.committed();
    }
}
