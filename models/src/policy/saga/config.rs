//! How a saga treats failures, crashes and company: every difference between the guide and what the
//! best orchestrators do, each with a name.

use serde::{Deserialize, Serialize};

use crate::policy::{Timeout, WriteAhead};
use crate::profile::{Mistake, options};
use crate::{Name, Span};

options! {
    /// How a saga treats failures, crashes and company.
    config SagaConfig;
    /// A saga's configuration as it is written.
    options SagaOptions as "SagaRules";
    {
        /// How the compensation of a completed step is found. The guide looks for the first step of
        /// its name (SG-1); Temporal keeps a stack of closures and eventuate an index.
        lookup: Lookup = Lookup::ByName, hardened Lookup::ByStep;
        /// What becomes of the list of completed steps between two executions of one orchestrator;
        /// the guide never clears it (SG-4).
        completed: Completed = Completed::Kept, hardened Completed::Cleared;
        /// Whether the step that failed is compensated as well. The guide leaves it (SG-5), so an
        /// effect whose answer was lost stays; Temporal's idiom registers the compensation before
        /// the action runs. The compensation must then tolerate that there is nothing to undo.
        failing_step: FailingStep = FailingStep::Left, hardened FailingStep::UnlessRejected;
        /// What a compensation that failed for good leads to. The guide swallows the error and
        /// claims success (SG-2); Temporal stops unless told to continue, eventuate has an end
        /// state of its own for it.
        compensation_failure: CompensationFailure =
            CompensationFailure::Swallow, hardened CompensationFailure::Stop;
        /// What a step without a compensation means: the guide passes over it in silence (SG-6);
        /// `Refused` wants one for every step before the pivot.
        missing_compensation: MissingCompensation =
            MissingCompensation::Skipped, hardened MissingCompensation::Refused;
        /// Whether the end of a saga says which step failed and why; the guide's constant error says
        /// neither (SG-3).
        cause: Cause = Cause::Discarded, hardened Cause::Kept;
        /// Attempts of an action, the first included, from 1 to 1,000. The guide makes 1 (SG-7); 3
        /// is AWS's standard. An action that was rejected is not tried again.
        action_attempts: u32 = 1, hardened 3;
        /// Attempts of a compensation, the first included, from 1 to 1,000. The guide makes 1; 10
        /// with the waits below take five and a half minutes: longer than a restart, and short
        /// enough to wake somebody.
        compensation_attempts: u32 = 1, hardened 10;
        /// Attempts of a step that is `Retriable`, the first included, from 1 to 1,000; 10. Behind
        /// the pivot there is no way back.
        retriable_attempts: u32 = 10;
        /// The wait before the second attempt, doubling from then on; 1 s, Temporal's initial
        /// interval.
        retry_delay: Span = Span::from_secs(1);
        /// The longest wait between two attempts; 100 s, Temporal's hundred initial intervals.
        retry_delay_max: Span = Span::from_secs(100);
        /// How long one attempt of an action or a compensation may take, `"never"` for as long as
        /// it takes. The guide waits for ever; 30 s is longer than any healthy call.
        step_timeout: Timeout =
            Timeout::Never, hardened Timeout::After(Span::from_secs(30));
        /// What a second request to run the saga of one id does. In the guide every order makes an
        /// orchestrator of its own (SG-10); Temporal attaches to the workflow of that id.
        same_id: SameId = SameId::Runs, hardened SameId::Joins;
        /// What an execution does whose business key another one holds: eventuate's lock manager
        /// queues it. The guide has no isolation at all (SG-9).
        lock: SemanticLock = SemanticLock::Absent, hardened SemanticLock::Queues;
        /// What the lock is on; the business key.
        lock_on: LockOn = LockOn::Key;
        /// Whether every decision is written down before it takes effect. The guide writes
        /// `currentStep` and never reads it (SG-8), so a crash strands the saga.
        durability: Durability = Durability::Volatile, hardened Durability::Logged;
        /// What a decision must be in the log before it takes effect, where the log is flushed later
        /// than it is written; in systems only.
        acts: WriteAhead = WriteAhead::Written, hardened WriteAhead::Flushed;
    }
}

/// How the compensation of a completed step is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lookup {
    /// The first step of the completed step's name.
    ByName,
    /// The step itself.
    ByStep,
}

/// What becomes of the completed steps when the next execution begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Completed {
    /// They stay, compensated or not, and are compensated once more by the next rollback.
    Kept,
    /// They are forgotten.
    Cleared,
}

/// Whether the step that failed is compensated as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailingStep {
    /// It is left as it is.
    Left,
    /// It is compensated when nobody knows how it ended: it timed out or its connection broke.
    WhenUnknown,
    /// It is compensated unless it was rejected, which says that nothing happened.
    UnlessRejected,
}

/// What a compensation that failed for good leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CompensationFailure {
    /// The next compensation, and the claim that everything was rolled back.
    Swallow,
    /// The next compensation, and in the end a call for intervention.
    Continue,
    /// A call for intervention at once: what is left was done before, and stays.
    Stop,
}

/// What a step without a compensation means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MissingCompensation {
    /// Nothing has to be undone.
    Skipped,
    /// The saga is not built.
    Refused,
}

/// What the end of a saga says of the step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// Nothing.
    Discarded,
    /// Which step, and how.
    Kept,
}

/// What a request to run the saga of an id does that is running or has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SameId {
    /// It runs another execution.
    Runs,
    /// It waits for the one that runs, or learns how it ended.
    Joins,
    /// It is refused.
    Refused,
}

/// What an execution does whose business key is held by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SemanticLock {
    /// There is no lock.
    Absent,
    /// It waits its turn, first come first served.
    Queues,
    /// It is refused.
    Aborts,
}

/// What a semantic lock is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LockOn {
    /// The business key: one saga at a time for each order.
    Key,
    /// Who asks: one saga at a time for each customer.
    Client,
}

/// Whether a saga outlives its orchestrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Durability {
    /// It lives in memory, and a crash strands it where it stands.
    Volatile,
    /// Every decision is in the log before it takes effect, and a restart resumes from there.
    Logged,
}

/// The most attempts that anything has.
const ATTEMPTS_MAX: u32 = 1_000;

impl SagaConfig {
    /// The wait after the attempt of this number, the first being 1: doubling, up to the longest.
    #[must_use]
    pub fn delay(&self, attempt: u32) -> Span {
        let factor = 1_u64.checked_shl(attempt.saturating_sub(1)).unwrap_or(u64::MAX);
        self.retry_delay.times(factor).min(self.retry_delay_max)
    }

    /// Whether every decision is written down before it takes effect.
    #[must_use]
    pub fn is_logged(&self) -> bool {
        self.durability == Durability::Logged
    }

    /// Everything that makes no sense; the guide has none of these numbers.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let attempts = [
            ("action_attempts", self.action_attempts),
            ("compensation_attempts", self.compensation_attempts),
            ("retriable_attempts", self.retriable_attempts),
        ];
        let mut mistakes: Vec<Mistake> = attempts
            .into_iter()
            .filter(|(_, attempts)| !(1..=ATTEMPTS_MAX).contains(attempts))
            .map(|(option, attempts)| {
                Mistake::new(
                    option,
                    format!("the number of attempts cannot be {attempts}"),
                    format!("expected a number from 1 to {ATTEMPTS_MAX}"),
                    "write 1 to try once; the first attempt counts",
                )
            })
            .collect();
        if self.step_timeout == Timeout::After(Span::ZERO) {
            mistakes.push(Mistake::new(
                "step_timeout",
                "the timeout of a step is zero",
                "expected a span longer than 0s",
                "write \"never\" to wait for ever",
            ));
        }
        if self.durability == Durability::Logged && self.same_id == SameId::Runs {
            mistakes.push(Mistake::new(
                "same_id",
                "two executions of one id would write one log",
                "expected `Joins` or `Refused`",
                "choose one of the two, or write `durability: Volatile`",
            ));
        }
        if self.retry_delay > self.retry_delay_max {
            mistakes.push(Mistake::new(
                "retry_delay_max",
                format!("the longest wait is below the first one, {}", self.retry_delay),
                format!("expected {} or more", self.retry_delay),
                "raise it, or lower `retry_delay`",
            ));
        }
        mistakes
    }
}

/// What a step is to its saga (Richardson, Microservices Patterns, 4.3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepKind {
    /// It can be undone.
    #[default]
    Compensatable,
    /// The point of no return: once it is done, the saga runs to its end.
    Pivot,
    /// It comes after the pivot, and is tried until it succeeds.
    Retriable,
}

/// One step of a saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SagaStepSpec {
    /// By which the guide finds the compensation.
    pub name: Name,
    /// What it is to its saga.
    pub kind: StepKind,
    /// Whether something undoes it.
    pub has_compensation: bool,
}

impl SagaStepSpec {
    /// What is wrong with this step after those `before` it.
    #[must_use]
    pub fn mistake(&self, config: &SagaConfig, before: &[Self]) -> Option<Mistake> {
        let pivoted = before.iter().any(|step| step.kind == StepKind::Pivot);
        let wrong = |option: &str, message: &str, expected: &str, help: &str| {
            Some(Mistake::new(option, message, expected, help))
        };
        match self.kind {
            StepKind::Compensatable if pivoted => wrong(
                "kind",
                "behind the pivot there is no way back",
                "expected `Retriable`",
                "write `kind: Retriable`, or put the step before the pivot",
            ),
            StepKind::Compensatable
                if !self.has_compensation
                    && config.missing_compensation == MissingCompensation::Refused =>
            {
                wrong(
                    "compensation",
                    "nothing undoes this step",
                    "expected a compensation",
                    "add one, write `kind: Pivot` for the point of no return, or \
                     `missing_compensation: Skipped`",
                )
            }
            StepKind::Pivot if pivoted => wrong(
                "kind",
                "there is a pivot before this one",
                "expected `Retriable`",
                "a saga has one point of no return; write `kind: Retriable` for what follows it",
            ),
            StepKind::Retriable if !pivoted => wrong(
                "kind",
                "there is no pivot before this step",
                "expected `Compensatable` or `Pivot`",
                "write `kind: Pivot` for the step from which there is no way back",
            ),
            StepKind::Pivot | StepKind::Retriable if self.has_compensation => wrong(
                "compensation",
                "a step from which there is no way back is never undone",
                "expected no compensation",
                "leave it out, or write `kind: Compensatable`",
            ),
            StepKind::Compensatable | StepKind::Pivot | StepKind::Retriable => None,
        }
    }
}
