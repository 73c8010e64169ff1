//! The breaker against the guide's three functions, written as they stand.

use brownout_models::policy::{Breaker, BreakerConfig, BreakerState, Transition};
use brownout_models::{Span, Time};
use proptest::prelude::*;

use super::{SECOND, config, step};

struct Guide {
    state: &'static str,
    failure_count: i64,
    success_count: i64,
    threshold: i64,
    timeout: u64,
    last_failure: u64,
}

impl Guide {
    fn can_execute(&mut self, now: u64) -> (bool, Option<(&'static str, &'static str)>) {
        if self.state == "CLOSED" {
            return (true, None);
        }
        if self.state == "OPEN" {
            if now - self.last_failure > self.timeout {
                self.state = "HALF_OPEN";
                self.success_count = 0;
                return (true, Some(("OPEN", "HALF_OPEN")));
            }
            return (false, None);
        }
        (true, None)
    }

    fn record_success(&mut self) -> Option<(&'static str, &'static str)> {
        self.failure_count = 0;
        if self.state == "HALF_OPEN" {
            self.success_count += 1;
            if self.success_count >= 3 {
                self.state = "CLOSED";
                return Some(("HALF_OPEN", "CLOSED"));
            }
        }
        None
    }

    fn record_failure(&mut self, now: u64) -> Option<(&'static str, &'static str)> {
        self.failure_count += 1;
        self.last_failure = now;
        if self.state == "HALF_OPEN" {
            self.state = "OPEN";
            return Some(("HALF_OPEN", "OPEN"));
        }
        if self.failure_count >= self.threshold {
            self.state = "OPEN";
            return Some(("CLOSED", "OPEN"));
        }
        None
    }
}

fn text(state: BreakerState) -> &'static str {
    match state {
        BreakerState::Closed => "CLOSED",
        BreakerState::Open => "OPEN",
        BreakerState::HalfOpen => "HALF_OPEN",
    }
}

fn texts(transitions: Vec<Transition>) -> Option<(&'static str, &'static str)> {
    assert!(transitions.len() <= 1, "{transitions:?}");
    transitions.first().map(|transition| (text(transition.from), text(transition.to)))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_breaker_moves_as_the_guide(
        threshold in prop_oneof![Just(5), -1..4_i64],
        timeout in prop_oneof![Just(30 * SECOND), Just(0), Just(1), Just(10 * SECOND)],
        calls in prop::collection::vec((step(), 0..5_u8), 1..120),
    ) {
        let open_timeout = Span::from_nanos(timeout);
        let breaker_config =
            BreakerConfig { failure_threshold: threshold, open_timeout, ..BreakerConfig::guide() };
        let mut breaker = Breaker::new(breaker_config);
        let mut guide = Guide {
            state: "CLOSED",
            failure_count: 0,
            success_count: 0,
            threshold,
            timeout,
            last_failure: 0,
        };
        let mut now = 0;
        for (step, call) in calls {
            now += step;
            let at = Time::from_nanos(now);
            match call {
                0 | 1 => {
                    let admission = breaker.allow(at);
                    let expected = guide.can_execute(now);
                    prop_assert_eq!((admission.is_admitted(), texts(admission.transitions)), expected);
                }
                2 => prop_assert_eq!(texts(breaker.success(at)), guide.record_success()),
                _ => prop_assert_eq!(texts(breaker.failure(at)), guide.record_failure(now)),
            }
            prop_assert_eq!(text(breaker.state()), guide.state);
        }
    }
}
