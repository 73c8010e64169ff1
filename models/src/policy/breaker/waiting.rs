//! What time does to a breaker: deadlines, and how long the open state lasts.

use super::config::{Boundary, HalfOpening, Interval, OpenSince, ProbeDeadline, Trip};
use super::{Breaker, BreakerState, CallResult, FailureClass, Transition};
use crate::{Span, Time};

impl Breaker {
    /// Makes the wait that has just begun longer by the `word / 2^64`-th part of the longest jitter,
    /// rounded down. Without it there is none.
    pub fn jitter(&mut self, word: u64) {
        let longest = self.jitter_max().as_nanos();
        let extra = (u128::from(longest) * u128::from(word)) >> 64;
        self.lengthen(Span::from_nanos(u64::try_from(extra).unwrap_or(u64::MAX)));
    }

    /// Makes the wait that has just begun longer, by the longest jitter at most.
    pub fn lengthen(&mut self, extra: Span) {
        if self.state == BreakerState::Open && self.overridden.is_none() {
            self.wait = self.base_wait() + extra.min(self.jitter_max());
        }
    }

    /// The longest jitter of the wait.
    #[must_use]
    pub fn jitter_max(&self) -> Span {
        let (wait, odds) = (self.base_wait().as_nanos(), self.config.open_jitter);
        let longest = u128::from(wait) * u128::from(odds.num()) / u128::from(odds.den());
        Span::from_nanos(u64::try_from(longest).unwrap_or(u64::MAX))
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

    /// Everything that is due by `now`.
    #[inline(always)]
    pub(super) fn settle(&mut self, now: Time) -> Vec<Transition> {
        let mut transitions = Vec::new();
        if self.state != BreakerState::Closed {
            transitions = self.wake_fully(now);
        }
        if let Interval::Every(every) = self.config.count_interval
            && self.config.trip == Trip::Consecutive
            && self.state == BreakerState::Closed
            && self.is_over(self.counting_since, every, now)
        {
            self.count_anew(now, every);
        }
        transitions
    }

    #[cold]
    fn wake_fully(&mut self, now: Time) -> Vec<Transition> {
        std::iter::from_fn(|| self.wake(now)).collect()
    }

    /// Begins the interval of the count that `now` lies in.
    #[cold]
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

    /// When trying again may help, for somebody who is refused.
    #[must_use]
    pub fn retry_after(&self, now: Time) -> Option<Span> {
        let at = match (self.overridden, self.state) {
            (Some(_), _) | (None, BreakerState::Closed) => None,
            (None, BreakerState::Open) => self.over_at(self.open_since(), self.wait),
            (None, BreakerState::HalfOpen) => self.due(),
        };
        at.map(|at| at.since(now))
    }

    /// The wait before jitter.
    pub(super) fn base_wait(&self) -> Span {
        let config = &self.config;
        if config.open_multiplier <= 1 {
            return config.open_timeout;
        }
        let factor = u64::from(config.open_multiplier).saturating_pow(self.reopenings);
        config.open_timeout.times(factor).min(config.open_timeout_max)
    }

    pub(super) fn open_since(&self) -> Time {
        match self.config.open_since {
            OpenSince::LastFailure => self.last_failure,
            OpenSince::Opening => self.opened,
        }
    }

    /// Whether a span that began at `start` is over.
    pub(super) fn is_over(&self, start: Time, span: Span, now: Time) -> bool {
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
