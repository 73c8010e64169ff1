//! The gateway's defects by id, each with the option that has it and the one that has not.

use brownout_models::policy::{
    Asked, BreakerConfig, BreakerKey, BreakerPer, BreakerState, CallResult, Entry, FailureClass,
    Gateway, GatewayConfig, Judged, LimitChanges, LimiterConfig, NextTry, Passage, RefusalOrder,
    ReplacedRoute, RouteMatch, RoutePattern, Router, Ruling, Trip, UnknownPath,
};
use brownout_models::{Name, Span, Time, Timeout};

const CLIENT: Name = Name(0);
const ORDERS: Name = Name(1);
const USERS: Name = Name(2);
const SERVICE: Name = Name(3);
const OTHER: Name = Name(4);

/// One failure opens a breaker.
fn gateway(config: GatewayConfig) -> Gateway {
    let breaker = BreakerConfig { failure_threshold: 1, ..BreakerConfig::guide() };
    Gateway::new(config, LimiterConfig::guide(), breaker)
}

fn passage(route: Name, limit: i64) -> Passage {
    Passage { client: CLIENT, route, service: SERVICE, limit, cost: 1 }
}

fn admit(gateway: &mut Gateway, passage: Passage) -> Option<Entry> {
    match gateway.admit(Time::ZERO, passage).ruling {
        Ruling::Admitted(entry) => Some(entry),
        Ruling::RateLimited(_) | Ruling::BreakerOpen { .. } => None,
    }
}

fn fail(gateway: &mut Gateway, route: Name) {
    let entry = admit(gateway, passage(route, 1_000)).unwrap();
    gateway.finish(Time::ZERO, entry, CallResult::FAILED);
}

#[test]
fn gw_1_a_second_method_replaces_the_first_or_stands_beside_it() {
    let found = |by| {
        let mut router = Router::new(by);
        for method in ["GET", "POST"] {
            let (host, path) = (None, "/orders".to_owned());
            router.insert(RoutePattern { host, method: Some(method.to_owned()), path }, method);
        }
        let find = |method| {
            router.find(Asked { host: None, method: Some(method), path: "/orders" }).copied()
        };
        (find("GET"), find("POST"))
    };
    assert_eq!(found(RouteMatch::Path), (Some("POST"), Some("POST")));
    assert_eq!(found(RouteMatch::HostMethodPath), (Some("GET"), Some("POST")));
}

#[test]
fn gw_2_a_request_that_the_breaker_refuses_has_spent_a_token_or_not() {
    let left_after_ten_refusals = |order| {
        let limiter =
            LimiterConfig { limit_changes: LimitChanges::Follow, ..LimiterConfig::guide() };
        let breaker = BreakerConfig { failure_threshold: 1, ..BreakerConfig::guide() };
        let config = GatewayConfig { order, ..GatewayConfig::guide() };
        let mut gateway = Gateway::new(config, limiter, breaker);
        let entry = admit(&mut gateway, passage(ORDERS, 20)).unwrap();
        gateway.finish(Time::ZERO, entry, CallResult::FAILED);
        let spent = (0..10).filter(|_| {
            let Judged { ruling, .. } = gateway.admit(Time::ZERO, passage(ORDERS, 20));
            matches!(ruling, Ruling::BreakerOpen { has_spent: true, .. })
        });
        let spent = spent.count();
        // Another service's breaker is closed: what is left of the client's budget gets through.
        let other = Passage { service: OTHER, ..passage(ORDERS, 20) };
        let left = (0..30).filter(|_| admit(&mut gateway, other).is_some()).count();
        (spent, left)
    };
    assert_eq!(left_after_ten_refusals(RefusalOrder::LimiterFirst), (10, 9));
    assert_eq!(left_after_ten_refusals(RefusalOrder::BreakerFirst), (0, 19));
    assert_eq!(left_after_ten_refusals(RefusalOrder::Refund), (0, 19));
}

#[test]
fn gw_3_a_flood_of_unknown_paths_is_free_or_has_a_limit() {
    let nowhere = Name(9);
    let refused = |unknown_path| {
        let mut gateway = gateway(GatewayConfig { unknown_path, ..GatewayConfig::guide() });
        let asked = (0..100).map(|_| gateway.admit_unknown(Time::ZERO, CLIENT, nowhere));
        asked.filter(Option::is_some).count()
    };
    assert_eq!(refused(UnknownPath::Free), 0);
    assert_eq!(refused(UnknownPath::Limited(60)), 40);
}

#[test]
fn gw_5_a_bad_route_trips_the_good_one_or_only_itself() {
    let users_after_a_failure_of_orders = |breaker_per| {
        let mut gateway = gateway(GatewayConfig { breaker_per, ..GatewayConfig::guide() });
        fail(&mut gateway, ORDERS);
        let orders = admit(&mut gateway, passage(ORDERS, 1_000)).is_some();
        (orders, admit(&mut gateway, passage(USERS, 1_000)).is_some())
    };
    assert_eq!(users_after_a_failure_of_orders(BreakerPer::Service), (false, false));
    assert_eq!(users_after_a_failure_of_orders(BreakerPer::Route), (false, true));
    assert_eq!(users_after_a_failure_of_orders(BreakerPer::Instance), (true, true));
}

#[test]
fn gw_5_one_bad_instance_of_two_never_trips_a_breaker_of_the_service_and_its_own_at_once() {
    let failed_calls = |breaker_per| {
        let breaker = BreakerConfig { failure_threshold: 2, ..BreakerConfig::guide() };
        let config = GatewayConfig { breaker_per, ..GatewayConfig::guide() };
        let mut gateway = Gateway::new(config, LimiterConfig::guide(), breaker);
        let instances = [10, 11];
        let calls = (0..100).filter(|call| {
            let mut entry = admit(&mut gateway, passage(ORDERS, 1_000)).unwrap();
            let callable = gateway.callable(Time::ZERO, SERVICE, &instances);
            let instance = instances[callable[call % callable.len()]];
            gateway.pick(Time::ZERO, &mut entry, SERVICE, instance);
            let result = if instance == 10 { CallResult::FAILED } else { CallResult::Success };
            gateway.finish(Time::ZERO, entry, result);
            instance == 10
        });
        calls.count()
    };
    assert_eq!(failed_calls(BreakerPer::Service), 50, "a success comes after every failure");
    assert_eq!(failed_calls(BreakerPer::Instance), 2);
}

#[test]
fn gw_5_an_instance_that_refuses_all_the_same_is_called_without_a_permit() {
    let config = GatewayConfig { breaker_per: BreakerPer::Instance, ..GatewayConfig::guide() };
    let mut gateway = gateway(config);
    let mut entry = admit(&mut gateway, passage(ORDERS, 9)).unwrap();
    gateway.pick(Time::ZERO, &mut entry, SERVICE, 10);
    gateway.finish(Time::ZERO, entry, CallResult::FAILED);
    assert_eq!(gateway.callable(Time::ZERO, SERVICE, &[10, 11]), [1]);
    let mut entry = admit(&mut gateway, passage(ORDERS, 9)).unwrap();
    assert_eq!(gateway.pick(Time::ZERO, &mut entry, SERVICE, 10), []);
    assert_eq!(gateway.finish(Time::ZERO, entry, CallResult::FAILED), []);
}

#[test]
fn gw_7_a_route_that_leads_elsewhere_keeps_old_breakers_or_forgets_them() {
    let breakers_after_a_move = |replaced_route, breaker_per| {
        let config = GatewayConfig { replaced_route, breaker_per, ..GatewayConfig::guide() };
        let mut gateway = gateway(config);
        gateway.route(ORDERS, SERVICE, None);
        fail(&mut gateway, ORDERS);
        gateway.route(ORDERS, OTHER, Some(SERVICE));
        gateway.abandon_service(SERVICE);
        gateway.breakers().map(|(key, breaker)| (key, breaker.state())).collect::<Vec<_>>()
    };
    let (of_service, of_other) = (BreakerKey::Service(SERVICE), BreakerKey::Service(OTHER));
    let (open, closed) = (BreakerState::Open, BreakerState::Closed);
    let kept = breakers_after_a_move(ReplacedRoute::KeepsBreaker, BreakerPer::Service);
    assert_eq!(kept, [(of_service, open), (of_other, closed)]);
    let fresh = breakers_after_a_move(ReplacedRoute::NewBreaker, BreakerPer::Service);
    assert_eq!(fresh, [(of_other, closed)]);
    let fresh = breakers_after_a_move(ReplacedRoute::NewBreaker, BreakerPer::Route);
    assert_eq!(fresh, [(BreakerKey::Route(ORDERS, OTHER), closed)]);
}

#[test]
fn gw_7_a_route_that_is_registered_again_as_it_was_keeps_its_breaker() {
    let breakers_after = |replaced_route, next| {
        let breaker_per = BreakerPer::Route;
        let config = GatewayConfig { replaced_route, breaker_per, ..GatewayConfig::guide() };
        let mut gateway = gateway(config);
        gateway.route(ORDERS, SERVICE, None);
        fail(&mut gateway, ORDERS);
        gateway.route(ORDERS, next, Some(SERVICE));
        gateway.breakers().map(|(key, breaker)| (key, breaker.state())).collect::<Vec<_>>()
    };
    let (mine, other) = (BreakerKey::Route(ORDERS, SERVICE), BreakerKey::Route(ORDERS, OTHER));
    let (open, closed) = (BreakerState::Open, BreakerState::Closed);
    for replaced in [ReplacedRoute::KeepsBreaker, ReplacedRoute::NewBreaker] {
        assert_eq!(breakers_after(replaced, SERVICE), [(mine, open)], "{replaced:?}");
    }
    let kept = breakers_after(ReplacedRoute::KeepsBreaker, OTHER);
    assert_eq!(kept, [(mine, open), (other, closed)]);
    assert_eq!(breakers_after(ReplacedRoute::NewBreaker, OTHER), [(other, closed)]);
}

#[test]
fn gw_8_an_abandoned_call_gives_its_probe_back() {
    let breaker = BreakerConfig {
        trip: Trip::Consecutive,
        failure_threshold: 1,
        minimum_calls: 1,
        ..BreakerConfig::hardened()
    };
    let (config, limiter) = (GatewayConfig::hardened(), LimiterConfig::hardened());
    let mut gateway = Gateway::new(config, limiter, breaker);
    fail(&mut gateway, ORDERS);
    let due = gateway.due().unwrap();
    assert!(gateway.wake(due).is_some());
    let ask = |gateway: &mut Gateway| match gateway.admit(due, passage(ORDERS, 1_000)).ruling {
        Ruling::Admitted(entry) => Some(entry),
        Ruling::RateLimited(_) | Ruling::BreakerOpen { .. } => None,
    };
    let probe = ask(&mut gateway).unwrap();
    assert!(ask(&mut gateway).is_none());
    gateway.finish(due, probe, CallResult::Abandoned);
    assert!(ask(&mut gateway).is_some());
}

#[test]
fn who_is_refused_behind_it_has_no_permit_and_a_token_under_refund() {
    for (order, spends) in [
        (RefusalOrder::LimiterFirst, true),
        (RefusalOrder::BreakerFirst, true),
        (RefusalOrder::Refund, false),
    ] {
        let breaker = BreakerConfig {
            trip: Trip::Consecutive,
            failure_threshold: 1,
            minimum_calls: 1,
            ..BreakerConfig::hardened()
        };
        let config = GatewayConfig { order, ..GatewayConfig::hardened() };
        let mut gateway = Gateway::new(config, LimiterConfig::hardened(), breaker);
        fail(&mut gateway, ORDERS);
        let due = gateway.due().unwrap();
        assert!(gateway.wake(due).is_some(), "half-open: one probe at a time");
        let few = Passage { client: Name(7), ..passage(ORDERS, 10) };
        let Ruling::Admitted(entry) = gateway.admit(due, few).ruling else { panic!("{order:?}") };
        let (transitions, has_spent) = gateway.take_back(due, few, entry);
        assert_eq!((transitions.len(), has_spent), (0, spends), "{order:?}");
        let again = gateway.admit(due, few).ruling;
        let is_limited = matches!(again, Ruling::RateLimited(_));
        let is_admitted = matches!(again, Ruling::Admitted(_));
        assert_eq!((is_limited, is_admitted), (spends, !spends), "{order:?}: {again:?}");
        let other = Passage { client: Name(8), ..few };
        let is_next = matches!(gateway.admit(due, other).ruling, Ruling::Admitted(_));
        assert_eq!(is_next, spends, "{order:?}: the permit is there for one");
    }
}

#[test]
fn gw_9_discovery_opens_the_breaker_or_does_not_count() {
    let is_open_after_discovery_failed = |ignored| {
        let breaker = BreakerConfig { failure_threshold: 1, ignored, ..BreakerConfig::guide() };
        let mut gateway = Gateway::new(GatewayConfig::guide(), LimiterConfig::guide(), breaker);
        let entry = admit(&mut gateway, passage(ORDERS, 9)).unwrap();
        gateway.finish(Time::ZERO, entry, CallResult::Failure(FailureClass::Discovery));
        admit(&mut gateway, passage(ORDERS, 9)).is_none()
    };
    assert!(is_open_after_discovery_failed(vec![]));
    assert!(!is_open_after_discovery_failed(vec![FailureClass::Discovery]));
}

#[test]
fn gw_11_refusals_say_when() {
    let mut gateway = Gateway::new(
        GatewayConfig::hardened(),
        LimiterConfig::hardened(),
        BreakerConfig {
            trip: Trip::Consecutive,
            failure_threshold: 1,
            ..BreakerConfig::hardened()
        },
    );
    admit(&mut gateway, passage(ORDERS, 10)).unwrap();
    let Ruling::RateLimited(retry) = gateway.admit(Time::ZERO, passage(ORDERS, 10)).ruling else {
        panic!("one of ten a minute may come at once")
    };
    assert_eq!(retry, NextTry::After(Span::from_secs(6)));
    fail(&mut gateway, USERS);
    let Ruling::BreakerOpen { retry_after, has_spent } =
        gateway.admit(Time::ZERO, passage(USERS, 1_000)).ruling
    else {
        panic!("one failure opens it")
    };
    assert_eq!((retry_after, has_spent), (Some(Span::from_nanos(60_000_000_001)), false));
}

#[test]
fn gw_11_the_first_of_several_instances_is_the_one_to_come_back_for() {
    let breaker_per = BreakerPer::Instance;
    let mut gateway = gateway(GatewayConfig { breaker_per, ..GatewayConfig::hardened() });
    let seconds = |seconds: u64| Time::from_nanos(seconds * 1_000_000_000);
    for (instance, at) in [(10, 0), (11, 5)] {
        let Ruling::Admitted(mut entry) = gateway.admit(seconds(at), passage(ORDERS, 9)).ruling
        else {
            panic!("no breaker is for the route")
        };
        gateway.pick(seconds(at), &mut entry, SERVICE, instance);
        gateway.finish(seconds(at), entry, CallResult::FAILED);
    }
    let after = |instances: &[u32]| gateway.callable_after(seconds(6), SERVICE, instances);
    let nanos = |seconds: u64| Some(Span::from_nanos(seconds * 1_000_000_000 + 1));
    assert_eq!(after(&[10, 11]), nanos(24), "open for 30 s since zero");
    assert_eq!((after(&[11]), after(&[12])), (nanos(29), None));
}

#[test]
fn every_impossible_value_is_a_mistake_with_a_remedy() {
    let good = GatewayConfig::hardened;
    assert_eq!((GatewayConfig::guide().mistakes(), good().mistakes()), (vec![], vec![]));
    for (option, config) in [
        ("timeout", GatewayConfig { timeout: Timeout::After(Span::ZERO), ..good() }),
        ("unknown_path", GatewayConfig { unknown_path: UnknownPath::Limited(0), ..good() }),
    ] {
        let mistakes = config.mistakes();
        assert_eq!(mistakes.len(), 1, "{option}: {mistakes:?}");
        assert_eq!(mistakes[0].option, option);
    }
}
