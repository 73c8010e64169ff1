//! One policy driven by hand, without the harness: time goes in, a decision comes out. The breaker
//! that a scenario tests is the breaker that production runs.
//!
//! ```text
//! cargo run --example by_hand
//! ```

#![expect(clippy::disallowed_types, reason = "production has a clock, and this is its only place")]

use std::time::{Duration, Instant};

use brownout::models::policy::{Breaker, BreakerConfig, BreakerState};
use brownout::models::{Span, Time};

/// A clock of the production kind: what has passed since the process began.
struct Clock {
    began: Instant,
}

impl Clock {
    fn time(&self, instant: Instant) -> Time {
        let passed = instant.saturating_duration_since(self.began);
        Time::ZERO + Span::from_nanos(u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// What a caller gets.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Answered(&'static str),
    Failed,
    TurnedAway,
}

/// Calls another service through the breaker. The breaker knows no clock and makes no call: it is
/// asked before, and told after.
fn call(
    breaker: &mut Breaker,
    now: Time,
    service: impl FnOnce() -> Option<&'static str>,
) -> Outcome {
    if !breaker.allow(now).is_admitted() {
        return Outcome::TurnedAway;
    }
    match service() {
        Some(answer) => {
            breaker.success(now);
            Outcome::Answered(answer)
        }
        None => {
            breaker.failure(now);
            Outcome::Failed
        }
    }
}

fn main() {
    let clock = Clock { began: Instant::now() };
    let open_timeout = Span::from_secs(10);
    let config = BreakerConfig { failure_threshold: 3, open_timeout, ..BreakerConfig::guide() };
    let mut breaker = Breaker::new(config);
    // In production this is `Instant::now()` for each call; here ten seconds need not be waited for.
    let after = |millis: u64| clock.time(clock.began + Duration::from_millis(millis));

    // Two failures and a success: only failures in a row count.
    assert_eq!(call(&mut breaker, after(0), || None), Outcome::Failed);
    assert_eq!(call(&mut breaker, after(10), || None), Outcome::Failed);
    assert_eq!(call(&mut breaker, after(20), || Some("paid")), Outcome::Answered("paid"));
    assert_eq!(breaker.state(), BreakerState::Closed);

    // Three in a row open it, and then the service is left alone.
    for millis in [30, 40, 50] {
        assert_eq!(call(&mut breaker, after(millis), || None), Outcome::Failed);
    }
    let nobody_is_asked = || -> Option<&'static str> { panic!("the breaker is open") };
    assert_eq!(call(&mut breaker, after(60), nobody_is_asked), Outcome::TurnedAway);
    assert_eq!(call(&mut breaker, after(10_050), nobody_is_asked), Outcome::TurnedAway);

    // Just after the timeout it asks again, and three successes close it.
    for millis in [10_051, 10_052, 10_053] {
        let outcome = call(&mut breaker, after(millis), || Some("paid"));
        assert_eq!(outcome, Outcome::Answered("paid"));
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
}
