//! Lists that change, zones that all fit in, and what a balancer keeps in mind of them.

use brownout_models::policy::balancer::{
    Balancer, BalancerConfig, BalancerKind, Forget, Host, Pick, Position, ZoneRouting, Zones,
};
use brownout_models::{Name, Span, Time};

fn hosts(ids: &[u32]) -> Vec<Host> {
    ids.iter().map(|id| Host::new(Name(*id))).collect()
}

fn balancer(kind: BalancerKind) -> Balancer {
    Balancer::new(BalancerConfig { kind, ..BalancerConfig::hardened() })
}

fn pick(key: u64) -> Pick {
    Pick { now: Time::ZERO, service: Name(0), key, word: 0 }
}

#[test]
fn a_key_goes_by_the_list_that_is_shown_and_not_by_one_before() {
    for kind in [BalancerKind::RingHash, BalancerKind::Maglev] {
        let mut old = balancer(kind);
        for list in [[1, 2, 3], [3, 2, 1], [4, 5, 6]].map(|ids| hosts(&ids)) {
            let mut new = balancer(kind);
            for key in 0..100 {
                let expected = new.pick(pick(key), &list);
                assert_eq!(old.pick(pick(key), &list), expected, "key {key} in {list:?}");
            }
        }
    }
}

/// The `point`-th point of a host lies where the key `id << 32 | point` does.
#[test]
fn a_key_at_the_very_place_of_a_point_belongs_to_it() {
    let list = hosts(&[7, 8, 9]);
    let mut balancer = balancer(BalancerKind::RingHash);
    for (index, host) in list.iter().enumerate() {
        for point in 0..100 {
            let key = (u64::from(host.id.0) << 32) + point;
            assert_eq!(balancer.pick(pick(key), &list), Some(index));
        }
    }
}

#[test]
fn round_robin_alone_need_not_hear_of_calls() {
    for (kind, heeds) in [
        (BalancerKind::RoundRobin, false),
        (BalancerKind::Random, true),
        (BalancerKind::Weighted, true),
        (BalancerKind::PowerOfTwo, true),
        (BalancerKind::LeastRequest, true),
        (BalancerKind::PeakEwma, true),
        (BalancerKind::RingHash, true),
        (BalancerKind::Maglev, true),
    ] {
        let mut balancer = balancer(kind);
        assert_eq!(balancer.heeds_loads(), heeds, "{kind:?}");
        balancer.pick(pick(0), &hosts(&[1, 2]));
        balancer.started(Time::ZERO, Name(1));
        let (_, remembered) = balancer.remembered();
        assert_eq!(remembered, if heeds { 2 } else { 0 }, "{kind:?}");
    }
}

#[test]
fn a_service_that_nobody_calls_loses_its_count() {
    let mut balancer = Balancer::new(BalancerConfig {
        forget: Forget::After(Span::from_secs(10)),
        ..BalancerConfig::guide()
    });
    assert_eq!(balancer.config().position, Position::Counter);
    let list = hosts(&[1, 2, 3]);
    let mut turn = |second, service| {
        let now = Time::ZERO + Span::from_secs(second);
        let pick = Pick { now, service: Name(service), ..pick(0) };
        (balancer.pick(pick, &list).unwrap(), balancer.remembered().0)
    };
    assert_eq!([turn(0, 0), turn(1, 0)], [(0, 1), (1, 1)]);
    assert_eq!([turn(2, 1), turn(3, 1)], [(0, 2), (1, 2)]);
    // It looks again at 10, and back to 0.
    assert_eq!(turn(10, 1), (2, 2));
    // And at 20, back to 10: the other one was last called at 1.
    assert_eq!(turn(20, 1), (0, 1));
    assert_eq!([turn(21, 0), turn(22, 1)], [(0, 2), (1, 2)]);
}

#[test]
fn a_zone_is_drawn_only_where_it_has_fewer_hosts_than_callers() {
    let (here, there) = (Name(1), Name(2));
    let balancer = Balancer::new(BalancerConfig {
        zone_routing: ZoneRouting::Aware,
        min_cluster_size: 1,
        ..BalancerConfig::hardened()
    });
    for (callers, hosts, zone, draws) in [
        (&[here, there][..], &[here, there][..], Some(here), false),
        (&[here, there], &[here, here, there], Some(here), false),
        (&[here, here, there], &[here, there], Some(here), true),
        (&[here], &[here, here], None, false),
        (&[here, here], &[there], None, false),
        (&[there], &[here, there], None, false),
    ] {
        let zones = Zones { own: here, callers, hosts, word: 0 };
        assert_eq!(balancer.zone(zones), zone, "{zones:?}");
        assert_eq!(balancer.draws_zone(zones), draws, "{zones:?}");
    }
    let off = Balancer::new(BalancerConfig::hardened());
    let zones = Zones { own: here, callers: &[here, here, there], hosts: &[here, there], word: 0 };
    assert!(!off.draws_zone(zones));
}
