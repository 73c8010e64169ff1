//! How an event happens to a node.
//!
//! The way of an event from the queue to its machine is inlined by force, as the way of a message
//! into the queue is.

use brownout_models::Name;
use brownout_models::contract::{
    Body, CallId, Context, Input, Kind, Machine, NodeId, Outcome, Sender, Timer,
};

use super::event::{EventKind, Way};
use super::node::Head;
use super::queue::Drawn;
use super::world::World;
use super::{Watch, What};

impl<M: Machine> World<M> {
    /// One event happens. It stays in its place in the queue, and only what is wanted of it is moved.
    #[inline(always)]
    pub(super) fn happen(&mut self, drawn: Drawn, watch: &mut impl Watch<M::Fact>) {
        // Only where nodes may stop can one stand still.
        if self.fabric.may_crash {
            let node = self.fabric.queue.peek(&drawn).node;
            let until = self.fabric.hosts[self.fabric.host_of(node)].paused_until;
            if until > self.fabric.now {
                let event = self.fabric.queue.take(drawn);
                self.fabric.postpone(event, until);
                return;
            }
        }
        let event = self.fabric.queue.open(&drawn);
        let (node, context) = (event.node, event.context);
        match event.kind {
            EventKind::Start => {
                self.fabric.queue.discard(drawn);
                self.begin(node, context, watch);
            }
            EventKind::Wake { timer, number } => {
                self.fabric.queue.discard(drawn);
                if self.fabric.nodes[node.0 as usize].fire(timer, number) {
                    let input = Input::Wake(M::Timer::from_code(timer));
                    self.live(node, context, || What::Woke { timer }, input, watch);
                }
            }
            EventKind::Expire { call, life } => {
                self.fabric.queue.discard(drawn);
                self.expire(node, context.cause, call, life, watch);
            }
            EventKind::Ask { way, call, ref mut body } => {
                let body = body.take();
                self.fabric.queue.discard(drawn);
                if let Some(body) = body {
                    self.deliver(node, context, way, call, body, watch);
                }
            }
            EventKind::Answer { way, call, to, ref mut outcome, retry_after } => {
                let outcome = outcome.take();
                self.fabric.queue.discard(drawn);
                self.fabric.retry_after = retry_after;
                if let Some(outcome) = outcome {
                    self.hear(node, context, way, (call, to), outcome, watch);
                }
                self.fabric.retry_after = None;
            }
        }
    }

    /// The timeout of a call passes, unless it is settled.
    fn expire(
        &mut self,
        node: NodeId,
        cause: u32,
        call: CallId,
        life: u32,
        watch: &mut impl Watch<M::Fact>,
    ) {
        let Head { life: current, is_down, .. } = self.fabric.heads[node.0 as usize];
        let at = &mut self.fabric.nodes[node.0 as usize];
        if current == life
            && !is_down
            && let Some(open) = at.calls.settle(call)
        {
            at.expiry(call);
            let input = Input::Expired { tag: open.tag };
            let context = Context { cause, ..open.context };
            self.live(node, context, || What::Expired { to: open.to }, input, watch);
        }
    }

    /// A life begins.
    fn begin(&mut self, node: NodeId, context: Context, watch: &mut impl Watch<M::Fact>) {
        self.fabric.life_begun();
        let head = &mut self.fabric.heads[node.0 as usize];
        head.is_down = false;
        let life = head.life;
        let started = || What::Started { life };
        if life > 1 {
            self.live(node, context, started, Input::Start, watch);
        } else {
            let seq = self.fabric.emit(watch, node, context, started());
            self.turn(node, Context { cause: seq, ..context }, Input::Start, u32::MAX, watch);
        }
    }

    /// A message that is no answer arrives.
    #[inline(always)]
    fn deliver(
        &mut self,
        node: NodeId,
        context: Context,
        way: Way,
        call: Option<CallId>,
        body: Body<M::Payload>,
        watch: &mut impl Watch<M::Fact>,
    ) {
        let kind = Kind { name: body.name(), reply: false };
        let sender = Sender { node: way.from, life: way.from_life, call };
        let Head { life, is_down, .. } = self.fabric.heads[node.0 as usize];
        if is_down
            || (life != way.to_life
                && !self.fabric.is_inherited(node, context, sender, kind, watch))
        {
            self.fabric.meet_nobody(node, context, sender, kind, watch);
            return;
        }
        if self.fabric.may_crash && call.is_some() {
            self.fabric.nodes[node.0 as usize].owed.push((sender, kind, context));
        }
        let what = || What::Delivered { from: way.from, kind };
        self.live(node, context, what, Input::Deliver { from: sender, body }, watch);
    }

    /// The answer to a call arrives.
    #[inline(always)]
    fn hear(
        &mut self,
        node: NodeId,
        context: Context,
        way: Way,
        (call, to): (CallId, Name),
        outcome: Outcome<M::Payload>,
        watch: &mut impl Watch<M::Fact>,
    ) {
        let (from, kind) = (way.from, Kind { name: to, reply: true });
        let Head { life, is_down, .. } = self.fabric.heads[node.0 as usize];
        let sender = Sender { node: from, life: way.from_life, call: None };
        if is_down
            || (life != way.to_life
                && !self.fabric.is_inherited(node, context, sender, kind, watch))
        {
            self.fabric.meet_nobody(node, context, sender, kind, watch);
            return;
        }
        let at = &mut self.fabric.nodes[node.0 as usize];
        let Some(open) = at.calls.settle(call) else {
            self.fabric.emit(watch, node, context, What::Stale { from, kind });
            return;
        };
        if let Some(expiry) = at.expiry(call) {
            self.fabric.unschedule(expiry);
        }
        let failure = outcome.as_ref().err().copied();
        let context = Context { cause: context.cause, ..open.context };
        let what = || What::Answered { from, kind, failure };
        self.live(node, context, what, Input::Reply { tag: open.tag, outcome }, watch);
    }

    /// The node lives through a step, unless it stands still or crashes.
    #[inline(always)]
    fn live(
        &mut self,
        node: NodeId,
        context: Context,
        what: impl FnOnce() -> What<M::Fact>,
        input: Input<M::Payload, M::Timer>,
        watch: &mut impl Watch<M::Fact>,
    ) {
        if self.fabric.may_crash {
            self.live_dangerously(node, context, what(), input, watch);
            return;
        }
        let seq = self.fabric.emit(watch, node, context, what());
        self.turn(node, Context { cause: seq, ..context }, input, u32::MAX, watch);
    }
}
