//! How a caller chooses an instance: the draws, the loads, and who is left out.

use std::sync::Arc;

use brownout_models::contract::{Failure, NodeId};
use brownout_models::machine::{
    CompositionNode, CompositionNodeConfig, CompositionPart, Discovery, Target, ZoneMap,
};
use brownout_models::policy::balancer::ZoneRouting;
use brownout_models::policy::outlier::ConsecutiveFailures;
use brownout_models::policy::{
    BalancerConfig, BalancerKind, CompositionConfig, Need, OutlierConfig,
};
use brownout_models::{Map, Name};

use super::{DONE, ME, Rig, instances};

/// A caller of one service that gives up nothing of its own.
fn node(discovery: Discovery) -> CompositionNode<()> {
    let target = Target { node: None, service: Name(20) };
    let part = CompositionPart { name: Name(1), need: Need::Required, target, method: Name(6) };
    CompositionNode::new(Arc::new(CompositionNodeConfig {
        name: Name(50),
        discovery,
        parts: vec![part],
        composition: CompositionConfig::default(),
    }))
}

fn rig(balancer: BalancerConfig, outlier: OutlierConfig) -> Rig<CompositionNode<()>> {
    Rig::new(node(Discovery { balancer, outlier, ..Discovery::from(Some(NodeId(2))) }))
}

/// The same among nodes of these weights.
fn weighted_rig(balancer: BalancerConfig, weights: &[u32]) -> Rig<CompositionNode<()>> {
    let weights = Some(weights.into());
    Rig::new(node(Discovery { balancer, weights, ..Discovery::from(Some(NodeId(2))) }))
}

/// Places the `nth` request of all, of which each takes two calls, and says whom it went to.
fn call(rig: &mut Rig<CompositionNode<()>>, at: &str, nth: usize, among: &[u32]) -> Vec<String> {
    assert_eq!(rig.request(at, 50, nth as u64), ["ask 2 where 20 is"]);
    rig.reply(at, 2 * nth, instances(among))
}

fn to(instance: u32, nth: usize) -> [String; 2] {
    let picked = format!("Picked {{ service: Name(20), instance: NodeId({instance}), of: 3 }}");
    [picked, format!("ask {instance} with 6 of {nth}")]
}

fn two_draws() -> BalancerConfig {
    BalancerConfig { kind: BalancerKind::PowerOfTwo, ..BalancerConfig::default() }
}

#[test]
fn two_different_instances_are_drawn_and_the_idler_one_is_called() {
    let mut rig = rig(two_draws(), OutlierConfig::default());
    // Every pair of places, in both orders, once with the first of them busy.
    let mut nth = 0;
    for (first, second) in [(0_u32, 1_u32), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
        // The second draw is among the others.
        let others = if second > first { second - 1 } else { second };
        rig.answers([first, others].map(u64::from));
        let lines = call(&mut rig, "0s", nth, &[10, 11, 12]);
        assert_eq!(lines[..2], ["choose draw", "choose second draw"]);
        let busy = [first, second].map(|place| to(10 + place, nth));
        let idler = busy.iter().position(|to| lines[2..] == *to).expect("one of the two");
        // The same two again: now the other one has less to do.
        rig.answers([first, others].map(u64::from));
        let lines = call(&mut rig, "0s", nth + 1, &[10, 11, 12]);
        let other = [first, second][1 - idler];
        assert_eq!(lines[2..], to(10 + other, nth + 1));
        rig.reply("1s", 2 * nth + 1, DONE);
        rig.reply("1s", 2 * nth + 3, DONE);
        nth += 2;
    }
}

#[test]
fn a_single_instance_is_drawn_once() {
    let mut rig = rig(two_draws(), OutlierConfig::default());
    let lines = call(&mut rig, "0s", 0, &[10]);
    assert_eq!(lines.last().unwrap(), "ask 10 with 6 of 0");
}

#[test]
fn who_fails_too_often_is_said_to_be_out_and_then_back() {
    let outlier = OutlierConfig {
        consecutive_failures: ConsecutiveFailures::AtLeast(1),
        ..OutlierConfig::default()
    };
    let mut rig = rig(BalancerConfig::default(), outlier);
    assert_eq!(call(&mut rig, "0s", 0, &[10, 11, 12]), to(10, 0));
    let lines = rig.reply("1s", 1, Err(Failure::Failed));
    assert_eq!(lines[0], "Ejected { service: Name(20), instance: NodeId(10) }");
    let lines = call(&mut rig, "2s", 1, &[10, 11, 12]);
    assert!(!lines.concat().contains("NodeId(10)"), "{lines:?}");
    let lines = call(&mut rig, "41s", 2, &[10, 11, 12]);
    assert_eq!(lines[0], "Readmitted { service: Name(20), instance: NodeId(10) }");
}

#[test]
fn failures_of_the_caller_eject_nobody() {
    for (failure, ejects) in [
        (Failure::Reset, true),
        (Failure::TimedOut, true),
        (Failure::Failed, true),
        (Failure::Overloaded, true),
        (Failure::RateLimited, false),
        (Failure::Rejected, false),
        (Failure::UnknownMethod, false),
    ] {
        let outlier = OutlierConfig {
            consecutive_failures: ConsecutiveFailures::AtLeast(1),
            ..OutlierConfig::default()
        };
        let mut rig = rig(BalancerConfig::default(), outlier);
        call(&mut rig, "0s", 0, &[10, 11, 12]);
        let lines = rig.reply("1s", 1, Err(failure));
        assert_eq!(lines[0].starts_with("Ejected"), ejects, "{failure:?}");
    }
}

#[test]
fn without_a_registry_a_service_has_no_instances() {
    let mut rig = Rig::new(node(Discovery::from(None)));
    assert_eq!(rig.request("0s", 50, 1).last().unwrap(), "answer 9: no instances");
}

#[test]
fn where_one_is_drawn_the_draw_decides_whatever_they_weigh() {
    let random = BalancerConfig { kind: BalancerKind::Random, ..BalancerConfig::default() };
    let mut weights = vec![1; 13];
    weights[10..].copy_from_slice(&[5, 1, 2]);
    for mut rig in [rig(random.clone(), OutlierConfig::default()), weighted_rig(random, &weights)] {
        for (nth, place) in [2, 0, 1].into_iter().enumerate() {
            rig.answers([place]);
            let lines = call(&mut rig, "0s", nth, &[10, 11, 12]);
            assert_eq!(lines[0], "choose draw");
            assert_eq!(lines[1..], to(10 + u32::try_from(place).unwrap(), nth));
        }
    }
}

#[test]
fn weighted_turns_go_by_the_weights_of_the_nodes() {
    let turns = BalancerConfig { kind: BalancerKind::Weighted, ..BalancerConfig::default() };
    let mut weights = vec![1; 13];
    weights[11] = 2;
    let mut rig = weighted_rig(turns, &weights);
    for (nth, instance) in [11, 10, 12, 11].into_iter().enumerate() {
        assert_eq!(call(&mut rig, "0s", nth, &[10, 11, 12]), to(instance, nth));
    }
}

#[test]
fn whoever_is_found_is_asked_in_the_name_of_the_service_and_the_second_draw_is_among_the_others() {
    let mut rig = rig(two_draws(), OutlierConfig::default());
    rig.answers([1, 0]);
    call(&mut rig, "0s", 0, &[10, 11, 12]);
    let service = rig.scribe.request.as_ref().map(|request| request.service);
    assert_eq!((service, rig.scribe.offered), (Some(Name(20)), [10, 12].map(NodeId).to_vec()));
}

/// A caller in a zone with half of all callers and those of the instances 10 to 13 that are near.
fn in_a_zone_with(near: &[u32]) -> Rig<CompositionNode<()>> {
    let [here, there] = [70, 71].map(Name);
    let mut of = vec![there; 20];
    of[ME.0 as usize] = here;
    for instance in near {
        of[*instance as usize] = here;
    }
    let callers = Map::from_iter([(Name(20), vec![here, there])]);
    let balancer = BalancerConfig {
        zone_routing: ZoneRouting::Aware,
        min_cluster_size: 1,
        ..BalancerConfig::default()
    };
    let zones = Some(Arc::new(ZoneMap { of, callers }));
    Rig::new(node(Discovery { balancer, zones, ..Discovery::from(Some(NodeId(2))) }))
}

#[test]
fn calls_stay_in_the_zone_of_the_caller_where_it_has_its_share_of_instances() {
    let mut rig = in_a_zone_with(&[11, 13]);
    for (nth, to) in [11, 13, 11, 13].into_iter().enumerate() {
        let lines = call(&mut rig, "0s", nth, &[10, 11, 12, 13]);
        assert_eq!(lines.last().unwrap(), &format!("ask {to} with 6 of {nth}"));
        assert!(!lines.contains(&"choose zone".to_owned()), "{lines:?}");
    }
}

#[test]
fn where_it_has_half_its_share_a_draw_decides_which_half_of_the_calls_stays() {
    let mut rig = in_a_zone_with(&[11]);
    for (nth, (tenth, stays)) in
        [(0, true), (4, true), (6, false), (9, false)].into_iter().enumerate()
    {
        rig.answers([tenth * 100_000_000]);
        let lines = call(&mut rig, "0s", nth, &[10, 11, 12, 13]);
        assert_eq!(lines[0], "choose zone");
        let near = format!("ask 11 with 6 of {nth}");
        assert_eq!(lines.last() == Some(&near), stays, "{tenth} tenths of a second: {lines:?}");
    }
}
