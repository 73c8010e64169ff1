//! The API gateway: route by path, limit by client, break by service, call an instance.
//!
//! In the order of the guide: limiter before breaker, so that a request that the breaker turns away
//! has spent a token (GW-2); one breaker a service (GW-5), and every failure counts (GW-9).

use std::sync::Arc;

use indexmap::IndexMap;
use serde::Serialize;

use crate::contract::{
    Body, Context, Failure, Input, Machine, NodeId, Outcome, Request, Sender, Turn,
};
use crate::fact::Fact;
use crate::machine::{Dialer, Slab, Target};
use crate::policy::{Breaker, BreakerConfig, Limiter, Transition};
use crate::{Name, Span};

/// How a gateway behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GatewayConfig {
    /// Where services are found.
    pub registry: Option<NodeId>,
    /// Routes by path.
    pub routes: IndexMap<Name, Route>,
    /// How every breaker behaves.
    pub breaker: BreakerConfig,
    /// How long the gateway waits for a service; the guide waits for ever.
    pub timeout: Option<Span>,
}

/// Where the requests for a path go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Route {
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
    limiter: Limiter,
    breakers: IndexMap<Name, Breaker>,
    dialer: Dialer,
    pending: Slab<Pending<P>>,
}

/// A request that waits for its service.
#[derive(Clone, Debug, Serialize)]
struct Pending<P> {
    context: Context,
    from: Sender,
    path: Name,
    route: Route,
    request: Request<P>,
}

impl<P: Clone + std::fmt::Debug + Serialize> GatewayNode<P> {
    /// A gateway with closed breakers and full buckets.
    #[must_use]
    pub fn new(config: Arc<GatewayConfig>) -> Self {
        let breakers = config
            .routes
            .values()
            .map(|route| (route.target.service, Breaker::new(config.breaker.clone())))
            .collect();
        let dialer = Dialer::new(config.registry);
        Self { config, limiter: Limiter::default(), breakers, dialer, pending: Slab::default() }
    }

    fn handle(&mut self, from: Sender, request: Request<P>, turn: &mut Turn<'_, P, Fact>) {
        let (path, client) = (request.method, request.client);
        let Some(route) = self.config.routes.get(&path).copied() else {
            turn.reply_failure(from, path, Failure::RouteNotFound);
            return;
        };
        let (service, limit) = (route.target.service, route.limit);
        if !self.limiter.allow(turn.now(), client, limit) {
            turn.note(Fact::Limited { client, route: path, limit });
            turn.reply_failure(from, path, Failure::RateLimited);
            return;
        }
        turn.note(Fact::Admitted { client, route: path, limit });
        if let Some(breaker) = self.breakers.get_mut(&service) {
            let admission = breaker.allow(turn.now());
            tell(service, &admission.transitions, turn);
            if !admission.is_admitted() {
                turn.note(Fact::Broken { service });
                turn.reply_failure(from, path, Failure::BreakerOpen);
                return;
            }
        }
        let request = Request { method: route.method, ..request };
        let context = turn.context();
        let slot =
            self.pending.insert(Pending { context, from, path, route, request: request.clone() });
        let timeout = self.config.timeout;
        if let Err(failure) = self.dialer.dial(turn, route.target, &request, timeout, slot) {
            self.finish(slot, Err(failure), turn);
        }
    }

    fn heard(&mut self, tag: u64, outcome: Outcome<P>, turn: &mut Turn<'_, P, Fact>) {
        let slot = Dialer::slot(tag);
        let Some(pending) = self.pending.get(slot) else { return };
        let call = (pending.route.target, &pending.request, self.config.timeout);
        if let Some(outcome) = self.dialer.heard(turn, tag, outcome, call) {
            self.finish(slot, outcome, turn);
        }
    }

    fn finish(&mut self, slot: u32, outcome: Outcome<P>, turn: &mut Turn<'_, P, Fact>) {
        let Some(pending) = self.pending.remove(slot) else { return };
        let service = pending.route.target.service;
        if let Some(breaker) = self.breakers.get_mut(&service) {
            let now = turn.now();
            let transitions =
                if outcome.is_ok() { breaker.success(now) } else { breaker.failure(now) };
            tell(service, &transitions, turn);
        }
        turn.reply(pending.from, pending.path, outcome);
    }
}

fn tell<P>(service: Name, transitions: &[Transition], turn: &mut Turn<'_, P, Fact>) {
    for &Transition { from, to } in transitions {
        turn.note(Fact::Breaker { service, from, to });
    }
}

impl<P: Clone + std::fmt::Debug + Serialize> Machine for GatewayNode<P> {
    type Payload = P;
    type Timer = ();
    type Fact = Fact;

    const PHASES: &'static [&'static str] = &["closed", "a breaker is not closed"];

    fn phase(&self) -> usize {
        use crate::policy::BreakerState;
        usize::from(self.breakers.values().any(|breaker| breaker.state() != BreakerState::Closed))
    }

    fn step(&mut self, input: Input<P, ()>, turn: &mut Turn<'_, P, Fact>) {
        match input {
            Input::Start | Input::Wake(()) => {}
            Input::Deliver { from, body: Body::Request(request) } => {
                self.handle(from, request, turn)
            }
            Input::Deliver { from, body } => {
                turn.reply_failure(from, body.name(), Failure::UnknownMethod);
            }
            Input::Reply { tag, outcome } => self.heard(tag, outcome, turn),
            Input::Expired { tag } => self.heard(tag, Err(Failure::TimedOut), turn),
        }
    }

    fn power_cut(&mut self) {
        *self = Self::new(Arc::clone(&self.config));
    }
}
