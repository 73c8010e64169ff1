//! `gateway`: route, limiter and breaker in the order of its policy, then the client's call.
//!
//! Under the profile guide an unknown path costs no token, a request that the breaker refuses does, and
//! the breaker belongs to the service and outlives every change of its routes.

use brownout_models::policy::{
    Anonymous, Asked, BalancerConfig, BreakerConfig, BreakerKey, BreakerOptions, BreakerPer,
    BreakerState, CallResult, Entry, FailureClass, Gateway, GatewayConfig, GatewayOptions, Judged,
    LimiterConfig, LimiterOptions, Passage, RefusalOrder, RegistryOptions, ReplacedRoute,
    RouteMatch, RoutePattern, Router, Ruling, Transition, UnknownPath,
};
use brownout_models::{Mistake, Name, Profile, Span, Time, Timeout};
use serde::Deserialize;

use super::Options;
use super::breaker::is_plain;
use super::client::{CALL_TAKES, Call, Caller, ClientConfig};
use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::registry::DirectoryRequest;
use super::script::{Invocation, Script};
use super::vocabulary::{Answer, Completion, Event, Events, Trouble};

/// The client's configuration, and that of the gateway, as they are written.
#[derive(Default, Deserialize)]
#[serde(rename = "Gateway", deny_unknown_fields, default)]
pub(super) struct GatewayDeskOptions {
    registry: RegistryOptions,
    call_takes: Option<Span>,
    limiter: LimiterOptions,
    breaker: BreakerOptions,
    route_match: Option<RouteMatch>,
    order: Option<RefusalOrder>,
    breaker_per: Option<BreakerPer>,
    unknown_path: Option<UnknownPath>,
    anonymous: Option<Anonymous>,
    replaced_route: Option<ReplacedRoute>,
    timeout: Option<Timeout>,
}

/// The client's configuration, and that of the gateway.
pub(super) struct GatewayDeskConfig {
    client: ClientConfig,
    policy: GatewayConfig,
    limiter: LimiterConfig,
    breaker: BreakerConfig,
}

impl Options for GatewayDeskOptions {
    type Config = GatewayDeskConfig;

    fn checked(&self, profile: Profile) -> (GatewayDeskConfig, Vec<Mistake>) {
        let registry = self.registry.resolve(profile);
        let policy = GatewayOptions {
            profile: None,
            route_match: self.route_match,
            order: self.order,
            // Over stdio every option of its own has refusals say when.
            refusals: None,
            breaker_per: self.breaker_per,
            unknown_path: self.unknown_path,
            anonymous: self.anonymous,
            replaced_route: self.replaced_route,
            timeout: self.timeout,
        };
        let policy = policy.resolve(profile);
        let limiter = self.limiter.resolve(profile);
        let breaker = self.breaker.resolve(profile);
        let of = |what: &'static str, mistakes: Vec<Mistake>| {
            mistakes.into_iter().map(move |mistake| mistake.within(what))
        };
        let mistakes = of("registry", registry.mistakes())
            .chain(policy.mistakes())
            .chain(of("limiter", limiter.mistakes()))
            .chain(of("breaker", breaker.mistakes()))
            .collect();
        let call_takes = self.call_takes.unwrap_or(CALL_TAKES);
        let balancer = BalancerConfig::of(profile);
        let client = ClientConfig { registry, balancer, call_takes };
        (GatewayDeskConfig { client, policy, limiter, breaker }, mistakes)
    }
}

/// A gateway in front of a client.
#[derive(Clone, Debug)]
pub(super) struct GatewayDesk {
    caller: Caller<Forwarded>,
    router: Router<Route>,
    gateway: Gateway,
    /// Whether errors say when to try again, as with any option of the gateway's own.
    says_more: bool,
}

#[derive(Clone, Debug)]
struct Route {
    /// The route itself, for limits and breakers.
    route: Name,
    service: Name,
    method: String,
    limit: i64,
}

/// What a call is made for.
#[derive(Clone, Debug)]
struct Forwarded {
    request: u64,
    method: String,
    entry: Entry,
    /// How it ends.
    end: End,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Succeeds,
    Fails,
    TimesOut,
}

/// A request to the gateway.
pub(super) enum GatewayRequest {
    Directory(DirectoryRequest),
    Route { host: Option<String>, path: String, service: String, method: String, limit: i64 },
    Request(Ask),
    Breaker { service: String },
}

/// A request through the gateway.
pub(super) struct Ask {
    client: String,
    path: String,
    host: Option<String>,
    method: Option<String>,
    cost: u64,
    script: Option<Script>,
}

const OPERATIONS: [&str; 9] = [
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

/// All unknown paths together.
const NOWHERE: &str = "";

impl GatewayDesk {
    pub(super) fn new(config: GatewayDeskConfig) -> Self {
        let GatewayDeskConfig { client, policy, limiter, breaker } = config;
        let says_more = policy != GatewayConfig::guide()
            || limiter != LimiterConfig::guide()
            || !is_plain(&breaker);
        Self {
            caller: Caller::new(client),
            router: Router::new(policy.route_match),
            gateway: Gateway::new(policy, limiter, breaker),
            says_more,
        }
    }

    /// Forwards a request, or says what stopped it before the call took any time.
    fn forward(
        &mut self,
        now: Time,
        request: u64,
        ask: Ask,
        events: &mut Events,
    ) -> Result<(), Trouble> {
        let Ask { client: client_text, path, host, method, cost, mut script } = ask;
        let client = self.caller.directory.names.intern(&client_text);
        if client_text.is_empty() && self.gateway.config().anonymous == Anonymous::Refused {
            return Err(Trouble::new("unidentified", "the client has no name"));
        }
        let asked = Asked { host: host.as_deref(), method: method.as_deref(), path: &path };
        let Some(Route { route, service, method: route_method, limit }) =
            self.router.find(asked).cloned()
        else {
            let nowhere = self.caller.directory.names.intern(NOWHERE);
            return Err(match self.gateway.admit_unknown(now, client, nowhere) {
                None => Trouble::new("route_not_found", format!("route not found: {path}")),
                Some(retry) => self.rate_limited(retry.span()),
            });
        };
        let passage = Passage { client, route, service, limit, cost };
        let Judged { ruling, transitions } = self.gateway.admit(now, passage);
        self.announce(now, transitions, events);
        let entry = match ruling {
            Ruling::Admitted(entry) => entry,
            Ruling::RateLimited(retry) => return Err(self.rate_limited(retry.span())),
            Ruling::BreakerOpen { retry_after, .. } => {
                let message = "service unavailable: circuit breaker open";
                return Err(self.more(Trouble::new("breaker_open", message), retry_after));
            }
        };
        let method = method.filter(|_| route_method == "*").unwrap_or(route_method);
        let invocation = script.as_mut().and_then(Script::next);
        let invocation = invocation
            .unwrap_or(Invocation { takes: self.caller.call_takes, ..Invocation::AT_ONCE });
        let timeout = self.gateway.config().timeout.span().filter(|span| *span < invocation.takes);
        let end = match (timeout, invocation.ok) {
            (Some(_), _) => End::TimesOut,
            (None, true) => End::Succeeds,
            (None, false) => End::Fails,
        };
        let takes = timeout.unwrap_or(invocation.takes);
        let mut entry = entry;
        let gateway = &self.gateway;
        let callable = |instances: &[Name]| {
            let numbers: Vec<u32> = instances.iter().map(|instance| instance.0).collect();
            gateway.callable(now, service, &numbers)
        };
        match self.caller.pick(now, service, callable) {
            Ok(instance) => {
                let transitions = self.gateway.pick(now, &mut entry, service, instance.0);
                self.announce(now, transitions, events);
                let forwarded = Forwarded { request, method, entry, end };
                self.caller.start(now, takes, forwarded, instance);
                Ok(())
            }
            Err(error) => {
                let result = CallResult::Failure(FailureClass::Discovery);
                let transitions = self.gateway.finish(now, entry, result);
                self.announce(now, transitions, events);
                Err(error)
            }
        }
    }

    fn rate_limited(&self, after: Option<Span>) -> Trouble {
        self.more(Trouble::new("rate_limited", "rate limit exceeded"), after)
    }

    fn more(&self, trouble: Trouble, after: Option<Span>) -> Trouble {
        if self.says_more { trouble.retry_after(after) } else { trouble }
    }

    /// Announces what changed at breakers.
    fn announce(&self, now: Time, transitions: Vec<(BreakerKey, Transition)>, events: &mut Events) {
        let text = |name| Some(self.caller.directory.text(name));
        for (key, Transition { from, to }) in transitions {
            let (service, path, instance) = match key {
                BreakerKey::Service(service) => (text(service), None, None),
                BreakerKey::Route(path, service) => (text(service), text(path), None),
                BreakerKey::Instance(service, id) => (text(service), None, text(Name(id))),
            };
            events.note(now, Event::Transition { service, path, instance, from, to });
        }
    }

    fn route(
        &mut self,
        host: Option<String>,
        path: String,
        service: &str,
        method: String,
        limit: i64,
    ) {
        let names = &mut self.caller.directory.names;
        let wanted = Some(method.clone()).filter(|method| method != "*");
        let pattern = RoutePattern { host, method: wanted, path };
        let route = names.intern(&text_of(&pattern, self.gateway.config()));
        let service = names.intern(service);
        let before = self.router.insert(pattern, Route { route, service, method, limit });
        let before = before.map(|route| route.service);
        self.gateway.route(route, service, before);
        if let Some(before) = before
            && !self.router.ends().any(|route| route.service == before)
        {
            self.gateway.abandon_service(before);
        }
    }

    /// The worst of the breakers of a service.
    fn state(&self, service: Name) -> Option<BreakerState> {
        let of_service = |key| match key {
            BreakerKey::Service(of) | BreakerKey::Route(_, of) | BreakerKey::Instance(of, _) => {
                of == service
            }
        };
        let breakers = self.gateway.breakers().filter(|(key, _)| of_service(*key));
        breakers.map(|(_, breaker)| breaker.state()).max_by_key(|state| match state {
            BreakerState::Closed => 0,
            BreakerState::HalfOpen => 1,
            BreakerState::Open => 2,
        })
    }
}

/// The name of a route: its path, and what else tells it apart.
fn text_of(pattern: &RoutePattern, config: &GatewayConfig) -> String {
    match config.route_match {
        RouteMatch::Path => pattern.path.clone(),
        RouteMatch::HostMethodPath => {
            let method = pattern.method.as_deref().unwrap_or("*");
            format!("{method} {}{}", pattern.host.as_deref().unwrap_or(""), pattern.path)
        }
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
                host: fields.optional_text("host")?,
            },
            "request" => GatewayRequest::Request(Ask {
                client: fields.text("client")?,
                path: fields.text("path")?,
                host: fields.optional_text("host")?,
                method: fields.optional_text("method")?,
                cost: fields.positive_or_one("cost")?,
                script: if fields.has("script") {
                    Some(Script::of_field(fields, "script")?)
                } else {
                    None
                },
            }),
            "breaker" => GatewayRequest::Breaker { service: fields.text("service")? },
            _ => return Err(unknown_operation(operation, &OPERATIONS)),
        })
    }

    fn due(&self) -> Option<Time> {
        [self.caller.due(), self.gateway.due()].into_iter().flatten().min()
    }

    fn wake(&mut self, now: Time, events: &mut Events) {
        if self.gateway.due() == Some(now) {
            let transitions = self.gateway.wake(now).into_iter().collect();
            self.announce(now, transitions, events);
            return;
        }
        let Some(Call { context, instance }) = self.caller.wake(now, events) else { return };
        let Forwarded { request, method, entry, end } = context;
        let failed = |class| CallResult::Failure(class);
        let (result, completion) = match end {
            End::Succeeds => {
                let instance = self.caller.directory.text(instance);
                (CallResult::Success, Completion::Called { ok: true, instance, method })
            }
            End::Fails => {
                let completion = Completion::Failed { error: Trouble::scripted() };
                (failed(FailureClass::Error), completion)
            }
            End::TimesOut => {
                let error = Trouble::new("timed_out", "the service did not answer in time");
                (failed(FailureClass::Timeout), Completion::Failed { error })
            }
        };
        let transitions = self.gateway.finish(now, entry, result);
        self.announce(now, transitions, events);
        events.complete(now, request, completion);
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
            GatewayRequest::Route { host, path, service, method, limit } => {
                self.route(host, path, &service, method, limit);
                Answer::Done {}
            }
            GatewayRequest::Request(ask) => {
                if let Err(error) = self.forward(now, number, ask, events) {
                    events.complete(now, number, Completion::Failed { error });
                }
                Answer::PENDING
            }
            GatewayRequest::Breaker { service } => {
                let service = self.caller.directory.names.intern(&service);
                Answer::State { state: self.state(service) }
            }
        })
    }

    fn is_pending(&self) -> bool {
        self.caller.is_pending()
    }
}
