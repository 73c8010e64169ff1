//! A gateway on the network: its breakers' timers, its bulkhead, and what instances are left.

use std::sync::Arc;

use brownout_models::contract::{Answer, Failure, NodeId, Subset};
use brownout_models::machine::{Discovery, GatewayConfig, GatewayNode, Route, Target};
use brownout_models::policy::gateway::Refusals;
use brownout_models::policy::{
    self, Boundary, BreakerConfig, BreakerPer, BulkheadConfig, Concurrency, HalfOpening, Limit,
    LimiterConfig,
};
use brownout_models::{Map, Name, Span};

use super::{DONE, Rig, instances};

/// The service behind the only route, `Name(5)`.
const SERVICE: Name = Name(20);

fn config() -> GatewayConfig {
    let target = Target { node: None, service: SERVICE };
    let route = Route { name: Name(5), target, method: Name(6), limit: 1_000 };
    let breaker = BreakerConfig { failure_threshold: 1, ..BreakerConfig::default() };
    GatewayConfig {
        discovery: Discovery::from(Some(NodeId(2))),
        routes: Map::from_iter([(Name(5), route)]),
        policy: Arc::new(policy::GatewayConfig::default()),
        limiter: Arc::new(LimiterConfig::default()),
        breaker: Arc::new(breaker),
        bulkhead: BulkheadConfig::default(),
    }
}

fn rig(config: GatewayConfig) -> Rig<GatewayNode<()>> {
    Rig::new(GatewayNode::new(Arc::new(config)))
}

const ADMITTED: &str = "Admitted { client: Name(9), route: Name(5), limit: 1000 }";
const PICKED: &str = "Picked { service: Name(20), instance: NodeId(11), of: 1 }";

#[test]
fn a_request_finds_its_instance_and_is_answered() {
    let mut rig = rig(config());
    assert_eq!(rig.request("0s", 5, 7), [ADMITTED, "ask 2 where 20 is"]);
    assert_eq!(rig.reply("1ms", 0, instances(&[11])), [PICKED, "ask 11 with 6 of 7"]);
    assert_eq!(rig.reply("2ms", 1, DONE), ["answer 9: done"]);
    assert_eq!(rig.phase(), "closed");
}

#[test]
fn every_waking_of_the_breakers_is_a_piece_of_work_of_its_own() {
    let mut config = config();
    let jitter = "20%".parse().unwrap();
    config.breaker = Arc::new(BreakerConfig {
        failure_threshold: 1,
        boundary: Boundary::Inclusive,
        half_opening: HalfOpening::Automatic,
        open_jitter: jitter,
        ..BreakerConfig::default()
    });
    let mut rig = rig(config);
    let opened = |from: &str| format!("Breaker {{ service: Name(20), from: {from}, to: Open }}");
    let half_opens = "Breaker { service: Name(20), from: Open, to: HalfOpen }";
    for (round, at, from, wait) in [(0, "0s", "Closed", 30), (1, "1m", "HalfOpen", 33)] {
        rig.request(at, 5, 7);
        rig.reply(at, 2 * round, instances(&[11]));
        // How much longer than 30 s it stays open, up to six, is drawn.
        rig.answers([Span::from_secs(wait - 30).as_nanos()]);
        let lines = rig.reply(at, 2 * round + 1, Err(Failure::Failed));
        let (setting, waking) = (2 * round + 1, 2 * round + 2);
        let flow = format!("flow breaker {setting}");
        let timer = format!("wake 0 in {wait}s");
        let answer = "answer 9: failed";
        assert_eq!(lines, ["choose open jitter", &flow, &opened(from), answer, &timer]);
        let due = Span::from_secs(60 * round as u64 + wait).to_string();
        let flow = format!("flow breaker {waking}");
        assert_eq!(rig.wake(&due, 0), [&flow, half_opens]);
    }
}

#[test]
fn calls_that_reached_nobody_say_nothing_of_how_much_a_service_can_take() {
    for (failure, left) in [
        (Failure::NoInstances, 2),
        (Failure::NoHealthyInstances, 2),
        (Failure::Failed, 3),
        (Failure::TimedOut, 1),
        (Failure::Overloaded, 1),
    ] {
        let mut config = config();
        config.breaker = Arc::new(BreakerConfig::default());
        let limit = Limit::Aimd {
            initial_limit: 2,
            min_limit: 1,
            max_limit: 10,
            backoff_ratio: "50%".parse().unwrap(),
            timeout: Span::from_secs(5),
        };
        config.bulkhead = BulkheadConfig { limit, ..BulkheadConfig::default() };
        let mut rig = rig(config);
        rig.request("0s", 5, 1);
        rig.reply("1ms", 0, Err(failure));
        let asks = "ask 2 where 20 is".to_owned();
        let taken = (2..9).filter(|key| rig.request("2ms", 5, *key).contains(&asks));
        assert_eq!(taken.count(), left, "after `{}`", failure.words());
    }
}

#[test]
fn a_bulkhead_is_free_again_when_its_call_is_over() {
    let mut config = config();
    config.breaker = Arc::new(BreakerConfig::default());
    config.bulkhead =
        BulkheadConfig { max_concurrent: Concurrency::AtMost(1), ..BulkheadConfig::default() };
    let mut rig = rig(config);
    rig.request("0s", 5, 1);
    let full = "GatewayFull { service: Name(20), key: 2, inside: 1 }";
    assert_eq!(rig.request("0s", 5, 2), [ADMITTED, full, "answer 9: queue full"]);
    rig.reply("1ms", 0, Err(Failure::NoInstances));
    assert_eq!(rig.request("2ms", 5, 3), [ADMITTED, "ask 2 where 20 is"]);
}

#[test]
fn where_breakers_are_for_instances_an_open_one_leaves_the_others() {
    let mut config = config();
    let breaker_per = BreakerPer::Instance;
    config.policy =
        Arc::new(policy::GatewayConfig { breaker_per, ..policy::GatewayConfig::default() });
    let mut rig = rig(config);
    rig.request("0s", 5, 1);
    rig.reply("1ms", 0, instances(&[11, 12]));
    rig.reply("2ms", 1, Err(Failure::Failed));
    rig.request("3ms", 5, 2);
    let picked = "Picked { service: Name(20), instance: NodeId(12), of: 1 }";
    assert_eq!(rig.reply("4ms", 2, instances(&[11, 12])), [picked, "ask 12 with 6 of 2"]);
    rig.request("5ms", 5, 3);
    let subset = |numbers: &[u32]| {
        let instances = numbers.iter().copied().map(NodeId).collect();
        Ok(Answer::Subset(Arc::new(Subset { name: Name(21), instances })))
    };
    let found = rig.reply("6ms", 4, subset(&[11, 12]));
    let picked = "Picked { service: Name(21), instance: NodeId(12), of: 1 }";
    assert_eq!(found, [picked, "ask 12 with 6 of 3"]);
    rig.request("7ms", 5, 4);
    let broken = ["Broken { service: Name(20) }", "answer 9: circuit breaker open"];
    assert_eq!(rig.reply("8ms", 6, subset(&[11])), broken);
}

#[test]
fn where_breakers_are_for_services_every_instance_found_may_be_called() {
    let mut config = config();
    config.breaker = Arc::new(BreakerConfig::default());
    let mut rig = rig(config);
    rig.request("0s", 5, 1);
    rig.reply("1ms", 0, instances(&[11, 12]));
    rig.reply("2ms", 1, Err(Failure::Failed));
    rig.request("3ms", 5, 2);
    let picked = "Picked { service: Name(20), instance: NodeId(12), of: 2 }";
    assert_eq!(rig.reply("4ms", 2, instances(&[11, 12])), [picked, "ask 12 with 6 of 2"]);
}

#[test]
fn a_gateway_that_lost_its_memory_has_closed_breakers() {
    let mut rig = rig(config());
    rig.request("0s", 5, 7);
    rig.reply("1ms", 0, instances(&[11]));
    rig.reply("2ms", 1, Err(Failure::Failed));
    assert_eq!(rig.phase(), "a breaker is not closed");
    rig.power_cut();
    assert_eq!(rig.phase(), "closed");
}

fn bulkhead(max_waiting: u32) -> GatewayConfig {
    let mut config = config();
    config.breaker = Arc::new(BreakerConfig::default());
    config.bulkhead = BulkheadConfig {
        max_concurrent: Concurrency::AtMost(1),
        max_waiting,
        ..BulkheadConfig::hardened()
    };
    config
}

const WAITS: u64 = 1 << 32;

#[test]
fn who_waits_at_a_bulkhead_goes_in_when_somebody_leaves() {
    let mut rig = rig(bulkhead(2));
    rig.request("0s", 5, 1);
    let began = |key: u64, waiting: u32| {
        format!("Waiting(Began {{ service: Name(20), key: {key}, waiting: {waiting} }})")
    };
    let wake = |place: u64| format!("wake {} in 1s", WAITS + place);
    assert_eq!(rig.request("0s", 5, 2), [ADMITTED, &began(2, 1), &wake(0)]);
    assert_eq!(rig.request("100ms", 5, 3), [ADMITTED, &began(3, 2), &wake(1)]);
    let full = rig.request("100ms", 5, 4);
    assert_eq!(full.last().unwrap(), "answer 9: queue full");
    let lines = rig.reply("250ms", 0, Err(Failure::Failed));
    let in_it_is = "Waiting(Ended { service: Name(20), key: 2, waited: 250ms, is_in: true })";
    let sleep = format!("sleep {WAITS}");
    assert_eq!(lines, ["answer 9: failed", &sleep, in_it_is, "ask 2 where 20 is"]);
}

#[test]
fn who_has_waited_for_too_long_gives_up_its_place() {
    let mut rig = rig(bulkhead(1));
    rig.request("0s", 5, 1);
    rig.request("0s", 5, 2);
    let out = "Waiting(Ended { service: Name(20), key: 2, waited: 1s, is_in: false })";
    assert_eq!(rig.wake("1s", WAITS), [out, "answer 9: queue full"]);
    // Its place is free for another, and nobody else is let in for it.
    assert_eq!(rig.request("1s", 5, 3).len(), 3);
    let lines = rig.reply("2s", 0, Err(Failure::Failed));
    assert!(lines.concat().contains("key: 3, waited: 1s, is_in: true"), "{lines:?}");
    let lines = rig.reply("3s", 1, Err(Failure::Failed));
    assert_eq!(lines, ["answer 9: failed"]);
}

#[test]
fn a_request_that_gives_up_gets_its_token_back_where_that_is_the_order() {
    let mut config = bulkhead(1);
    let order = policy::RefusalOrder::Refund;
    config.policy = Arc::new(policy::GatewayConfig { order, ..policy::GatewayConfig::default() });
    let mut rig = rig(config);
    rig.request("0s", 5, 1);
    rig.request("0s", 5, 2);
    let refunded = "Waiting(Refunded { client: Name(9), route: Name(5), limit: 1000 })";
    assert_eq!(rig.wake("1s", WAITS)[0], refunded);
}

#[test]
fn who_may_wait_for_ever_has_no_timer() {
    let mut config = bulkhead(1);
    config.bulkhead.max_wait = policy::Timeout::Never;
    let mut rig = rig(config);
    rig.request("0s", 5, 1);
    assert_eq!(rig.request("0s", 5, 2).len(), 2, "it is admitted, and waits");
}

#[test]
fn a_gateway_that_refuses_says_when_to_come_back_if_it_says_so() {
    for (refusals, until_closed, until_token) in
        [(Refusals::Bare, "", ""), (Refusals::SayWhen, ", again in 29s", ", again in 59s")]
    {
        let mut config = config();
        config.policy =
            Arc::new(policy::GatewayConfig { refusals, ..policy::GatewayConfig::default() });
        config.breaker = Arc::new(BreakerConfig {
            boundary: Boundary::Inclusive,
            ..BreakerConfig::clone(&config.breaker)
        });
        let mut broken = rig(config.clone());
        broken.request("0s", 5, 1);
        broken.reply("0s", 0, instances(&[11]));
        broken.reply("0s", 1, Err(Failure::Failed));
        let lines = broken.request("1s", 5, 2);
        let refused = format!("answer 9: circuit breaker open{until_closed}");
        assert_eq!(lines.last().unwrap(), &refused);

        config.limiter = Arc::new(LimiterConfig::hardened());
        config.routes.get_mut(&Name(5)).unwrap().limit = 1;
        let mut limited = rig(config);
        assert_eq!(limited.request("0s", 5, 1).last().unwrap(), "ask 2 where 20 is");
        let lines = limited.request("1s", 5, 2);
        let refused = format!("answer 9: rate limit exceeded{until_token}");
        assert_eq!(lines.last().unwrap(), &refused);
    }
}

#[test]
fn where_breakers_are_for_instances_the_first_that_may_be_called_again_counts() {
    let mut config = config();
    config.policy = Arc::new(policy::GatewayConfig {
        breaker_per: BreakerPer::Instance,
        refusals: Refusals::SayWhen,
        ..policy::GatewayConfig::default()
    });
    config.breaker = Arc::new(BreakerConfig {
        boundary: Boundary::Inclusive,
        ..BreakerConfig::clone(&config.breaker)
    });
    let mut rig = rig(config);
    for (at, instance, call) in [("0s", 11, 0), ("5s", 12, 2)] {
        rig.request(at, 5, 1);
        rig.reply(at, call, instances(&[instance]));
        rig.reply(at, call + 1, Err(Failure::Failed));
    }
    rig.request("10s", 5, 2);
    let broken = ["Broken { service: Name(20) }", "answer 9: circuit breaker open, again in 20s"];
    assert_eq!(rig.reply("10s", 4, instances(&[11, 12])), broken);
}
