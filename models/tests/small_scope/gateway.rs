//! A gateway before one service: its limiter and its breaker together.

use brownout_models::policy::{
    BreakerConfig, CallResult, Gateway, GatewayConfig, LimitChanges, LimiterConfig, Passage,
    RefusalOrder, Ruling,
};
use brownout_models::{Name, Span, Time};

use super::explore;

/// What can be told of a gateway from outside, by asking copies of it: the breaker's state, what is left
/// of the limit, and how long it is open.
#[derive(Clone)]
struct Scope {
    now: Time,
    gateway: Gateway,
    first_name: u32,
}

const LIMIT: i64 = 2;

impl Scope {
    fn passage(&self) -> Passage {
        let name = |more| Name(self.first_name + more);
        let (client, route, service) = (name(0), name(1), name(2));
        Passage { client, route, service, limit: LIMIT, cost: 1 }
    }

    /// One request, whose call ends at once.
    fn asked(&self, result: CallResult) -> Self {
        let mut scope = self.clone();
        if let Ruling::Admitted(entry) = scope.gateway.admit(self.now, self.passage()).ruling {
            scope.gateway.finish(self.now, entry, result);
        }
        scope
    }

    fn later(&self) -> Self {
        Self { now: self.now + Span::from_nanos(1), ..self.clone() }
    }

    /// The answers to everything that can be asked from now on without letting time pass, and how long
    /// the breaker refuses.
    fn key(&self) -> Vec<u128> {
        let mut key = Vec::new();
        for (_, breaker) in self.gateway.breakers() {
            key.push(breaker.state() as u128);
            let refusal = breaker.clone().allow(self.now).outcome.err();
            let wait = refusal.and_then(|refusal| refusal.retry_after);
            key.push(wait.map_or(0, |span| 1 + u128::from(span.as_nanos())));
        }
        let Passage { client, route, limit, .. } = self.passage();
        let mut limiter = self.gateway.limiter().clone();
        key.push(u128::from(limiter.allow_cost(self.now, client, route, limit, 9).remaining));
        key
    }
}

/// One failure opens the breaker for a nanosecond, one success closes it; two requests get through,
/// and none comes back within the nanoseconds of the exploration.
fn states(order: RefusalOrder, start: Time, first_name: u32) -> usize {
    let breaker = BreakerConfig {
        failure_threshold: 1,
        success_threshold: 1,
        open_timeout: Span::from_nanos(1),
        ..BreakerConfig::guide()
    };
    let limiter = LimiterConfig { limit_changes: LimitChanges::Follow, ..LimiterConfig::guide() };
    let config = GatewayConfig { order, ..GatewayConfig::guide() };
    let mut gateway = Gateway::new(config, limiter, breaker);
    gateway.route(Name(first_name + 1), Name(first_name + 2), None);
    let scope = Scope { now: start, gateway, first_name };
    let results = [CallResult::Success, CallResult::FAILED];
    explore(scope, Scope::key, |scope| {
        let asked = results.map(|result| scope.asked(result));
        [vec![scope.later()], asked.to_vec()].concat()
    })
    .0
}

/// Closed with 2, 1 or 0 left. Open after a failure, which cost one: with 1 or 0 left, and it refuses
/// for two nanoseconds more, one, or no longer. A probe ends at once, so half-open is left at once.
const STATES: usize = 3 + 2 * 3;

/// Where the breaker is asked first, a probe that the limiter then refuses has half-opened it, and gives
/// its permit back: half-open with 0 left.
const BREAKER_FIRST_STATES: usize = STATES + 1;

#[test]
fn only_a_breaker_that_is_asked_first_is_half_open_without_a_probe() {
    assert_eq!(states(RefusalOrder::LimiterFirst, Time::ZERO, 0), STATES);
    assert_eq!(states(RefusalOrder::Refund, Time::ZERO, 0), STATES);
    assert_eq!(states(RefusalOrder::BreakerFirst, Time::ZERO, 0), BREAKER_FIRST_STATES);
}

#[test]
fn neither_the_hour_nor_other_names_change_the_gateways_states() {
    let an_hour = Time::ZERO + Span::from_secs(3_600);
    let order = RefusalOrder::BreakerFirst;
    assert_eq!(states(order, an_hour, 0), BREAKER_FIRST_STATES);
    assert_eq!(states(order, Time::ZERO, 1_000), BREAKER_FIRST_STATES);
}
