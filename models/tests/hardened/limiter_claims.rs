//! The limiter's defects by id: the shortest sequence that shows each in the guide, and the option that
//! removes it, alone.

use brownout_models::policy::{
    Algorithm, Burst, Eviction, Floor, Fraction, LimitChanges, Limiter, LimiterConfig, LimiterKey,
    NextTry, ZeroLimit,
};
use brownout_models::{Name, Ratio, Span, Time};

const CLIENT: Name = Name(0);
const ORDERS: Name = Name(1);
const USERS: Name = Name(2);

fn guide() -> LimiterConfig {
    LimiterConfig::guide()
}

fn at(millis: u64) -> Time {
    Time::ZERO + Span::from_millis(millis)
}

/// How many of so many requests at one instant are admitted.
fn admitted(limiter: &mut Limiter, now: Time, route: Name, limit: i64, of: usize) -> usize {
    (0..of).filter(|_| limiter.allow(now, CLIENT, route, limit).allowed).count()
}

#[test]
fn rl_1_routes_share_one_budget_or_have_one_each() {
    let of_users_after_orders = |config| {
        let mut limiter = Limiter::new(config);
        admitted(&mut limiter, at(0), ORDERS, 2, 1);
        admitted(&mut limiter, at(0), USERS, 100, 100)
    };
    assert_eq!(of_users_after_orders(guide()), 1);
    let key = LimiterKey::ClientAndRoute;
    assert_eq!(of_users_after_orders(LimiterConfig { key, ..guide() }), 100);
}

#[test]
fn rl_2_a_first_limit_of_nothing_is_for_ever_or_until_the_next() {
    let after_a_limit_of_nothing = |config| {
        let mut limiter = Limiter::new(config);
        admitted(&mut limiter, at(0), ORDERS, 0, 1);
        admitted(&mut limiter, at(3_600_000), ORDERS, 100, 10)
    };
    assert_eq!(after_a_limit_of_nothing(guide()), 0);
    let limit_changes = LimitChanges::Follow;
    assert_eq!(after_a_limit_of_nothing(LimiterConfig { limit_changes, ..guide() }), 10);
}

#[test]
fn rl_2_a_lower_limit_counts_what_was_used_under_the_higher() {
    for algorithm in [Algorithm::MinuteBucket, Algorithm::TokenBucket, Algorithm::SlidingWindow] {
        let limit_changes = LimitChanges::Follow;
        let mut limiter = Limiter::new(LimiterConfig { algorithm, limit_changes, ..guide() });
        assert_eq!(admitted(&mut limiter, at(0), ORDERS, 10, 4), 4);
        assert_eq!(admitted(&mut limiter, at(0), ORDERS, 5, 5), 1, "{algorithm:?}");
        assert_eq!(admitted(&mut limiter, at(0), ORDERS, 3, 5), 0, "{algorithm:?}");
        assert_eq!(admitted(&mut limiter, at(0), ORDERS, 7, 5), 2, "{algorithm:?}");
    }
}

#[test]
fn rl_3_a_poll_just_short_of_two_tokens_gets_one_or_what_it_earned() {
    // 60 a minute, asked every 999 ms, which earns one token in two questions and drops 998 ms.
    let in_999_seconds = |config| {
        let mut limiter = Limiter::new(config);
        admitted(&mut limiter, at(0), ORDERS, 60, 60);
        let polls =
            (1..=1_000).filter(|poll| limiter.allow(at(999 * poll), CLIENT, ORDERS, 60).allowed);
        polls.count()
    };
    assert_eq!(in_999_seconds(guide()), 500);
    let kept = LimiterConfig { fraction: Fraction::Kept, ..guide() };
    assert_eq!(in_999_seconds(kept.clone()), 998, "the last one is a nanosecond late (RL-4)");
    assert_eq!(in_999_seconds(LimiterConfig { floor: Floor::Exact, ..kept }), 999);
    let algorithm = Algorithm::TokenBucket;
    assert_eq!(in_999_seconds(LimiterConfig { algorithm, ..guide() }), 999);
}

#[test]
fn rl_4_the_token_of_the_very_instant_is_there_or_a_nanosecond_late() {
    let tokens_after_17_4_seconds = |config| {
        let mut limiter = Limiter::new(config);
        admitted(&mut limiter, at(0), ORDERS, 100, 100);
        admitted(&mut limiter, at(17_400), ORDERS, 100, 100)
    };
    assert_eq!(tokens_after_17_4_seconds(guide()), 28);
    assert_eq!(tokens_after_17_4_seconds(LimiterConfig { floor: Floor::Exact, ..guide() }), 29);
}

#[test]
fn rl_5_twice_the_limit_comes_within_a_minute_or_a_burst_more_or_the_limit() {
    // Sixty a minute, as many as possible from 30 s to just before 90 s: the burst, and 59 earned.
    let most_in_a_minute = |config| {
        let mut limiter = Limiter::new(config);
        let answers =
            (0..600).map(|tenth| admitted(&mut limiter, at(30_000 + tenth * 100), ORDERS, 60, 61));
        answers.sum::<usize>()
    };
    assert_eq!(most_in_a_minute(guide()), 60 + 59);
    let burst = Burst::Share(Ratio::ONE_TENTH);
    assert_eq!(most_in_a_minute(LimiterConfig { burst, ..guide() }), 6 + 59);
    let burst = Burst::Tokens(1);
    assert_eq!(most_in_a_minute(LimiterConfig { burst, ..guide() }), 60);
    let algorithm = Algorithm::SlidingWindow;
    assert_eq!(most_in_a_minute(LimiterConfig { algorithm, ..guide() }), 60);
    let algorithm = Algorithm::FixedWindow;
    let around_the_edge = most_in_a_minute(LimiterConfig { algorithm, ..guide() });
    assert_eq!(around_the_edge, 120, "a window ends at 60 s");
}

#[test]
fn rl_6_a_limit_of_nothing_denies_or_means_none() {
    for zero_limit in [ZeroLimit::Deny, ZeroLimit::Unlimited] {
        for limit in [0, -1, i64::MIN] {
            for algorithm in [
                Algorithm::MinuteBucket,
                Algorithm::TokenBucket,
                Algorithm::SlidingWindow,
                Algorithm::FixedWindow,
            ] {
                let mut limiter = Limiter::new(LimiterConfig { algorithm, zero_limit, ..guide() });
                let decision = limiter.allow(at(0), CLIENT, ORDERS, limit);
                assert_eq!(decision.allowed, zero_limit == ZeroLimit::Unlimited, "{algorithm:?}");
                let again = limiter.allow(at(60_000), CLIENT, ORDERS, 5);
                assert_eq!(again.allowed, zero_limit == ZeroLimit::Unlimited, "the first stays");
            }
        }
    }
}

#[test]
fn rl_7_a_thousand_clients_who_never_come_back_are_kept_or_forgotten() {
    let buckets_after_a_thousand = |config| {
        let mut limiter = Limiter::new(config);
        for client in 0..1_000 {
            limiter.allow(at(0), Name(client), ORDERS, 60);
        }
        // A minute later a few questions of one client clear two buckets each.
        for question in 0..600 {
            limiter.allow(at(60_000 + question), Name(0), ORDERS, 60);
        }
        limiter.len()
    };
    assert_eq!(buckets_after_a_thousand(guide()), 1_000);
    for algorithm in [
        Algorithm::MinuteBucket,
        Algorithm::TokenBucket,
        Algorithm::SlidingWindow,
        Algorithm::FixedWindow,
    ] {
        let config = LimiterConfig { algorithm, eviction: Eviction::Idle, ..guide() };
        assert_eq!(buckets_after_a_thousand(config), 1, "{algorithm:?}");
    }
    let mut limiter = Limiter::new(guide());
    limiter.allow(at(0), CLIENT, ORDERS, 60);
    limiter.evict(at(999));
    assert_eq!(limiter.len(), 1, "its token is not back yet");
    limiter.evict(at(1_000));
    assert!(limiter.is_empty());
}

#[test]
fn rl_8_a_cost_of_n_is_n_requests_and_a_refusal_says_when() {
    let mut limiter =
        Limiter::new(LimiterConfig { burst: Burst::Quota, ..LimiterConfig::hardened() });
    let ask = |limiter: &mut Limiter, now, cost| limiter.allow_cost(now, CLIENT, ORDERS, 60, cost);
    assert_eq!(ask(&mut limiter, at(0), 58).remaining, 2);
    let refused = ask(&mut limiter, at(0), 5);
    assert_eq!((refused.allowed, refused.remaining), (false, 2));
    assert_eq!(refused.retry, NextTry::After(Span::from_secs(3)));
    assert!(!ask(&mut limiter, at(2_999), 5).allowed);
    assert!(ask(&mut limiter, at(3_000), 5).allowed);
    assert_eq!(ask(&mut limiter, at(3_000), 61).retry, NextTry::Never);
    assert_eq!(Limiter::new(guide()).allow_cost(at(0), CLIENT, ORDERS, 1, 2).retry, NextTry::Never);
    let mut guide = Limiter::new(guide());
    guide.allow(at(0), CLIENT, ORDERS, 1);
    assert_eq!(guide.allow(at(0), CLIENT, ORDERS, 1).retry, NextTry::Unknown);
}

#[test]
fn every_impossible_value_is_a_mistake_with_a_remedy() {
    let good = LimiterConfig::hardened;
    assert_eq!((guide().mistakes(), good().mistakes()), (vec![], vec![]));
    for (option, config) in [
        ("period", LimiterConfig { period: Span::ZERO, ..good() }),
        ("period", LimiterConfig { period: Span::from_secs(1), ..guide() }),
        ("burst", LimiterConfig { burst: Burst::Tokens(0), ..good() }),
        ("burst", LimiterConfig { burst: Burst::Share(Ratio::ZERO), ..good() }),
    ] {
        let mistakes = config.mistakes();
        assert_eq!(mistakes.len(), 1, "{option}: {mistakes:?}");
        assert_eq!(mistakes[0].option, option);
    }
}

#[test]
fn a_bucket_is_kept_for_each_client_and_holds_its_share_of_the_limit() {
    let share = Burst::Share(Ratio::new(2, 3).unwrap());
    let algorithm = Algorithm::TokenBucket;
    let mut limiter = Limiter::new(LimiterConfig { algorithm, burst: share, ..guide() });
    assert!(limiter.is_empty());
    assert_eq!(admitted(&mut limiter, at(0), ORDERS, 9, 100), 6);
    assert_eq!((limiter.is_empty(), limiter.len()), (false, 1));
    limiter.evict(at(600_000));
    assert!(limiter.is_empty(), "it is full again");
}
