//! The way of a message: it may be lost, late or doubled, and may meet nobody.
//!
//! The way of an event from the queue to its machine and of an effect back is inlined by force:
//! handed over in memory from call to call, every field that was just written is read back in
//! another width, which stalls the processor. Measured: 12 % of a whole run.

use brownout_models::contract::{
    Answer, Choice, Context, Failure, FlowId, Kind, Message, NodeId, Outcome, Sender,
};
use brownout_models::{Span, Time};
use serde::Serialize;

use super::event::{Event, EventKind};
use super::fabric::Fabric;
use super::{Watch, What};
use crate::choice::{LinkSites, Question, SiteId, delays_around, purpose};

impl<P: Clone, F: Clone + Serialize> Fabric<P, F> {
    /// A message leaves: it may be lost, late or doubled on its way.
    #[expect(clippy::too_many_arguments, reason = "a message, its way and its meaning")]
    pub(super) fn transmit(
        &mut self,
        from: NodeId,
        to: NodeId,
        message: Message<P>,
        after: Span,
        life: Option<u32>,
        context: Context,
        watch: &mut impl Watch<F>,
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
    pub(super) fn meet_nobody(
        &mut self,
        node: NodeId,
        context: Context,
        (from, from_life): (NodeId, u32),
        message: Message<P>,
        watch: &mut impl Watch<F>,
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
        watch: &mut impl Watch<F>,
    ) {
        let Some(call) = sender.call else { return };
        let site = self.choices.at_node(node, purpose::SILENCE, false);
        if self.choices.ask(site, context.flow, &Question::Strike) != 0 {
            return;
        }
        let outcome: Outcome<P> = Err::<Answer<P>, _>(Failure::Reset);
        let message = Message::Answer { call, to: kind.name, outcome };
        self.transmit(node, sender.node, message, Span::ZERO, Some(sender.life), context, watch);
    }

    /// The event happens once the host goes on.
    pub(super) fn postpone(&mut self, event: Event<P>, until: Time) {
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
}
