//! The limiter under any configuration against whole histories and exact fractions.

use std::collections::BTreeMap;

use brownout_models::policy::{
    Algorithm, Burst, Eviction, Floor, Fraction, LimitChanges, Limiter, LimiterConfig, LimiterKey,
    NextTry, ZeroLimit,
};
use brownout_models::{Name, Ratio, Span, Time};
use proptest::prelude::*;

use super::config;

const MINUTE: u64 = 60_000_000_000;

/// Everything that ever happened to one bucket: when its limit changed and when it admitted what.
#[derive(Clone, Default)]
struct History {
    /// The first limit, and every other from when it held.
    limits: Vec<(u64, i64)>,
    admitted: Vec<(u64, u64)>,
}

fn capacity(config: &LimiterConfig, limit: i64) -> i128 {
    let limit = i128::from(limit.max(0));
    match config.burst {
        _ if limit == 0 => 0,
        Burst::Quota => limit,
        Burst::Share(share) => (limit * i128::from(share.num()) / i128::from(share.den())).max(1),
        Burst::Tokens(tokens) => i128::from(tokens),
    }
}

impl History {
    fn limit(&self) -> i64 {
        self.limits.last().unwrap().1
    }

    /// What is used of a bucket at an instant, in `1/period` tokens: every admission adds, and time
    /// takes away by whatever limit held, never below nothing.
    fn used(&self, period: u64, now: u64) -> i128 {
        let mut instants: Vec<u64> = self.limits.iter().map(|(at, _)| *at).collect();
        instants.extend(self.admitted.iter().map(|(at, _)| *at));
        instants.push(now);
        instants.sort_unstable();
        instants.dedup();
        let (mut used, mut before) = (0_i128, instants[0]);
        for at in instants {
            let held = self.limits.iter().rev().find(|(from, _)| *from <= before).unwrap().1;
            used = (used - i128::from(at - before) * i128::from(held.max(0))).max(0);
            let costs = self.admitted.iter().filter(|(when, _)| *when == at);
            used += costs.map(|(_, cost)| i128::from(*cost) * i128::from(period)).sum::<i128>();
            before = at;
        }
        used
    }

    /// What was admitted in the window that `now` lies in, or that ends now.
    fn in_window(&self, algorithm: Algorithm, period: u64, now: u64) -> i128 {
        let counts = |at: u64| match algorithm {
            Algorithm::SlidingWindow => now - at < period,
            Algorithm::FixedWindow => at / period == now / period,
            Algorithm::MinuteBucket | Algorithm::TokenBucket => unreachable!("these are buckets"),
        };
        let admitted = self.admitted.iter().filter(|(at, _)| counts(*at));
        admitted.map(|(_, cost)| i128::from(*cost)).sum()
    }

    fn would_admit(&self, config: &LimiterConfig, now: u64, cost: u64) -> bool {
        let period = config.period.as_nanos();
        let (limit, cost) = (self.limit(), i128::from(cost));
        match config.algorithm {
            Algorithm::TokenBucket => {
                let capacity = capacity(config, limit) * i128::from(period);
                self.used(period, now) + cost * i128::from(period) <= capacity
            }
            Algorithm::SlidingWindow | Algorithm::FixedWindow => {
                let used = self.in_window(config.algorithm, period, now);
                used + cost <= i128::from(limit.max(0))
            }
            Algorithm::MinuteBucket => unreachable!("it has a reference of its own"),
        }
    }

    /// The first instant from `now` on at which it would admit, found by halving.
    fn first_admission(&self, config: &LimiterConfig, now: u64, cost: u64) -> Option<u64> {
        // After three periods any bucket of these limits is full and every window empty.
        let (mut low, mut high) = (now, now + 3 * config.period.as_nanos());
        if config.algorithm == Algorithm::FixedWindow {
            high = (now / config.period.as_nanos() + 1) * config.period.as_nanos();
        }
        if !self.would_admit(config, high, cost) {
            return None;
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if self.would_admit(config, middle, cost) { high = middle } else { low = middle + 1 }
        }
        Some(low)
    }
}

/// One question: after how long, which client and route, with which limit, at which cost.
type Question = (u64, u32, u32, i64, u64);

fn question(period: u64) -> impl Strategy<Value = Question> {
    let limit =
        prop_oneof![4 => Just(7_i64), 2 => Just(3), 1 => Just(0), 1 => Just(-1), 1 => 1..40_i64];
    let around = |at: u64| prop_oneof![Just(at.saturating_sub(1)), Just(at), Just(at + 1)];
    let step = prop_oneof![
        4 => Just(0),
        2 => (1..8_u64).prop_flat_map(move |part| around(period * part / 7)),
        2 => (1..4_u64).prop_flat_map(move |part| around(period * part / 3)),
        1 => around(period),
        1 => 0..period,
    ];
    (step, 0..2_u32, 0..2_u32, limit, prop_oneof![6 => Just(1_u64), 1 => 2..4_u64, 1 => Just(50)])
}

prop_compose! {
    fn exact_config()(
        algorithm in prop_oneof![
            Just(Algorithm::TokenBucket), Just(Algorithm::SlidingWindow),
            Just(Algorithm::FixedWindow)],
        key in prop_oneof![Just(LimiterKey::Client), Just(LimiterKey::ClientAndRoute)],
        limit_changes in prop_oneof![Just(LimitChanges::First), Just(LimitChanges::Follow)],
        burst in prop_oneof![
            Just(Burst::Quota), Just(Burst::Share(Ratio::ONE_TENTH)),
            Just(Burst::Share(Ratio::ONE_HALF)), Just(Burst::Tokens(1)), Just(Burst::Tokens(3))],
        period in prop_oneof![Just(10_u64), Just(MINUTE), Just(1_000_000_007)],
        zero_limit in prop_oneof![Just(ZeroLimit::Deny), Just(ZeroLimit::Unlimited)],
        // With the first limit kept, an idle bucket is not as good as none.
        idle in any::<bool>(),
    ) -> LimiterConfig {
        let evicts = idle && limit_changes == LimitChanges::Follow;
        let eviction = if evicts { Eviction::Idle } else { Eviction::Never };
        let period = Span::from_nanos(period);
        LimiterConfig {
            algorithm, key, limit_changes, burst, period, zero_limit, eviction,
            ..LimiterConfig::hardened()
        }
    }
}

fn configured() -> impl Strategy<Value = (LimiterConfig, Vec<Question>)> {
    exact_config().prop_flat_map(|config| {
        let period = config.period.as_nanos();
        (Just(config), prop::collection::vec(question(period), 1..60))
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_limiter_is_what_its_whole_history_says((config, questions) in configured()) {
        let mut limiter = Limiter::new(config.clone());
        let (mut histories, mut now) = (BTreeMap::<_, History>::new(), 0);
        for (step, client, route, limit, cost) in questions {
            now += step;
            let decision = limiter.allow_cost(
                Time::from_nanos(now), Name(client), Name(route), limit, cost);
            if limit <= 0 && config.zero_limit == ZeroLimit::Unlimited {
                prop_assert!(decision.allowed);
                continue;
            }
            let key = (client, (config.key == LimiterKey::ClientAndRoute).then_some(route));
            if limit <= 0 && config.limit_changes == LimitChanges::Follow {
                prop_assert_eq!((decision.allowed, decision.retry), (false, NextTry::Never));
                continue;
            }
            let history = histories.entry(key).or_default();
            if history.limits.is_empty()
                || (config.limit_changes == LimitChanges::Follow && history.limit() != limit)
            {
                history.limits.push((now, limit));
            }
            let expected = history.would_admit(&config, now, cost);
            prop_assert_eq!(decision.allowed, expected, "{} at {}", limit, now);
            let retry = match history.first_admission(&config, now, cost) {
                _ if expected => NextTry::Now,
                Some(at) => NextTry::After(Span::from_nanos(at - now)),
                None => NextTry::Never,
            };
            prop_assert_eq!(decision.retry, retry);
            if expected {
                history.admitted.push((now, cost));
            }
            // As many more of cost one, and not another.
            let more = decision.remaining;
            prop_assert!(more == 0 || history.would_admit(&config, now, more));
            prop_assert!(!history.would_admit(&config, now, more + 1));
        }
    }

    /// The guide's bucket with exact floors and fractions kept is a token bucket whose tokens come
    /// whole: a request of cost one is admitted by both or by neither.
    #[test]
    fn the_guides_bucket_with_both_remedies_is_an_exact_one(
        questions in prop::collection::vec(question(MINUTE), 1..80),
    ) {
        let remedied = LimiterConfig {
            fraction: Fraction::Kept,
            floor: Floor::Exact,
            ..LimiterConfig::guide()
        };
        let exact = LimiterConfig { algorithm: Algorithm::TokenBucket, ..remedied.clone() };
        let (mut minute, mut token) = (Limiter::new(remedied), Limiter::new(exact));
        let mut now = 0;
        for (step, client, route, limit, cost) in questions {
            now += step;
            let at = Time::from_nanos(now);
            let ask = |limiter: &mut Limiter| {
                limiter.allow_cost(at, Name(client), Name(route), limit, cost)
            };
            prop_assert_eq!(ask(&mut minute), ask(&mut token), "{} at {}", limit, now);
        }
    }

    /// A refused request changes nothing, a refunded one changed nothing.
    #[test]
    fn refusals_and_refunds_leave_no_trace((config, questions) in configured()) {
        let config = LimiterConfig { eviction: Eviction::Never, ..config };
        let mut limiter = Limiter::new(config.clone());
        let mut now = 0;
        for (step, client, route, limit, cost) in questions {
            now += step;
            let at = Time::from_nanos(now);
            let (client, route) = (Name(client), Name(route));
            // The question alone brings the bucket up to date.
            limiter.allow_cost(at, client, route, limit, 1 << 40);
            let before = format!("{limiter:?}");
            let decision = limiter.allow_cost(at, client, route, limit, cost);
            if decision.allowed {
                limiter.refund(at, client, route, limit, cost);
            }
            prop_assert_eq!(&before, &format!("{limiter:?}"));
            limiter.allow_cost(at, client, route, limit, cost);
        }
    }
}

/// The generic cell rate algorithm in fractions of `1/limit` ns, as the theory writes it: admitted if
/// and only if the theoretical arrival time is not more than the tolerance ahead.
struct Gcra {
    arrival: u128,
    limit: u128,
    period: u128,
    burst: u128,
}

impl Gcra {
    fn admits(&mut self, now: u64) -> bool {
        let now = u128::from(now) * self.limit;
        let arrival = self.arrival.max(now);
        let tolerance = (self.burst - 1) * self.period;
        if arrival > now + tolerance {
            return false;
        }
        self.arrival = arrival + self.period;
        true
    }
}

#[test]
fn a_million_decisions_are_those_of_exact_fractions() {
    // A linear congruence is random enough for gaps, and needs nothing besides.
    let mut word = 1_u64;
    let mut draw = |below: u64| {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (word >> 33) % below
    };
    let (mut decisions, mut admitted) = (0, 0);
    for round in 0..1_000_usize {
        let limit = [7, 9, 13, 60, 100, 997, 12_345, 999_999_937, 3, 1_000_000][round % 10];
        let period = [1_000_000_000, MINUTE, 3_600_000_000_000][round % 3];
        let burst = u32::try_from(1 + draw(5)).unwrap();
        let config = LimiterConfig {
            burst: Burst::Tokens(burst),
            period: Span::from_nanos(period),
            ..LimiterConfig::hardened()
        };
        let mut limiter = Limiter::new(config);
        let mut gcra = Gcra {
            arrival: 0,
            limit: u128::from(limit),
            period: u128::from(period),
            burst: u128::from(burst),
        };
        let between = period / limit;
        let mut now = draw(between + 1);
        for _ in 0..1_000 {
            // Mostly on and beside the instant at which the next one is due.
            now += [0, between, between + 1, between.saturating_sub(1), draw(2 * between + 2)]
                [usize::try_from(draw(5)).unwrap()];
            let limit = i64::try_from(limit).unwrap();
            let allowed = limiter.allow(Time::from_nanos(now), Name(0), Name(0), limit).allowed;
            assert_eq!(allowed, gcra.admits(now), "{limit} in {period} at {now}");
            decisions += 1;
            admitted += u64::from(allowed);
        }
    }
    assert_eq!(decisions, 1_000_000);
    assert!((200_000..=950_000).contains(&admitted), "{admitted} both ways");
}
