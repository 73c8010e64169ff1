//! The breakers of a gateway as its owner sees and overrides them.

use brownout_models::policy::{
    BreakerConfig, BreakerKey, BreakerState, Gateway, GatewayConfig, LimiterConfig, Override,
    Passage, Ruling,
};
use brownout_models::{Name, Time};

#[test]
fn a_breaker_is_seen_and_overridden_by_what_it_is_for() {
    let (client, route, service) = (Name(0), Name(1), Name(2));
    let (limiter, breaker) = (LimiterConfig::guide(), BreakerConfig::guide());
    let mut gateway = Gateway::new(GatewayConfig::guide(), limiter, breaker);
    let key = BreakerKey::Service(service);
    assert!(gateway.breaker(key).is_none() && gateway.breaker_mut(key).is_none());
    let passage = Passage { client, route, service, limit: 60, cost: 1 };
    let admitted = gateway.admit(Time::ZERO, passage).ruling;
    assert!(matches!(admitted, Ruling::Admitted(_)));
    gateway.breaker_mut(key).unwrap().force(Time::ZERO, Override::Open);
    assert_eq!(gateway.breaker(key).unwrap().state(), BreakerState::Open);
    assert!(gateway.breaker(BreakerKey::Service(route)).is_none());
    let refused = gateway.admit(Time::ZERO, passage).ruling;
    assert!(matches!(refused, Ruling::BreakerOpen { retry_after: None, has_spent: true }));
}
