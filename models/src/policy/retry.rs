//! Retries and hedges: whether a call is tried again, when, and for how long.
//!
//! The guide's sidecar retries every error (SC-4), own rejections included (SC-15), as if every
//! method were safe to repeat, for as long as it takes, and nobody counts the retries of all calls
//! together. Its `maxRetries` leaves the first attempt out, while its broker counts it (SC-14); here
//! [`max_attempts`](RetryConfig::max_attempts) counts every attempt, everywhere. There is no wait
//! after the last one (SC-16).
//!
//! With [hedging](RetryConfig::hedging), attempts overlap: one more starts whenever the ones under
//! way are silent for a while, and the first answer counts (Dean & Barroso, "The tail at scale",
//! 2013; gRPC A6).
//! What is *not* here: the timers of waits, and whoever makes the attempts.
//!
//! ```
//! use brownout_models::policy::{FailureKind, Retry, RetryBudget, RetryConfig, RetryNext, Start, Terms};
//! use brownout_models::{Span, Time};
//!
//! let config = RetryConfig::hardened();
//! let mut budget = RetryBudget::new(config.budget.clone()); // shared by all calls
//! let mut now = Time::ZERO; // from your own clock
//! let mut retry = Retry::begin(&config, &mut budget, now, Terms::default());
//! let Start::Go(attempt) = retry.start(&config, &mut budget, now) else { unreachable!() };
//! assert_eq!(attempt.timeout, Some(Span::from_secs(10)));
//! now = now + Span::from_millis(20); // it failed
//! let failure = Err(FailureKind::Transient.into());
//! let word = 1 << 62; // from your own generator
//! let next = retry.ended(&config, &mut budget, now, failure, |waits| waits.at(word));
//! assert_eq!(next, RetryNext::Again { after: Span::from_millis(250) });
//! ```

mod config;

use serde::Serialize;

use crate::policy::{Loan, RetryBudget, Spent, Waits};
use crate::{Span, Time};

pub use config::{
    Deadline, Hedging, Idempotent, OwnRejections, Pushback, RetryConfig, Retryable, SidecarOptions,
};

/// Why an attempt failed, as far as trying again goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum FailureKind {
    /// A limiter or a breaker on our own side turned it away.
    OwnRejection,
    /// It was refused before it began: the queue is full, there is no instance.
    Refused,
    /// Nobody answered in time; whether it was done is unknown.
    TimedOut,
    /// The connection broke; whether it was done is unknown.
    Lost,
    /// It failed, and trying again may help.
    Transient,
    /// It failed, and trying again will not help.
    Permanent,
}

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AttemptFailure {
    /// Why.
    pub kind: FailureKind,
    /// When the server wants to be asked again, if it says so.
    pub pushback: Option<ComeBack>,
}

impl From<FailureKind> for AttemptFailure {
    fn from(kind: FailureKind) -> Self {
        Self { kind, pushback: None }
    }
}

/// What a server says about retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ComeBack {
    /// After this.
    After(Span),
    /// Not at all.
    Never,
}

/// What a call is made on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// When the caller stops waiting.
    pub deadline: Time,
    /// Whether it may be done twice.
    pub idempotent: bool,
}

impl Default for Terms {
    /// The caller waits for ever, and the call may be done twice.
    fn default() -> Self {
        Self { deadline: Time::NEVER, idempotent: true }
    }
}

/// What follows from the end of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryNext {
    /// The next attempt may start after this wait.
    Again {
        /// The backoff.
        after: Span,
    },
    /// Other attempts of the call are under way, and nothing starts before its time.
    Waiting,
    /// The call succeeded; attempts still under way do not matter any more.
    Succeeded,
    /// The call failed; attempts still under way do not matter any more.
    Failed(GivenUp),
}

/// Why a call is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GivenUp {
    /// All attempts are used up.
    Exhausted,
    /// Trying again will not help.
    NotRetryable,
    /// Our own limiter or breaker refused it.
    OwnRejection,
    /// It may have been done, and must not be done twice.
    NotIdempotent,
    /// The server asked not to be asked again.
    Pushback,
    /// The retries of all calls together are used up.
    Budget,
    /// There is no time left.
    Deadline,
}

impl GivenUp {
    /// The words for a trace.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Exhausted => "all attempts are used up",
            Self::NotRetryable => "trying again will not help",
            Self::OwnRejection => "it was refused on our own side",
            Self::NotIdempotent => "it must not be done twice",
            Self::Pushback => "the server asked not to be asked again",
            Self::Budget => "the retry budget is used up",
            Self::Deadline => "there is no time left",
        }
    }
}

/// Whether an attempt starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It does.
    Go(Attempt),
    /// Not this one: the others decide.
    Hold,
    /// It does not, and the call failed.
    GiveUp(GivenUp),
}

/// An attempt that starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Which one, from 1.
    pub number: u32,
    /// How long it may take; for ever where nobody sets a limit.
    pub timeout: Option<Span>,
    /// When to [start](Retry::start) the next one beside it, unless something ends before.
    pub hedge: Option<Span>,
}

/// Where the attempts of one call stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Retry {
    deadline: Time,
    idempotent: bool,
    started: u32,
    under_way: u32,
    /// Waits so far since the backoff began (anew).
    waits: u32,
    /// The last wait, or what the jitter remembers of all of them.
    previous: Span,
    /// Whether the budget has lent the next attempt already.
    paid: bool,
    /// Whether the server asked not to be asked again.
    stopped: bool,
    loans: Vec<Loan>,
}

impl Retry {
    /// A call begins.
    pub fn begin(config: &RetryConfig, budget: &mut RetryBudget, now: Time, terms: Terms) -> Self {
        budget.begin(now);
        let callers = match config.deadline {
            Deadline::Ignored => Time::NEVER,
            Deadline::Respected => terms.deadline,
        };
        Self {
            deadline: config.total_timeout.from(now).min(callers),
            idempotent: terms.idempotent,
            started: 0,
            under_way: 0,
            waits: 0,
            previous: Span::ZERO,
            paid: false,
            stopped: false,
            loans: Vec::new(),
        }
    }

    /// Starts an attempt: the first, one after a wait, or a hedge.
    pub fn start(&mut self, config: &RetryConfig, budget: &mut RetryBudget, now: Time) -> Start {
        if now.reaches(self.deadline) {
            return self.hold_or(budget, now, GivenUp::Deadline);
        }
        if self.stopped {
            return self.hold_or(budget, now, GivenUp::Pushback);
        }
        if self.started >= config.max_attempts {
            return self.hold_or(budget, now, GivenUp::Exhausted);
        }
        if self.started > 0 && !self.paid {
            let Some(loan) = budget.lend(now, Spent::OnFailure) else {
                return self.hold_or(budget, now, GivenUp::Budget);
            };
            self.loans.push(loan);
        }
        self.paid = false;
        self.started = self.started.saturating_add(1);
        self.under_way += 1;
        let left = self.deadline.since(now);
        let timeout = match (config.attempt_timeout, self.deadline) {
            (timeout, Time::NEVER) => timeout.span(),
            (timeout, _) => Some(timeout.span().map_or(left, |timeout| timeout.min(left))),
        };
        let hedge = match config.hedging {
            Hedging::After(delay) if self.may_hedge(config) => Some(delay),
            Hedging::After(_) | Hedging::Off => None,
        };
        Start::Go(Attempt { number: self.started, timeout, hedge })
    }

    /// An attempt has ended. Where it is tried again after a wait, `pick` says how long of the waits
    /// that the backoff leaves open.
    pub fn ended(
        &mut self,
        config: &RetryConfig,
        budget: &mut RetryBudget,
        now: Time,
        result: Result<(), AttemptFailure>,
        pick: impl FnOnce(Waits) -> Span,
    ) -> RetryNext {
        self.under_way = self.under_way.saturating_sub(1);
        let Err(failure) = result else {
            self.settle(budget, now, true);
            return RetryNext::Succeeded;
        };
        if let Some(why) = config.objection(failure.kind, self.idempotent) {
            return self.fail(budget, now, why);
        }
        budget.failed(now);
        let pushback = match config.pushback {
            Pushback::Ignored => None,
            Pushback::Honoured => failure.pushback,
        };
        self.stopped |= pushback == Some(ComeBack::Never);
        match self.wait(config, budget, now, failure.kind, pushback, pick) {
            Ok(after) => RetryNext::Again { after },
            Err(_) if self.under_way > 0 => RetryNext::Waiting,
            Err(why) => self.fail(budget, now, why),
        }
    }

    /// How long to wait before the next attempt, paid for, or why there is none.
    fn wait(
        &mut self,
        config: &RetryConfig,
        budget: &mut RetryBudget,
        now: Time,
        kind: FailureKind,
        pushback: Option<ComeBack>,
        pick: impl FnOnce(Waits) -> Span,
    ) -> Result<Span, GivenUp> {
        if self.stopped {
            return Err(GivenUp::Pushback);
        }
        if self.started >= config.max_attempts {
            return Err(GivenUp::Exhausted);
        }
        let spent = match kind {
            FailureKind::TimedOut => Spent::OnTimeout,
            FailureKind::OwnRejection
            | FailureKind::Refused
            | FailureKind::Lost
            | FailureKind::Transient
            | FailureKind::Permanent => Spent::OnFailure,
        };
        if !self.paid && !budget.lends(now, spent) {
            return Err(GivenUp::Budget);
        }
        let after = match (pushback, config.hedging) {
            (Some(ComeBack::After(span)), _) => {
                (self.waits, self.previous) = (0, Span::ZERO);
                span
            }
            (_, Hedging::After(_)) => Span::ZERO,
            (_, Hedging::Off) => {
                let drawn = pick(config.backoff.waits(self.waits, self.previous));
                let (wait, previous) = config.backoff.taken(self.previous, drawn);
                (self.waits, self.previous) = (self.waits.saturating_add(1), previous);
                wait
            }
        };
        if (now + after).reaches(self.deadline) {
            return Err(GivenUp::Deadline);
        }
        if !self.paid {
            if self.under_way == 0 {
                self.loans.drain(..).for_each(|loan| budget.spend(loan));
            }
            self.loans.extend(budget.lend(now, spent));
            self.paid = true;
        }
        Ok(after)
    }

    /// Attempts that have started.
    #[must_use]
    pub const fn started(&self) -> u32 {
        self.started
    }

    /// Attempts under way.
    #[must_use]
    pub const fn under_way(&self) -> u32 {
        self.under_way
    }

    /// When the call is over at the latest.
    #[must_use]
    pub const fn deadline(&self) -> Time {
        self.deadline
    }

    const fn may_hedge(&self, config: &RetryConfig) -> bool {
        self.idempotent && !self.stopped && self.started < config.max_attempts
    }

    fn hold_or(&mut self, budget: &mut RetryBudget, now: Time, why: GivenUp) -> Start {
        if self.under_way > 0 {
            return Start::Hold;
        }
        self.settle(budget, now, false);
        Start::GiveUp(why)
    }

    fn fail(&mut self, budget: &mut RetryBudget, now: Time, why: GivenUp) -> RetryNext {
        self.settle(budget, now, false);
        RetryNext::Failed(why)
    }

    /// The call is over: all loans but the last are spent, and that one is what a success brings
    /// back.
    fn settle(&mut self, budget: &mut RetryBudget, now: Time, ok: bool) {
        let last = self.loans.pop();
        self.loans.drain(..).for_each(|loan| budget.spend(loan));
        budget.end(now, last, ok);
    }
}

impl RetryConfig {
    /// Whether a failure is worth a retry, of a call that may or may not be done twice.
    const fn objection(&self, kind: FailureKind, idempotent: bool) -> Option<GivenUp> {
        let transient_only = matches!(self.retryable, Retryable::Transient);
        match kind {
            FailureKind::OwnRejection => match self.own_rejections {
                OwnRejections::Retried => None,
                OwnRejections::Final => Some(GivenUp::OwnRejection),
            },
            FailureKind::Permanent if transient_only => Some(GivenUp::NotRetryable),
            FailureKind::TimedOut | FailureKind::Lost if !idempotent => {
                Some(GivenUp::NotIdempotent)
            }
            FailureKind::Permanent
            | FailureKind::TimedOut
            | FailureKind::Lost
            | FailureKind::Refused
            | FailureKind::Transient => None,
        }
    }
}
