//! Zones: the chosen one against a heap of tickets, and the balance that the rule promises.

#![expect(clippy::float_arithmetic, reason = "expectations are real numbers, and stay in here")]

use brownout_models::policy::balancer::{
    Balancer, BalancerConfig, BalancerKind, Host, Pick, Position, ZoneRouting, Zones,
};
use brownout_models::{Name, Time};
use proptest::prelude::*;

use super::config;

fn aware(kind: BalancerKind, min_cluster_size: u32) -> Balancer {
    Balancer::new(BalancerConfig {
        kind,
        zone_routing: ZoneRouting::Aware,
        min_cluster_size,
        ..BalancerConfig::hardened()
    })
}

fn names(zones: &[u32]) -> Vec<Name> {
    zones.iter().map(|zone| Name(*zone)).collect()
}

fn hosts(count: usize) -> Vec<Host> {
    (0..count).map(|id| Host::new(Name(u32::try_from(id).unwrap()))).collect()
}

fn pick(word: u64) -> Pick {
    Pick { now: Time::ZERO, service: Name(99), key: 0, word }
}

/// A ticket for every part of the traffic that a zone is to get, own zone first, the others in the
/// order in which they are shown; of all zones in any order where zones do not matter.
fn tickets(own: u32, callers: &[u32], hosts: &[u32], least: u32) -> Option<Vec<u32>> {
    let of = |all: &[u32], zone: u32| all.iter().filter(|other| **other == zone).count();
    let elsewhere = hosts.iter().filter(|zone| **zone != own).count();
    if hosts.len() < least as usize || of(hosts, own) * of(callers, own) * elsewhere == 0 {
        return None;
    }
    let near = of(hosts, own) * callers.len();
    let wanted = of(callers, own) * hosts.len();
    if near >= wanted {
        return Some(vec![own]);
    }
    let mut others: Vec<(u32, usize)> = Vec::new();
    for zone in hosts {
        let excess =
            (of(hosts, *zone) * callers.len()).saturating_sub(of(callers, *zone) * hosts.len());
        if others.iter().all(|(known, _)| known != zone) {
            others.push((*zone, excess));
        }
    }
    let room: usize = others.iter().map(|(_, excess)| excess).sum();
    let mut tickets = vec![own; near * room];
    for (zone, excess) in others {
        tickets.extend(std::iter::repeat_n(zone, excess * (wanted - near)));
    }
    assert_eq!(tickets.len(), wanted * room);
    Some(tickets)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_zone_is_drawn_from_a_heap_of_tickets(
        own in 0..4_u32,
        callers in prop::collection::vec(0..4_u32, 0..8),
        shown in prop::collection::vec(0..4_u32, 1..10),
        words in prop::collection::vec(any::<u64>(), 1..8),
        least in 0..7_u32,
        kind in prop::sample::select(vec![
            BalancerKind::RoundRobin,
            BalancerKind::Weighted,
            BalancerKind::Random,
            BalancerKind::LeastRequest,
            BalancerKind::PowerOfTwo,
        ]),
    ) {
        let (mut balancer, mut plain) = (aware(kind, least), aware(kind, u32::MAX));
        let (callers_of, zones_of) = (names(&callers), names(&shown));
        let hosts = hosts(shown.len());
        let heap = tickets(own, &callers, &shown, least);
        for word in words {
            let zones =
                Zones { own: Name(own), callers: &callers_of, hosts: &zones_of, word };
            let index = balancer.pick_in_zones(pick(word), &hosts, zones).unwrap();
            // Whatever it chose among, it chose by its rule.
            let among: Vec<usize> = match &heap {
                None => (0..hosts.len()).collect(),
                Some(heap) => {
                    let at = (u128::from(word >> 32) * heap.len() as u128) >> 32;
                    let zone = heap[usize::try_from(at).unwrap()];
                    (0..hosts.len()).filter(|at| shown[*at] == zone).collect()
                }
            };
            let there: Vec<Host> = among.iter().map(|at| hosts[*at]).collect();
            let expected = among[plain.pick(pick(word), &there).unwrap()];
            prop_assert_eq!(index, expected);
        }
    }
}

/// `SplitMix64`.
fn words(mut seed: u64) -> impl Iterator<Item = u64> {
    std::iter::repeat_with(move || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    })
}

/// 999 runs in 1,000 are within 3.29 deviations of a binomial mean.
fn assert_share(what: &str, seen: u32, share: f64, of: u32) {
    let of = f64::from(of);
    let (mean, deviation) = (share * of, (share * (1.0 - share) * of).sqrt());
    let off = (f64::from(seen) - mean).abs();
    assert!(off <= 3.29 * deviation, "{what}: {seen}, expected {mean} +- {}", 3.29 * deviation);
}

/// Six of nine callers are where three of nine hosts are: half of their calls, 1 - (3/9) / (6/9), cross
/// zones, a third of these to the zone that has 3/9 - 2/9 to spare, and two thirds to the one with
/// 3/9 - 1/9. And together all callers load all hosts alike.
#[test]
fn calls_cross_zones_as_far_as_hosts_are_elsewhere() {
    let (callers, zones) = ([0, 0, 0, 0, 0, 0, 1, 1, 2], [0, 0, 0, 1, 1, 1, 2, 2, 2]);
    let (callers_of, zones_of) = (names(&callers), names(&zones));
    let hosts = hosts(zones.len());
    let calls = 30_000;
    let mut loads = [0; 9];
    let mut words = words(41);
    for (caller, own) in callers.into_iter().enumerate() {
        let mut balancer = aware(BalancerKind::Random, 6);
        let mut from_here = [0; 3];
        for _ in 0..calls {
            let word = words.next().unwrap();
            let zones = Zones { own: Name(own), callers: &callers_of, hosts: &zones_of, word };
            let next = pick(words.next().unwrap());
            let index = balancer.pick_in_zones(next, &hosts, zones).unwrap();
            loads[index] += 1;
            from_here[index / 3] += 1;
        }
        if own == 0 {
            for (zone, share) in [(0, 1.0 / 2.0), (1, 1.0 / 6.0), (2, 1.0 / 3.0)] {
                let what = format!("caller {caller} to zone {zone}");
                assert_share(&what, from_here[zone], share, calls);
            }
        } else {
            assert_eq!(from_here[own as usize], calls, "all of it stays");
        }
    }
    for (host, load) in loads.into_iter().enumerate() {
        // A sum of nine binomials, whose variance is at most that of one with the mean share.
        assert_share(&format!("host {host}"), load, 1.0 / 9.0, 9 * calls);
    }
}

/// What zones save: of uniform picks two thirds cross, of aware ones a sixth at most here.
#[test]
fn fewer_calls_cross_than_without_zones() {
    let (callers, zones) = (names(&[0, 0, 1, 1, 2, 2]), names(&[0, 0, 0, 1, 1, 2]));
    let hosts = hosts(6);
    let calls = 30_000;
    for (routing, share) in [(ZoneRouting::Off, 2.0 / 3.0), (ZoneRouting::Aware, 1.0 / 6.0)] {
        let kind = BalancerKind::Random;
        let hardened = BalancerConfig::hardened();
        let mut balancer =
            Balancer::new(BalancerConfig { kind, zone_routing: routing, ..hardened });
        let mut words = words(42);
        let mut crossed = 0;
        for call in 0..calls {
            let own = callers[call as usize % callers.len()];
            let word = words.next().unwrap();
            let zones_now = Zones { own, callers: &callers, hosts: &zones, word };
            let next = pick(words.next().unwrap());
            let index = balancer.pick_in_zones(next, &hosts, zones_now).unwrap();
            crossed += u32::from(zones[index] != own);
        }
        // Zone 2 has a third of the callers and a sixth of the hosts: half of its calls cross.
        assert_share(&format!("{routing:?}"), crossed, share, calls);
    }
}

#[test]
fn zones_do_not_go_with_hashes_or_counters() {
    let zone_routing = ZoneRouting::Aware;
    let options = |config: BalancerConfig| {
        config.mistakes().into_iter().map(|mistake| mistake.option).collect::<Vec<_>>()
    };
    let hardened = || BalancerConfig { zone_routing, ..BalancerConfig::hardened() };
    assert_eq!(options(hardened()), [""; 0]);
    assert_eq!(hardened().mistakes_without_zones().len(), 1, "where there are none");
    assert_eq!(BalancerConfig::hardened().mistakes_without_zones(), []);
    for kind in [BalancerKind::RingHash, BalancerKind::Maglev] {
        assert_eq!(options(BalancerConfig { kind, ..hardened() }), ["zone_routing"]);
    }
    let position = Position::Counter;
    assert_eq!(options(BalancerConfig { position, ..hardened() }), ["zone_routing"]);
    assert_eq!(BalancerConfig::guide().zone_routing, ZoneRouting::Off);
}
