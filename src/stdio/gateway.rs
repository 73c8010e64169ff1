//! `gateway`: route, then limiter, then breaker, then the client's call.
//!
//! In the guide's order: an unknown path costs no token, a request that the breaker refuses does;
//! the breaker belongs to the service and outlives every change of its routes.

use brownout_models::policy::{
    Breaker, BreakerConfig, BreakerOptions, Limiter, RegistryOptions, Transition,
};
use brownout_models::{Mistake, Name, Profile, Span, Time};
use indexmap::IndexMap;
use serde::Deserialize;

use super::Options;
use super::client::{CALL_TAKES, Call, Caller, ClientConfig};
use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::registry::DirectoryRequest;
use super::vocabulary::{Answer, Completion, Event, Events, Trouble};

/// The client's configuration, and that of every breaker, as they are written.
#[derive(Default, Deserialize)]
#[serde(rename = "Gateway", deny_unknown_fields, default)]
pub(super) struct GatewayOptions {
    registry: RegistryOptions,
    call_takes: Option<Span>,
    breaker: BreakerOptions,
}

/// The client's configuration, and that of every breaker.
pub(super) struct GatewayConfig {
    client: ClientConfig,
    breaker: BreakerConfig,
}

impl Options for GatewayOptions {
    type Config = GatewayConfig;

    fn checked(&self, profile: Profile) -> (GatewayConfig, Vec<Mistake>) {
        let registry = self.registry.resolve(profile);
        let breaker = self.breaker.resolve(profile);
        let of_registry = registry.mistakes().into_iter().map(|mistake| mistake.within("registry"));
        let of_breaker = breaker.mistakes().into_iter().map(|mistake| mistake.within("breaker"));
        let mistakes = of_registry.chain(of_breaker).collect();
        let call_takes = self.call_takes.unwrap_or(CALL_TAKES);
        let client = ClientConfig { registry, call_takes };
        (GatewayConfig { client, breaker }, mistakes)
    }
}

/// A gateway in front of a client.
#[derive(Clone, Debug)]
pub(super) struct GatewayDesk {
    caller: Caller<Forwarded>,
    /// By path alone: a route of another method replaces the one before.
    routes: IndexMap<Name, Route>,
    limiter: Limiter,
    breaker: BreakerConfig,
    breakers: IndexMap<Name, Breaker>,
}

#[derive(Clone, Debug)]
struct Route {
    service: Name,
    method: String,
    limit: i64,
}

/// What a call is made for.
#[derive(Clone, Debug)]
struct Forwarded {
    request: u64,
    service: Name,
    method: String,
}

/// A request to the gateway.
pub(super) enum GatewayRequest {
    Directory(DirectoryRequest),
    Route { path: String, service: String, method: String, limit: i64 },
    Request { client: String, path: String },
    Breaker { service: String },
}

impl GatewayDesk {
    pub(super) fn new(config: GatewayConfig) -> Self {
        let GatewayConfig { client, breaker } = config;
        Self {
            caller: Caller::new(client),
            routes: IndexMap::new(),
            limiter: Limiter::default(),
            breaker,
            breakers: IndexMap::new(),
        }
    }

    /// Forwards a request, or says what stopped it before the call took any time.
    fn forward(
        &mut self,
        now: Time,
        request: u64,
        client: &str,
        path: &str,
        events: &mut Events,
    ) -> Result<(), Trouble> {
        let name = self.caller.directory.names.intern(path);
        let Some(Route { service, method, limit }) = self.routes.get(&name).cloned() else {
            return Err(Trouble::new("route_not_found", format!("route not found: {path}")));
        };
        let client = self.caller.directory.names.intern(client);
        if !self.limiter.allow(now, client, limit) {
            return Err(Trouble::new("rate_limited", "rate limit exceeded"));
        }
        if !self.on_breaker(now, service, events, |breaker| {
            let admission = breaker.allow(now);
            (admission.is_admitted(), admission.transitions)
        }) {
            let message = "service unavailable: circuit breaker open";
            return Err(Trouble::new("breaker_open", message));
        }
        let forwarded = Forwarded { request, service, method };
        self.caller.call(now, service, forwarded).map_err(|(_, error)| {
            self.on_breaker(now, service, events, |breaker| ((), breaker.failure(now)));
            error
        })
    }

    /// Does something to a service's breaker and announces what it changed.
    fn on_breaker<T>(
        &mut self,
        now: Time,
        service: Name,
        events: &mut Events,
        act: impl FnOnce(&mut Breaker) -> (T, Vec<Transition>),
    ) -> T {
        let config = &self.breaker;
        let breaker = self.breakers.entry(service).or_insert_with(|| Breaker::new(config.clone()));
        let (answer, transitions) = act(breaker);
        for Transition { from, to } in transitions {
            let service = Some(self.caller.directory.text(service));
            events.note(now, Event::Transition { service, from, to });
        }
        answer
    }
}

impl Desk for GatewayDesk {
    type Request = GatewayRequest;

    fn read(operation: &str, fields: &mut Fields) -> Result<GatewayRequest, Bad> {
        if let Some(request) = DirectoryRequest::read(operation, fields)? {
            return Ok(GatewayRequest::Directory(request));
        }
        Ok(match operation {
            "route" => GatewayRequest::Route {
                path: fields.text("path")?,
                service: fields.text("service")?,
                method: fields.text("method")?,
                limit: fields.integer("limit")?,
            },
            "request" => GatewayRequest::Request {
                client: fields.text("client")?,
                path: fields.text("path")?,
            },
            "breaker" => GatewayRequest::Breaker { service: fields.text("service")? },
            _ => {
                let known = [
                    "register",
                    "deregister",
                    "heartbeat",
                    "discover",
                    "services",
                    "route",
                    "request",
                    "breaker",
                    "advance",
                ];
                return Err(unknown_operation(operation, &known));
            }
        })
    }

    fn due(&self) -> Option<Time> {
        self.caller.due()
    }

    fn wake(&mut self, now: Time, events: &mut Events) {
        let Some(Call { context, instance }) = self.caller.wake(now, events) else { return };
        let Forwarded { request, service, method } = context;
        self.on_breaker(now, service, events, |breaker| ((), breaker.success(now)));
        let instance = self.caller.directory.text(instance);
        events.complete(now, request, Completion::Called { ok: true, instance, method });
    }

    fn take(
        &mut self,
        now: Time,
        number: u64,
        request: GatewayRequest,
        events: &mut Events,
    ) -> Result<Answer, Bad> {
        Ok(match request {
            GatewayRequest::Directory(request) => self.caller.directory.take(now, request, events),
            GatewayRequest::Route { path, service, method, limit } => {
                let names = &mut self.caller.directory.names;
                let (path, service) = (names.intern(&path), names.intern(&service));
                self.routes.insert(path, Route { service, method, limit });
                let config = &self.breaker;
                self.breakers.entry(service).or_insert_with(|| Breaker::new(config.clone()));
                Answer::Done {}
            }
            GatewayRequest::Request { client, path } => {
                if let Err(error) = self.forward(now, number, &client, &path, events) {
                    events.complete(now, number, Completion::Failed { error });
                }
                Answer::PENDING
            }
            GatewayRequest::Breaker { service } => {
                let service = self.caller.directory.names.intern(&service);
                Answer::State { state: self.breakers.get(&service).map(Breaker::state) }
            }
        })
    }

    fn is_pending(&self) -> bool {
        self.caller.is_pending()
    }
}
