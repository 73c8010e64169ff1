//! What a breaker counts: permits under way, shares of a window, and the wait that has begun.

use brownout_models::policy::{
    Breaker, BreakerConfig, BreakerState, CallResult, Override, Probes, Trip, Verdict,
};
use brownout_models::{Ratio, Span, Time};

/// One failure opens it, for ten seconds; everything else as in the guide.
fn guide() -> BreakerConfig {
    let open_timeout = Span::from_secs(10);
    BreakerConfig { failure_threshold: 1, open_timeout, ..BreakerConfig::guide() }
}

fn at(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

#[test]
fn a_probe_holds_its_permit_until_its_result_is_known() {
    let config = BreakerConfig { probes: Probes::Permits(3), success_threshold: 9, ..guide() };
    let mut breaker = Breaker::new(config);
    breaker.failure(at(0));
    assert_eq!(breaker.probes_under_way(), 0);
    let mut permits = Vec::new();
    for under_way in 1..=3 {
        permits.push(breaker.allow(at(11)).outcome.unwrap());
        assert_eq!(breaker.probes_under_way(), under_way);
    }
    assert!(!breaker.allow(at(11)).is_admitted());
    for (under_way, permit) in [2, 1, 0].into_iter().zip(permits) {
        breaker.record(at(12), permit, CallResult::Success);
        assert_eq!(breaker.probes_under_way(), under_way);
    }
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
}

#[test]
fn a_window_opens_at_its_share_of_failures_and_not_below() {
    let opens_after = |failures| {
        let mut breaker = Breaker::new(BreakerConfig {
            trip: Trip::CountWindow,
            window_calls: 6,
            minimum_calls: 6,
            failure_rate: Ratio::new(2, 3).unwrap(),
            ..guide()
        });
        for call in 0..6 {
            let result = if call < failures { CallResult::FAILED } else { CallResult::Success };
            breaker.unasked(at(0), result);
        }
        breaker.state() == BreakerState::Open
    };
    assert_eq!([2, 3, 4, 5].map(opens_after), [false, false, true, true]);
}

#[test]
fn a_verdict_needs_as_many_results_as_there_are_permits_and_no_more_than_the_minimum() {
    let verdict = Verdict::Rate;
    let needed = |probes| {
        let config = BreakerConfig { verdict, probes, minimum_calls: 5, ..BreakerConfig::guide() };
        config.results_needed()
    };
    let permits = [4, 5, 6].map(Probes::Permits);
    assert_eq!(permits.map(needed), [4, 5, 5]);
    assert_eq!(needed(Probes::Unlimited), 5);
    assert_eq!(BreakerConfig { success_threshold: 2, ..guide() }.results_needed(), 2);
}

/// A breaker after some events, which must be as if nobody had lengthened anything.
#[test]
fn only_a_breaker_that_waits_can_be_made_to_wait_longer() {
    let config = || BreakerConfig { open_jitter: Ratio::ONE_HALF, ..guide() };
    let lengthened = |prepare: fn(&mut Breaker)| {
        let mut breaker = Breaker::new(config());
        prepare(&mut breaker);
        let before = format!("{breaker:?}");
        breaker.jitter(u64::MAX);
        breaker.lengthen(Span::from_secs(3));
        before != format!("{breaker:?}")
    };
    let half_open = |breaker: &mut Breaker| {
        breaker.failure(at(0));
        breaker.allow(at(11));
    };
    let forced_open = |breaker: &mut Breaker| drop(breaker.force(at(0), Override::Open));
    let disabled = |breaker: &mut Breaker| drop(breaker.force(at(0), Override::Disabled));
    let open = |breaker: &mut Breaker| drop(breaker.failure(at(0)));
    assert!(
        [|_: &mut Breaker| {}, half_open, forced_open, disabled].iter().all(|it| !lengthened(*it))
    );
    assert!(lengthened(open));
}
