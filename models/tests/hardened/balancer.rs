//! Turns against a naive reference, and what must hold of them whoever comes and goes.

use brownout_models::policy::balancer::{
    Balancer, BalancerConfig, BalancerKind, Draw, Forget, Host, Pick, Position, Start,
};
use brownout_models::{Name, Span, Time};
use proptest::prelude::*;

use super::config;

fn hosts(ids: &[u32]) -> Vec<Host> {
    ids.iter().map(|id| Host::new(Name(*id))).collect()
}

fn pick(word: u64) -> Pick {
    Pick { now: Time::ZERO, service: Name(0), key: 0, word }
}

/// Which hosts of 0 to 5 are there, at least one.
fn list() -> impl Strategy<Value = Vec<u32>> {
    prop::sample::subsequence(vec![0_u32, 1, 2, 3, 4, 5], 1..=6)
}

proptest! {
    #![proptest_config(config())]

    /// The reference keeps the whole history: of those shown it takes the one whose last turn is
    /// longest ago; one that never had a turn counts from where it was shown first.
    #[test]
    fn a_turn_goes_to_whoever_waits_longest(
        lists in prop::collection::vec(list(), 1..80),
        word in any::<u64>(),
    ) {
        let mut balancer = Balancer::new(BalancerConfig::hardened());
        let mut history: Vec<u32> = Vec::new();
        for (round, ids) in lists.iter().enumerate() {
            let mut shown = ids.clone();
            if round == 0 {
                let start = usize::try_from(word % ids.len() as u64).unwrap();
                shown.rotate_left(start);
            }
            for id in shown {
                if !history.contains(&id) {
                    history.push(id);
                }
            }
            let waits = |id: &&u32| history.iter().rposition(|past| past == *id).unwrap();
            let expected = *ids.iter().min_by_key(waits).unwrap();
            let index = balancer.pick(pick(word), &hosts(ids)).unwrap();
            prop_assert_eq!(ids[index], expected, "in round {}", round);
            history.push(expected);
        }
    }

    /// LB-2: between two turns of a host, every other one has at most one turn in its presence. So a
    /// host waits for at most as many picks as there are others, however they flap.
    #[test]
    fn nobody_starves_whoever_comes_and_goes(
        lists in prop::collection::vec(list(), 1..200),
        word in any::<u64>(),
    ) {
        let mut balancer = Balancer::new(BalancerConfig::hardened());
        let mut waited = [0_usize; 6];
        for ids in lists {
            let index = balancer.pick(pick(word), &hosts(&ids)).unwrap();
            for id in &ids {
                waited[*id as usize] += 1;
                prop_assert!(waited[*id as usize] <= 6, "{} of {:?}", id, ids);
            }
            waited[ids[index] as usize] = 0;
        }
    }

    /// LB-10: while the hosts stay, shares differ by one at most in every window.
    #[test]
    fn fixed_hosts_get_equal_shares_in_every_window(
        before in prop::collection::vec(list(), 0..20),
        ids in list(),
        word in any::<u64>(),
        kind in prop::sample::select(vec![BalancerKind::RoundRobin, BalancerKind::Weighted]),
    ) {
        let mut balancer = Balancer::new(BalancerConfig { kind, ..BalancerConfig::hardened() });
        if kind == BalancerKind::RoundRobin {
            for ids in before {
                balancer.pick(pick(word), &hosts(&ids)).unwrap();
            }
        }
        let picks: Vec<usize> =
            (0..40).map(|_| balancer.pick(pick(word), &hosts(&ids)).unwrap()).collect();
        // The first turns even out what happened before.
        let picks = &picks[ids.len()..];
        for from in 0..picks.len() {
            let mut shares = vec![0; ids.len()];
            for index in &picks[from..] {
                shares[*index] += 1;
                let (most, least) = (shares.iter().max().unwrap(), shares.iter().min().unwrap());
                prop_assert!(most - least <= 1, "{:?}", picks);
            }
        }
    }

    /// Smooth weighted round robin: in every period of as many picks as the weights sum up to, each
    /// host gets exactly its weight, and is never two turns off its share.
    #[test]
    fn weighted_shares_are_exact_over_every_period(
        weights in prop::collection::vec(0..6_u32, 1..6),
        word in any::<u64>(),
    ) {
        let kind = BalancerKind::Weighted;
        let mut balancer = Balancer::new(BalancerConfig { kind, ..BalancerConfig::hardened() });
        let hosts: Vec<_> =
            (0_u32..).zip(&weights).map(|(id, weight)| Host { id: Name(id), weight: *weight }).collect();
        let period: u32 = weights.iter().sum();
        if period == 0 {
            prop_assert_eq!(balancer.pick(pick(word), &hosts), None);
            return Ok(());
        }
        for _ in 0..3 {
            let mut shares = vec![0; weights.len()];
            for turn in 1..=period {
                shares[balancer.pick(pick(word), &hosts).unwrap()] += 1;
                for (share, weight) in shares.iter().zip(&weights) {
                    let off = (share * period).abs_diff(weight * turn);
                    prop_assert!(off < period * 2, "{:?} after {} of {:?}", shares, turn, weights);
                }
            }
            prop_assert_eq!(&shares, &weights);
        }
    }

    /// The guide's counter, with a random start or without, whatever is shown.
    #[test]
    fn a_counter_counts_picks_from_its_start(
        lists in prop::collection::vec(list(), 1..50),
        word in any::<u64>(),
        start in prop::sample::select(vec![Start::First, Start::Random]),
    ) {
        let config = BalancerConfig { start, ..BalancerConfig::guide() };
        let mut balancer = Balancer::new(config);
        let first = if start == Start::Random { word } else { 0 };
        for (before, ids) in (0_u64..).zip(lists) {
            let draws = start == Start::Random && before == 0;
            let draw = if draws { Draw::Place } else { Draw::Nothing };
            prop_assert_eq!(balancer.draw(Time::ZERO, Name(0), &hosts(&ids)), draw);
            let expected = first.wrapping_add(before) % ids.len() as u64;
            prop_assert_eq!(balancer.pick(pick(word), &hosts(&ids)), usize::try_from(expected).ok());
        }
    }

    /// Calls under way, by a list of them.
    #[test]
    fn the_least_loaded_for_its_weight_is_chosen(
        events in prop::collection::vec((0..4_usize, any::<u64>(), any::<bool>()), 1..80),
        weights in prop::collection::vec(1..4_u32, 4),
    ) {
        let least = BalancerConfig { kind: BalancerKind::LeastRequest, ..BalancerConfig::guide() };
        let two = BalancerConfig { kind: BalancerKind::PowerOfTwo, ..BalancerConfig::guide() };
        let (mut least, mut two) = (Balancer::new(least), Balancer::new(two));
        let hosts: Vec<_> =
            (0_u32..).zip(&weights).map(|(id, weight)| Host { id: Name(id), weight: *weight }).collect();
        let mut under_way: Vec<usize> = Vec::new();
        for (host, word, starts) in events {
            for balancer in [&mut least, &mut two] {
                if starts {
                    balancer.started(Time::ZERO, hosts[host].id);
                } else if under_way.contains(&host) {
                    balancer.ended(Time::ZERO, hosts[host].id, Span::ZERO);
                }
            }
            if starts {
                under_way.push(host);
            } else if let Some(at) = under_way.iter().position(|other| *other == host) {
                under_way.remove(at);
            }
            // By cross-multiplication with the product of all weights.
            let load = |at: usize| {
                let active = under_way.iter().filter(|other| **other == at).count() + 1;
                active * (weights.iter().product::<u32>() / weights[at]) as usize
            };
            let chosen = least.pick(pick(word), &hosts).unwrap();
            let smallest = (0..4).map(load).min().unwrap();
            prop_assert_eq!(load(chosen), smallest);
            let first = usize::try_from(word % 4).unwrap();
            let expected = (first..4).chain(0..first).find(|at| load(*at) == smallest);
            prop_assert_eq!(Some(chosen), expected, "ties go round from a random place");
            let (one, mut other) = (first, usize::try_from(word / 4 % 3).unwrap());
            if other >= one {
                other += 1;
            }
            let expected = if load(other) < load(one) { other } else { one };
            prop_assert_eq!(two.pick(pick(word), &hosts), Some(expected));
        }
    }
}

#[test]
fn lb_2_the_guide_starves_a_host_that_flaps_with_the_calls() {
    let shares = |config: BalancerConfig| {
        let mut balancer = Balancer::new(config);
        let mut of_b = 0;
        for _ in 0..500 {
            of_b += balancer.pick(pick(0), &hosts(&[0, 1])).unwrap();
            assert_eq!(balancer.pick(pick(0), &hosts(&[0])), Some(0));
        }
        of_b
    };
    assert_eq!(shares(BalancerConfig::guide()), 0, "broken");
    let alone = BalancerConfig { position: Position::PerHost, ..BalancerConfig::guide() };
    assert_eq!(shares(alone), 499, "after the first pick it always waits longer than the other");
    assert_eq!(shares(BalancerConfig::hardened()), 499);
}

#[test]
fn lb_4_fresh_clients_herd_at_the_first_host_unless_they_start_at_random() {
    let first = |config: &BalancerConfig, word| {
        Balancer::new(config.clone()).pick(pick(word), &hosts(&[0, 1, 2, 3])).unwrap()
    };
    let at = |config: &BalancerConfig| [0, 1, 2, 3, 7].map(|word| first(config, word));
    assert_eq!(at(&BalancerConfig::guide()), [0; 5], "broken");
    assert_eq!(at(&BalancerConfig::hardened()), [0, 1, 2, 3, 3]);
}

#[test]
fn lb_5_vanished_services_and_hosts_are_forgotten() {
    for (config, services) in [(BalancerConfig::guide(), 100), (BalancerConfig::hardened(), 2)] {
        let mut balancer = Balancer::new(config);
        for number in 0..100 {
            let now = Time::ZERO + Span::from_secs(60 * u64::from(number));
            let service = Name(number);
            balancer.pick(Pick { now, service, key: 0, word: 0 }, &hosts(&[number])).unwrap();
        }
        let (known, _) = balancer.remembered();
        assert_eq!(known, services);
    }
    let kind = BalancerKind::LeastRequest;
    let mut balancer = Balancer::new(BalancerConfig { kind, ..BalancerConfig::hardened() });
    balancer.started(Time::ZERO, Name(1_000));
    for number in 0..100 {
        let now = Time::ZERO + Span::from_secs(60 * u64::from(number));
        balancer.pick(Pick { now, ..pick(0) }, &hosts(&[number])).unwrap();
    }
    assert_eq!(balancer.remembered(), (0, 3), "two hosts, and one with a call under way");
}

#[test]
fn a_host_that_comes_back_in_time_has_kept_its_place() {
    let picks = |away: u64| {
        let mut balancer = Balancer::new(BalancerConfig::hardened());
        let now = |seconds| Time::ZERO + Span::from_secs(seconds);
        let mut pick = |at, ids: &[u32]| {
            balancer.pick(Pick { now: now(at), ..pick(0) }, &hosts(ids)).map(|index| ids[index])
        };
        assert_eq!(pick(0, &[0, 1, 2]), Some(0));
        assert_eq!(pick(0, &[0, 2]), Some(2));
        pick(away, &[0, 2]);
        pick(away, &[0, 1, 2])
    };
    assert_eq!(picks(60), Some(1), "it waits longest");
    assert_eq!(picks(121), Some(2), "it stands behind the others");
}

#[test]
fn only_rules_that_need_luck_draw() {
    for (kind, draws) in [
        (BalancerKind::RoundRobin, Draw::Place),
        (BalancerKind::Random, Draw::Place),
        (BalancerKind::Weighted, Draw::Place),
        (BalancerKind::PowerOfTwo, Draw::TwoPlaces),
        (BalancerKind::LeastRequest, Draw::Place),
        (BalancerKind::RingHash, Draw::Nothing),
        (BalancerKind::Maglev, Draw::Nothing),
        (BalancerKind::PeakEwma, Draw::TwoPlaces),
    ] {
        let mut balancer = Balancer::new(BalancerConfig { kind, ..BalancerConfig::hardened() });
        let draw = |balancer: &Balancer| balancer.draw(Time::ZERO, Name(0), &hosts(&[3]));
        assert_eq!(draw(&balancer), draws, "{kind:?}");
        assert_eq!(balancer.pick(pick(5), &[]), None, "{kind:?}");
        assert_eq!(draw(&balancer), draws, "{kind:?}: an empty list changes nothing");
        assert_eq!(balancer.pick(pick(5), &hosts(&[3])), Some(0), "{kind:?}");
        let once = matches!(kind, BalancerKind::RoundRobin | BalancerKind::Weighted);
        assert_eq!(draw(&balancer), if once { Draw::Nothing } else { draws }, "{kind:?}");
        assert_eq!(balancer.config().kind, kind);
    }
    let kind = BalancerKind::Weighted;
    let balancer = Balancer::new(BalancerConfig { kind, ..BalancerConfig::guide() });
    assert_eq!(balancer.draw(Time::ZERO, Name(0), &hosts(&[3])), Draw::Nothing);
}

/// The word that a draw of a place is made into picks that place: those who draw by other means than
/// random bits rely on it.
#[test]
fn hosts_of_different_weights_are_drawn_by_weight() {
    let config = BalancerConfig { kind: BalancerKind::Random, ..BalancerConfig::guide() };
    let mut balancer = Balancer::new(config);
    let weighted = |weights: [u32; 3]| {
        let mut ids = 1..;
        weights.map(|weight| Host { id: Name(ids.next().unwrap()), weight })
    };
    let list = weighted([3, 0, 1]);
    let draw = balancer.draw(Time::ZERO, Name(0), &list);
    assert_eq!(draw, Draw::Weighted(vec![30_000, 0, 10_000]));
    for (word, place) in [(0, 0), (29_999, 0), (30_000, 2), (39_999, 2), (40_000, 0)] {
        assert_eq!(balancer.pick(pick(word), &list), Some(place), "{word}");
    }
    assert_eq!(balancer.draw(Time::ZERO, Name(0), &weighted([5, 5, 5])), Draw::Place);
    assert_eq!(balancer.pick(pick(7), &weighted([0, 0, 0])), None, "nobody has a share");
}

#[test]
fn memory_that_is_never_forgotten_is_the_guides() {
    assert_eq!(BalancerConfig::guide().forget, Forget::Never);
}
