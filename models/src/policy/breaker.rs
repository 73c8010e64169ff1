//! The circuit breaker: failures open it, time half-opens it, probes close it.
//!
//! Under the profile `guide` it follows the guide's `CircuitBreaker` (lines 350-430): half-open admits
//! everyone (CB-1) and is entered without a second look (CB-2); only consecutive failures count,
//! without decay (CB-3); a failure while open refreshes the wait (CB-4) and, from the threshold on, is
//! announced as `closed -> open` once more (CB-5); stale results count (CB-6, CB-7); a lost one is
//! waited for without end (CB-8); the wait is over strictly after the timeout (CB-9), counted from the
//! last failure (CB-11), and shows only when somebody asks to be admitted (CB-10); a threshold of one or
//! less opens at the first failure (CB-12). `hardened` is resilience4j's breaker with gobreaker's
//! generations. Each difference is an option of [`BreakerConfig`].
//!
//! What is *not* here: calling, deciding what a failure is about, and the timer that calls
//! [`Breaker::wake`] at [`Breaker::due`]. An owner that has no timer loses nothing but promptness: every
//! operation first lives through what has become due, at the instants at which it was.
//!
//! ```
//! use brownout_models::policy::{Breaker, BreakerConfig, BreakerState, CallResult, Trip};
//! use brownout_models::{Span, Time};
//!
//! # let mut clock = Time::ZERO;
//! let config = BreakerConfig { trip: Trip::Consecutive, ..BreakerConfig::hardened() };
//! let mut breaker = Breaker::new(config);
//! for _ in 0..5 {
//!     let Ok(permit) = breaker.allow(clock).outcome else { panic!("a closed breaker admits") };
//!     // .. the call, which fails ..
//!     breaker.record(clock, permit, CallResult::FAILED);
//! }
//! let refused = breaker.allow(clock).outcome.unwrap_err();
//! let after = refused.retry_after.expect("an open breaker knows when it half-opens");
//! clock += after;
//! assert!(breaker.allow(clock).is_admitted());
//! assert_eq!(breaker.state(), BreakerState::HalfOpen);
//! ```

mod config;
mod exchange;
#[cfg(test)]
mod tests;
mod waiting;
mod window;

use std::sync::Arc;

use serde::Serialize;

use crate::{Span, Time};
pub use config::{
    Boundary, BreakerConfig, BreakerOptions, FailureClass, HalfOpenEntry, HalfOpening, Interval,
    LateResults, OpenSince, ProbeDeadline, Probes, Trip, Verdict,
};
pub use exchange::{
    Admission, BreakerState, CallResult, Look, Override, Permit, Refusal, Transition,
};
use window::{Tally, Window};

/// One circuit breaker.
#[derive(Clone, Debug, Serialize)]
pub struct Breaker {
    config: Arc<BreakerConfig>,
    state: BreakerState,
    /// Who decides the state: results and time, or somebody's override.
    overridden: Option<Override>,
    generation: u64,
    permits: u64,
    /// In a row, as of the last success.
    failures: i64,
    /// While closed, from when `failures` count.
    counting_since: Time,
    window: Window,
    last_failure: Time,
    opened: Time,
    /// How long the open state lasts this time.
    wait: Span,
    /// Openings from half-open since it was last closed.
    reopenings: u32,
    /// Results in half-open.
    probed: Tally,
    successes: u32,
    /// Probes under way, in the order in which they fall due.
    under_way: Vec<Probe>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Probe {
    number: u64,
    at: Time,
}

impl Breaker {
    /// A closed breaker; those of one configuration can share it.
    #[must_use]
    pub fn new(config: impl Into<Arc<BreakerConfig>>) -> Self {
        let config = config.into();
        Self {
            wait: config.open_timeout,
            config,
            state: BreakerState::Closed,
            overridden: None,
            generation: 0,
            permits: 0,
            failures: 0,
            counting_since: Time::ZERO,
            window: Window::default(),
            last_failure: Time::ZERO,
            opened: Time::ZERO,
            reopenings: 0,
            probed: Tally::default(),
            successes: 0,
            under_way: Vec::new(),
        }
    }

    /// Asks to be admitted.
    #[inline(always)]
    pub fn allow(&mut self, now: Time) -> Admission {
        let transitions = self.settle(now);
        let look = self.look(now);
        self.enter(now, look, transitions)
    }

    /// Looks whether somebody would be admitted, without a consequence.
    #[must_use]
    pub fn look(&self, now: Time) -> Look {
        if self.overridden.is_none() && self.state == BreakerState::Closed {
            return Look::Admits;
        }
        self.look_closely(now)
    }

    #[cold]
    fn look_closely(&self, now: Time) -> Look {
        match (self.overridden, self.state) {
            (Some(Override::Open), _) => Look::Refuses,
            (Some(Override::Disabled), _) => Look::Admits,
            (Some(Override::Closed) | None, BreakerState::Closed) => Look::Admits,
            (Some(Override::Closed) | None, BreakerState::Open) => {
                let over = self.is_over(self.open_since(), self.wait, now);
                if over { Look::HalfOpens } else { Look::Refuses }
            }
            (Some(Override::Closed) | None, BreakerState::HalfOpen) => {
                if self.has_permit() {
                    Look::Admits
                } else {
                    Look::Refuses
                }
            }
        }
    }

    /// Acts on an earlier [`look`](Self::look), as a caller does who had to wait for a lock between the
    /// two. [`HalfOpenEntry`] says whether the look still counts.
    pub fn act(&mut self, now: Time, look: Look) -> Admission {
        let transitions = self.settle(now);
        let look = match self.config.half_open_entry {
            HalfOpenEntry::Unchecked => look,
            HalfOpenEntry::Rechecked => self.look(now),
        };
        self.enter(now, look, transitions)
    }

    /// Takes in the result of a permitted call.
    #[inline(always)]
    pub fn record(&mut self, now: Time, permit: Permit, result: CallResult) -> Vec<Transition> {
        let mut transitions = self.settle(now);
        let is_dropped = match self.config.late_results {
            LateResults::Counted => false,
            LateResults::Dropped => permit.generation != self.generation,
        };
        if is_dropped {
            return transitions;
        }
        if self.state == BreakerState::HalfOpen && !self.end_probe(&permit) {
            return transitions;
        }
        let is_slow = now.since(permit.at) > self.config.slow_call_duration;
        // Mostly nothing changes.
        if let Some(transition) = self.take_in(now, result, is_slow) {
            transitions.push(transition);
        }
        transitions
    }

    /// A probe is over; false when it no longer counts.
    #[cold]
    fn end_probe(&mut self, permit: &Permit) -> bool {
        match self.under_way.iter().position(|probe| probe.number == permit.number) {
            Some(place) => {
                self.under_way.remove(place);
                true
            }
            // It counted as lost when it fell due, or was given back before.
            None => !(self.is_limited_half_open() && permit.generation == self.generation),
        }
    }

    /// Takes in a success of a call that nobody asked about; it counts where the breaker stands.
    pub fn success(&mut self, now: Time) -> Vec<Transition> {
        self.unasked(now, CallResult::Success)
    }

    /// Takes in a failure of a call that nobody asked about; it counts where the breaker stands.
    pub fn failure(&mut self, now: Time) -> Vec<Transition> {
        self.unasked(now, CallResult::FAILED)
    }

    /// Takes in the result of a call that nobody asked about.
    pub fn unasked(&mut self, now: Time, result: CallResult) -> Vec<Transition> {
        let mut transitions = self.settle(now);
        transitions.extend(self.take_in(now, result, false));
        transitions
    }

    /// Decides in the breaker's place, or leaves it to itself again.
    pub fn force(&mut self, now: Time, what: Override) -> Vec<Transition> {
        let mut transitions = self.settle(now);
        let (to, overridden) = match what {
            Override::Closed => (BreakerState::Closed, None),
            Override::Open => (BreakerState::Open, Some(Override::Open)),
            Override::Disabled => (BreakerState::Closed, Some(Override::Disabled)),
        };
        let from = self.state;
        self.overridden = overridden;
        self.change(now, to);
        if from != to {
            transitions.push(Transition { from, to });
        }
        transitions
    }

    /// How it behaves.
    #[must_use]
    pub fn config(&self) -> &BreakerConfig {
        &self.config
    }

    /// The state as last announced.
    #[must_use]
    pub const fn state(&self) -> BreakerState {
        self.state
    }

    /// How often the state changed, or the count began anew; permits of another generation are stale.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Probes under way that hold a permit.
    #[must_use]
    pub const fn probes_under_way(&self) -> usize {
        self.under_way.len()
    }

    #[inline(always)]
    fn enter(&mut self, now: Time, look: Look, mut transitions: Vec<Transition>) -> Admission {
        match look {
            Look::Admits => {}
            Look::Refuses => return self.refuse(now, transitions),
            Look::HalfOpens => transitions.push(self.half_open(now)),
        }
        let permit = Permit { generation: self.generation, number: self.permits, at: now };
        self.permits += 1;
        if self.is_limited_half_open() {
            self.under_way.push(Probe { number: permit.number, at: now });
        }
        Admission { outcome: Ok(permit), transitions }
    }

    #[cold]
    fn refuse(&self, now: Time, transitions: Vec<Transition>) -> Admission {
        let outcome = Err(Refusal { retry_after: self.retry_after(now) });
        Admission { outcome, transitions }
    }

    #[cold]
    fn half_open(&mut self, now: Time) -> Transition {
        self.change(now, BreakerState::HalfOpen);
        Transition { from: BreakerState::Open, to: BreakerState::HalfOpen }
    }

    /// Counts a result where the breaker stands.
    #[inline(always)]
    fn take_in(&mut self, now: Time, result: CallResult, is_slow: bool) -> Option<Transition> {
        let has_failed = match result {
            CallResult::Success => false,
            CallResult::Failure(class) if self.config.ignored.contains(&class) => return None,
            CallResult::Failure(_) => true,
            CallResult::Abandoned => return None,
        };
        if self.overridden.is_some() {
            return None;
        }
        if has_failed {
            self.failures = self.failures.saturating_add(1);
            self.last_failure = now;
        } else {
            self.failures = 0;
        }
        let is_row_too_long = has_failed
            && self.config.trip == Trip::Consecutive
            && self.failures >= self.config.failure_threshold;
        match self.state {
            BreakerState::Closed => {
                let trips = self.window.trips(now, has_failed, is_slow, &self.config);
                (trips || is_row_too_long).then(|| self.change(now, BreakerState::Open))
            }
            // The guide does not look at the state here, and says `closed` (CB-5).
            BreakerState::Open => (is_row_too_long && self.config.repeat_opening)
                .then_some(Transition { from: BreakerState::Closed, to: BreakerState::Open }),
            BreakerState::HalfOpen => {
                let to = self.judge_probe(has_failed, is_slow)?;
                Some(self.change(now, to))
            }
        }
    }

    /// Where the result of a probe leads.
    #[cold]
    fn judge_probe(&mut self, has_failed: bool, is_slow: bool) -> Option<BreakerState> {
        self.probed.add(has_failed, is_slow);
        self.successes = self.successes.saturating_add(u32::from(!has_failed));
        match self.config.verdict {
            Verdict::FirstFailure if has_failed => Some(BreakerState::Open),
            Verdict::FirstFailure => {
                (self.successes >= self.config.success_threshold).then_some(BreakerState::Closed)
            }
            Verdict::Rate if self.probed.calls() < u64::from(self.config.results_needed()) => None,
            Verdict::Rate if self.probed.is_too_bad(&self.config) => Some(BreakerState::Open),
            Verdict::Rate => Some(BreakerState::Closed),
        }
    }

    /// Goes to another state, or anew to the same, with nothing counted.
    #[cold]
    fn change(&mut self, now: Time, to: BreakerState) -> Transition {
        let from = std::mem::replace(&mut self.state, to);
        self.generation += 1;
        self.under_way.clear();
        self.window.clear();
        self.probed = Tally::default();
        self.successes = 0;
        match to {
            BreakerState::Closed => {
                (self.failures, self.counting_since, self.reopenings) = (0, now, 0);
            }
            BreakerState::Open => {
                let again = u32::from(from == BreakerState::HalfOpen);
                self.reopenings = self.reopenings.saturating_add(again);
                (self.opened, self.wait) = (now, self.base_wait());
            }
            BreakerState::HalfOpen => {}
        }
        Transition { from, to }
    }

    /// Whether half-open counts its probes.
    fn is_limited_half_open(&self) -> bool {
        let is_limited = match self.config.probes {
            Probes::Unlimited => false,
            Probes::Permits(_) => true,
        };
        is_limited && self.state == BreakerState::HalfOpen && self.overridden.is_none()
    }

    /// Whether half-open admits one more probe: there is a permit left, and a verdict still needs it.
    fn has_permit(&self) -> bool {
        let under_way = self.under_way.len() as u64;
        match self.config.probes {
            Probes::Unlimited => true,
            Probes::Permits(permits) => {
                let needed = u64::from(self.config.results_needed());
                under_way < u64::from(permits) && under_way + self.probed.calls() < needed
            }
        }
    }
}
