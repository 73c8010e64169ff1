//! What can differ between two gateways, each difference under a name.

use serde::{Deserialize, Serialize};

use super::router::RouteMatch;
use crate::profile::{Mistake, options};
use crate::{Span, Timeout};

options! {
    /// In what order a gateway refuses, and what its breakers are for.
    config GatewayConfig;
    /// A gateway's configuration as it is written, its limiter and breakers apart.
    options GatewayOptions as "GatewayPolicy";
    {
        /// What tells routes apart; the guide's path alone leaves one of two methods (GW-1).
        route_match: RouteMatch = RouteMatch::Path, hardened RouteMatch::HostMethodPath;
        /// Who is asked first, and what a request costs that the breaker refuses (GW-2).
        order: RefusalOrder = RefusalOrder::LimiterFirst, hardened RefusalOrder::BreakerFirst;
        /// Whether what the limiter or a breaker refuses says when to come back (GW-11).
        refusals: Refusals = Refusals::Bare, hardened Refusals::SayWhen;
        /// What a breaker is for (GW-5): Hystrix has one a command, Envoy's ejection is by host.
        breaker_per: BreakerPer = BreakerPer::Service, hardened BreakerPer::Route;
        /// What a request costs that no route is for (GW-3).
        unknown_path: UnknownPath = UnknownPath::Free, hardened UnknownPath::Limited(60);
        /// What becomes of clients without a name (GW-12).
        anonymous: Anonymous = Anonymous::Shared, hardened Anonymous::Refused;
        /// What becomes of the breaker of a route that is registered again for another service (GW-7).
        replaced_route: ReplacedRoute = ReplacedRoute::KeepsBreaker,
            hardened ReplacedRoute::NewBreaker;
        /// How long it waits for a service, and for the registry, each (GW-10); 1 s, as Hystrix. The
        /// guide waits for ever.
        timeout: Timeout = Timeout::Never, hardened Timeout::After(Span::from_secs(1));
    }
}

/// Who is asked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusalOrder {
    /// The limiter; a request that the breaker refuses has spent its token, so that a client finds
    /// its budget used up when the service is back. The guide, and .NET's standard handler.
    LimiterFirst,
    /// The breaker; a request that it refuses spends nothing, and one that the limiter refuses gives
    /// its permit back, so that in half-open a client over its limit delays a probe and no more.
    BreakerFirst,
    /// The limiter, which gets the token back when the breaker or somebody behind it refuses.
    /// Requests that are refused are then not limited while the breaker is open, as with
    /// `BreakerFirst`.
    Refund,
}

/// What a refusal by limiter or breaker says besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusals {
    /// Nothing.
    Bare,
    /// When the caller may come back, where it is known: `Retry-After` of HTTP (RFC 6585 for a
    /// limiter, RFC 9110 for a service that cannot be had).
    SayWhen,
}

impl Refusals {
    /// What is said of when to come back.
    #[must_use]
    pub fn say(self, after: Option<Span>) -> Option<Span> {
        match self {
            Self::Bare => None,
            Self::SayWhen => after,
        }
    }
}

/// What a breaker is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BreakerPer {
    /// All routes and instances of a service: a bad route trips the good ones, and one bad instance of
    /// several never trips it, as successes of the others come between.
    Service,
    /// A route.
    Route,
    /// An instance; one whose breaker is open is not picked.
    Instance,
}

/// What a request costs that no route is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnknownPath {
    /// Nothing: a flood of them is free.
    Free,
    /// So many a period and client, all unknown paths together.
    Limited(u32),
}

/// What becomes of clients without a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Anonymous {
    /// All of them together are one client.
    Shared,
    /// They are refused.
    Refused,
}

/// What becomes of the breaker of a route that now leads elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplacedRoute {
    /// It stays as it is, and so does one that no route leads to any more.
    KeepsBreaker,
    /// A new one takes its place, and one that no route leads to is forgotten.
    NewBreaker,
}

impl GatewayConfig {
    /// Everything that makes no sense.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        if self.timeout == Timeout::After(Span::ZERO) {
            mistakes.push(Mistake::new(
                "timeout",
                "the timeout is zero",
                "expected a span longer than 0s",
                "leave it out to wait for ever",
            ));
        }
        if self.unknown_path == UnknownPath::Limited(0) {
            mistakes.push(Mistake::new(
                "unknown_path",
                "a limit of 0 does not even say `not found`",
                "expected 1 or more",
                "write `Free` for no limit",
            ));
        }
        mistakes
    }
}
