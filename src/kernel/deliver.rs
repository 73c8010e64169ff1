//! How an event happens to a node.
//!
//! The way of an event from the queue to its machine is inlined by force, as the way of a message
//! into the queue is.

use brownout_models::Name;
use brownout_models::contract::{
    CallId, Context, Failure, Ground, Input, Kind, Machine, NodeId, Sender, Timer,
};

use super::event::{Event, EventKind, Way};
use super::node::Head;
use super::queue::Drawn;
use super::world::World;
use super::{Watch, What};

const CARRIED: &str = "a message carries something until it is taken";

impl<M: Machine> World<M> {
    /// One event happens. It stays in its place in the queue until the machine takes it, so that what a
    /// message carries is moved once.
    #[inline(always)]
    pub(super) fn happen(&mut self, drawn: Drawn, watch: &mut impl Watch<M::Fact>) {
        if self.fabric.may_crash && self.stands_still(&drawn) {
            self.fabric.postpone(drawn);
            return;
        }
        let event = self.fabric.queue.peek(&drawn);
        let (node, context) = (event.node, event.context);
        if event.ground == Ground::Foreground {
            self.fabric.foreground -= 1;
        }
        match event.kind {
            EventKind::Start => self.begin(drawn, node, context, watch),
            EventKind::Wake { timer, number } => {
                if self.fabric.nodes[node.0 as usize].fire(timer, number) {
                    let input = |_: &mut _| Input::Wake(M::Timer::from_code(timer));
                    self.live(drawn, node, context, || What::Woke { timer }, input, watch);
                } else {
                    self.fabric.queue.discard(drawn);
                }
            }
            EventKind::Expire { call, life } => {
                self.expire(drawn, node, context.cause, call, life, watch);
            }
            EventKind::Ask { way, call, name, .. } => {
                self.deliver(drawn, node, context, way, call, name, watch);
            }
            EventKind::Answer { way, call, to, ref outcome, retry_after } => {
                let failure = outcome.as_ref().expect(CARRIED).as_ref().err().copied();
                self.fabric.retry_after = retry_after;
                self.hear(drawn, node, context, way, (call, to), failure, watch);
                self.fabric.retry_after = None;
            }
        }
    }

    /// Whether the host of the node stands still. Only where nodes may stop can one.
    #[inline]
    fn stands_still(&self, drawn: &Drawn) -> bool {
        let node = self.fabric.queue.peek(drawn).node;
        self.fabric.hosts[self.fabric.host_of(node)].paused_until > self.fabric.now
    }

    /// The timeout of a call passes, unless it is settled.
    fn expire(
        &mut self,
        drawn: Drawn,
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
            let input = |_: &mut _| Input::Expired { tag: open.tag };
            let context = Context { cause, ..open.context };
            self.live(drawn, node, context, || What::Expired { to: open.to }, input, watch);
        } else {
            self.fabric.queue.discard(drawn);
        }
    }

    /// A life begins.
    fn begin(
        &mut self,
        drawn: Drawn,
        node: NodeId,
        context: Context,
        watch: &mut impl Watch<M::Fact>,
    ) {
        self.fabric.life_begun();
        let head = &mut self.fabric.heads[node.0 as usize];
        head.is_down = false;
        let life = head.life;
        let (started, input) = (|| What::Started { life }, |_: &mut _| Input::Start);
        if life > 1 {
            self.live(drawn, node, context, started, input, watch);
        } else {
            self.live_safely(drawn, node, context, started, input, watch);
        }
    }

    /// A message that is no answer arrives.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "a message, its way and its meaning")]
    fn deliver(
        &mut self,
        drawn: Drawn,
        node: NodeId,
        context: Context,
        way: Way,
        call: Option<CallId>,
        name: Name,
        watch: &mut impl Watch<M::Fact>,
    ) {
        let kind = Kind { name, reply: false };
        let sender = Sender { node: way.from, life: way.from_life, call };
        let Head { life, is_down, .. } = self.fabric.heads[node.0 as usize];
        if is_down
            || (life != way.to_life
                && !self.fabric.is_inherited(node, context, sender, kind, watch))
        {
            self.fabric.queue.take(drawn);
            self.fabric.meet_nobody(node, context, sender, kind, watch);
            return;
        }
        if self.fabric.may_crash && call.is_some() {
            self.fabric.nodes[node.0 as usize].owed.push((sender, kind, context));
        }
        let what = || What::Delivered { from: way.from, kind };
        let input = |event: &mut Event<_>| Input::Deliver {
            from: sender,
            body: event.kind.take_body().expect(CARRIED),
        };
        self.live(drawn, node, context, what, input, watch);
    }

    /// The answer to a call arrives.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "a message, its way and its meaning")]
    fn hear(
        &mut self,
        drawn: Drawn,
        node: NodeId,
        context: Context,
        way: Way,
        (call, to): (CallId, Name),
        failure: Option<Failure>,
        watch: &mut impl Watch<M::Fact>,
    ) {
        let (from, kind) = (way.from, Kind { name: to, reply: true });
        let Head { life, is_down, .. } = self.fabric.heads[node.0 as usize];
        let sender = Sender { node: from, life: way.from_life, call: None };
        if is_down
            || (life != way.to_life
                && !self.fabric.is_inherited(node, context, sender, kind, watch))
        {
            self.fabric.queue.take(drawn);
            self.fabric.meet_nobody(node, context, sender, kind, watch);
            return;
        }
        let at = &mut self.fabric.nodes[node.0 as usize];
        let Some(open) = at.calls.settle(call) else {
            self.fabric.queue.take(drawn);
            self.fabric.emit(watch, node, context, What::Stale { from, kind });
            return;
        };
        if let Some(expiry) = at.expiry(call) {
            self.fabric.unschedule(expiry);
        }
        let context = Context { cause: context.cause, ..open.context };
        let what = || What::Answered { from, kind, failure };
        let input = |event: &mut Event<_>| Input::Reply {
            tag: open.tag,
            outcome: event.kind.take_outcome().expect(CARRIED),
        };
        self.live(drawn, node, context, what, input, watch);
    }

    /// The node lives through a step, unless it stands still or crashes.
    #[inline(always)]
    fn live(
        &mut self,
        drawn: Drawn,
        node: NodeId,
        context: Context,
        what: impl FnOnce() -> What<M::Fact>,
        input: impl FnOnce(&mut Event<M::Payload>) -> Input<M::Payload, M::Timer>,
        watch: &mut impl Watch<M::Fact>,
    ) {
        if self.fabric.may_crash {
            self.live_dangerously(drawn, node, context, what(), input, watch);
        } else {
            self.live_safely(drawn, node, context, what, input, watch);
        }
    }

    /// The node lives through a step.
    #[inline(always)]
    fn live_safely(
        &mut self,
        drawn: Drawn,
        node: NodeId,
        context: Context,
        what: impl FnOnce() -> What<M::Fact>,
        input: impl FnOnce(&mut Event<M::Payload>) -> Input<M::Payload, M::Timer>,
        watch: &mut impl Watch<M::Fact>,
    ) {
        let seq = self.fabric.emit(watch, node, context, what());
        let context = Context { cause: seq, ..context };
        self.turn(node, context, |events| events.finish(drawn, input), u32::MAX, watch);
    }
}
