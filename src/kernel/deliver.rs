//! How an event happens to a node, and how what the node wants done is carried out.
//!
//! The way of an event from the queue to its machine and of an effect back is inlined by force:
//! handed over in memory from call to call, every field that was just written is read back in
//! another width, which stalls the processor. Measured: 12 % of a whole run.

use brownout_models::contract::{
    Answer, Choice, Context, Effect, Failure, FlowId, Input, Kind, Machine, Message, NodeId,
    Outcome, Sender, Timer,
};
use brownout_models::{Span, Time};

use super::What;
use super::bounds::Watch;
use super::event::{Event, EventKind};
use super::node::Head;
use super::world::World;
use crate::choice::{LinkSites, Question, SiteId, delays_around, purpose};

impl<M: Machine> World<M> {
    /// One event happens.
    #[inline(always)]
    pub(super) fn happen(&mut self, event: Event<M::Payload>, watch: &mut impl Watch<M::Fact>) {
        // Only where nodes may stop can one stand still.
        if self.may_crash {
            let until = self.hosts[self.host_of(event.node)].paused_until;
            if until > self.now {
                self.postpone(event, until);
                return;
            }
        }
        let Event { node, context, kind, .. } = event;
        match kind {
            EventKind::Start => self.begin(node, context, watch),
            EventKind::Wake { timer, number } => {
                if self.nodes[node.0 as usize].fire(timer, number) {
                    let input = Input::Wake(M::Timer::from_code(timer));
                    self.live(node, context, What::Woke { timer }, input, watch);
                }
            }
            EventKind::Expire { call, life } => {
                let Head { life: current, is_down, .. } = self.heads[node.0 as usize];
                let at = &mut self.nodes[node.0 as usize];
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
        self.life_begun();
        let head = &mut self.heads[node.0 as usize];
        head.is_down = false;
        let life = head.life;
        let started = What::Started { life };
        if life > 1 {
            self.live(node, context, started, Input::Start, watch);
        } else {
            let seq = self.emit(watch, node, context, started);
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
        let Head { life, is_down, .. } = self.heads[node.0 as usize];
        if is_down || life != to_life {
            self.meet_nobody(node, context, (from, from_life), message, watch);
            return;
        }
        match message {
            Message::Ask { call, body } => {
                let sender = Sender { node: from, life: from_life, call };
                if self.may_crash && call.is_some() {
                    self.nodes[node.0 as usize].owed.push((sender, kind, context));
                }
                let input = Input::Deliver { from: sender, body };
                self.live(node, context, What::Delivered { from, kind }, input, watch);
            }
            Message::Answer { call, outcome, .. } => {
                let at = &mut self.nodes[node.0 as usize];
                let Some(open) = at.calls.settle(call) else {
                    self.emit(watch, node, context, What::Stale { from, kind });
                    return;
                };
                if let Some(expiry) = at.expiry(call) {
                    self.unschedule(expiry);
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
        if self.may_crash {
            self.live_dangerously(node, context, what, input, watch);
            return;
        }
        let seq = self.emit(watch, node, context, what);
        self.turn(node, Context { cause: seq, ..context }, input, u32::MAX, watch);
    }

    /// Carries out one effect.
    #[inline(always)]
    pub(super) fn carry_out(
        &mut self,
        node: NodeId,
        effect: Effect<M::Payload, M::Fact>,
        watch: &mut impl Watch<M::Fact>,
    ) {
        match effect {
            Effect::Send { to, message, after, life, context } => {
                self.transmit(node, to, message, after, life, context, watch);
            }
            Effect::Expire { call, after, context } => {
                let life = self.heads[node.0 as usize].life;
                let expiry = EventKind::Expire { call, life };
                let handle = self.schedule(self.now + after, node, context, expiry);
                self.nodes[node.0 as usize].expires(call, handle);
            }
            Effect::Set { timer, after, context, .. } => {
                let number = self.nodes[node.0 as usize].number_timer();
                let at = self.now + after;
                let wake = EventKind::Wake { timer, number };
                let handle = self.schedule(at, node, context, wake);
                if let Some(old) = self.nodes[node.0 as usize].set(timer, number, at, handle) {
                    self.unschedule(old);
                }
            }
            Effect::Cancel { timer } => {
                if let Some(handle) = self.nodes[node.0 as usize].cancel(timer) {
                    self.unschedule(handle);
                }
            }
            Effect::Wrote { table, key, amount, value, context } => {
                self.emit(watch, node, context, What::Wrote { table, key, amount, value });
            }
            Effect::Note { fact, context } => {
                self.emit(watch, node, context, What::Noted(fact));
            }
        }
    }

    /// A message leaves: it may be lost, late or doubled on its way.
    #[expect(clippy::too_many_arguments, reason = "a message, its way and its meaning")]
    pub(super) fn transmit(
        &mut self,
        from: NodeId,
        to: NodeId,
        message: Message<M::Payload>,
        after: Span,
        life: Option<u32>,
        context: Context,
        watch: &mut impl Watch<M::Fact>,
    ) {
        let from_life = self.heads[from.0 as usize].life;
        let to_life = life.unwrap_or(self.heads[to.0 as usize].life);
        let kind = message.kind();
        if let (true, Message::Answer { call, .. }) = (self.may_crash, &message) {
            let call = *call;
            let owed = &mut self.nodes[from.0 as usize].owed;
            if let Some(at) = owed.iter().position(|(sender, _, _)| {
                sender.node == to && sender.call == Some(call) && sender.life == to_life
            }) {
                owed.remove(at);
            }
        }
        let leaves = self.now + after;
        let arrival = |message| EventKind::Deliver { from, from_life, to_life, message };
        if self.choices.links_are_calm() || self.host_of(from) == self.host_of(to) {
            self.schedule(leaves, to, context, arrival(message));
            return;
        }
        let sites = self.choices.on_link(from, to, kind);
        if sites.are_quiet {
            self.schedule(leaves + sites.calm_latency, to, context, arrival(message));
            return;
        }
        let flow = context.flow;
        if self.choices.ask(sites.lose, flow, &Question::Strike) != 0 {
            self.emit(watch, from, context, What::Lost { to, kind });
            return;
        }
        let mut arrives = leaves + self.travel_time(sites, flow);
        if !self.choices.is_quiet(sites.delay) {
            let by = self.extra_delay(from, to, sites.delay, arrives, context);
            if !by.is_zero() {
                self.emit(watch, from, context, What::Delayed { to, kind, by });
                arrives += by;
            }
        }
        if self.choices.ask(sites.duplicate, flow, &Question::Strike) != 0 {
            self.emit(watch, from, context, What::Duplicated { to, kind });
            let again = leaves + self.travel_time(sites, flow);
            self.schedule(arrives, to, context, arrival(message.clone()));
            self.schedule(again, to, context, arrival(message));
            return;
        }
        self.schedule(arrives, to, context, arrival(message));
    }

    fn extra_delay(
        &mut self,
        from: NodeId,
        to: NodeId,
        site: SiteId,
        arrives: Time,
        context: Context,
    ) -> Span {
        let waits = [
            self.nodes[to.0 as usize].next_timer().unwrap_or(Time::NEVER),
            self.nodes[from.0 as usize].next_timer().unwrap_or(Time::NEVER),
            context.deadline,
        ];
        let menu = delays_around(arrives, &waits);
        let by = self.choices.length(site).cloned();
        let question = Question::Length { by: by.as_ref(), menu: &menu };
        Span::from_nanos(self.choices.ask(site, context.flow, &question))
    }

    fn travel_time(&mut self, sites: LinkSites, flow: FlowId) -> Span {
        if self.choices.is_quiet(sites.latency) {
            return sites.calm_latency;
        }
        let latency = self.choices.latency(sites).clone();
        let question = Question::Machine(Choice::Span(&latency));
        Span::from_nanos(self.choices.ask(sites.latency, flow, &question))
    }

    /// The message comes to a node that is down, or in another life than the one it was sent to.
    fn meet_nobody(
        &mut self,
        node: NodeId,
        context: Context,
        (from, from_life): (NodeId, u32),
        message: Message<M::Payload>,
        watch: &mut impl Watch<M::Fact>,
    ) {
        let kind = message.kind();
        match message {
            Message::Ask { call: Some(call), .. } => {
                let seq = self.emit(watch, node, context, What::Refused { from, kind });
                let context = Context { cause: seq, ..context };
                let sender = Sender { node: from, life: from_life, call: Some(call) };
                self.reset(node, sender, kind, context, watch);
            }
            Message::Ask { call: None, .. } | Message::Answer { .. } => {
                self.emit(watch, node, context, What::Dropped { from, kind });
            }
        }
    }

    /// The caller sees a reset connection, or, as a fault, nothing at all.
    pub(super) fn reset(
        &mut self,
        node: NodeId,
        sender: Sender,
        kind: Kind,
        context: Context,
        watch: &mut impl Watch<M::Fact>,
    ) {
        let Some(call) = sender.call else { return };
        let site = self.choices.at_node(node, purpose::SILENCE, false);
        if self.choices.ask(site, context.flow, &Question::Strike) != 0 {
            return;
        }
        let outcome: Outcome<M::Payload> = Err::<Answer<M::Payload>, _>(Failure::Reset);
        let message = Message::Answer { call, to: kind.name, outcome };
        self.transmit(node, sender.node, message, Span::ZERO, Some(sender.life), context, watch);
    }

    /// The event happens once the host goes on.
    fn postpone(&mut self, event: Event<M::Payload>, until: Time) {
        if let EventKind::Start = event.kind {
            self.queue.push(until, event);
            return;
        }
        let Event { node, context, kind, .. } = event;
        let (timer, call) = match kind {
            EventKind::Wake { timer, number } => (Some((timer, number)), None),
            EventKind::Expire { call, .. } => (None, Some(call)),
            EventKind::Start | EventKind::Deliver { .. } => (None, None),
        };
        let handle = self.schedule(until, node, context, kind);
        let at = &mut self.nodes[node.0 as usize];
        if let Some((timer, number)) = timer {
            at.moved(timer, number, until, handle);
        }
        if let Some(call) = call {
            at.expires(call, handle);
        }
    }

    pub(super) fn host_of(&self, node: NodeId) -> usize {
        self.heads[node.0 as usize].host as usize
    }
}
