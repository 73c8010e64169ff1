//! An instance that somebody else starts and stops: every state on its way up and down.

use std::sync::Arc;

use brownout_models::contract::{Body, Distribution, Failure, Input, NodeId};
use brownout_models::machine::{
    Add, Managed, Orders, Program, Relay, ServiceConfig, ServiceNode, Step, Update, Write,
};
use brownout_models::policy::{BulkheadConfig, Concurrency, LifecycleConfig, OnStop, Readiness};
use brownout_models::{Map, Name, Span};

use super::service::{self, HEARTBEAT, SERVICE};
use super::{DONE, Rig, request};

const CONTROL: NodeId = NodeId(3);
const START: u32 = 60;
const STOP: u32 = 61;
const RELAY: u64 = 2 << 32;
const LIFECYCLE: u64 = 3 << 32;

fn managed() -> Managed {
    let number = |number| Name(number);
    Managed {
        control: CONTROL,
        orders: Orders {
            start: number(START),
            stop: number(STOP),
            metrics: number(62),
            usage: number(63),
            split: number(64),
        },
        runs: false,
        start_up: Distribution::Constant(Span::from_secs(1)),
        warm_up: Distribution::Constant(Span::from_secs(2)),
        becomes_ready: true,
        registers: Readiness::Probe,
        lifecycle: LifecycleConfig::hardened(),
        reports_usage: true,
    }
}

fn rig(managed: Managed) -> Rig<ServiceNode<()>> {
    rig_of(managed, service::config())
}

fn rig_of(managed: Managed, config: ServiceConfig) -> Rig<ServiceNode<()>> {
    let config = ServiceConfig { reregisters: true, managed: Some(managed), ..config };
    Rig::new(ServiceNode::new(Arc::new(config)))
}

fn order(rig: &mut Rig<ServiceNode<()>>, at: &str, method: u32, number: u64) -> Vec<String> {
    rig.deliver_from(at, CONTROL, Body::Request(request(method, number)))
}

fn probe(rig: &mut Rig<ServiceNode<()>>, at: &str, from: NodeId) -> Vec<String> {
    rig.deliver_from(at, from, Body::Heartbeat(SERVICE))
}

fn is_now(state: &str) -> String {
    format!("Deployment(Instance {{ service: Name(20), state: {state} }})")
}

/// An instance that was started at once and is ready after three seconds.
fn ready() -> Rig<ServiceNode<()>> {
    let mut rig = rig(managed());
    rig.step("0s", Input::Start);
    order(&mut rig, "0s", START, 1);
    rig.wake("1s", LIFECYCLE);
    rig.wake("3s", LIFECYCLE);
    rig.reply("3s", 0, DONE);
    rig
}

#[test]
fn it_boots_and_warms_up_before_it_registers_and_serves() {
    let mut rig = rig(managed());
    assert_eq!(rig.step("0s", Input::Start), [is_now("Stopped")]);
    assert_eq!(rig.request("0s", 6, 1), ["answer 9: connection reset"]);
    assert_eq!(probe(&mut rig, "0s", CONTROL), ["answer 3: connection reset"]);
    let boots = ["answer 3: done".to_owned(), is_now("Starting"), wakes("1s")];
    assert_eq!(order(&mut rig, "0s", START, 1), boots);
    assert_eq!(rig.request("0s", 6, 2), ["answer 9: connection reset"]);
    assert_eq!(rig.wake("1s", LIFECYCLE), [is_now("WarmingUp"), wakes("2s")]);
    // A request that came too early counts as one that failed.
    assert_eq!(rig.request("1s", 6, 3), ["answer 9: failed"]);
    let lines = probe(&mut rig, "1s", CONTROL);
    assert_eq!(lines, ["answer 3: failed", "tell 3 with 62 of 1, 1", "tell 3 with 63 of 0"]);
    let lines = rig.wake("3s", LIFECYCLE);
    let registers = "ask 2 to register for 20 within 1s".to_owned();
    assert_eq!(lines, [is_now("Ready"), registers, "wake 0 in 5s".to_owned()]);
}

fn wakes(after: &str) -> String {
    format!("wake {LIFECYCLE} in {after}")
}

#[test]
fn who_registers_with_the_first_heartbeat_is_found_while_it_warms_up() {
    let mut rig = rig(Managed { registers: Readiness::Heartbeat, ..managed() });
    rig.step("0s", Input::Start);
    order(&mut rig, "0s", START, 1);
    let lines = rig.wake("1s", LIFECYCLE);
    assert_eq!(lines[1], "ask 2 to register for 20 within 1s");
    assert_eq!(rig.wake("3s", LIFECYCLE), [is_now("Ready")]);
}

#[test]
fn one_that_never_becomes_ready_warms_up_for_ever() {
    let mut rig = rig(Managed { becomes_ready: false, ..managed() });
    rig.step("0s", Input::Start);
    order(&mut rig, "0s", START, 1);
    assert_eq!(rig.wake("1s", LIFECYCLE), [is_now("WarmingUp")]);
}

#[test]
fn an_order_counts_once_and_an_earlier_one_not_at_all() {
    let mut rig = ready();
    assert_eq!(order(&mut rig, "4s", STOP, 1), ["answer 3: done"]);
    assert_eq!(order(&mut rig, "4s", START, 2), ["answer 3: done"]);
    assert_eq!(order(&mut rig, "4s", STOP, 2), ["answer 3: done"]);
    assert_eq!(order(&mut rig, "4s", STOP, 3)[2], is_now("Draining"));
    // Nobody else gives orders.
    assert_eq!(rig.request("4s", START, 4), ["answer 9: unknown method"]);
}

#[test]
fn it_reports_what_its_workers_did_to_whoever_controls_it() {
    let mut rig = ready();
    rig.request("5s", 6, 4);
    assert_eq!(rig.request("5s", 6, 5), ["Queued { method: Name(6), key: 5, waiting: 1 }"]);
    let report = |requests: u64, busy: &str| {
        let busy = busy.parse::<Span>().unwrap().as_nanos();
        let metrics = format!("tell 3 with 62 of {requests}");
        ["answer 3: done".to_owned(), metrics, format!("tell 3 with 63 of {busy}")]
    };
    assert_eq!(probe(&mut rig, "5.004s", CONTROL), report(0, "4ms"));
    rig.wake("5.01s", 1 << 32);
    assert_eq!(probe(&mut rig, "5.015s", CONTROL), report(1, "15ms"));
    rig.wake("5.02s", 1 << 32);
    assert_eq!(probe(&mut rig, "9s", CONTROL), report(2, "20ms"));
    // Others learn whether a worker is free.
    assert_eq!(probe(&mut rig, "9s", NodeId(4)), ["answer 4: done"]);
}

#[test]
fn it_takes_its_leave_serves_on_and_stops_once_nothing_is_under_way() {
    let mut rig = ready();
    let leaves = ["answer 3: done", "sleep 0", &is_now("Draining")].map(str::to_owned);
    let lines = order(&mut rig, "10s", STOP, 2);
    assert_eq!(lines[..3], leaves);
    assert_eq!(lines[3..], ["ask 2 to leave 20 within 1s".to_owned(), wakes("30s")]);
    assert_eq!(probe(&mut rig, "10s", CONTROL)[0], "answer 3: failed");
    assert_eq!(rig.wake("10s", HEARTBEAT), Vec::<String>::new());
    // The registry is told again, until it confirms.
    let again = ["ask 2 to leave 20 within 1s".to_owned(), wakes("29s")];
    assert_eq!(rig.expire("11s", 1), again);
    assert_eq!(rig.reply("11s", 2, Err(Failure::Reset)), [wakes("1s")]);
    let again = ["ask 2 to leave 20 within 1s".to_owned(), wakes("28s")];
    assert_eq!(rig.wake("12s", LIFECYCLE), again);
    assert_eq!(rig.reply("12s", 3, DONE), [wakes("5s")]);
    let began = rig.request("16.999s", 6, 7);
    assert_eq!(began[1], "Began { method: Name(6), key: 7 }");
    assert_eq!(rig.wake("17s", LIFECYCLE), [wakes("23s")]);
    let ends = rig.wake("17.009s", 1 << 32);
    let timers = [HEARTBEAT, RELAY, LIFECYCLE].map(|timer| format!("sleep {timer}"));
    assert_eq!(ends[ends.len() - 4..ends.len() - 1], timers);
    assert_eq!(ends.last().unwrap(), &is_now("Stopped"));
}

#[test]
fn one_that_the_registry_forgot_registers_again() {
    let mut rig = ready();
    assert_eq!(rig.wake("3s", HEARTBEAT)[1], "ask 2 alive for 20 within 1s");
    let again = ["ask 2 to register for 20 within 1s"];
    assert_eq!(rig.reply("3s", 1, Err(Failure::NoInstances)), again);
}

#[test]
fn what_the_registry_does_not_know_it_need_not_be_told_to_forget() {
    let mut rig = ready();
    order(&mut rig, "10s", STOP, 2);
    assert_eq!(rig.reply("10s", 1, Err(Failure::NoInstances)), [wakes("5s")]);
}

#[test]
fn an_entry_that_may_be_an_earlier_lifes_is_taken_over_before_it_is_taken_away() {
    let mut rig = rig(managed());
    rig.step("0s", Input::Start);
    order(&mut rig, "0s", START, 1);
    rig.wake("1s", LIFECYCLE);
    rig.wake("3s", LIFECYCLE);
    // The registry has not answered: what it knows is anybody's guess.
    let lines = order(&mut rig, "3s", STOP, 2);
    assert_eq!(lines[3], "ask 2 to register for 20 within 1s");
    // The answer to what it asked while it served comes too late.
    assert_eq!(rig.reply("3s", 0, DONE), Vec::<String>::new());
    assert_eq!(rig.reply("3s", 1, Err(Failure::Reset)), [wakes("1s")]);
    let lines = rig.wake("4s", LIFECYCLE);
    assert_eq!(lines[0], "ask 2 to register for 20 within 1s");
    let lines = rig.reply("4s", 2, DONE);
    assert_eq!(lines[0], "ask 2 to leave 20 within 1s");
}

#[test]
fn grace_ends_with_whatever_is_under_way() {
    let mut rig = ready();
    rig.request("10s", 6, 1);
    rig.request("10s", 6, 2);
    order(&mut rig, "10s", STOP, 2);
    let lines = rig.wake("39.999999999s", LIFECYCLE);
    assert_eq!(lines.last().unwrap(), &wakes("1ns"));
    let killed = rig.wake("40s", LIFECYCLE);
    let resets = killed.iter().filter(|line| *line == "answer 9: connection reset").count();
    assert_eq!(resets, 2, "{killed:?}");
    assert_eq!(killed.last().unwrap(), &is_now("Stopped"));
}

#[test]
fn one_that_shall_start_again_does_once_it_has_stopped() {
    let mut rig = ready();
    order(&mut rig, "10s", STOP, 2);
    assert_eq!(order(&mut rig, "10s", START, 3), ["answer 3: done"]);
    rig.reply("10s", 1, DONE);
    let lines = rig.wake("15s", LIFECYCLE);
    let end = [is_now("Stopped"), is_now("Starting"), wakes("1s")];
    assert_eq!(lines[lines.len() - 3..], end);
}

#[test]
fn one_that_is_killed_tells_nobody() {
    let lifecycle = LifecycleConfig { on_stop: OnStop::Kill, ..LifecycleConfig::hardened() };
    let mut rig = rig(Managed { lifecycle, runs: true, ..managed() });
    rig.step("0s", Input::Start);
    let lines = order(&mut rig, "1s", STOP, 1);
    assert_eq!(lines[0], "answer 3: done");
    assert!(!lines.concat().contains("ask"), "{lines:?}");
    assert_eq!(lines.last().unwrap(), &is_now("Stopped"));
}

#[test]
fn after_a_power_cut_what_shall_run_starts_again() {
    let mut rig = ready();
    rig.power_cut();
    let lines = rig.step("20s", Input::Start);
    assert_eq!(lines.last().unwrap(), &wakes("1s"));
    assert!(lines.contains(&is_now("Starting")), "{lines:?}");
    // It knows which orders it has carried out, and is not registered yet.
    assert_eq!(order(&mut rig, "20s", STOP, 1), ["answer 3: done"]);
    assert_eq!(rig.wake("20s", HEARTBEAT), Vec::<String>::new());
    order(&mut rig, "20s", STOP, 2);
    rig.power_cut();
    assert_eq!(rig.step("30s", Input::Start), [is_now("Stopped")]);
}

#[test]
fn what_is_started_again_counts_from_nought() {
    let lifecycle = LifecycleConfig { on_stop: OnStop::Kill, ..LifecycleConfig::hardened() };
    let mut rig = rig(Managed { lifecycle, runs: true, ..managed() });
    rig.step("0s", Input::Start);
    rig.request("1s", 6, 1);
    rig.wake("1.01s", 1 << 32);
    let report = |requests: u64, nanos: u64| {
        [format!("tell 3 with 62 of {requests}"), format!("tell 3 with 63 of {nanos}")]
    };
    assert_eq!(probe(&mut rig, "2s", CONTROL)[1..], report(1, 10_000_000));
    order(&mut rig, "3s", STOP, 1);
    order(&mut rig, "4s", START, 2);
    rig.wake("5s", LIFECYCLE);
    assert_eq!(probe(&mut rig, "5s", CONTROL)[1..], report(0, 0));
}

#[test]
fn an_instance_that_was_never_found_has_no_leave_to_take() {
    let mut rig = rig(Managed { runs: true, ..managed() });
    rig.step("0s", Input::Start);
    rig.power_cut();
    assert_eq!(rig.step("1s", Input::Start), [is_now("Starting"), wakes("1s")]);
    let lines = order(&mut rig, "1s", STOP, 1);
    assert_eq!(lines.last().unwrap(), &is_now("Stopped"), "it has no process yet");
}

#[test]
fn nobody_waits_at_the_bulkhead_of_an_instance_that_was_started_again() {
    let bulkhead = BulkheadConfig {
        max_concurrent: Concurrency::AtMost(1),
        max_waiting: 5,
        ..BulkheadConfig::default()
    };
    let lifecycle = LifecycleConfig { on_stop: OnStop::Kill, ..LifecycleConfig::hardened() };
    let config = ServiceConfig { bulkhead, workers: 3, ..service::config() };
    let mut rig = rig_of(Managed { lifecycle, runs: true, ..managed() }, config);
    rig.step("0s", Input::Start);
    order(&mut rig, "1s", STOP, 1);
    order(&mut rig, "2s", START, 2);
    rig.wake("3s", LIFECYCLE);
    rig.wake("5s", LIFECYCLE);
    rig.request("6s", 6, 1);
    assert_eq!(rig.request("6s", 6, 2).last().unwrap(), "answer 9: queue full");
    rig.wake("6.01s", 1 << 32);
    let lines = rig.request("7s", 6, 3);
    assert!(lines.contains(&"Began { method: Name(6), key: 3 }".to_owned()), "{lines:?}");
}

#[test]
fn what_the_registry_says_to_a_process_that_was_killed_is_heard_by_nobody() {
    // It takes its leave, having heard that it is registered, or has to claim its entry first.
    for is_registered in [true, false] {
        let mut rig = rig(managed());
        rig.step("0s", Input::Start);
        order(&mut rig, "0s", START, 1);
        rig.wake("1s", LIFECYCLE);
        rig.wake("3s", LIFECYCLE);
        if is_registered {
            rig.reply("3s", 0, DONE);
        }
        let asks = if is_registered { "leave" } else { "register for" };
        let lines = order(&mut rig, "10s", STOP, 2);
        assert_eq!(lines[3], format!("ask 2 to {asks} 20 within 1s"));
        assert_eq!(rig.wake("40s", LIFECYCLE).last().unwrap(), &is_now("Stopped"));
        assert_eq!(rig.reply("40s", 1, DONE), Vec::<String>::new(), "{asks}");
    }
}

#[test]
fn an_instance_that_drains_still_publishes_what_it_wrote() {
    let write = Write {
        table: Name(40),
        row: None,
        add: Add::Constant(1),
        update: Update::Atomic,
        once: false,
        event: Some(Name(41)),
    };
    let handlers = Map::from_iter([(Name(6), Program { steps: vec![Step::Write(write)] })]);
    let relay = Some(Relay { broker: NodeId(4), timeout: Span::from_secs(1) });
    let mut rig = rig_of(
        Managed { runs: true, ..managed() },
        ServiceConfig { handlers, relay, ..service::config() },
    );
    rig.step("0s", Input::Start);
    rig.request("1s", 6, 1);
    order(&mut rig, "1s", STOP, 1);
    assert_eq!(rig.wake("1s", RELAY), ["ask 4 to publish 41 of 1 within 1s"]);
    assert_eq!(rig.scribe.store.outbox().count(), 1);
    rig.reply("1.1s", 2, DONE);
    assert_eq!(rig.scribe.store.outbox().count(), 0, "the broker has it");
}
