//! What one decision of a policy costs, under both profiles: tens of nanoseconds, so that the policy
//! can stand in the way of every request.

use brownout_models::policy::{
    Balancer, BalancerConfig, Breaker, BreakerConfig, Host, Limiter, LimiterConfig, Pick,
};
use brownout_models::{Name, Profile, Span, Time};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

const PROFILES: [Profile; 2] = [Profile::Guide, Profile::Hardened];
/// Decisions of one measurement, to stand above the clock's resolution.
const DECISIONS: u64 = 1_000;

/// The `number`-th millisecond.
fn at(number: u64) -> Time {
    Time::ZERO + Span::from_millis(number)
}

/// A request every millisecond, each 10th of which is one too many.
#[divan::bench(args = PROFILES)]
fn limiter(bencher: Bencher<'_, '_>, profile: Profile) {
    let mut limiter = Limiter::new(LimiterConfig::of(profile));
    let mut number = 0;
    bencher.counter(DECISIONS).bench_local(|| {
        for _ in 0..DECISIONS {
            number += 1;
            black_box(limiter.allow(at(number), Name(1), Name(2), 54_000));
        }
    });
}

/// A call that is admitted and succeeds.
#[divan::bench(args = PROFILES)]
fn breaker(bencher: Bencher<'_, '_>, profile: Profile) {
    let mut breaker = Breaker::new(BreakerConfig::of(profile));
    let mut number = 0;
    bencher.counter(DECISIONS).bench_local(|| {
        for _ in 0..DECISIONS {
            number += 1;
            black_box(breaker.allow(at(number)));
            black_box(breaker.success(at(number)));
        }
    });
}

/// A pick among ten hosts.
#[divan::bench(args = PROFILES)]
fn balancer(bencher: Bencher<'_, '_>, profile: Profile) {
    let mut balancer = Balancer::new(BalancerConfig::of(profile));
    let hosts: Vec<Host> = (0..10).map(|host| Host::new(Name(host))).collect();
    let mut number = 0;
    bencher.counter(DECISIONS).bench_local(|| {
        for _ in 0..DECISIONS {
            number += 1;
            let pick = Pick { now: at(number), service: Name(99), key: number, word: number };
            black_box(balancer.pick(pick, &hosts));
        }
    });
}
