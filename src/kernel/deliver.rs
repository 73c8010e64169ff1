//! How an event happens to a node.
//!
//! The way of an event from the queue to its machine is inlined by force, as the way of a message
//! into the queue is.

use brownout_models::contract::{Context, Input, Machine, Message, NodeId, Sender, Timer};

use super::event::{Event, EventKind};
use super::node::Head;
use super::world::World;
use super::{Watch, What};

impl<M: Machine> World<M> {
    /// One event happens.
    #[inline(always)]
    pub(super) fn happen(&mut self, event: Event<M::Payload>, watch: &mut impl Watch<M::Fact>) {
        // Only where nodes may stop can one stand still.
        if self.fabric.may_crash {
            let until = self.fabric.hosts[self.fabric.host_of(event.node)].paused_until;
            if until > self.fabric.now {
                self.fabric.postpone(event, until);
                return;
            }
        }
        let Event { node, context, kind, .. } = event;
        match kind {
            EventKind::Start => self.begin(node, context, watch),
            EventKind::Wake { timer, number } => {
                if self.fabric.nodes[node.0 as usize].fire(timer, number) {
                    let input = Input::Wake(M::Timer::from_code(timer));
                    self.live(node, context, What::Woke { timer }, input, watch);
                }
            }
            EventKind::Expire { call, life } => {
                let Head { life: current, is_down, .. } = self.fabric.heads[node.0 as usize];
                let at = &mut self.fabric.nodes[node.0 as usize];
                if current == life
                    && !is_down
                    && let Some(open) = at.calls.settle(call)
                {
                    at.expiry(call);
                    let input = Input::Expired { tag: open.tag };
                    self.live(
                        node,
                        Context { cause: context.cause, ..open.context },
                        What::Expired { to: open.to },
                        input,
                        watch,
                    );
                }
            }
            EventKind::Deliver { from, from_life, to_life, message } => {
                self.arrive(node, context, (from, from_life, to_life), message, watch);
            }
        }
    }

    /// A life begins.
    fn begin(&mut self, node: NodeId, context: Context, watch: &mut impl Watch<M::Fact>) {
        self.fabric.life_begun();
        let head = &mut self.fabric.heads[node.0 as usize];
        head.is_down = false;
        let life = head.life;
        let started = What::Started { life };
        if life > 1 {
            self.live(node, context, started, Input::Start, watch);
        } else {
            let seq = self.fabric.emit(watch, node, context, started);
            self.turn(node, Context { cause: seq, ..context }, Input::Start, u32::MAX, watch);
        }
    }

    /// A message arrives.
    #[inline(always)]
    fn arrive(
        &mut self,
        node: NodeId,
        context: Context,
        (from, from_life, to_life): (NodeId, u32, u32),
        message: Message<M::Payload>,
        watch: &mut impl Watch<M::Fact>,
    ) {
        let kind = message.kind();
        let Head { life, is_down, .. } = self.fabric.heads[node.0 as usize];
        if is_down || life != to_life {
            self.fabric.meet_nobody(node, context, (from, from_life), message, watch);
            return;
        }
        match message {
            Message::Ask { call, body } => {
                let sender = Sender { node: from, life: from_life, call };
                if self.fabric.may_crash && call.is_some() {
                    self.fabric.nodes[node.0 as usize].owed.push((sender, kind, context));
                }
                let input = Input::Deliver { from: sender, body };
                self.live(node, context, What::Delivered { from, kind }, input, watch);
            }
            Message::Answer { call, outcome, .. } => {
                let at = &mut self.fabric.nodes[node.0 as usize];
                let Some(open) = at.calls.settle(call) else {
                    self.fabric.emit(watch, node, context, What::Stale { from, kind });
                    return;
                };
                if let Some(expiry) = at.expiry(call) {
                    self.fabric.unschedule(expiry);
                }
                let failure = outcome.as_ref().err().copied();
                let input = Input::Reply { tag: open.tag, outcome };
                let context = Context { cause: context.cause, ..open.context };
                self.live(node, context, What::Answered { from, kind, failure }, input, watch);
            }
        }
    }

    /// The node lives through a step, unless it stands still or crashes.
    #[inline(always)]
    fn live(
        &mut self,
        node: NodeId,
        context: Context,
        what: What<M::Fact>,
        input: Input<M::Payload, M::Timer>,
        watch: &mut impl Watch<M::Fact>,
    ) {
        if self.fabric.may_crash {
            self.live_dangerously(node, context, what, input, watch);
            return;
        }
        let seq = self.fabric.emit(watch, node, context, what);
        self.turn(node, Context { cause: seq, ..context }, input, u32::MAX, watch);
    }
}
