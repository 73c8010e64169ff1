//! The way of a message: it may be lost, late or doubled, and may meet nobody.
//!
//! The way of an event from the queue to its machine and of an effect back is inlined by force:
//! handed over in memory from call to call, every field that was just written is read back in
//! another width, which stalls the processor. Measured: 12 % of a whole run.

use std::mem::ManuallyDrop;

use brownout_models::contract::{
    Body, CallId, Context, Failure, Ground, Kind, NodeId, Outcome, Sender,
};
use brownout_models::{Name, Span, Time};
use serde::Serialize;

use super::event::{Event, EventKind, Way};
use super::fabric::Fabric;
use super::queue::Drawn;
use super::{Watch, What};
use crate::choice::{LinkSites, Question, SiteId, delays_around, purpose};

/// What a message carries until it lies in its place in the queue. A panic on the way does not give it
/// back: that it need not be found again then saves copies of it. Measured: an eighth of the instructions
/// of a send.
pub(super) type Freight<T> = ManuallyDrop<T>;

/// What becomes of a message, and when it arrives.
enum Travel {
    Lost,
    Once(Time),
    Twice(Time, Time),
}

impl<P: Clone, F: Clone + Serialize + 'static> Fabric<P, F> {
    /// A message that is no answer leaves.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "a message, its way and its meaning")]
    pub(super) fn ask(
        &mut self,
        from: NodeId,
        to: NodeId,
        after: Span,
        call: Option<CallId>,
        body: Freight<Body<P>>,
        context: Context,
        watch: &mut impl Watch<F>,
    ) {
        let (sender, receiver) = (self.heads[from.0 as usize], self.heads[to.0 as usize]);
        let way = Way { from, from_life: sender.life, to_life: receiver.life };
        let (name, mut arrives) = (body.name(), self.now + after);
        if !self.choices.links_are_calm() && sender.host != receiver.host {
            let kind = Kind { name, reply: false };
            match self.travel(from, to, kind, arrives, context, watch) {
                Travel::Lost => {
                    drop(Freight::into_inner(body));
                    return;
                }
                Travel::Once(at) => arrives = at,
                Travel::Twice(first, second) => {
                    let copy = EventKind::Ask { way, call, name, body: Some(Body::clone(&body)) };
                    self.schedule_rarely(first, to, context, copy);
                    arrives = second;
                }
            }
        }
        let arrival = || EventKind::Ask { way, call, name, body: Some(Freight::into_inner(body)) };
        self.schedule(arrives, to, context, arrival);
    }

    /// The answer to a call leaves. `what` is what was asked.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "a message, its way and its meaning")]
    pub(super) fn answer(
        &mut self,
        from: NodeId,
        to: Sender,
        call: CallId,
        what: Name,
        (outcome, retry_after): (Freight<Outcome<P>>, Option<Span>),
        context: Context,
        watch: &mut impl Watch<F>,
    ) {
        let (sender, receiver) = (self.heads[from.0 as usize], self.heads[to.node.0 as usize]);
        let way = Way { from, from_life: sender.life, to_life: to.life };
        let (to, mut arrives) = (to.node, self.now);
        if !self.choices.links_are_calm() && sender.host != receiver.host {
            let kind = Kind { name: what, reply: true };
            match self.travel(from, to, kind, arrives, context, watch) {
                Travel::Lost => {
                    drop(Freight::into_inner(outcome));
                    return;
                }
                Travel::Once(at) => arrives = at,
                Travel::Twice(first, second) => {
                    let outcome = Some(Outcome::clone(&outcome));
                    let copy = EventKind::Answer { way, call, to: what, outcome, retry_after };
                    self.schedule_rarely(first, to, context, copy);
                    arrives = second;
                }
            }
        }
        let arrival = || {
            let outcome = Some(Freight::into_inner(outcome));
            EventKind::Answer { way, call, to: what, outcome, retry_after }
        };
        self.schedule(arrives, to, context, arrival);
    }

    /// A call is answered and no longer owed.
    #[cold]
    pub(super) fn pay(&mut self, node: NodeId, to: Sender) {
        let owed = &mut self.nodes[node.0 as usize].owed;
        if let Some(at) = owed.iter().position(|(sender, _, _)| *sender == to) {
            owed.remove(at);
        }
    }

    /// What becomes of a message that leaves.
    #[inline(always)]
    fn travel(
        &mut self,
        from: NodeId,
        to: NodeId,
        kind: Kind,
        leaves: Time,
        context: Context,
        watch: &mut impl Watch<F>,
    ) -> Travel {
        let (link, sites) = self.choices.on_link(from, to, kind);
        if sites.are_quiet && self.cuts.is_empty() {
            return Travel::Once(leaves + sites.calm_latency);
        }
        if self.cuts.is_empty()
            && let Some(takes) = self.choices.travel_quickly(link, context.flow)
        {
            return Travel::Once(leaves + takes);
        }
        self.travel_with_care((from, to), kind, link, leaves, context, watch)
    }

    /// What becomes of a message that is not as nearly all are.
    #[inline(never)]
    fn travel_with_care(
        &mut self,
        (from, to): (NodeId, NodeId),
        kind: Kind,
        link: usize,
        leaves: Time,
        context: Context,
        watch: &mut impl Watch<F>,
    ) -> Travel {
        let sites = *self.choices.sites_at(link);
        if !sites.is_simple || !self.cuts.is_empty() {
            return self.travel_in_trouble((from, to), kind, sites, leaves, context, watch);
        }
        if let Some(takes) = self.choices.travel_simply(link, context.flow) {
            return Travel::Once(leaves + takes);
        }
        self.emit_rarely(watch, from, context, What::Lost { to, kind });
        Travel::Lost
    }

    /// What becomes of a message to which anything may happen.
    #[inline(never)]
    fn travel_in_trouble(
        &mut self,
        (from, to): (NodeId, NodeId),
        kind: Kind,
        sites: LinkSites,
        leaves: Time,
        context: Context,
        watch: &mut impl Watch<F>,
    ) -> Travel {
        if (!self.cuts.is_empty() || !sites.is_whole)
            && self.is_cut_off((from, to), kind, sites, context, watch)
        {
            return Travel::Lost;
        }
        if sites.are_quiet {
            return Travel::Once(leaves + sites.calm_latency);
        }
        let flow = context.flow;
        if self.choices.strikes(sites.lose, flow) {
            self.emit_rarely(watch, from, context, What::Lost { to, kind });
            return Travel::Lost;
        }
        let mut arrives = leaves + self.choices.travel_time(sites, flow);
        if !self.choices.is_quiet(sites.delay) {
            let by = self.extra_delay(from, to, sites.delay, arrives, context);
            if !by.is_zero() {
                self.emit_rarely(watch, from, context, What::Delayed { to, kind, by });
                arrives += by;
            }
        }
        if !self.choices.strikes(sites.duplicate, flow) {
            return Travel::Once(arrives);
        }
        self.emit_rarely(watch, from, context, What::Duplicated { to, kind });
        Travel::Twice(arrives, leaves + self.choices.travel_time(sites, flow))
    }

    fn extra_delay(
        &mut self,
        from: NodeId,
        to: NodeId,
        site: SiteId,
        arrives: Time,
        context: Context,
    ) -> Span {
        let mut menu = Vec::new();
        // Only who tries every answer asks for them; most nodes have timers, and some have thousands.
        if self.choices.writes_points() {
            let waits = [
                self.nodes[to.0 as usize].next_timer().unwrap_or(Time::NEVER),
                self.nodes[from.0 as usize].next_timer().unwrap_or(Time::NEVER),
                context.deadline,
            ];
            menu = delays_around(arrives, &waits);
        }
        let by = self.choices.length(site).cloned();
        let question = Question::Length { by: by.as_ref(), menu: &menu };
        Span::from_nanos(self.choices.ask(site, context.flow, &question))
    }

    /// Whether a message for an earlier life of the node reaches this one, as a fault.
    #[cold]
    pub(super) fn is_inherited(
        &mut self,
        node: NodeId,
        context: Context,
        from: Sender,
        kind: Kind,
        watch: &mut impl Watch<F>,
    ) -> bool {
        let site = self.choices.at_node(node, purpose::SUCCESSOR, false);
        let is_inherited = self.choices.strikes(site, context.flow);
        if is_inherited {
            self.emit_rarely(watch, node, context, What::Inherited { from: from.node, kind });
        }
        is_inherited
    }

    /// The message comes to a node that is down, or in another life than the one it was sent to.
    #[cold]
    pub(super) fn meet_nobody(
        &mut self,
        node: NodeId,
        context: Context,
        from: Sender,
        kind: Kind,
        watch: &mut impl Watch<F>,
    ) {
        if kind.reply || from.call.is_none() {
            self.emit_rarely(watch, node, context, What::Dropped { from: from.node, kind });
            return;
        }
        let seq = self.emit_rarely(watch, node, context, What::Refused { from: from.node, kind });
        self.reset(node, from, kind, Context { cause: seq, ..context }, watch);
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
        if self.choices.strikes(site, context.flow) {
            return;
        }
        if self.may_crash {
            self.pay(node, sender);
        }
        let reset = (Freight::new(Err(Failure::Reset)), None);
        self.answer(node, sender, call, kind.name, reset, context, watch);
    }

    /// The event happens once the host goes on.
    pub(super) fn postpone(&mut self, drawn: Drawn) {
        let event = self.queue.take(drawn);
        if event.ground == Ground::Foreground {
            self.foreground -= 1;
        }
        let until = self.hosts[self.host_of(event.node)].paused_until;
        if let EventKind::Start = event.kind {
            self.queue.push(until, event);
            return;
        }
        let Event { node, context, kind, .. } = event;
        let (timer, call) = match kind {
            EventKind::Wake { timer, number } => (Some((timer, number)), None),
            EventKind::Expire { call, .. } => (None, Some(call)),
            EventKind::Start | EventKind::Ask { .. } | EventKind::Answer { .. } => (None, None),
        };
        let handle = self.schedule_rarely(until, node, context, kind);
        let at = &mut self.nodes[node.0 as usize];
        if let Some((timer, number)) = timer {
            at.moved(timer, number, until, handle);
        }
        if let Some(call) = call {
            at.expires(call, handle);
        }
    }
}
