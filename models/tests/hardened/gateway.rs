//! The gateway's order of refusal against a limiter and a breaker that are asked by hand.

use brownout_models::policy::{
    Breaker, BreakerConfig, BreakerPer, CallResult, Gateway, GatewayConfig, Limiter, LimiterConfig,
    LimiterKey, Passage, Permit, RefusalOrder, Ruling, Trip,
};
use brownout_models::{Name, Time};
use proptest::prelude::*;

use super::config;

const CLIENT: Name = Name(0);

/// A limiter and a breaker for each key, asked in the order that the option names.
struct ByHand {
    order: RefusalOrder,
    per: BreakerPer,
    limiter: Limiter,
    breakers: Vec<((Name, Name), Breaker)>,
    config: BreakerConfig,
}

impl ByHand {
    fn breaker(&mut self, passage: Passage) -> &mut Breaker {
        let route = if self.per == BreakerPer::Route { passage.route } else { Name(0) };
        let key = (route, passage.service);
        let place = self.breakers.iter().position(|(known, _)| *known == key);
        let place = place.unwrap_or_else(|| {
            self.breakers.push((key, Breaker::new(self.config.clone())));
            self.breakers.len() - 1
        });
        &mut self.breakers[place].1
    }

    /// 0 for a call, 1 for the limiter's refusal, 2 for the breaker's.
    fn admit(&mut self, now: Time, passage: Passage) -> (u8, Option<Permit>) {
        let Passage { client, route, limit, cost, .. } = passage;
        let within =
            |this: &mut Self| this.limiter.allow_cost(now, client, route, limit, cost).allowed;
        if self.order == RefusalOrder::BreakerFirst {
            let Ok(permit) = self.breaker(passage).allow(now).outcome else { return (2, None) };
            if within(self) {
                return (0, Some(permit));
            }
            self.breaker(passage).record(now, permit, CallResult::Abandoned);
            return (1, None);
        }
        if !within(self) {
            return (1, None);
        }
        match self.breaker(passage).allow(now).outcome {
            Ok(permit) => (0, Some(permit)),
            Err(_) => {
                if self.order == RefusalOrder::Refund {
                    self.limiter.refund(now, client, route, limit, cost);
                }
                (2, None)
            }
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_gateway_asks_as_its_order_says(
        order in prop_oneof![
            Just(RefusalOrder::LimiterFirst), Just(RefusalOrder::BreakerFirst),
            Just(RefusalOrder::Refund)],
        breaker_per in prop_oneof![Just(BreakerPer::Service), Just(BreakerPer::Route)],
        hardened in any::<bool>(),
        asks in prop::collection::vec(
            (0..30_000_000_000_u64, 1..3_u32, 3..5_u32, 1..4_u64, 0..4_u8), 1..60),
    ) {
        let breaker = BreakerConfig {
            trip: Trip::Consecutive,
            failure_threshold: 2,
            ..if hardened { BreakerConfig::hardened() } else { BreakerConfig::guide() }
        };
        let limiter = LimiterConfig { key: LimiterKey::ClientAndRoute, ..LimiterConfig::guide() };
        let config = GatewayConfig { order, breaker_per, ..GatewayConfig::guide() };
        let mut gateway = Gateway::new(config, limiter.clone(), breaker.clone());
        let mut by_hand = ByHand {
            order,
            per: breaker_per,
            limiter: Limiter::new(limiter),
            breakers: Vec::new(),
            config: breaker,
        };
        let (mut now, mut open) = (0, Vec::new());
        for (step, route, service, cost, then) in asks {
            now += step;
            let at = Time::from_nanos(now);
            let (route, service) = (Name(route), Name(service));
            let passage = Passage { client: CLIENT, route, service, limit: 8, cost };
            let (expected, permit) = by_hand.admit(at, passage);
            match gateway.admit(at, passage).ruling {
                Ruling::Admitted(entry) => {
                    prop_assert_eq!(expected, 0);
                    open.push((passage, entry, permit.unwrap()));
                }
                Ruling::RateLimited(_) => prop_assert_eq!(expected, 1),
                Ruling::BreakerOpen { has_spent, .. } => {
                    prop_assert_eq!(expected, 2);
                    prop_assert_eq!(has_spent, order == RefusalOrder::LimiterFirst);
                }
            }
            // Some calls end at once, some after the next ones began.
            if then < 3 && !open.is_empty() {
                let (passage, entry, permit) = open.remove(0);
                let result = if then == 0 { CallResult::Success } else { CallResult::FAILED };
                let said = gateway.finish(at, entry, result);
                let expected = by_hand.breaker(passage).record(at, permit, result);
                prop_assert_eq!(said.into_iter().map(|(_, said)| said).collect::<Vec<_>>(), expected);
            }
        }
    }
}
