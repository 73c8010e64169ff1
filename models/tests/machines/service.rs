//! An instance of a service on the network: its registration, its probes and its workers.

use std::sync::Arc;

use brownout_models::contract::{Body, Distribution, Failure, Input, NodeId};
use brownout_models::machine::{Discovery, Heartbeat, Program, ServiceConfig, ServiceNode, Step};
use brownout_models::policy::{BulkheadConfig, Concurrency};
use brownout_models::{Map, Name, Span};

use super::{DONE, Rig};

pub(crate) const SERVICE: Name = Name(20);
pub(crate) const HEARTBEAT: u64 = 0;

/// One worker, a place in its queue, and a handler that works for ten milliseconds.
pub(crate) fn config() -> ServiceConfig {
    let work = Step::Work(Distribution::Constant(Span::from_millis(10)));
    ServiceConfig {
        service: SERVICE,
        discovery: Discovery::from(Some(NodeId(2))),
        heartbeat: Heartbeat::Every(Span::from_secs(5)),
        reregisters: false,
        workers: 1,
        queue: 1,
        bulkhead: BulkheadConfig::default(),
        retry_after: None,
        handlers: Map::from_iter([(Name(6), Program { steps: vec![work] })]),
        relay: None,
        managed: None,
    }
}

fn rig(config: ServiceConfig) -> Rig<ServiceNode<()>> {
    Rig::new(ServiceNode::new(Arc::new(config)))
}

#[test]
fn the_guides_instance_registers_once_and_every_heartbeat_is_a_piece_of_work() {
    let mut rig = rig(config());
    assert_eq!(rig.step("0s", Input::Start), ["tell 2 to register for 20", "wake 0 in 5s"]);
    for (beat, at) in [(1, "5s"), (2, "10s"), (3, "15s")] {
        let lines = rig.wake(at, HEARTBEAT);
        let flow = format!("flow heartbeat {beat}");
        assert_eq!(lines, [&flow, "tell 2 alive for 20", "wake 0 in 5s"]);
    }
}

#[test]
fn an_instance_that_the_registry_does_not_know_registers_again() {
    let mut rig = rig(ServiceConfig { reregisters: true, ..config() });
    let start = ["ask 2 to register for 20 within 1s", "wake 0 in 5s"];
    assert_eq!(rig.step("0s", Input::Start), start);
    assert_eq!(rig.reply("1ms", 0, DONE), ["wake 0 in 0s"]);
    rig.wake("1ms", HEARTBEAT);
    assert_eq!(rig.reply("2ms", 1, DONE), Vec::<String>::new());
    rig.wake("5s", HEARTBEAT);
    let again = ["ask 2 to register for 20 within 1s"];
    assert_eq!(rig.reply("5s", 2, Err(Failure::NoInstances)), again);
    // What it hears when it registers is no reason to register.
    assert_eq!(rig.reply("5s", 3, Err(Failure::NoInstances)), Vec::<String>::new());
    rig.wake("10s", HEARTBEAT);
    assert_eq!(rig.reply("10s", 4, Err(Failure::Reset)), Vec::<String>::new());
}

#[test]
fn a_probe_is_answered_once_a_worker_is_free() {
    let mut rig = rig(config());
    let probe = || Body::Heartbeat(SERVICE);
    assert_eq!(rig.deliver_from("0s", NodeId(3), probe()), ["answer 3: done"]);
    let began = rig.request("0s", 6, 1);
    assert!(began.contains(&"Began { method: Name(6), key: 1 }".to_owned()), "{began:?}");
    assert_eq!(rig.deliver_from("1ms", NodeId(3), probe()), Vec::<String>::new());
    assert_eq!(rig.deliver_from("2ms", NodeId(4), probe()), ["answer 4: queue full"]);
    let lines = rig.wake("10ms", job(&began));
    assert_eq!(lines.last().unwrap(), "answer 3: done");
}

/// The code of the timer that a step set.
fn job(lines: &[String]) -> u64 {
    let wake = lines.iter().find_map(|line| line.strip_prefix("wake ")).expect("a timer");
    let code = wake.split(' ').next().and_then(|code| code.parse().ok());
    code.expect("the code of a timer")
}

#[test]
fn a_worker_takes_up_who_waited_longest_and_a_full_queue_turns_away() {
    let mut rig = rig(ServiceConfig { queue: 2, ..config() });
    assert_eq!(rig.phase(), "idle");
    let began = rig.request("0s", 6, 1);
    assert_eq!(rig.phase(), "working");
    assert_eq!(rig.request("1ms", 6, 2), ["Queued { method: Name(6), key: 2, waiting: 1 }"]);
    assert_eq!(rig.phase(), "saturated");
    assert_eq!(rig.request("2ms", 6, 3), ["Queued { method: Name(6), key: 3, waiting: 2 }"]);
    let full = ["Overloaded { method: Name(6), key: 4 }", "answer 9: queue full"];
    assert_eq!(rig.request("3ms", 6, 4), full);
    let lines = rig.wake("10ms", job(&began));
    let began: Vec<_> = lines.iter().filter(|line| line.starts_with("Began")).collect();
    assert_eq!(began, ["Began { method: Name(6), key: 2 }"]);
    assert_eq!(rig.request("11ms", 7, 5), ["answer 9: unknown method"]);
    rig.power_cut();
    assert_eq!(rig.phase(), "idle");
}

#[test]
fn a_bulkhead_counts_who_waits_for_a_worker_as_inside() {
    let bulkhead =
        BulkheadConfig { max_concurrent: Concurrency::AtMost(2), ..BulkheadConfig::default() };
    let mut rig = rig(ServiceConfig { bulkhead, queue: 9, ..config() });
    let began = rig.request("0s", 6, 1);
    rig.request("0s", 6, 2);
    let lines = rig.request("0s", 6, 3);
    assert_eq!(lines.last().unwrap(), "answer 9: queue full");
    rig.wake("10ms", job(&began));
    assert_eq!(rig.request("10ms", 6, 4), ["Queued { method: Name(6), key: 4, waiting: 1 }"]);
}

#[test]
fn nobody_waits_at_the_bulkhead_of_a_service_itself() {
    let bulkhead = BulkheadConfig {
        max_concurrent: Concurrency::AtMost(1),
        max_waiting: 5,
        ..BulkheadConfig::default()
    };
    let mut rig = rig(ServiceConfig { bulkhead, workers: 3, ..config() });
    let began = rig.request("0s", 6, 1);
    assert_eq!(rig.request("1ms", 6, 2).last().unwrap(), "answer 9: queue full");
    rig.wake("10ms", job(&began));
    let lines = rig.request("11ms", 6, 3);
    assert!(lines.contains(&"Began { method: Name(6), key: 3 }".to_owned()), "{lines:?}");
}
