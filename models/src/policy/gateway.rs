//! The API gateway's decisions: which route, whether the client may, whether the service can.
//!
//! Under the profile `guide` it follows the guide's `APIGateway` (lines 227-302): routes by path alone
//! (GW-1); limiter before breaker, so that a request that the breaker refuses has spent a token (GW-2);
//! unknown paths are free (GW-3); one breaker a service (GW-5), which outlives every change of its
//! routes (GW-7); clients without a name are one client (GW-12). Each difference is an option of
//! [`GatewayConfig`]; what counts as a failure (GW-9) is one of the breaker's, and whether a changed
//! limit takes effect (GW-7) one of the limiter's.
//!
//! What is *not* here: the call itself, and its timeout.
//!
//! ```
//! use brownout_models::policy::{
//!     BreakerConfig, CallResult, Gateway, GatewayConfig, LimiterConfig, Passage, Ruling,
//! };
//! use brownout_models::{Name, Time};
//!
//! let (client, route, service) = (Name(0), Name(1), Name(2));
//! let mut gateway = Gateway::new(
//!     GatewayConfig::hardened(), LimiterConfig::hardened(), BreakerConfig::hardened());
//! # let clock = Time::ZERO;
//! let passage = Passage { client, route, service, limit: 600, cost: 1 };
//! let Ruling::Admitted(entry) = gateway.admit(clock, passage).ruling else { panic!("it is idle") };
//! // .. the call ..
//! gateway.finish(clock, entry, CallResult::Success);
//! ```

mod config;
mod router;

use std::sync::Arc;

use crate::hash::Map;
use serde::Serialize;

use super::breaker::{
    Admission, Breaker, BreakerConfig, CallResult, Look, Permit, Refusal, Transition,
};
use super::limiter::{Limiter, LimiterConfig, NextTry};
use crate::{Name, Span, Time};
pub use config::{
    Anonymous, BreakerPer, GatewayConfig, GatewayOptions, RefusalOrder, Refusals, ReplacedRoute,
    UnknownPath,
};
pub use router::{Asked, RouteMatch, RoutePattern, Router};

/// What a breaker is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum BreakerKey {
    /// A service.
    Service(Name),
    /// A route and the service that it leads to.
    Route(Name, Name),
    /// An instance of a service, by a number of the owner's.
    Instance(Name, u32),
}

/// A request that found its route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Passage {
    /// Who asks.
    pub client: Name,
    /// The route.
    pub route: Name,
    /// Where it leads.
    pub service: Name,
    /// Requests a period and client.
    pub limit: i64,
    /// How many requests this one is worth, from 1.
    pub cost: u64,
}

/// A request that was let in, until its call ends.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    permit: Option<(BreakerKey, Permit)>,
}

/// What a gateway says to a request.
#[derive(Clone, Debug, Serialize)]
pub enum Ruling {
    /// The call may go ahead.
    Admitted(Entry),
    /// The client has used up its limit.
    RateLimited(NextTry),
    /// The breaker refuses.
    BreakerOpen {
        /// When trying again may help.
        retry_after: Option<Span>,
        /// Whether the request spent a token all the same.
        has_spent: bool,
    },
}

/// A ruling, and what it changed.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// What is said to the request.
    pub ruling: Ruling,
    /// What changed at the breaker that was asked.
    pub transitions: Vec<(BreakerKey, Transition)>,
}

/// A limiter, and breakers behind or before it.
#[derive(Clone, Debug, Serialize)]
pub struct Gateway {
    config: Arc<GatewayConfig>,
    limiter: Limiter,
    breaker: Arc<BreakerConfig>,
    breakers: Map<BreakerKey, Breaker>,
    /// Whether any breaker ever was, or may have been, anything but closed: else none is due.
    #[serde(skip)]
    has_opened: bool,
}

impl Gateway {
    /// A gateway with closed breakers and full buckets.
    #[must_use]
    pub fn new(
        config: impl Into<Arc<GatewayConfig>>,
        limiter: impl Into<Arc<LimiterConfig>>,
        breaker: impl Into<Arc<BreakerConfig>>,
    ) -> Self {
        let (config, breaker) = (config.into(), breaker.into());
        Self {
            config,
            limiter: Limiter::new(limiter),
            breaker,
            breakers: Map::default(),
            has_opened: false,
        }
    }

    /// Whether a request may go ahead.
    #[inline(always)]
    pub fn admit(&mut self, now: Time, passage: Passage) -> Judged {
        match self.config.order {
            RefusalOrder::LimiterFirst | RefusalOrder::Refund => {
                if let Some(retry) = self.limit(now, passage) {
                    let ruling = Ruling::RateLimited(retry);
                    return Judged { ruling, transitions: Vec::new() };
                }
                let (permit, transitions) = self.ask_breaker(now, passage);
                let ruling = match permit {
                    Ok(permit) => Ruling::Admitted(Entry { permit }),
                    Err(Refusal { retry_after }) => {
                        let has_spent = self.config.order == RefusalOrder::LimiterFirst;
                        if !has_spent {
                            let Passage { client, route, limit, cost, .. } = passage;
                            self.limiter.refund(now, client, route, limit, cost);
                        }
                        Ruling::BreakerOpen { retry_after, has_spent }
                    }
                };
                Judged { ruling, transitions }
            }
            RefusalOrder::BreakerFirst => self.admit_by_breaker_first(now, passage),
        }
    }

    #[inline(never)]
    fn admit_by_breaker_first(&mut self, now: Time, passage: Passage) -> Judged {
        let (permit, mut transitions) = self.ask_breaker(now, passage);
        let ruling = match permit {
            Err(Refusal { retry_after }) => Ruling::BreakerOpen { retry_after, has_spent: false },
            Ok(permit) => match self.limit(now, passage) {
                None => Ruling::Admitted(Entry { permit }),
                Some(retry) => {
                    let entry = Entry { permit };
                    transitions.extend(self.finish(now, entry, CallResult::Abandoned));
                    Ruling::RateLimited(retry)
                }
            },
        };
        Judged { ruling, transitions }
    }

    /// Whether a request may be told that no route is for it, or when it may.
    pub fn admit_unknown(&mut self, now: Time, client: Name, nowhere: Name) -> Option<NextTry> {
        match self.config.unknown_path {
            UnknownPath::Free => None,
            UnknownPath::Limited(limit) => {
                let decision = self.limiter.allow(now, client, nowhere, i64::from(limit));
                (!decision.allowed).then_some(decision.retry)
            }
        }
    }

    /// The instances whose breakers admit a call, by their places; all of them unless breakers are for
    /// instances.
    #[must_use]
    pub fn callable(&self, now: Time, service: Name, instances: &[u32]) -> Vec<usize> {
        let is_callable = |instance: u32| {
            let breaker = self.breakers.get(&BreakerKey::Instance(service, instance));
            breaker.is_none_or(|breaker| breaker.look(now) != Look::Refuses)
        };
        (0..instances.len()).filter(|place| is_callable(instances[*place])).collect()
    }

    /// When the first of the instances may be called again, as far as their breakers know.
    #[must_use]
    pub fn callable_after(&self, now: Time, service: Name, instances: &[u32]) -> Option<Span> {
        let breaker = |instance| self.breakers.get(&BreakerKey::Instance(service, instance));
        let breakers = instances.iter().filter_map(|instance| breaker(*instance));
        breakers.filter_map(|breaker| breaker.retry_after(now)).min()
    }

    /// Notes which of the [`callable`](Self::callable) instances a request calls.
    pub fn pick(
        &mut self,
        now: Time,
        entry: &mut Entry,
        service: Name,
        instance: u32,
    ) -> Vec<(BreakerKey, Transition)> {
        if self.config.breaker_per != BreakerPer::Instance {
            return Vec::new();
        }
        let (permit, transitions) = self.ask(now, BreakerKey::Instance(service, instance));
        // Without one the call's result counts nowhere.
        entry.permit = permit.ok();
        transitions
    }

    /// Takes in how the call of a request ended.
    #[inline(always)]
    pub fn finish(
        &mut self,
        now: Time,
        entry: Entry,
        result: CallResult,
    ) -> Vec<(BreakerKey, Transition)> {
        let Some((key, permit)) = entry.permit else { return Vec::new() };
        let Some(breaker) = self.breakers.get_mut(&key) else { return Vec::new() };
        let transitions = breaker.record(now, permit, result);
        self.keyed(key, transitions)
    }

    /// Takes back that it let a request in, as somebody behind it refused: the permit of its
    /// breaker is free again, and under [`RefusalOrder::Refund`] the limiter has its token back.
    /// Returns what changed at the breaker, and whether the request has spent a token all the same.
    pub fn take_back(
        &mut self,
        now: Time,
        passage: Passage,
        entry: Entry,
    ) -> (Vec<(BreakerKey, Transition)>, bool) {
        let transitions = self.finish(now, entry, CallResult::Abandoned);
        let has_spent = self.config.order != RefusalOrder::Refund;
        if !has_spent {
            let Passage { client, route, limit, cost, .. } = passage;
            self.limiter.refund(now, client, route, limit, cost);
        }
        (transitions, has_spent)
    }

    /// Hears that a route leads to a service now, and to which before.
    pub fn route(&mut self, route: Name, service: Name, before: Option<Name>) {
        if let Some(before) = before.filter(|before| *before != service)
            && self.config.replaced_route == ReplacedRoute::NewBreaker
        {
            self.breakers.shift_remove(&BreakerKey::Route(route, before));
        }
        if let Some(key) = self.key(route, service) {
            self.add_breaker(key);
        }
    }

    /// Hears that no route leads to a service any more.
    pub fn abandon_service(&mut self, service: Name) {
        if self.config.replaced_route == ReplacedRoute::NewBreaker {
            self.breakers.retain(|key, _| match *key {
                BreakerKey::Service(of)
                | BreakerKey::Route(_, of)
                | BreakerKey::Instance(of, _) => of != service,
            });
        }
    }

    /// Lives through the first thing that is due at a breaker by `now`.
    pub fn wake(&mut self, now: Time) -> Option<(BreakerKey, Transition)> {
        while let Some((key, breaker)) = self
            .breakers
            .iter_mut()
            .filter(|(_, breaker)| breaker.due().is_some_and(|due| due <= now))
            .min_by_key(|(_, breaker)| breaker.due())
        {
            if let Some(transition) = breaker.wake(now) {
                return Some((*key, transition));
            }
        }
        None
    }

    /// When [`wake`](Self::wake) next has something to do.
    #[must_use]
    #[inline]
    pub fn due(&self) -> Option<Time> {
        if self.has_opened { self.first_due() } else { None }
    }

    #[cold]
    fn first_due(&self) -> Option<Time> {
        self.breakers.values().filter_map(Breaker::due).min()
    }

    /// The breaker for this.
    #[must_use]
    pub fn breaker(&self, key: BreakerKey) -> Option<&Breaker> {
        self.breakers.get(&key)
    }

    /// The breaker for this, to be overridden or jittered.
    pub fn breaker_mut(&mut self, key: BreakerKey) -> Option<&mut Breaker> {
        self.has_opened = true;
        self.breakers.get_mut(&key)
    }

    /// Every breaker.
    pub fn breakers(&self) -> impl Iterator<Item = (BreakerKey, &Breaker)> {
        self.breakers.iter().map(|(key, breaker)| (*key, breaker))
    }

    /// The limiter.
    #[must_use]
    pub const fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// How it behaves.
    #[must_use]
    pub fn config(&self) -> &GatewayConfig {
        &self.config
    }

    /// When to try again, for a request over its limit.
    #[inline(always)]
    fn limit(&mut self, now: Time, passage: Passage) -> Option<NextTry> {
        let Passage { client, route, limit, cost, .. } = passage;
        let decision = self.limiter.allow_cost(now, client, route, limit, cost);
        (!decision.allowed).then_some(decision.retry)
    }

    /// The breaker that a request meets before an instance is picked.
    fn key(&self, route: Name, service: Name) -> Option<BreakerKey> {
        match self.config.breaker_per {
            BreakerPer::Service => Some(BreakerKey::Service(service)),
            BreakerPer::Route => Some(BreakerKey::Route(route, service)),
            BreakerPer::Instance => None,
        }
    }

    #[inline(always)]
    #[expect(clippy::type_complexity, reason = "two answers, each of two words")]
    fn ask_breaker(
        &mut self,
        now: Time,
        passage: Passage,
    ) -> (Result<Option<(BreakerKey, Permit)>, Refusal>, Vec<(BreakerKey, Transition)>) {
        let Some(key) = self.key(passage.route, passage.service) else {
            return (Ok(None), Vec::new());
        };
        let (permit, transitions) = self.ask(now, key);
        (permit.map(Some), transitions)
    }

    #[inline(always)]
    #[expect(clippy::type_complexity, reason = "two answers, each of two words")]
    fn ask(
        &mut self,
        now: Time,
        key: BreakerKey,
    ) -> (Result<(BreakerKey, Permit), Refusal>, Vec<(BreakerKey, Transition)>) {
        let place = self.breakers.get_index_of(&key).unwrap_or_else(|| self.add_breaker(key));
        let Admission { outcome, transitions } = self.breakers[place].allow(now);
        (outcome.map(|permit| (key, permit)), self.keyed(key, transitions))
    }

    /// The place of a breaker that may be missing.
    #[cold]
    fn add_breaker(&mut self, key: BreakerKey) -> usize {
        let entry = self.breakers.entry(key);
        let place = entry.index();
        entry.or_insert_with(|| Breaker::new(Arc::clone(&self.breaker)));
        place
    }

    /// What changed at one breaker: mostly nothing.
    #[inline(always)]
    fn keyed(
        &mut self,
        key: BreakerKey,
        transitions: Vec<Transition>,
    ) -> Vec<(BreakerKey, Transition)> {
        if transitions.is_empty() { Vec::new() } else { self.keyed_fully(key, transitions) }
    }

    #[cold]
    fn keyed_fully(
        &mut self,
        key: BreakerKey,
        transitions: Vec<Transition>,
    ) -> Vec<(BreakerKey, Transition)> {
        self.has_opened = true;
        transitions.into_iter().map(|transition| (key, transition)).collect()
    }
}
