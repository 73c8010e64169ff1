//! The saga orchestrator: steps forward, and compensations back when one fails.
//!
//! `guide` follows the guide's `SagaOrchestrator` (lines 696-760). A compensation is found by the
//! name of the completed step, first match (SG-1); its error is swallowed (SG-2), and so is the
//! step's (SG-3); what was completed is never forgotten, so a later rollback undoes earlier
//! executions as well (SG-4); the failing step itself is not compensated (SG-5); a missing
//! compensation is passed over (SG-6); nothing is tried again (SG-7). Compensations run in reverse
//! and go on past a failed one, no steps at all is a success, and steps added during an execution
//! are not part of it (SG-11).
//!
//! `hardened` has Temporal's order (a compensation counts from before its action, in reverse, and
//! stops at one that fails for good) and eventuate's ends: committed, compensated, or in need of
//! intervention. Every difference is an option of [`SagaConfig`].
//!
//! What is *not* here: actions, compensations, and the time they take; who waits for whom
//! ([`SagaLocks`]); the log itself, whose records are [`Checkpoint`]s.
//!
//! ```
//! use brownout_models::Name;
//! use brownout_models::policy::{Next, Saga, SagaConfig, SagaStepSpec, StepEnd, StepKind};
//!
//! let mut saga = Saga::new(SagaConfig { action_attempts: 2, ..SagaConfig::hardened() });
//! let step = |name| SagaStepSpec {
//!     name: Name(name),
//!     kind: StepKind::Compensatable,
//!     has_compensation: true,
//! };
//! saga.try_add_step(step(0))?;
//! saga.try_add_step(step(1))?;
//! assert_eq!(saga.begin(), Some(Next::Act(0)));
//! assert_eq!(saga.ended(true), Some(Next::Act(1)));
//! let Some(Next::Pause(wait)) = saga.ended(StepEnd::Unknown) else { panic!("tried once") };
//! // Sleep for `wait`, then:
//! assert_eq!(saga.resume(), Some(Next::Act(1)));
//! assert_eq!(saga.ended(StepEnd::Unknown), Some(Next::Compensate(1)));
//! // Before every act, `saga.checkpoint()` goes to the log; after a crash it brings the saga back.
//! let log = saga.checkpoint().to_row();
//! let read = brownout_models::policy::Checkpoint::from_row(log).expect("it was written here");
//! assert_eq!(saga.restore(read), Next::Compensate(1));
//! assert_eq!(saga.ended(true), Some(Next::Compensate(0)));
//! assert_eq!(saga.ended(true), Some(Next::RolledBack));
//! # Ok::<(), brownout_models::Mistake>(())
//! ```

mod checkpoint;
mod config;
mod locks;
mod outcome;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::Name;
use crate::profile::Mistake;

pub use checkpoint::{Checkpoint, SagaPlace};
pub use config::{
    Cause, CompensationFailure, Completed, Durability, FailingStep, LockOn, Lookup,
    MissingCompensation, SagaConfig, SagaOptions, SagaStepSpec, SameId, SemanticLock, StepKind,
};
pub use locks::{Locked, SagaLocks};
pub use outcome::{Next, SagaEnd, StepEnd};

/// One saga: its steps, and what became of them in all its executions.
#[derive(Clone, Debug, Serialize)]
pub struct Saga {
    config: SagaConfig,
    steps: Vec<SagaStepSpec>,
    current_step: usize,
    completed: Vec<Name>,
    /// The step of each of the completed.
    places: Vec<usize>,
    phase: Phase,
    /// Which attempt runs or ran last, from 1.
    attempt: u32,
    failed: Option<(usize, StepEnd)>,
    /// The worst that is known of all attempts of the last action that did not succeed: `Rejected`
    /// as long as none can have taken effect.
    doubt: StepEnd,
    end: Option<SagaEnd>,
    /// Whether a compensation of this execution failed for good.
    is_unresolved: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Phase {
    Idle,
    /// The action of `step` runs, of the `count` steps there were at the start.
    Acting {
        step: usize,
        count: usize,
        paused: bool,
    },
    /// The compensation of `step` runs; `left` entries are still to be undone after it.
    Compensating {
        step: usize,
        left: usize,
        paused: bool,
    },
}

impl Default for Saga {
    fn default() -> Self {
        Self::new(SagaConfig::guide())
    }
}

impl Saga {
    /// A saga without steps.
    #[must_use]
    pub const fn new(config: SagaConfig) -> Self {
        Self {
            config,
            steps: Vec::new(),
            current_step: 0,
            completed: Vec::new(),
            places: Vec::new(),
            phase: Phase::Idle,
            attempt: 1,
            failed: None,
            doubt: StepEnd::Rejected,
            end: None,
            is_unresolved: false,
        }
    }

    /// Adds a step at the end, for executions to come, as the guide does: whatever it is.
    pub fn add_step(&mut self, name: Name, has_compensation: bool) {
        self.steps.push(SagaStepSpec { name, kind: StepKind::Compensatable, has_compensation });
    }

    /// Adds a step at the end, for executions to come.
    ///
    /// # Errors
    /// When it makes no sense after the steps before it, or lacks the compensation that it needs.
    pub fn try_add_step(&mut self, step: SagaStepSpec) -> Result<(), Mistake> {
        match step.mistake(&self.config, &self.steps) {
            Some(mistake) => Err(mistake),
            None => {
                self.steps.push(step);
                Ok(())
            }
        }
    }

    /// Starts an execution; nothing when one is under way.
    pub fn begin(&mut self) -> Option<Next> {
        if self.is_running() {
            return None;
        }
        if self.config.completed == Completed::Cleared {
            self.completed.clear();
            self.places.clear();
        }
        (self.failed, self.end, self.is_unresolved) = (None, None, false);
        Some(self.act(0, self.steps.len()))
    }

    /// The attempt under way has ended; nothing when none is.
    pub fn ended(&mut self, end: impl Into<StepEnd>) -> Option<Next> {
        let end = end.into();
        match self.phase {
            Phase::Idle
            | Phase::Acting { paused: true, .. }
            | Phase::Compensating { paused: true, .. } => None,
            Phase::Acting { step, count, .. } if end == StepEnd::Done => {
                self.completed.extend(self.steps.get(step).map(|step| step.name));
                self.places.push(step);
                Some(self.act(step + 1, count))
            }
            Phase::Acting { step, .. } => Some(self.action_failed(step, end)),
            Phase::Compensating { left, .. } if end == StepEnd::Done => Some(self.compensate(left)),
            Phase::Compensating { left, .. } => Some(self.compensation_failed(left, end)),
        }
    }

    /// The wait between two attempts is over; nothing when there was none.
    pub fn resume(&mut self) -> Option<Next> {
        match &mut self.phase {
            Phase::Acting { step, paused, .. } if *paused => {
                *paused = false;
                Some(Next::Act(*step))
            }
            Phase::Compensating { step, paused, .. } if *paused => {
                *paused = false;
                Some(Next::Compensate(*step))
            }
            Phase::Idle | Phase::Acting { .. } | Phase::Compensating { .. } => None,
        }
    }

    /// Loses everything but its steps, as a crash without a log does.
    pub fn forget(&mut self) {
        let steps = std::mem::take(&mut self.steps);
        *self = Self { steps, ..Self::new(self.config.clone()) };
    }

    /// Whether an execution is under way.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.phase != Phase::Idle
    }

    /// How it behaves.
    #[must_use]
    pub const fn config(&self) -> &SagaConfig {
        &self.config
    }

    /// The step of this number, from 0.
    #[must_use]
    pub fn step(&self, number: usize) -> Option<&SagaStepSpec> {
        self.steps.get(number)
    }

    /// The step whose action was started last; 0 before any.
    #[must_use]
    pub const fn current_step(&self) -> usize {
        self.current_step
    }

    /// Which attempt of the call under way it is, from 1.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The name of every step completed, compensated or not, in order: in this execution, or in any
    /// where the list is kept.
    #[must_use]
    pub fn completed(&self) -> &[Name] {
        &self.completed
    }

    /// How the last execution ended; nothing while it runs.
    #[must_use]
    pub const fn end(&self) -> Option<SagaEnd> {
        self.end
    }

    /// The step that failed in the last execution, and how; nothing where causes are discarded.
    #[must_use]
    pub const fn cause(&self) -> Option<(usize, StepEnd)> {
        match self.config.cause {
            Cause::Kept => self.failed,
            Cause::Discarded => None,
        }
    }

    fn act(&mut self, step: usize, count: usize) -> Next {
        if step >= count {
            return self.finish(SagaEnd::Committed);
        }
        (self.current_step, self.attempt, self.doubt) = (step, 1, StepEnd::Rejected);
        self.phase = Phase::Acting { step, count, paused: false };
        Next::Act(step)
    }

    fn action_failed(&mut self, step: usize, end: StepEnd) -> Next {
        // One attempt that was rejected says nothing of the attempts before it.
        self.doubt = match (self.doubt, end) {
            (StepEnd::Unknown, _) | (_, StepEnd::Unknown) => StepEnd::Unknown,
            (StepEnd::Failed, _) | (_, StepEnd::Failed) => StepEnd::Failed,
            (StepEnd::Done | StepEnd::Rejected, StepEnd::Done | StepEnd::Rejected) => {
                StepEnd::Rejected
            }
        };
        let kind = self.kind(step);
        let attempts = match kind {
            StepKind::Compensatable | StepKind::Pivot => self.config.action_attempts,
            StepKind::Retriable => self.config.retriable_attempts,
        };
        if end != StepEnd::Rejected && self.attempt < attempts {
            return self.pause();
        }
        self.failed = Some((step, end));
        let is_stuck = match kind {
            StepKind::Compensatable => false,
            StepKind::Pivot => self.is_in_doubt(),
            StepKind::Retriable => true,
        };
        if is_stuck { self.finish(SagaEnd::NeedsIntervention) } else { self.roll_back() }
    }

    fn compensation_failed(&mut self, left: usize, end: StepEnd) -> Next {
        if end != StepEnd::Rejected && self.attempt < self.config.compensation_attempts {
            return self.pause();
        }
        match self.config.compensation_failure {
            CompensationFailure::Swallow => self.compensate(left),
            CompensationFailure::Continue => {
                self.is_unresolved = true;
                self.compensate(left)
            }
            CompensationFailure::Stop => self.finish(SagaEnd::NeedsIntervention),
        }
    }

    fn pause(&mut self) -> Next {
        let delay = self.config.delay(self.attempt);
        self.attempt += 1;
        if let Phase::Acting { paused, .. } | Phase::Compensating { paused, .. } = &mut self.phase {
            *paused = true;
        }
        Next::Pause(delay)
    }

    fn roll_back(&mut self) -> Next {
        self.compensate(self.completed.len() + usize::from(self.failing_entry().is_some()))
    }

    /// Finds the next compensation below `left`.
    fn compensate(&mut self, mut left: usize) -> Next {
        while left > 0 {
            left -= 1;
            if let Some(step) = self.entry(left).filter(|step| self.steps[*step].has_compensation) {
                self.attempt = 1;
                self.phase = Phase::Compensating { step, left, paused: false };
                return Next::Compensate(step);
            }
        }
        let unresolved = self.is_unresolved;
        self.finish(if unresolved { SagaEnd::NeedsIntervention } else { SagaEnd::Compensated })
    }

    fn finish(&mut self, end: SagaEnd) -> Next {
        (self.phase, self.end) = (Phase::Idle, Some(end));
        match end {
            SagaEnd::Committed => Next::Committed,
            SagaEnd::Compensated => Next::RolledBack,
            SagaEnd::NeedsIntervention => Next::NeedsIntervention,
        }
    }

    /// The step whose compensation undoes an entry of the list: the completed, and behind them the
    /// one that failed.
    fn entry(&self, index: usize) -> Option<usize> {
        let (name, step) = match (self.completed.get(index), self.places.get(index)) {
            (Some(name), Some(step)) => (*name, *step),
            _ => {
                let step = self.failing_entry()?;
                (self.steps.get(step)?.name, step)
            }
        };
        match self.config.lookup {
            Lookup::ByStep => Some(step),
            Lookup::ByName => self.steps.iter().position(|step| step.name == name),
        }
    }

    /// The step that failed, where it has to be undone as well.
    fn failing_entry(&self) -> Option<usize> {
        let (step, _) = self.failed?;
        (self.kind(step) == StepKind::Compensatable && self.is_in_doubt()).then_some(step)
    }

    /// Whether the last action, which failed, may have taken effect.
    fn is_in_doubt(&self) -> bool {
        match self.config.failing_step {
            FailingStep::Left => false,
            FailingStep::WhenUnknown => self.doubt == StepEnd::Unknown,
            FailingStep::UnlessRejected => self.doubt != StepEnd::Rejected,
        }
    }

    fn kind(&self, step: usize) -> StepKind {
        self.steps.get(step).map_or(StepKind::Compensatable, |step| step.kind)
    }
}
