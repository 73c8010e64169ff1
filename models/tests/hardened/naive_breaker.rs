//! A breaker that keeps every result and counts them again at every question.

use brownout_models::policy::{
    Boundary, BreakerConfig, BreakerState, CallResult, FailureClass, HalfOpening, Interval,
    LateResults, Look, OpenSince, Override, ProbeDeadline, Probes, Trip, Verdict,
};
use brownout_models::{Ratio, Span};

/// What is known of a breaker from outside: everything that ever happened to it.
pub(super) struct Naive {
    pub(super) config: BreakerConfig,
    pub(super) state: BreakerState,
    pub(super) forced: Option<Override>,
    /// When the state was entered, and which change of state that was.
    entered: u64,
    era: u64,
    /// Results taken in since then: when, and whether failed and slow.
    results: Vec<(u64, bool, bool)>,
    /// Since the breaker was last closed, the newest last: whether failed.
    row: Vec<bool>,
    last_failure: u64,
    /// Openings from half-open since the breaker was last closed.
    reopened: u32,
    pub(super) jitter: u64,
    /// Permits ever given: their era and instant, and whether the result is still out.
    permits: Vec<(u64, u64, bool)>,
    /// Eras that began because a count ended.
    recounted: u64,
    pub(super) log: Vec<(BreakerState, BreakerState)>,
}

pub(super) fn nanos(span: Span) -> u64 {
    span.as_nanos()
}

impl Naive {
    pub(super) fn new(config: BreakerConfig) -> Self {
        Self {
            config,
            state: BreakerState::Closed,
            forced: None,
            entered: 0,
            era: 0,
            results: Vec::new(),
            row: Vec::new(),
            last_failure: 0,
            reopened: 0,
            jitter: 0,
            permits: Vec::new(),
            recounted: 0,
            log: Vec::new(),
        }
    }

    /// The first instant at which a span is over.
    fn end(&self, start: u64, span: u64) -> u64 {
        start + span + u64::from(self.config.boundary == Boundary::Exclusive)
    }

    pub(super) fn wait(&self) -> u64 {
        let mut wait = nanos(self.config.open_timeout);
        for _ in 0..self.reopened {
            wait = (wait * u64::from(self.config.open_multiplier))
                .min(nanos(self.config.open_timeout_max));
        }
        wait
    }

    pub(super) fn open_end(&self) -> u64 {
        let start = match self.config.open_since {
            OpenSince::LastFailure => self.last_failure,
            OpenSince::Opening => self.entered,
        };
        self.end(start, self.wait() + self.jitter)
    }

    pub(super) fn go(&mut self, at: u64, to: BreakerState) {
        match to {
            BreakerState::Closed => (self.reopened, self.row) = (0, Vec::new()),
            BreakerState::Open if self.state == BreakerState::HalfOpen => self.reopened += 1,
            BreakerState::Open | BreakerState::HalfOpen => {}
        }
        (self.state, self.entered, self.jitter) = (to, at, 0);
        self.era += 1;
        self.results.clear();
    }

    fn say(&mut self, at: u64, to: BreakerState) {
        self.log.push((self.state, to));
        self.go(at, to);
    }

    fn is_limited(&self) -> bool {
        self.config.probes != Probes::Unlimited && self.state == BreakerState::HalfOpen
    }

    /// Probes of this era whose result is out, by number.
    fn out(&self) -> Vec<usize> {
        let is_out =
            |number: &usize| self.permits[*number].0 == self.era && self.permits[*number].2;
        (0..self.permits.len()).filter(is_out).collect()
    }

    /// Everything that happens by itself, nanosecond by nanosecond in effect: always the earliest.
    pub(super) fn live(&mut self, now: u64) {
        loop {
            let half_opens = (self.state == BreakerState::Open
                && self.forced.is_none()
                && self.config.half_opening == HalfOpening::Automatic)
                .then(|| self.open_end());
            let lost = match self.config.probe_deadline {
                ProbeDeadline::After(span) if self.is_limited() && self.forced.is_none() => {
                    let first = self.out().first().copied();
                    first.map(|number| (self.end(self.permits[number].1, nanos(span)), number))
                }
                ProbeDeadline::After(_) | ProbeDeadline::Never => None,
            };
            if let Some(at) = half_opens.filter(|at| *at <= now) {
                self.say(at, BreakerState::HalfOpen);
            } else if let Some((at, number)) = lost.filter(|(at, _)| *at <= now) {
                self.permits[number].2 = false;
                self.count(at, CallResult::Failure(FailureClass::Timeout), false);
            } else {
                break;
            }
        }
        let Interval::Every(every) = self.config.count_interval else { return };
        if self.state == BreakerState::Closed && self.config.trip == Trip::Consecutive {
            while self.end(self.entered, nanos(every)) <= now {
                self.entered += nanos(every);
                self.row.clear();
                self.recounted += 1;
            }
            if self.recounted > 0 {
                (self.era, self.recounted) = (self.era + 1, 0);
            }
        }
    }

    pub(super) fn look(&self, now: u64) -> Look {
        if let Some(forced) = self.forced {
            return if forced == Override::Open { Look::Refuses } else { Look::Admits };
        }
        let admits = match self.state {
            BreakerState::Closed => true,
            BreakerState::Open if now >= self.open_end() => return Look::HalfOpens,
            BreakerState::Open => false,
            BreakerState::HalfOpen => match self.config.probes {
                Probes::Unlimited => true,
                Probes::Permits(permits) => {
                    let out = self.out().len();
                    out < permits as usize && out + self.results.len() < self.needed()
                }
            },
        };
        if admits { Look::Admits } else { Look::Refuses }
    }

    fn needed(&self) -> usize {
        let minimum = self.config.minimum_calls;
        (match (self.config.verdict, self.config.probes) {
            (Verdict::FirstFailure, _) => self.config.success_threshold,
            (Verdict::Rate, Probes::Unlimited) => minimum,
            (Verdict::Rate, Probes::Permits(permits)) => permits.min(minimum),
        }) as usize
    }

    pub(super) fn enter(&mut self, now: u64, look: Look) -> Option<usize> {
        match look {
            Look::Admits => {}
            Look::Refuses => return None,
            Look::HalfOpens => {
                self.log.push((BreakerState::Open, BreakerState::HalfOpen));
                self.go(now, BreakerState::HalfOpen);
            }
        }
        self.permits.push((self.era, now, true));
        Some(self.permits.len() - 1)
    }

    pub(super) fn record(&mut self, now: u64, number: usize, result: CallResult) {
        self.live(now);
        let (era, at, is_out) = self.permits[number];
        let is_late = era != self.era;
        if is_late && self.config.late_results == LateResults::Dropped {
            return;
        }
        if !is_late && self.is_limited() && self.forced.is_none() && !is_out {
            return;
        }
        self.permits[number].2 = false;
        self.count(now, result, now - at > nanos(self.config.slow_call_duration));
    }

    pub(super) fn count(&mut self, now: u64, result: CallResult, slow: bool) {
        let failed = match result {
            CallResult::Success => false,
            CallResult::Failure(class) => {
                if self.config.ignored.contains(&class) {
                    return;
                }
                true
            }
            CallResult::Abandoned => return,
        };
        if self.forced.is_some() {
            return;
        }
        self.row.push(failed);
        if failed {
            self.last_failure = now;
        }
        let in_a_row = self.row.iter().rev().take_while(|failed| **failed).count();
        let too_many = failed
            && self.config.trip == Trip::Consecutive
            && i64::try_from(in_a_row).unwrap() >= self.config.failure_threshold;
        match self.state {
            BreakerState::Closed => {
                self.results.push((now, failed, slow));
                if too_many || self.window_trips(now) {
                    self.say(now, BreakerState::Open);
                }
            }
            BreakerState::Open => {
                if too_many && self.config.repeat_opening {
                    self.log.push((BreakerState::Closed, BreakerState::Open));
                }
            }
            BreakerState::HalfOpen => {
                self.results.push((now, failed, slow));
                let successes = self.results.iter().filter(|(_, failed, _)| !failed).count();
                let to = match self.config.verdict {
                    Verdict::FirstFailure if failed => BreakerState::Open,
                    Verdict::FirstFailure if successes >= self.needed() => BreakerState::Closed,
                    Verdict::Rate if self.results.len() >= self.needed() => {
                        if self.is_bad(&self.results) {
                            BreakerState::Open
                        } else {
                            BreakerState::Closed
                        }
                    }
                    Verdict::FirstFailure | Verdict::Rate => return,
                };
                self.say(now, to);
            }
        }
    }

    fn window_trips(&self, now: u64) -> bool {
        let bucket = nanos(self.config.window_bucket);
        let (window, minimum) = match self.config.trip {
            Trip::Consecutive => return false,
            Trip::CountWindow => {
                let calls = self.config.window_calls as usize;
                let from = self.results.len().saturating_sub(calls);
                (self.results[from..].to_vec(), calls.min(self.config.minimum_calls as usize))
            }
            Trip::TimeWindow => {
                // The bucket under way, and as many whole ones before it as make up the window.
                let end = (now / bucket + 1) * bucket;
                let start = end.saturating_sub(nanos(self.config.window_span));
                let recent = self.results.iter().filter(|(at, ..)| *at >= start);
                (recent.copied().collect(), self.config.minimum_calls as usize)
            }
        };
        window.len() >= minimum && self.is_bad(&window)
    }

    fn is_bad(&self, results: &[(u64, bool, bool)]) -> bool {
        let share = |count: usize, rate: Ratio| {
            count as u64 * u64::from(rate.den()) >= results.len() as u64 * u64::from(rate.num())
        };
        let failed = results.iter().filter(|(_, failed, _)| *failed).count();
        let slow = results.iter().filter(|(_, _, slow)| *slow).count();
        share(failed, self.config.failure_rate) || share(slow, self.config.slow_call_rate)
    }
}
