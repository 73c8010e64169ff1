//! The API gateway: route by request, limit by client, break by service, call an instance.
//!
//! The order in which it refuses, what its breakers are for, and what they count are options of its
//! [`Gateway`](crate::policy::Gateway). What is *not* here: which of several routes a request
//! takes. A request between machines has one name, `POST shop.example/orders` for instance, and
//! whoever makes the gateway asks a [`Router`](crate::policy::Router) once for each name that there
//! is.

mod breakers;
mod refusals;
mod waiting;

use std::sync::Arc;

use crate::hash::Map;
use serde::Serialize;

use crate::contract::{
    Answer, Body, Context, Failure, Input, Machine, NodeId, Outcome, Request, Sender, Subset,
    Timer as _, Turn,
};
use crate::fact::Fact;
use crate::machine::in_hand::InHand;
use crate::machine::{Dialer, Dialling, Discovery, Slab, Target};
use crate::policy::{
    BreakerConfig, BreakerPer, BreakerState, BulkheadConfig, CallResult, Entrance, Entry, Gateway,
    Judged, LimiterConfig, Passage, Ruling,
};
use crate::{Name, Time};
use breakers::{callable, class, numbers, was_nobody_called};
use waiting::{Line, Waiting};

crate::timers! {
    /// What can be overdue in a gateway.
    pub enum Timer {
        /// What is due next at its breakers.
        Breakers,
        /// The patience of a request that waits at a bulkhead.
        Waiting(u32),
    }
}

/// How a gateway behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GatewayConfig {
    /// How services are found, and which instance of one is called.
    pub discovery: Discovery,
    /// The route of each request that has one, in order of the routes.
    pub routes: Map<Name, Route>,
    /// In what order it refuses, and what its breakers are for.
    pub policy: Arc<crate::policy::GatewayConfig>,
    /// How its limiter behaves.
    pub limiter: Arc<LimiterConfig>,
    /// How every breaker behaves.
    pub breaker: Arc<BreakerConfig>,
    /// How many calls to each service are under way at once, and how many requests wait for one.
    pub bulkhead: BulkheadConfig,
}

/// Where requests go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Route {
    /// Its own name, for limits and breakers: that of all requests that take it.
    pub name: Name,
    /// The service, or a node of its own in front of it.
    pub target: Target,
    /// The method that it is asked for.
    pub method: Name,
    /// Requests per minute and client.
    pub limit: i64,
}

/// An API gateway.
#[derive(Clone, Debug, Serialize)]
pub struct GatewayNode<P> {
    config: Arc<GatewayConfig>,
    gateway: Gateway,
    dialer: Dialer,
    /// The calls under way to each service, where somebody bounds them.
    in_hand: Option<Box<Map<Name, InHand>>>,
    pending: Slab<Pending<P>>,
    /// Requests that wait for a call to end.
    line: Line<P>,
    /// When the timer wakes that breakers need.
    armed: Option<Time>,
    /// Wakings so far, each a flow of its own.
    wakings: u64,
}

/// A request that waits for its service.
#[derive(Clone, Debug, Serialize)]
struct Pending<P> {
    context: Context,
    from: Sender,
    path: Name,
    route: Route,
    request: Request<P>,
    entry: Entry,
}

/// The name of all unknown paths together, which no node ever asks for.
const NOWHERE: Name = Name(u32::MAX);

impl<P: Clone + std::fmt::Debug + Serialize> GatewayNode<P> {
    /// A gateway with closed breakers and full buckets.
    #[must_use]
    pub fn new(config: Arc<GatewayConfig>) -> Self {
        let GatewayConfig { policy, limiter, breaker, .. } = &*config;
        let mut gateway =
            Gateway::new(Arc::clone(policy), Arc::clone(limiter), Arc::clone(breaker));
        for route in config.routes.values() {
            gateway.route(route.name, route.target.service, None);
        }
        let dialer = Dialer::new(config.discovery.clone());
        let services = config.routes.values().map(|route| route.target.service);
        let in_hand: Option<Map<Name, InHand>> =
            services.map(|service| Some((service, InHand::new(&config.bulkhead)?))).collect();
        let (in_hand, pending) = (in_hand.map(Box::new), Slab::default());
        let line = Line::default();
        Self { config, gateway, dialer, in_hand, pending, line, armed: None, wakings: 0 }
    }

    fn handle(&mut self, from: Sender, request: Request<P>, turn: &mut Turn<'_, P, Fact>) {
        let (now, path, client) = (turn.now(), request.method, request.client);
        let Some(route) = self.config.routes.get(&path).copied() else {
            self.turn_away_to_nowhere((from, path), client, turn);
            return;
        };
        let Route { name, target: Target { service, .. }, limit, .. } = route;
        let passage = Passage { client, route: name, service, limit, cost: 1 };
        let Judged { ruling, transitions } = self.gateway.admit(now, passage);
        let admitted = Fact::Admitted { client, route: name, limit };
        let entry = match ruling {
            Ruling::Admitted(entry) => entry,
            Ruling::RateLimited(_) | Ruling::BreakerOpen { .. } => {
                self.turn_away((from, path), passage, Judged { ruling, transitions }, turn);
                return;
            }
        };
        // Asked last, so that what others refuse takes no place.
        let entrance = match self.in_hand {
            None => Entrance::Entered,
            Some(_) => self.enter(now, turn.context().deadline, service),
        };
        match entrance {
            Entrance::Entered => {
                turn.note(admitted);
                self.tell(transitions, turn);
                self.forward(from, request, (route, entry), turn);
            }
            Entrance::Waits(ticket) => {
                turn.note(admitted);
                self.tell(transitions, turn);
                self.wait(Waiting { from, request, route, passage, entry }, ticket, turn);
            }
            Entrance::Full => {
                self.tell(transitions, turn);
                self.turn_away_from_full((from, path, request.key), passage, entry, turn);
            }
        }
    }

    /// Calls the service for a request that was let in.
    #[inline(always)]
    fn forward(
        &mut self,
        from: Sender,
        request: Request<P>,
        (route, entry): (Route, Entry),
        turn: &mut Turn<'_, P, Fact>,
    ) {
        let (context, path) = (turn.context(), request.method);
        let pending = || Pending { context, from, path, route, request, entry };
        let slot = self.pending.insert_with(pending);
        if self.in_hand.is_some() {
            self.began(slot, route.target.service, turn.now());
        }
        let timeout = self.config.policy.timeout.span();
        let Some(Pending { request, .. }) = self.pending.get(slot) else { return };
        let Route { target, method, .. } = route;
        let call = Dialling { target, method, request, timeout };
        if let Err(failure) = self.dialer.dial(turn, call, slot) {
            self.fail(slot, failure, turn);
        }
    }

    #[cold]
    fn fail(&mut self, slot: u32, failure: Failure, turn: &mut Turn<'_, P, Fact>) {
        self.finish_rarely(slot, Err(failure), turn);
    }

    /// The call of a request timed out.
    #[cold]
    fn expired(&mut self, tag: u64, turn: &mut Turn<'_, P, Fact>) {
        self.heard(tag, Err(Failure::TimedOut), turn);
    }

    #[inline(always)]
    fn heard(&mut self, tag: u64, outcome: Outcome<P>, turn: &mut Turn<'_, P, Fact>) {
        let slot = Dialer::slot(tag);
        let by_instance = self.config.policy.breaker_per == BreakerPer::Instance;
        let Some(pending) = self.pending.get_mut(slot) else { return };
        let service = pending.route.target.service;
        if by_instance {
            self.heard_by_instance(service, tag, outcome, turn);
            return;
        }
        if self.dialer.is_over(turn, tag, &outcome) {
            self.finish(slot, outcome, turn);
            return;
        }
        let timeout = self.config.policy.timeout.span();
        let Route { target, method, .. } = pending.route;
        let call = Dialling { target, method, request: &pending.request, timeout };
        if let Some(failure) = self.dialer.found(turn, tag, outcome, call) {
            self.fail(slot, failure, turn);
        }
    }

    /// The same where each instance has a breaker of its own: only those that admit a call count as
    /// found.
    #[cold]
    fn heard_by_instance(
        &mut self,
        service: Name,
        tag: u64,
        outcome: Outcome<P>,
        turn: &mut Turn<'_, P, Fact>,
    ) {
        let slot = Dialer::slot(tag);
        let (outcome, listed) = match outcome {
            Ok(Answer::Instances(listed)) => {
                let found = callable(&self.gateway, turn.now(), service, &listed);
                (found.map(Answer::Instances), Some(listed))
            }
            Ok(Answer::Subset(listed)) => {
                let found = callable(&self.gateway, turn.now(), service, &listed.instances);
                let subset = |instances| Arc::new(Subset { name: listed.name, instances });
                let found = found.map(|instances| Answer::Subset(subset(instances)));
                (found, Some(Arc::clone(&listed.instances)))
            }
            outcome => (outcome, None),
        };
        if let (Some(listed), Err(failure)) = (&listed, &outcome) {
            turn.note(Fact::Broken { service });
            let after = self.gateway.callable_after(turn.now(), service, &numbers(listed));
            if let Some((from, path, room)) = self.end(slot, &outcome, turn) {
                self.refuse(from, path, *failure, after, turn);
                self.let_in(service, room, turn);
            }
            return;
        }
        let Some(pending) = self.pending.get_mut(slot) else { return };
        let timeout = self.config.policy.timeout.span();
        let Route { target, method, .. } = pending.route;
        let call = Dialling { target, method, request: &pending.request, timeout };
        if let Some(outcome) = self.dialer.heard(turn, tag, outcome, call) {
            self.finish_rarely(slot, outcome, turn);
        } else if let (Some(_), Some(NodeId(instance))) = (listed, self.dialer.picked()) {
            let (now, entry) = (turn.now(), &mut pending.entry);
            let transitions = self.gateway.pick(now, entry, service, instance);
            self.tell(transitions, turn);
        }
    }

    /// Like [`finish`](Self::finish), for what is rare.
    #[cold]
    fn finish_rarely(&mut self, slot: u32, outcome: Outcome<P>, turn: &mut Turn<'_, P, Fact>) {
        self.finish(slot, outcome, turn);
    }

    #[inline(always)]
    fn finish(&mut self, slot: u32, outcome: Outcome<P>, turn: &mut Turn<'_, P, Fact>) {
        let Some(pending) = self.pending.get(slot) else { return };
        let service = pending.route.target.service;
        if let Some((from, path, room)) = self.end(slot, &outcome, turn) {
            turn.pass_on(from, path, outcome);
            if !room.is_empty() {
                self.let_in(service, room, turn);
            }
        }
    }

    /// The call of a request is over, or nobody is called: who is to hear of it, what was asked, and
    /// the tickets of those for whom there is room now.
    #[inline(always)]
    fn end(
        &mut self,
        slot: u32,
        outcome: &Outcome<P>,
        turn: &mut Turn<'_, P, Fact>,
    ) -> Option<(Sender, Name, Vec<u64>)> {
        let (from, path, entry, service) = self.pending.release(slot, |pending| {
            let (from, path, entry) = (pending.from, pending.path, pending.entry.clone());
            (from, path, entry, pending.route.target.service)
        })?;
        let failure = outcome.as_ref().err().copied();
        let mut room = Vec::new();
        if self.in_hand.is_some() {
            room = self.leave(slot, service, failure, turn.now());
        }
        let result = match failure {
            None => CallResult::Success,
            Some(failure) => CallResult::Failure(class(failure)),
        };
        let transitions = self.gateway.finish(turn.now(), entry, result);
        self.tell(transitions, turn);
        Some((from, path, room))
    }
}

impl<P> GatewayNode<P> {
    /// A call to a service wants to begin, and somebody waits for it until then.
    #[cold]
    fn enter(&mut self, now: Time, deadline: Time, service: Name) -> Entrance {
        let in_hand = self.in_hand_of(service);
        in_hand.map_or(Entrance::Entered, |it| it.bulkhead().enter_by(now, deadline))
    }

    /// A request that its bulkhead let in is on its way.
    #[cold]
    fn began(&mut self, slot: u32, service: Name, now: Time) {
        if let Some(in_hand) = self.in_hand_of(service) {
            in_hand.began(slot, now);
        }
    }

    /// A request leaves the bulkhead of its service: the tickets of those for whom there is room now.
    #[cold]
    fn leave(&mut self, slot: u32, service: Name, failure: Option<Failure>, now: Time) -> Vec<u64> {
        match (self.in_hand_of(service), failure) {
            (None, _) => Vec::new(),
            (Some(in_hand), Some(failure)) if was_nobody_called(failure) => in_hand.left(slot),
            (Some(in_hand), failure) => in_hand.finished(slot, now, failure),
        }
    }

    #[inline]
    fn in_hand_of(&mut self, service: Name) -> Option<&mut InHand> {
        self.in_hand.as_mut()?.get_mut(&service)
    }
}

impl<P: Clone + std::fmt::Debug + Serialize> Machine for GatewayNode<P> {
    type Payload = P;
    type Timer = Timer;
    type Fact = Fact;

    const PHASES: &'static [&'static str] = &["closed", "a breaker is not closed"];

    fn phase(&self) -> usize {
        let mut breakers = self.gateway.breakers();
        usize::from(breakers.any(|(_, breaker)| breaker.state() != BreakerState::Closed))
    }

    fn step(&mut self, input: Input<P, Timer>, turn: &mut Turn<'_, P, Fact>) {
        self.step_coded(input.map_timer(Timer::code), turn);
    }

    fn step_coded(&mut self, input: Input<P, u64>, turn: &mut Turn<'_, P, Fact>) {
        match input {
            Input::Start => {}
            Input::Wake(timer) => match Timer::from_code(timer) {
                Timer::Breakers => self.wake(turn),
                Timer::Waiting(place) => self.give_up(place, turn),
            },
            Input::Deliver { from, body: Body::Request(request) } => {
                self.handle(from, request, turn)
            }
            Input::Deliver { from, body } => {
                turn.reply_failure(from, body.name(), Failure::UnknownMethod);
            }
            Input::Reply { tag, outcome } => self.heard(tag, outcome, turn),
            Input::Expired { tag } => self.expired(tag, turn),
        }
        self.arm(turn);
    }

    fn power_cut(&mut self) {
        *self = Self::new(Arc::clone(&self.config));
    }
}
