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
#[cfg(test)]
mod tests;
mod window;

use std::sync::Arc;

use serde::Serialize;

use crate::{Span, Time};
pub use config::{
    Boundary, BreakerConfig, BreakerOptions, FailureClass, HalfOpenEntry, HalfOpening, Interval,
    LateResults, OpenSince, ProbeDeadline, Probes, Trip, Verdict,
};
use window::{Tally, Window};

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Everybody is admitted, failures are counted.
    Closed,
    /// Nobody is admitted until the timeout is over.
    Open,
    /// Probes are admitted, the next results decide.
    HalfOpen,
}

/// A change of state as it is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// The state that the announcement names; in the guide not always the one it was in (CB-5).
    pub from: BreakerState,
    /// The state it is in now.
    pub to: BreakerState,
}

/// The right to one call, given back with its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Permit {
    /// Counts the changes of state before it was given.
    generation: u64,
    /// Counts the permits of the breaker.
    number: u64,
    at: Time,
}

impl Permit {
    /// The changes of state before it was given.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }
}

/// A breaker's refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// When trying again may help; `None` where that depends on somebody else's result.
    pub retry_after: Option<Span>,
}

/// The answer to a caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Admission {
    /// The permit for the call, or why there is none.
    pub outcome: Result<Permit, Refusal>,
    /// What became due before the question, and what the question itself changed.
    pub transitions: Vec<Transition>,
}

impl Admission {
    /// Whether the call may go ahead.
    #[must_use]
    pub const fn is_admitted(&self) -> bool {
        self.outcome.is_ok()
    }
}

/// How a call ended, as far as a breaker is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum CallResult {
    /// It succeeded.
    Success,
    /// It failed.
    Failure(FailureClass),
    /// It was never made, or nobody knows: the permit is given back, and nothing counts.
    Abandoned,
}

impl CallResult {
    /// A failure of whoever was called.
    pub const FAILED: Self = Self::Failure(FailureClass::Error);
}

/// What somebody sees who looks before asking to be admitted; see [`HalfOpenEntry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// Whoever asks is admitted, as things stand.
    Admits,
    /// Whoever asks is refused.
    Refuses,
    /// The wait is over: whoever asks half-opens it.
    HalfOpens,
}

/// What somebody wants a breaker to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Override {
    /// Closed, with nothing counted, and on its own from then on.
    Closed,
    /// Open until another override; results do not count.
    Open,
    /// Off: everybody is admitted and nothing counts, until another override.
    Disabled,
}

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
    pub fn allow(&mut self, now: Time) -> Admission {
        let transitions = self.settle(now);
        let look = self.look(now);
        self.enter(now, look, transitions)
    }

    /// Looks whether somebody would be admitted, without a consequence.
    #[must_use]
    pub fn look(&self, now: Time) -> Look {
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
    pub fn record(&mut self, now: Time, permit: Permit, result: CallResult) -> Vec<Transition> {
        let mut transitions = self.settle(now);
        let is_dropped = match self.config.late_results {
            LateResults::Counted => false,
            LateResults::Dropped => permit.generation != self.generation,
        };
        if is_dropped {
            return transitions;
        }
        let place = self.under_way.iter().position(|probe| probe.number == permit.number);
        match place {
            Some(place) => drop(self.under_way.remove(place)),
            // It counted as lost when it fell due, or was given back before.
            None if self.is_limited_half_open() && permit.generation == self.generation => {
                return transitions;
            }
            None => {}
        }
        let is_slow = now.since(permit.at) > self.config.slow_call_duration;
        transitions.extend(self.take_in(now, result, is_slow));
        transitions
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

    /// Makes the wait that has just begun longer by the `word / 2^64`-th part of the longest jitter,
    /// rounded down. Without it there is none.
    pub fn jitter(&mut self, word: u64) {
        if self.state == BreakerState::Open && self.overridden.is_none() {
            let (wait, odds) = (self.base_wait(), self.config.open_jitter);
            let longest =
                u128::from(wait.as_nanos()) * u128::from(odds.num()) / u128::from(odds.den());
            let extra = u64::try_from((longest * u128::from(word)) >> 64);
            self.wait = wait + Span::from_nanos(extra.unwrap_or(u64::MAX));
        }
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

    /// Lives through the first thing that is due by `now`, at the instant at which it was due: an
    /// automatic half-opening, or a probe that is lost.
    pub fn wake(&mut self, now: Time) -> Option<Transition> {
        while let Some(due) = self.due().filter(|due| *due <= now) {
            if self.state == BreakerState::Open {
                return Some(self.change(due, BreakerState::HalfOpen));
            }
            self.under_way.remove(0);
            let lost = self.take_in(due, CallResult::Failure(FailureClass::Timeout), false);
            if lost.is_some() {
                return lost;
            }
        }
        None
    }

    /// When [`wake`](Self::wake) next has something to do.
    #[must_use]
    pub fn due(&self) -> Option<Time> {
        match self.state {
            BreakerState::Closed => None,
            BreakerState::Open => match self.config.half_opening {
                HalfOpening::Automatic if self.overridden.is_none() => {
                    self.over_at(self.open_since(), self.wait)
                }
                HalfOpening::Automatic | HalfOpening::Lazy => None,
            },
            BreakerState::HalfOpen => {
                let probe = self.under_way.first()?;
                match self.config.probe_deadline {
                    ProbeDeadline::Never => None,
                    ProbeDeadline::After(span) => self.over_at(probe.at, span),
                }
            }
        }
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

    /// Everything that is due by `now`.
    fn settle(&mut self, now: Time) -> Vec<Transition> {
        let transitions = std::iter::from_fn(|| self.wake(now)).collect();
        if let Interval::Every(every) = self.config.count_interval
            && self.config.trip == Trip::Consecutive
            && self.state == BreakerState::Closed
            && self.is_over(self.counting_since, every, now)
        {
            self.count_anew(now, every);
        }
        transitions
    }

    /// Begins the interval of the count that `now` lies in.
    fn count_anew(&mut self, now: Time, every: Span) {
        let elapsed = now.since(self.counting_since).as_nanos();
        let every = every.as_nanos().max(1);
        // At its very end an interval still goes on where the end is exclusive.
        let begun = match self.config.boundary {
            Boundary::Exclusive => (elapsed - 1) / every,
            Boundary::Inclusive => elapsed / every,
        };
        self.counting_since += Span::from_nanos(begun * every);
        self.failures = 0;
        self.generation += 1;
    }

    fn enter(&mut self, now: Time, look: Look, mut transitions: Vec<Transition>) -> Admission {
        match look {
            Look::Admits => {}
            Look::Refuses => {
                let outcome = Err(Refusal { retry_after: self.retry_after(now) });
                return Admission { outcome, transitions };
            }
            Look::HalfOpens => {
                self.change(now, BreakerState::HalfOpen);
                let (from, to) = (BreakerState::Open, BreakerState::HalfOpen);
                transitions.push(Transition { from, to });
            }
        }
        let permit = Permit { generation: self.generation, number: self.permits, at: now };
        self.permits += 1;
        if self.is_limited_half_open() {
            self.under_way.push(Probe { number: permit.number, at: now });
        }
        Admission { outcome: Ok(permit), transitions }
    }

    /// Counts a result where the breaker stands.
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

    /// When trying again may help, for somebody who is refused.
    fn retry_after(&self, now: Time) -> Option<Span> {
        let at = match (self.overridden, self.state) {
            (Some(_), _) | (None, BreakerState::Closed) => None,
            (None, BreakerState::Open) => self.over_at(self.open_since(), self.wait),
            (None, BreakerState::HalfOpen) => self.due(),
        };
        at.map(|at| at.since(now))
    }

    /// The wait before jitter.
    fn base_wait(&self) -> Span {
        let config = &self.config;
        if config.open_multiplier <= 1 {
            return config.open_timeout;
        }
        let factor = u64::from(config.open_multiplier).saturating_pow(self.reopenings);
        config.open_timeout.times(factor).min(config.open_timeout_max)
    }

    fn open_since(&self) -> Time {
        match self.config.open_since {
            OpenSince::LastFailure => self.last_failure,
            OpenSince::Opening => self.opened,
        }
    }

    /// Whether a span that began at `start` is over.
    fn is_over(&self, start: Time, span: Span, now: Time) -> bool {
        match self.config.boundary {
            Boundary::Exclusive => now.since(start) > span,
            Boundary::Inclusive => now.since(start) >= span,
        }
    }

    /// The first instant at which it is; `None` beyond the end of time.
    fn over_at(&self, start: Time, span: Span) -> Option<Time> {
        let more = match self.config.boundary {
            Boundary::Exclusive => 1,
            Boundary::Inclusive => 0,
        };
        let end = start.as_nanos().checked_add(span.as_nanos())?.checked_add(more)?;
        Some(Time::from_nanos(end))
    }
}
