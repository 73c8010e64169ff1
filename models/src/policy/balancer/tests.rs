//! The guide's counter, line by line, and two places of a list.

use super::*;

fn hosts(count: u32) -> Vec<Host> {
    (0..count).map(|id| Host::new(Name(id))).collect()
}

/// The next place in a list of `count`.
fn turn(balancer: &mut Balancer, service: u32, count: u32) -> Option<usize> {
    let pick = Pick { now: Time::ZERO, service: Name(service), key: 0, word: 0 };
    balancer.pick(pick, &hosts(count))
}

#[test]
fn an_empty_list_is_not_counted() {
    let mut balancer = Balancer::new(BalancerConfig::guide());
    assert_eq!(turn(&mut balancer, 0, 0), None);
    assert_eq!(turn(&mut balancer, 0, 2), Some(0));
    assert_eq!(turn(&mut balancer, 0, 0), None);
    assert_eq!(turn(&mut balancer, 0, 2), Some(1));
}

#[test]
fn who_counts_only_needs_no_list() {
    let mut listed = Balancer::new(BalancerConfig::guide());
    let mut counted = listed.clone();
    for (service, count) in [(0, 3), (1, 2), (0, 3), (0, 0), (0, 2), (1, 2), (0, 3), (0, 3)] {
        let pick = Pick { now: Time::ZERO, service: Name(service), key: 0, word: 0 };
        let place = counted.pick_by_count(pick, count as usize);
        assert_eq!(place, turn(&mut listed, service, count), "{service} of {count}");
    }
    for config in [
        BalancerConfig { kind: BalancerKind::Random, ..BalancerConfig::guide() },
        BalancerConfig { position: Position::PerHost, ..BalancerConfig::guide() },
        BalancerConfig { start: Start::Random, ..BalancerConfig::guide() },
        BalancerConfig { forget: Forget::After(Span::from_secs(1)), ..BalancerConfig::guide() },
    ] {
        let pick = Pick { now: Time::ZERO, service: Name(0), key: 0, word: 0 };
        assert_eq!(Balancer::new(config.clone()).pick_by_count(pick, 2), None, "{config:?}");
    }
}

#[test]
fn services_count_apart() {
    let mut balancer = Balancer::new(BalancerConfig::guide());
    assert_eq!(turn(&mut balancer, 0, 2), Some(0));
    assert_eq!(turn(&mut balancer, 1, 2), Some(0));
    assert_eq!(turn(&mut balancer, 0, 2), Some(1));
}

#[test]
fn an_instance_that_flaps_with_the_calls_is_never_picked() {
    let mut balancer = Balancer::new(BalancerConfig::guide());
    for _ in 0..500 {
        assert_eq!(turn(&mut balancer, 0, 2), Some(0), "both up: the first of two");
        assert_eq!(turn(&mut balancer, 0, 1), Some(0), "the second is down");
    }
}

#[test]
fn a_counter_that_overflows_goes_on() {
    let mut balancer = Balancer::new(BalancerConfig::guide());
    let counter = rotation::Counter { picks: u64::MAX, seen: Time::ZERO };
    balancer.rotation.counters.insert(Name(0), counter);
    assert_eq!(turn(&mut balancer, 0, 2), Some(1), "LB-3: the guide would fail long before");
    assert_eq!(turn(&mut balancer, 0, 2), Some(0));
}

#[test]
fn two_places_are_two_different_ones() {
    for count in 2..6 {
        let mut seen = std::collections::BTreeSet::new();
        for word in 0..(count * (count - 1)) as u64 {
            let (one, other) = two(word, count);
            assert!(one != other && one < count && other < count);
            seen.insert((one, other));
        }
        assert_eq!(seen.len(), count * (count - 1), "each pair once");
    }
    assert_eq!(two(7, 1), (0, 0));
}
