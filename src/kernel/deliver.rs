//! How an event happens to a node.
//!
//! The way of an event from the queue to its machine is inlined by force, as the way of a message
//! into the queue is.

use brownout_models::Name;
use brownout_models::contract::{
    CallId, Context, Failure, Input, Kind, Machine, NodeId, Sender, Timer,
};

use super::event::{Event, EventKind, Way};
use super::fabric::{DANGER, SAFETY, pends_no_more};
use super::node::Head;
use super::queue::Drawn;
use super::world::{Events, World};
use super::{Watch, What};

const CARRIED: &str = "a message carries something until it is taken";

/// What a machine is told, besides what a message carries.
#[derive(Clone, Copy)]
pub(super) enum Told {
    Start,
    Wake(u64),
    Expired { tag: u64 },
    Deliver,
    Reply { tag: u64 },
}

impl Told {
    /// The input; what a message carries is taken out of its event.
    #[inline(always)]
    pub(super) fn input<P, T: Timer>(self, event: &mut Event<P>) -> Input<P, T> {
        match self {
            Self::Start => Input::Start,
            Self::Wake(timer) => Input::Wake(T::from_code(timer)),
            Self::Expired { tag } => Input::Expired { tag },
            Self::Deliver => {
                let (from, body) = event.kind.take_body().expect(CARRIED);
                Input::Deliver { from, body }
            }
            Self::Reply { tag } => {
                Input::Reply { tag, outcome: event.kind.take_outcome().expect(CARRIED) }
            }
        }
    }
}

impl<M: Machine> World<M> {
    /// One event happens. It stays in its place in the queue until the machine takes it, so that what a
    /// message carries is moved once.
    #[inline(always)]
    pub(super) fn happen(&mut self, drawn: Drawn, watch: &mut impl Watch<M::Fact>) {
        if self.fabric.may_crash {
            self.happen_dangerously(drawn, watch);
        } else {
            self.happen_in::<SAFETY>(drawn, watch);
        }
    }

    /// One event happens where nodes may crash or stand still.
    #[inline(never)]
    fn happen_dangerously(&mut self, drawn: Drawn, watch: &mut impl Watch<M::Fact>) {
        if self.fabric.has_paused && self.is_postponed(&drawn) {
            return;
        }
        self.happen_in::<DANGER>(drawn, watch);
    }

    #[inline(always)]
    fn happen_in<const WHERE: bool>(&mut self, drawn: Drawn, watch: &mut impl Watch<M::Fact>) {
        let event = self.fabric.queue.peek(&drawn);
        let (node, context) = (event.node, event.context);
        pends_no_more(&mut self.fabric.foreground, event.ground);
        match event.kind {
            EventKind::Start => self.begin(drawn, node, context, watch),
            EventKind::Wake { timer, number } => {
                if self.fabric.nodes[node.0 as usize].fire(timer, number) {
                    let woke = || What::Woke { timer };
                    self.live::<WHERE>(drawn, node, context, woke, Told::Wake(timer), watch);
                } else {
                    self.fabric.queue.discard(drawn);
                }
            }
            EventKind::Expire { call, life } => {
                self.expire::<WHERE>(drawn, node, context.cause, call, life, watch);
            }
            EventKind::Ask { way, call, name, .. } => {
                self.deliver::<WHERE>(drawn, node, context, way, call, name, watch);
            }
            EventKind::Answer { way, call, to, ref outcome, retry_after } => {
                let failure = outcome.as_ref().expect(CARRIED).as_ref().err().copied();
                self.fabric.retry_after = retry_after;
                self.hear::<WHERE>(drawn, node, context, way, (call, to), failure, watch);
                self.fabric.retry_after = None;
            }
        }
    }

    /// Whether the host of the node stands still: then the event happens once it goes on. Only where
    /// nodes may stop can one.
    #[cold]
    fn is_postponed(&mut self, drawn: &Drawn) -> bool {
        let node = self.fabric.queue.peek(drawn).node;
        let stands_still =
            self.fabric.hosts[self.fabric.host_of(node)].paused_until > self.fabric.now;
        if stands_still {
            self.fabric.postpone(drawn.clone());
        }
        stands_still
    }

    /// The timeout of a call passes, unless it is settled.
    fn expire<const WHERE: bool>(
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
            let context = Context { cause, ..open.context };
            let (expired, told) =
                (|| What::Expired { to: open.to }, Told::Expired { tag: open.tag });
            self.live::<WHERE>(drawn, node, context, expired, told, watch);
        } else {
            self.fabric.queue.discard(drawn);
        }
    }

    /// A life begins.
    #[inline(never)]
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
        let started = || What::Started { life };
        if !self.fabric.may_crash {
            self.live_through::<SAFETY>(drawn, node, context, started, Told::Start, watch);
        } else if life > 1 {
            self.live::<DANGER>(drawn, node, context, started, Told::Start, watch);
        } else {
            self.live_through::<DANGER>(drawn, node, context, started, Told::Start, watch);
        }
    }

    /// A message that is no answer arrives.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "a message, its way and its meaning")]
    fn deliver<const WHERE: bool>(
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
        if (is_down || life != way.to_life)
            && self.misses(&drawn, node, context, (sender, kind), watch)
        {
            return;
        }
        if WHERE == DANGER && call.is_some() {
            self.fabric.nodes[node.0 as usize].owed.push((sender, kind, context));
        }
        let what = || What::Delivered { from: way.from, kind };
        self.live::<WHERE>(drawn, node, context, what, Told::Deliver, watch);
    }

    /// Whether a message meets nobody: its node is down, or lives again and does not inherit it.
    #[cold]
    fn misses(
        &mut self,
        drawn: &Drawn,
        node: NodeId,
        context: Context,
        (sender, kind): (Sender, Kind),
        watch: &mut impl Watch<M::Fact>,
    ) -> bool {
        let is_down = self.fabric.heads[node.0 as usize].is_down;
        if !is_down && self.fabric.is_inherited(node, context, sender, kind, watch) {
            return false;
        }
        self.fabric.queue.take(drawn.clone());
        self.fabric.meet_nobody(node, context, sender, kind, watch);
        true
    }

    /// The answer to a call arrives.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "a message, its way and its meaning")]
    fn hear<const WHERE: bool>(
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
        if (is_down || life != way.to_life)
            && self.misses(&drawn, node, context, (sender, kind), watch)
        {
            return;
        }
        let at = &mut self.fabric.nodes[node.0 as usize];
        let Some(open) = at.calls.settle(call) else {
            self.fabric.queue.take(drawn);
            self.fabric.emit_rarely(watch, node, context, What::Stale { from, kind });
            return;
        };
        if let Some(expiry) = at.expiry(call) {
            self.fabric.unschedule(expiry);
        }
        let context = Context { cause: context.cause, ..open.context };
        let what = || What::Answered { from, kind, failure };
        self.live::<WHERE>(drawn, node, context, what, Told::Reply { tag: open.tag }, watch);
    }

    /// The node lives through a step, unless it stands still or crashes.
    #[inline(always)]
    fn live<const WHERE: bool>(
        &mut self,
        drawn: Drawn,
        node: NodeId,
        context: Context,
        what: impl FnOnce() -> What<M::Fact>,
        told: Told,
        watch: &mut impl Watch<M::Fact>,
    ) {
        if WHERE == DANGER {
            self.live_dangerously(drawn, node, context, what(), told, watch);
        } else {
            debug_assert!(!self.fabric.clocks_differ, "a wrong clock is trouble, as crashes are");
            self.live_through::<SAFETY>(drawn, node, context, what, told, watch);
        }
    }

    /// The node lives through a step.
    #[inline(always)]
    fn live_through<const WHERE: bool>(
        &mut self,
        drawn: Drawn,
        node: NodeId,
        context: Context,
        what: impl FnOnce() -> What<M::Fact>,
        told: Told,
        watch: &mut impl Watch<M::Fact>,
    ) {
        let seq = self.fabric.emit(watch, node, context, what());
        let context = Context { cause: seq, ..context };
        let input = |events: &mut Events<M>| events.finish(drawn, |event| told.input(event));
        self.turn::<WHERE>(node, context, input, u32::MAX, watch);
    }
}
