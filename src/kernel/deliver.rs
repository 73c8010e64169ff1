//! How an event happens to a node.
//!
//! The way of an event from the queue to its machine is inlined by force, as the way of a message
//! into the queue is; and it is one way for every kind of event, because the code of a whole request
//! has to stay in the nearest cache.

use brownout_models::Name;
use brownout_models::contract::{CallId, Context, Failure, Ground, Kind, Machine, NodeId, Sender};

use super::event::{Due, EventKind, Way};
use super::node::Head;
use super::queue::Drawn;
use super::world::World;
use super::{Watch, What};

/// What an event turns out to be for its node.
pub(super) struct Happening<F> {
    pub(super) node: NodeId,
    pub(super) context: Context,
    pub(super) what: What<F>,
    pub(super) due: Due,
}

impl<M: Machine> World<M> {
    /// One event happens. It stays in its place in the queue until the machine takes it, so that what a
    /// message carries is moved once.
    #[inline(always)]
    pub(super) fn happen(&mut self, drawn: Drawn, watch: &mut impl Watch<M::Fact>) {
        if self.fabric.may_crash {
            self.happen_dangerously(drawn, watch);
        } else if let Some(happening) = self.heed(&drawn, watch) {
            let Happening { node, context, what, due } = happening;
            let seq = self.fabric.emit(watch, node, context, what);
            self.turn((drawn, due), node, Context { cause: seq, ..context }, u32::MAX, watch);
        } else {
            self.fabric.queue.take(drawn);
        }
    }

    /// What the event is for its node, if it is anything by now.
    #[inline(always)]
    pub(super) fn heed(
        &mut self,
        drawn: &Drawn,
        watch: &mut impl Watch<M::Fact>,
    ) -> Option<Happening<M::Fact>> {
        let event = self.fabric.queue.peek(drawn);
        let (node, context) = (event.node, event.context);
        if event.ground == Ground::Foreground {
            self.fabric.foreground -= 1;
        }
        self.fabric.retry_after = None;
        match event.kind {
            EventKind::Start => {
                self.fabric.life_begun();
                let head = &mut self.fabric.heads[node.0 as usize];
                head.is_down = false;
                let what = What::Started { life: head.life };
                Some(Happening { node, context, what, due: Due::Start })
            }
            EventKind::Wake { timer, number } => {
                let is_set = self.fabric.nodes[node.0 as usize].fire(timer, number);
                let (what, due) = (What::Woke { timer }, Due::Wake(timer));
                is_set.then_some(Happening { node, context, what, due })
            }
            EventKind::Expire { call, life } => self.expire(node, context.cause, call, life),
            EventKind::Ask { way, call, name, .. } => {
                self.deliver(node, context, way, call, name, watch)
            }
            EventKind::Answer { way, call, to, ref outcome, retry_after } => {
                let failure = outcome.as_ref().and_then(|outcome| outcome.as_ref().err().copied());
                let heard = self.hear(node, context, way, (call, to), failure, watch);
                self.fabric.retry_after = retry_after;
                heard
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
    ) -> Option<Happening<M::Fact>> {
        let Head { life: current, is_down, .. } = self.fabric.heads[node.0 as usize];
        if current != life || is_down {
            return None;
        }
        let at = &mut self.fabric.nodes[node.0 as usize];
        let open = at.calls.settle(call)?;
        at.expiry(call);
        let context = Context { cause, ..open.context };
        let (what, due) = (What::Expired { to: open.to }, Due::Expired { tag: open.tag });
        Some(Happening { node, context, what, due })
    }

    /// A message that is no answer arrives.
    #[inline(always)]
    fn deliver(
        &mut self,
        node: NodeId,
        context: Context,
        way: Way,
        call: Option<CallId>,
        name: Name,
        watch: &mut impl Watch<M::Fact>,
    ) -> Option<Happening<M::Fact>> {
        let kind = Kind { name, reply: false };
        let sender = Sender { node: way.from, life: way.from_life, call };
        let Head { life, is_down, .. } = self.fabric.heads[node.0 as usize];
        if is_down
            || (life != way.to_life
                && !self.fabric.is_inherited(node, context, sender, kind, watch))
        {
            self.fabric.meet_nobody(node, context, sender, kind, watch);
            return None;
        }
        if self.fabric.may_crash && call.is_some() {
            self.fabric.nodes[node.0 as usize].owed.push((sender, kind, context));
        }
        let (what, due) = (What::Delivered { from: way.from, kind }, Due::Asked(sender));
        Some(Happening { node, context, what, due })
    }

    /// The answer to a call arrives.
    #[inline(always)]
    fn hear(
        &mut self,
        node: NodeId,
        context: Context,
        way: Way,
        (call, to): (CallId, Name),
        failure: Option<Failure>,
        watch: &mut impl Watch<M::Fact>,
    ) -> Option<Happening<M::Fact>> {
        let (from, kind) = (way.from, Kind { name: to, reply: true });
        let Head { life, is_down, .. } = self.fabric.heads[node.0 as usize];
        if is_down || life != way.to_life {
            let sender = Sender { node: from, life: way.from_life, call: None };
            if is_down || !self.fabric.is_inherited(node, context, sender, kind, watch) {
                self.fabric.meet_nobody(node, context, sender, kind, watch);
                return None;
            }
        }
        let at = &mut self.fabric.nodes[node.0 as usize];
        let Some(open) = at.calls.settle(call) else {
            self.fabric.emit(watch, node, context, What::Stale { from, kind });
            return None;
        };
        if let Some(expiry) = at.expiry(call) {
            self.fabric.unschedule(expiry);
        }
        let context = Context { cause: context.cause, ..open.context };
        let (what, due) = (What::Answered { from, kind, failure }, Due::Answered { tag: open.tag });
        Some(Happening { node, context, what, due })
    }
}
