//! A gateway on the network: its breakers' timers, its bulkhead, and what instances are left.

use std::sync::Arc;

use brownout_models::contract::{Answer, Failure, NodeId, Subset};
use brownout_models::machine::{Discovery, GatewayConfig, GatewayNode, Route, Target};
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
