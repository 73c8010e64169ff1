//! A registry on the network: its probes, its sweeps, and its answers between changes.

use brownout_models::Name;
use brownout_models::contract::{Body, Failure, Input, NodeId, Request};
use brownout_models::machine::{RegistryNode, RegistryNodeConfig};
use brownout_models::policy::RegistryConfig;
use brownout_models::policy::registry::{Expiry, Probing};

use super::{DONE, Rig, request};

const SERVICE: Name = Name(20);
const SWEEP: u64 = 0;
const PROBE: u64 = 1 << 32;

fn rig(registry: RegistryConfig) -> Rig<RegistryNode<()>> {
    Rig::new(RegistryNode::new(RegistryNodeConfig { registry, split: Some(Name(8)) }))
}

fn probing() -> RegistryConfig {
    RegistryConfig { probing: Probing::On, unhealthy_threshold: 1, ..RegistryConfig::default() }
}

fn register(rig: &mut Rig<RegistryNode<()>>, instances: &[u32]) {
    for instance in instances {
        rig.deliver_from("0s", NodeId(*instance), Body::Register(SERVICE));
    }
}

fn found(rig: &mut Rig<RegistryNode<()>>, at: &str) -> String {
    rig.deliver(at, Body::Discover(SERVICE)).concat()
}

#[test]
fn every_round_of_probes_asks_every_instance_and_is_a_piece_of_work_of_its_own() {
    let mut rig = rig(probing());
    assert_eq!(rig.step("0s", Input::Start), ["wake 0 in 10s", "wake 4294967296 in 10s"]);
    register(&mut rig, &[11, 12]);
    let asked = [
        "ask 11 alive for 20 within 1s",
        "ask 12 alive for 20 within 1s",
        "wake 4294967296 in 10s",
    ];
    for (round, at) in [(1, "10s"), (2, "20s"), (3, "30s")] {
        let lines = rig.wake(at, PROBE);
        assert_eq!(lines[0], format!("flow probe {round}"));
        assert_eq!(lines[1..], asked);
    }
}

#[test]
fn an_instance_is_what_its_probes_say() {
    let mut rig = rig(probing());
    register(&mut rig, &[11, 12]);
    rig.wake("10s", PROBE);
    assert_eq!(rig.reply("10s", 0, DONE), Vec::<String>::new());
    assert_eq!(rig.reply("10s", 1, DONE), Vec::<String>::new());
    assert_eq!(found(&mut rig, "10s"), "answer 9: at 11 12");
    rig.wake("20s", PROBE);
    assert_eq!(rig.reply("20s", 2, DONE), Vec::<String>::new());
    assert_eq!(rig.expire("21s", 3), ["Unhealthy { service: Name(20), instance: NodeId(12) }"]);
    assert_eq!(found(&mut rig, "21s"), "answer 9: at 11");
    rig.wake("22s", PROBE);
    let lost = rig.reply("22s", 4, Err(Failure::Failed));
    assert_eq!(lost, ["Unhealthy { service: Name(20), instance: NodeId(11) }"]);
    assert_eq!(found(&mut rig, "22s"), "answer 9: no healthy instances");
    let back = rig.reply("22s", 5, DONE);
    assert_eq!(back, ["Revived { service: Name(20), instance: NodeId(12) }"]);
    assert_eq!(found(&mut rig, "22s"), "answer 9: at 12");
}

#[test]
fn every_sweep_is_a_piece_of_work_of_its_own() {
    let mut rig = rig(RegistryConfig::default());
    register(&mut rig, &[11]);
    assert_eq!(rig.wake("10s", SWEEP), ["flow sweep 1", "wake 0 in 10s"]);
    assert_eq!(rig.wake("20s", SWEEP), ["flow sweep 2", "wake 0 in 10s"]);
    assert_eq!(found(&mut rig, "30s"), "answer 9: at 11");
    assert_eq!(rig.wake("30s", SWEEP), ["flow sweep 3", "wake 0 in 10s"]);
    let silent = "Unhealthy { service: Name(20), instance: NodeId(11) }";
    assert_eq!(rig.wake("40s", SWEEP), ["flow sweep 4", silent, "wake 0 in 10s"]);
    assert_eq!(found(&mut rig, "40s"), "answer 9: no healthy instances");
}

#[test]
fn where_leases_run_out_by_themselves_the_timer_follows_the_next_one() {
    let config = RegistryConfig { expiry: Expiry::Exact, ..RegistryConfig::default() };
    let mut rig = rig(config);
    assert_eq!(rig.step("0s", Input::Start), Vec::<String>::new());
    let registered = "Registered { service: Name(20), instance: NodeId(11) }";
    let lines = rig.deliver_from("0s", NodeId(11), Body::Register(SERVICE));
    assert_eq!(lines[..1], ["flow sweep 1"]);
    assert_eq!(lines[1], registered);
    let lease = lines.last().unwrap().clone();
    // A second one runs out later, so that nothing changes.
    let lines = rig.deliver_from("5s", NodeId(12), Body::Register(SERVICE));
    assert_eq!(lines.len(), 2, "{lines:?}");
    // A heartbeat of the first moves the next end on.
    let lines = rig.deliver_from("10s", NodeId(11), Body::Heartbeat(SERVICE));
    assert_eq!(lines[0], "flow sweep 2");
    assert_ne!(lines.last().unwrap(), &lease, "five seconds less are left of the other lease");
    assert_eq!(found(&mut rig, "34.999999999s"), "answer 9: at 11 12");
    assert_eq!(found(&mut rig, "35.000000001s"), "answer 9: at 11");
    assert_eq!(found(&mut rig, "36s"), "answer 9: at 11");
    let silent = "Unhealthy { service: Name(20), instance: NodeId(12) }";
    assert!(rig.wake("36s", SWEEP).contains(&silent.to_owned()));
}

#[test]
fn a_lease_that_ran_out_is_over_for_whoever_asks_before_anybody_noticed() {
    let config = RegistryConfig { expiry: Expiry::Exact, ..RegistryConfig::default() };
    let mut rig = rig(config);
    register(&mut rig, &[11]);
    assert_eq!(found(&mut rig, "1s"), "answer 9: at 11");
    assert_eq!(found(&mut rig, "31s"), "answer 9: no healthy instances");
}

#[test]
fn a_split_gives_a_subset_its_share_and_the_latest_order_counts() {
    let mut rig = rig(RegistryConfig::default());
    register(&mut rig, &[11]);
    rig.deliver_from("0s", NodeId(12), Body::Register(Name(21)));
    let order = |number: u64, percent: i64| {
        let subset = Name(21);
        Body::Request(Request {
            service: SERVICE,
            client: subset,
            amount: percent,
            ..request(8, number)
        })
    };
    let split = "Deployment(Split { service: Name(20), subset: Name(21), percent: 50 })";
    assert_eq!(rig.deliver("1s", order(2, 50)), [split, "answer 9: done"]);
    // An order that was overtaken, and the same one again, change nothing.
    assert_eq!(rig.deliver("1s", order(1, 100)), ["answer 9: done"]);
    assert_eq!(rig.deliver("1s", order(2, 100)), ["answer 9: done"]);
    let shares: Vec<_> = (0..4).map(|_| found(&mut rig, "2s")).collect();
    let (stable, subset) = ("answer 9: at 11", "answer 9: subset 21 at 12");
    assert_eq!(shares, [stable, subset, stable, subset]);
    rig.deliver("2s", order(3, 60));
    let shares: Vec<_> = (0..5).map(|_| found(&mut rig, "2s")).collect();
    assert_eq!(shares, [stable, subset, stable, subset, subset]);
    // Anything else that is asked of a registry it does not know.
    assert_eq!(rig.request("3s", 9, 1), ["answer 9: unknown method"]);
}

#[test]
fn a_registry_that_lost_its_memory_is_empty_and_still_splits() {
    let mut rig = rig(RegistryConfig::default());
    assert_eq!(rig.phase(), "empty");
    register(&mut rig, &[11]);
    assert_eq!(rig.phase(), "serving");
    let order = Request { service: SERVICE, client: Name(21), amount: 100, ..request(8, 1) };
    rig.deliver("1s", Body::Request(order));
    rig.power_cut();
    assert_eq!(rig.phase(), "empty");
    rig.deliver_from("2s", NodeId(12), Body::Register(Name(21)));
    assert_eq!(found(&mut rig, "2s"), "answer 9: subset 21 at 12");
}
