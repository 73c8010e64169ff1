//! The circuit breaker: consecutive failures open it, silence half-opens it, three successes close
//! it.
//!
//! Follows the guide's `CircuitBreaker` (lines 350-430). Half-open admits everyone (CB-1); only
//! consecutive failures count, without decay (CB-3); a failure while open refreshes the wait (CB-4)
//! and, from the threshold on, is announced as `closed -> open` once more (CB-5); results carry no
//! permit, so stale ones count (CB-6); the wait is over strictly after the timeout (CB-9), counted
//! from the last failure (CB-11), and shows only when somebody asks to be admitted (CB-10); a
//! threshold of one or less opens at the first failure (CB-12).
//!
//! What is *not* here: calling, and deciding what a failure is.
//!
//! ```
//! use brownout_models::policy::{Breaker, BreakerConfig, BreakerState};
//! use brownout_models::{Span, Time};
//!
//! let mut breaker = Breaker::new(BreakerConfig::default());
//! for _ in 0..5 {
//!     breaker.failure(Time::ZERO);
//! }
//! let deadline = Time::ZERO + Span::from_secs(30);
//! assert!(!breaker.allow(deadline).admitted);
//! assert!(breaker.allow(deadline + Span::from_nanos(1)).admitted);
//! assert_eq!(breaker.state(), BreakerState::HalfOpen);
//! ```

use serde::Serialize;

use crate::profile::{Mistake, options};
use crate::{Span, Time};

options! {
    /// When a breaker opens and how long it stays so.
    config BreakerConfig;
    /// A breaker's configuration as it is written.
    options BreakerOptions as "Breaker";
    {
        /// Consecutive failures that open it; 5. One or less opens at the first.
        failure_threshold: i64 = 5;
        /// The silence since the last failure after which it half-opens; 30 s.
        open_timeout: Span = Span::from_secs(30);
    }
}

impl BreakerConfig {
    /// Everything that makes no sense; the guide itself accepts it all.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        if self.failure_threshold < 1 {
            mistakes.push(Mistake::new(
                "failure_threshold",
                format!("the failure threshold cannot be {}", self.failure_threshold),
                "expected 1 or more",
                "write 1 for a breaker that opens at the first failure",
            ));
        }
        mistakes
    }
}

/// Successes in half-open that close the breaker; the guide writes the number into its code.
const SUCCESSES_TO_CLOSE: u32 = 3;

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Everybody is admitted, failures are counted.
    Closed,
    /// Nobody is admitted until the timeout is over.
    Open,
    /// Everybody is admitted, the next results decide.
    HalfOpen,
}

/// A change of state as the guide announces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// The state that the announcement names, which is not always the one it was in (CB-5).
    pub from: BreakerState,
    /// The state it is in now.
    pub to: BreakerState,
}

/// The answer to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Admission {
    /// Whether the call may go ahead.
    pub admitted: bool,
    /// What the question itself changed.
    pub transition: Option<Transition>,
}

/// One circuit breaker.
#[derive(Clone, Debug, Serialize)]
pub struct Breaker {
    config: BreakerConfig,
    state: BreakerState,
    failures: i64,
    successes: u32,
    last_failure: Time,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(config: BreakerConfig) -> Self {
        Self {
            config,
            state: BreakerState::Closed,
            failures: 0,
            successes: 0,
            last_failure: Time::ZERO,
        }
    }

    /// Asks to be admitted; half-opens an open breaker whose timeout is over.
    pub fn allow(&mut self, now: Time) -> Admission {
        match self.state {
            BreakerState::Closed | BreakerState::HalfOpen => {
                Admission { admitted: true, transition: None }
            }
            BreakerState::Open if now.since(self.last_failure) > self.config.open_timeout => {
                self.successes = 0;
                let transition = self.enter(BreakerState::Open, BreakerState::HalfOpen);
                Admission { admitted: true, transition: Some(transition) }
            }
            BreakerState::Open => Admission { admitted: false, transition: None },
        }
    }

    /// Takes in a success, admitted or not.
    pub fn success(&mut self, _now: Time) -> Option<Transition> {
        self.failures = 0;
        if self.state != BreakerState::HalfOpen {
            return None;
        }
        self.successes = self.successes.saturating_add(1);
        (self.successes >= SUCCESSES_TO_CLOSE)
            .then(|| self.enter(BreakerState::HalfOpen, BreakerState::Closed))
    }

    /// Takes in a failure, admitted or not.
    pub fn failure(&mut self, now: Time) -> Option<Transition> {
        self.failures = self.failures.saturating_add(1);
        self.last_failure = now;
        if self.state == BreakerState::HalfOpen {
            return Some(self.enter(BreakerState::HalfOpen, BreakerState::Open));
        }
        // While open, too: the guide does not look at the state here, and says `closed` (CB-5).
        (self.failures >= self.config.failure_threshold)
            .then(|| self.enter(BreakerState::Closed, BreakerState::Open))
    }

    /// How it behaves.
    #[must_use]
    pub const fn config(&self) -> &BreakerConfig {
        &self.config
    }

    /// The state as last announced: open stays open until somebody asks to be admitted.
    #[must_use]
    pub const fn state(&self) -> BreakerState {
        self.state
    }

    const fn enter(&mut self, from: BreakerState, to: BreakerState) -> Transition {
        self.state = to;
        Transition { from, to }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOSED_TO_OPEN: Transition =
        Transition { from: BreakerState::Closed, to: BreakerState::Open };

    fn at(seconds: u64) -> Time {
        Time::ZERO + Span::from_secs(seconds)
    }

    fn open_at_zero() -> Breaker {
        let mut breaker = Breaker::new(BreakerConfig::default());
        for _ in 0..4 {
            assert_eq!(breaker.failure(Time::ZERO), None);
        }
        assert_eq!(breaker.failure(Time::ZERO), Some(CLOSED_TO_OPEN));
        breaker
    }

    #[test]
    fn an_open_breaker_refuses_up_to_and_including_its_deadline() {
        let mut breaker = open_at_zero();
        assert!(!breaker.allow(at(30)).admitted);
        let admission = breaker.allow(at(30) + Span::from_nanos(1));
        let half_opened = Transition { from: BreakerState::Open, to: BreakerState::HalfOpen };
        assert_eq!(admission, Admission { admitted: true, transition: Some(half_opened) });
    }

    #[test]
    fn a_late_failure_extends_the_wait_and_announces_the_opening_again() {
        let mut breaker = open_at_zero();
        assert_eq!(breaker.failure(at(29)), Some(CLOSED_TO_OPEN));
        assert!(!breaker.allow(at(59)).admitted);
        assert!(breaker.allow(at(60)).admitted);
    }

    #[test]
    fn a_success_while_open_silences_the_next_failures() {
        let mut breaker = open_at_zero();
        assert_eq!(breaker.success(at(1)), None);
        assert_eq!(breaker.failure(at(2)), None);
        assert_eq!(breaker.state(), BreakerState::Open);
        assert!(!breaker.allow(at(32)).admitted, "and yet it extended the wait");
    }

    #[test]
    fn half_open_admits_everyone_and_three_successes_close() {
        let mut breaker = open_at_zero();
        for _ in 0..1_000 {
            assert!(breaker.allow(at(31)).admitted);
        }
        assert_eq!(breaker.success(at(31)), None);
        assert_eq!(breaker.success(at(31)), None);
        let closed = Transition { from: BreakerState::HalfOpen, to: BreakerState::Closed };
        assert_eq!(breaker.success(at(31)), Some(closed));
    }

    #[test]
    fn one_failure_in_half_open_opens_again() {
        let mut breaker = open_at_zero();
        breaker.allow(at(31));
        let opened = Transition { from: BreakerState::HalfOpen, to: BreakerState::Open };
        assert_eq!(breaker.failure(at(31)), Some(opened));
    }

    #[test]
    fn a_threshold_of_zero_or_less_opens_at_the_first_failure() {
        for failure_threshold in [i64::MIN, -1, 0, 1] {
            let config = BreakerConfig { failure_threshold, ..BreakerConfig::default() };
            let mut breaker = Breaker::new(config);
            assert!(breaker.allow(Time::ZERO).admitted);
            assert_eq!(breaker.failure(Time::ZERO), Some(CLOSED_TO_OPEN));
        }
    }
}
