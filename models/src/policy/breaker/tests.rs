//! The guide's breaker by hand, one detail each; the hardened one is in `tests/hardened`.

use super::*;

const CLOSED_TO_OPEN: Transition =
    Transition { from: BreakerState::Closed, to: BreakerState::Open };

fn at(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

fn open_at_zero() -> Breaker {
    let mut breaker = Breaker::new(BreakerConfig::default());
    for _ in 0..4 {
        assert_eq!(breaker.failure(Time::ZERO), []);
    }
    assert_eq!(breaker.failure(Time::ZERO), [CLOSED_TO_OPEN]);
    breaker
}

#[test]
fn an_open_breaker_refuses_up_to_and_including_its_deadline() {
    let mut breaker = open_at_zero();
    let refusal = breaker.allow(at(30)).outcome.unwrap_err();
    assert_eq!(refusal.retry_after, Some(Span::from_nanos(1)));
    let admission = breaker.allow(at(30) + Span::from_nanos(1));
    let half_opened = Transition { from: BreakerState::Open, to: BreakerState::HalfOpen };
    assert!(admission.is_admitted());
    assert_eq!(admission.transitions, [half_opened]);
}

#[test]
fn a_late_failure_extends_the_wait_and_announces_the_opening_again() {
    let mut breaker = open_at_zero();
    assert_eq!(breaker.failure(at(29)), [CLOSED_TO_OPEN]);
    assert!(!breaker.allow(at(59)).is_admitted());
    assert!(breaker.allow(at(60)).is_admitted());
}

#[test]
fn a_success_while_open_silences_the_next_failures() {
    let mut breaker = open_at_zero();
    assert_eq!(breaker.success(at(1)), []);
    assert_eq!(breaker.failure(at(2)), []);
    assert_eq!(breaker.state(), BreakerState::Open);
    assert!(!breaker.allow(at(32)).is_admitted(), "and yet it extended the wait");
}

#[test]
fn half_open_admits_everyone_and_three_successes_close() {
    let mut breaker = open_at_zero();
    for _ in 0..1_000 {
        assert!(breaker.allow(at(31)).is_admitted());
    }
    assert_eq!(breaker.success(at(31)), []);
    assert_eq!(breaker.success(at(31)), []);
    let closed = Transition { from: BreakerState::HalfOpen, to: BreakerState::Closed };
    assert_eq!(breaker.success(at(31)), [closed]);
}

#[test]
fn one_failure_in_half_open_opens_again() {
    let mut breaker = open_at_zero();
    breaker.allow(at(31));
    let opened = Transition { from: BreakerState::HalfOpen, to: BreakerState::Open };
    assert_eq!(breaker.failure(at(31)), [opened]);
}

#[test]
fn a_threshold_of_zero_or_less_opens_at_the_first_failure() {
    for failure_threshold in [i64::MIN, -1, 0, 1] {
        let config = BreakerConfig { failure_threshold, ..BreakerConfig::default() };
        let mut breaker = Breaker::new(config);
        assert!(breaker.allow(Time::ZERO).is_admitted());
        assert_eq!(breaker.failure(Time::ZERO), [CLOSED_TO_OPEN]);
    }
}
