//! The hands of a node: what its machine wants done, they do at once.

use brownout_models::contract::{
    Body, CallId, Choice, Clock, Context, Driver, FlowId, Ground, NodeId, OpenCall, Outcome,
    Purpose, Sender, Store, Surroundings, Written,
};
use brownout_models::{Name, Span};
use serde::Serialize;

use super::event::EventKind;
use super::fabric::{DANGER, Fabric};
use super::transmit::Freight;
use super::{Watch, What};

/// One node in the fabric, for the length of a step, where nodes may crash or hosts have trouble or not.
pub(super) struct Hands<'a, P, F, W, const WHERE: bool> {
    pub(super) node: NodeId,
    pub(super) fabric: &'a mut Fabric<P, F>,
    pub(super) watch: &'a mut W,
}

impl<P, F, W, const WHERE: bool> Hands<'_, P, F, W, WHERE> {
    /// How long something takes that counts on this clock: a slow host works slowly, and a clock that
    /// drifts wakes too early or too late.
    #[cold]
    fn takes(&self, clock: Clock, after: Span) -> Span {
        let now = self.fabric.now;
        let host = &self.fabric.hosts[self.fabric.host_of(self.node)];
        match clock {
            Clock::Processor if host.slow_until > now => {
                let factor = self.fabric.layout.slowness(self.node);
                Span::from_nanos(factor.of(after.as_nanos()))
            }
            Clock::Wall if self.fabric.clocks_differ => {
                host.clock.when(host.clock.reads(now) + after).since(now)
            }
            Clock::Processor | Clock::Wall => after,
        }
    }

    /// The context as the world keeps it: deadlines are in its time.
    #[inline(always)]
    fn outward(&self, context: &Context) -> Context {
        let mut context = *context;
        if WHERE == DANGER && self.fabric.clocks_differ {
            context.deadline = self.fabric.outward(self.node, context.deadline);
        }
        context
    }
}

impl<P, F, W, const WHERE: bool> Surroundings for Hands<'_, P, F, W, WHERE> {
    #[inline]
    fn choose(
        &mut self,
        node: NodeId,
        context: &Context,
        purpose: Purpose,
        choice: Choice<'_>,
    ) -> u64 {
        self.fabric.choices.choose(node, context, purpose, choice)
    }

    fn start_flow(&mut self, node: NodeId, source: Purpose, index: u64, ground: Ground) -> FlowId {
        self.fabric.choices.start_flow(node, source, index, ground)
    }

    fn takes_part(&mut self, node: NodeId, source: Purpose, index: u64) -> bool {
        self.fabric.choices.takes_part(node, source, index)
    }
}

impl<P, F, W, const WHERE: bool> Driver<P, F> for Hands<'_, P, F, W, WHERE>
where
    P: Clone,
    F: Clone + Serialize + 'static,
    W: Watch<F>,
{
    #[inline(always)]
    fn ask(
        &mut self,
        to: NodeId,
        after: Span,
        call: Option<CallId>,
        body: Body<P>,
        context: &Context,
    ) {
        let context = self.outward(context);
        self.fabric.ask(self.node, to, after, call, Freight::new(body), context, self.watch);
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
        if WHERE == DANGER {
            self.fabric.pay(self.node, to);
        }
        let context = self.outward(context);
        let outcome = (Freight::new(outcome), retry_after);
        self.fabric.answer(self.node, to, call, what, outcome, context, self.watch);
    }

    fn retry_after(&self) -> Option<Span> {
        self.fabric.retry_after
    }

    #[inline(always)]
    fn open(&mut self, mut call: OpenCall) -> CallId {
        call.context = self.outward(&call.context);
        self.fabric.nodes[self.node.0 as usize].calls.open(call)
    }

    #[inline(always)]
    fn expire(&mut self, call: CallId, after: Span, context: &Context) {
        let after = if WHERE == DANGER { self.takes(Clock::Wall, after) } else { after };
        let context = self.outward(context);
        let life = self.fabric.heads[self.node.0 as usize].life;
        let (at, expiry) = (self.fabric.now + after, || EventKind::Expire { call, life });
        let handle = self.fabric.schedule(at, self.node, context, expiry);
        self.fabric.nodes[self.node.0 as usize].expires(call, handle);
    }

    fn set(&mut self, timer: u64, after: Span, clock: Clock, context: &Context) {
        let after = if WHERE == DANGER { self.takes(clock, after) } else { after };
        let context = self.outward(context);
        let number = self.fabric.nodes[self.node.0 as usize].number_timer();
        let (at, wake) = (self.fabric.now + after, || EventKind::Wake { timer, number });
        let handle = self.fabric.schedule(at, self.node, context, wake);
        let replaced = self.fabric.nodes[self.node.0 as usize].set(timer, number, at, handle);
        if let Some(old) = replaced {
            self.fabric.unschedule(old);
        }
    }

    fn cancel(&mut self, timer: u64) {
        if let Some(handle) = self.fabric.nodes[self.node.0 as usize].cancel(timer) {
            self.fabric.unschedule(handle);
        }
    }

    fn wrote(&mut self, row: Written, context: &Context) {
        let Written { table, key, amount, value } = row;
        let what = What::Wrote { table, key, amount, value };
        self.fabric.emit(self.watch, self.node, *context, what);
    }

    // The fact goes from here into its place: handed on by value it would be copied before its digest is
    // taken, so soon after it was made that the processor waits for it.
    fn note(&mut self, fact: F, context: &Context) {
        let stamp = self.fabric.stamp(self.node, *context);
        let entry = self.fabric.trace.place_fact(stamp, &fact);
        entry.happened(What::Noted(fact));
        if !self.watch.see(entry) {
            self.fabric.stop();
        }
    }

    fn store(&self) -> &Store {
        &self.fabric.stores[self.fabric.heads[self.node.0 as usize].store as usize]
    }

    fn store_mut(&mut self) -> &mut Store {
        &mut self.fabric.stores[self.fabric.heads[self.node.0 as usize].store as usize]
    }

    fn committed(&mut self) {
        let now = self.fabric.now;
        self.store_mut().commit(now);
    }
}
