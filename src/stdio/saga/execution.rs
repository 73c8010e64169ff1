//! One execution on the desk, and how it reads once it is over.

use brownout_models::policy::{Next, Saga, SagaEnd, StepEnd};
use brownout_models::{Names, Profile, Time};

use crate::stdio::script::Invocation;
use crate::stdio::vocabulary::{
    AttemptMore, CallKind, Completion, SagaCall, SagaMore, Trouble, Verdict,
};

/// An execution that is not over.
#[derive(Clone, Debug)]
pub(super) struct Execution {
    /// The id of the saga.
    pub(super) id: u64,
    /// The business key, for the lock.
    pub(super) key: u64,
    /// The requests that wait for its end: the one that began it, and those that joined.
    pub(super) requests: Vec<u64>,
    pub(super) saga: Saga,
    pub(super) calls: Vec<SagaCall>,
    pub(super) wait: Wait,
}

/// What an execution waits for. Timers of one instant go in the order in which they were set.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wait {
    /// Its turn at the lock.
    Lock,
    /// The end of a call.
    Call { until: Time, order: u64, end: StepEnd },
    /// The next attempt.
    Pause { until: Time, order: u64 },
}

impl Wait {
    /// When it is over, if time alone decides.
    pub(super) const fn due(self) -> Option<(Time, u64)> {
        match self {
            Self::Lock => None,
            Self::Call { until, order, .. } | Self::Pause { until, order } => Some((until, order)),
        }
    }
}

/// How an invocation ends for an orchestrator that waits so long, and when.
pub(super) fn seen(now: Time, invocation: Invocation, saga: &Saga) -> (Time, StepEnd) {
    let Invocation { takes, ok, rejected } = invocation;
    match saga.config().step_timeout.span() {
        Some(timeout) if timeout < takes => (now + timeout, StepEnd::Unknown),
        Some(_) | None if rejected && !ok => (now + takes, StepEnd::Rejected),
        Some(_) | None => (now + takes, StepEnd::from(ok)),
    }
}

impl Execution {
    /// Notes the start of a call.
    pub(super) fn call(&mut self, now: Time, next: Next, end: StepEnd, profile: Profile) {
        let (kind, step) = match next {
            Next::Act(step) => (CallKind::Action, step),
            Next::Compensate(step) => (CallKind::Compensation, step),
            Next::Pause(_) | Next::Committed | Next::RolledBack | Next::NeedsIntervention => return,
        };
        let word = match kind {
            CallKind::Action => "action",
            CallKind::Compensation => "compensation",
        };
        let more = (profile == Profile::Hardened).then(|| AttemptMore {
            attempt: self.saga.attempt(),
            end,
            idempotency_key: format!("{}/{step}/{word}", self.id),
        });
        let ok = end == StepEnd::Done;
        self.calls.push(SagaCall { at: now.as_nanos(), kind, step, ok, more });
    }

    /// The call under way is cut off: nobody hears how it ends.
    pub(super) fn cut_off(&mut self) {
        if let (Wait::Call { .. }, Some(call)) = (self.wait, self.calls.last_mut()) {
            call.ok = false;
            if let Some(more) = &mut call.more {
                more.end = StepEnd::Unknown;
            }
        }
    }

    /// How the execution reads now that it is over; lost where it has no end. `of` is the request
    /// that hears of it: one that joined hears the outcome, the first one every call.
    pub(super) fn completion(&mut self, names: &Names, profile: Profile) -> Completion {
        let end = self.saga.end();
        let name = |step: usize| self.saga.step(step).map_or("?", |step| names.text(step.name));
        let cause = self.saga.cause();
        let because = cause.map_or_else(String::new, |(step, end)| {
            let how = match end {
                StepEnd::Done => "done",
                StepEnd::Failed => "failed",
                StepEnd::Rejected => "was rejected",
                StepEnd::Unknown => "timed out or was cut off",
            };
            format!(": step {} {how}", name(step))
        });
        let verdict = match end {
            Some(SagaEnd::Committed) => Ok(()),
            Some(SagaEnd::Compensated) => Err(Trouble::new(
                "saga_failed",
                format!("saga transaction failed and rolled back{because}"),
            )),
            Some(SagaEnd::NeedsIntervention) => Err(Trouble::new(
                "needs_intervention",
                format!("saga can go neither forward nor back{because}"),
            )),
            None => Err(Trouble::new("lost", "the orchestrator crashed and has no log of this")),
        };
        let more = (profile == Profile::Hardened).then(|| SagaMore {
            id: self.id,
            outcome: end,
            failed_step: cause.map(|(step, _)| step),
            cause: cause.map(|(_, end)| end),
        });
        Completion::Executed {
            verdict: Verdict::of(verdict),
            calls: std::mem::take(&mut self.calls),
            current_step: self.saga.current_step(),
            completed: self
                .saga
                .completed()
                .iter()
                .map(|name| names.text(*name).to_owned())
                .collect(),
            more,
        }
    }
}
