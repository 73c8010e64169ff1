//! What is known of balancers from the literature, with the bound computed beside each check.

use brownout_models::policy::balancer::{
    Balancer, BalancerConfig, BalancerKind, BoundedLoad, Host, Pick, SlowStart,
};
use brownout_models::{Name, Span, Time};

fn hosts(count: u32) -> Vec<Host> {
    (0..count).map(|id| Host::new(Name(id))).collect()
}

fn balancer(kind: BalancerKind) -> Balancer {
    Balancer::new(BalancerConfig { kind, ..BalancerConfig::hardened() })
}

/// A fixed stream of words.
fn words() -> impl Iterator<Item = u64> {
    (1_u64..).map(|seed| {
        let word = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    })
}

fn pick(key: u64, word: u64) -> Pick {
    Pick { now: Time::ZERO, service: Name(0), key, word }
}

/// Throws as many balls as there are bins, none of which ever leaves, and gives the fullest bin.
fn fullest(kind: BalancerKind, words: &mut impl Iterator<Item = u64>) -> u32 {
    let hosts = hosts(BINS);
    let mut balancer = balancer(kind);
    let mut bins = vec![0; hosts.len()];
    for word in words.take(hosts.len()) {
        let index = balancer.pick(pick(0, word), &hosts).unwrap();
        balancer.started(Time::ZERO, hosts[index].id);
        bins[index] += 1;
    }
    bins.into_iter().max().unwrap()
}

const BINS: u32 = 1_024;

/// Azar, Broder, Karlin, Upfal (1999), and Mitzenmacher (2001): n balls into n bins, the fullest has
/// about ln n / ln ln n balls where each goes anywhere, log2 log2 n + O(1) where each goes to the
/// emptier of two.
///
/// For n = 1,024 and uniform throws the union bound gives
/// P(fullest >= k) <= n * C(n, k) / n^k < n / k!, which is 2.3e-3 for k = 9... and
/// P(fullest <= 3): the bins are negatively associated, so it is at most P(bin <= 3)^n, with
/// P(bin > 3) > 0.0189 (Poisson 1, less 1/n): (1 - 0.0189)^1024 < 4e-9. So 4 to 10 in all of 20 runs
/// fails with less than 20 * 1024 / 11! < 6e-4 by chance, and the words are fixed.
/// For two choices the layered induction has at most n * 2^-(2^(k-2)) / .. bins of k balls: with
/// k = 5 and n = 1,024 far less than one; 2 holds unless all bins have one ball.
#[test]
fn two_choices_beat_one_exponentially() {
    let mut words = words();
    for _ in 0..20 {
        let random = fullest(BalancerKind::Random, &mut words);
        assert!((4..=10).contains(&random), "{random}");
        let two = fullest(BalancerKind::PowerOfTwo, &mut words);
        assert!((2..=4).contains(&two), "{two}");
        assert!(two < random);
    }
    assert_eq!(fullest(BalancerKind::LeastRequest, &mut words), 1, "who sees all wastes nothing");
}

/// The shares of n random picks among m hosts are binomial: a mean of n / m, and beyond five
/// deviations in one case of a million.
#[test]
fn random_picks_follow_the_weights() {
    let weighted: Vec<_> = hosts(4).into_iter().zip([1, 2, 3, 4]).collect();
    let hosts: Vec<_> =
        weighted.iter().map(|(host, weight)| Host { weight: *weight, ..*host }).collect();
    let mut balancer = balancer(BalancerKind::Random);
    let mut shares = [0_i64; 4];
    for word in words().take(100_000) {
        shares[balancer.pick(pick(0, word), &hosts).unwrap()] += 1;
    }
    for (share, weight) in shares.into_iter().zip(1..) {
        // n p (1 - p) with p = weight / 10.
        let (mean, variance) = (10_000 * weight, 1_000 * weight * (10 - weight));
        assert!((share - mean).pow(2) <= 25 * variance, "{shares:?}");
    }
}

/// Karger et al. (1997): when a host leaves, only its own keys move; when one comes, keys move only
/// to it.
#[test]
fn a_ring_moves_only_the_keys_of_the_host_that_leaves() {
    let (all, less) = (hosts(10), [&hosts(10)[..4], &hosts(10)[5..]].concat());
    let (mut before, mut after) =
        (balancer(BalancerKind::RingHash), balancer(BalancerKind::RingHash));
    let mut moved = 0_i64;
    for key in 0..10_000 {
        let old = all[before.pick(pick(key, 0), &all).unwrap()];
        let new = less[after.pick(pick(key, 0), &less).unwrap()];
        assert!(old == new || old.id == Name(4), "key {key} moved from {:?}", old.id);
        moved += i64::from(old != new);
    }
    // A tenth of the ring in 128 points: the share's deviation is about 1 / sqrt(128) of it, 88 keys, and
    // the binomial one of 10,000 keys is 30. Five of both together: 1,000 +- 465.
    assert!((535..=1_465).contains(&moved), "{moved}");
}

/// Eisenbud et al. (2016), section 5.3: with a table a hundred times as large as the number of hosts, the
/// loss of one of them moves little beyond its own share, and shares are equal to within one part
/// of a hundred.
#[test]
fn a_maglev_table_is_even_and_hardly_disturbed() {
    let (all, less) = (hosts(10), [&hosts(10)[..4], &hosts(10)[5..]].concat());
    let (mut before, mut after) = (balancer(BalancerKind::Maglev), balancer(BalancerKind::Maglev));
    let (mut shares, mut disturbed) = ([0_u32; 10], 0);
    for key in 0..20_000 {
        let old = before.pick(pick(key, 0), &all).unwrap();
        let new = less[after.pick(pick(key, 0), &less).unwrap()];
        shares[old] += 1;
        disturbed += u32::from(all[old] != new && old != 4);
    }
    for share in shares {
        // Every host has a tenth of the entries, to one; so the keys are binomial: 2,000 +- 5 * 43.
        assert!((1_785..=2_215).contains(&share), "{shares:?}");
    }
    // The paper finds a few per mille; a modulo would move nine tenths.
    assert!(disturbed < 20_000 / 50, "{disturbed} of 20,000 keys moved without need");
}

/// Mirrokni, Thorup, Zadimoghaddam (2018): with capacity ceil(c * average) nobody has more, and who has
/// room keeps its keys.
#[test]
fn nobody_hashed_has_more_than_its_bound() {
    for percent in [100, 125, 200] {
        for kind in [BalancerKind::RingHash, BalancerKind::Maglev] {
            let config = BalancerConfig {
                kind,
                hash_balance_factor: BoundedLoad::Percent(percent),
                ..BalancerConfig::hardened()
            };
            let (mut bounded, hosts) = (Balancer::new(config), hosts(7));
            let mut free = balancer(kind);
            let mut active = [0_u32; 7];
            for calls in 1..=500 {
                // Everybody wants the same.
                let index = bounded.pick(pick(42, 0), &hosts).unwrap();
                bounded.started(Time::ZERO, hosts[index].id);
                active[index] += 1;
                let bound = (calls * percent).div_ceil(100 * 7);
                assert!(active[index] <= bound, "{active:?} with {percent} %");
                let favourite = free.pick(pick(42, 0), &hosts).unwrap();
                assert!(index == favourite || active[favourite] >= bound, "it had room");
            }
        }
    }
}

/// Envoy's slow start in numbers: two hosts, one of them fresh, a window of 100 s, a straight line.
/// Its share after t seconds is max(0.1, t / 100) / (1 + max(0.1, t / 100)).
#[test]
fn a_fresh_host_gets_the_share_of_its_age() {
    let config = BalancerConfig {
        kind: BalancerKind::Weighted,
        slow_start: SlowStart::Over(Span::from_secs(100)),
        ..BalancerConfig::hardened()
    };
    let mut balancer = Balancer::new(config);
    let at = |seconds| Time::ZERO + Span::from_secs(seconds);
    let (old, both) = (hosts(1), hosts(2));
    balancer.pick(Pick { now: at(0), ..pick(0, 0) }, &old).unwrap();
    balancer.pick(Pick { now: at(200), ..pick(0, 0) }, &both).unwrap();
    for (age, of_eleven_hundred) in [(0, 100), (10, 100), (50, 366), (100, 550)] {
        let picks = (0..1_100)
            .filter(|_| balancer.pick(Pick { now: at(200 + age), ..pick(0, 0) }, &both) == Some(1));
        let share = picks.count();
        assert!(share.abs_diff(of_eleven_hundred) <= 1, "{share} after {age} s");
    }
}

/// Two hosts, one ten times slower: peak EWMA sends it a call only when the other has ten.
#[test]
fn peak_ewma_weighs_latency_against_calls_under_way() {
    let (mut balancer, hosts) = (balancer(BalancerKind::PeakEwma), hosts(2));
    for (host, millis) in [(0, 10), (1, 1)] {
        balancer.started(Time::ZERO, hosts[host].id);
        balancer.ended(Time::ZERO, hosts[host].id, Span::from_millis(millis));
    }
    for calls in 0..9 {
        assert_eq!(balancer.pick(pick(0, calls), &hosts), Some(1), "{calls} under way");
        balancer.started(Time::ZERO, hosts[1].id);
    }
    // Ten milliseconds each: whichever is drawn first.
    assert_eq!(balancer.pick(pick(0, 0), &hosts), Some(0));
    assert_eq!(balancer.pick(pick(0, 1), &hosts), Some(1));
    balancer.started(Time::ZERO, hosts[1].id);
    assert_eq!(balancer.pick(pick(0, 1), &hosts), Some(0));
}
