//! Where a saga stands, in one number: what its log says, and how it comes back from there.
//!
//! The owner writes [`Saga::checkpoint`] down before every act, so that a crash at any moment leaves
//! a record of the act that may have happened. A restart does that act again, which is why actions
//! and compensations must be idempotent.

use serde::Serialize;

use super::{Next, Phase, Saga, SagaEnd, StepEnd};

/// Where a saga stands, as far as a restart needs it. Whether it waited for the next attempt is not
/// among that: the wait is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Checkpoint {
    /// What is under way.
    pub place: SagaPlace,
    /// Which attempt of it, from 1.
    pub attempt: u32,
    /// The step that failed, and how.
    pub failed: Option<(usize, StepEnd)>,
    /// The worst that is known of the attempts of the last action; see [`StepEnd`].
    pub doubt: StepEnd,
    /// Whether a compensation failed for good.
    pub is_unresolved: bool,
}

/// What is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum SagaPlace {
    /// Nothing yet.
    New,
    /// The action of this step.
    Acting(usize),
    /// The compensation of this entry of the list to undo: the completed steps and, behind them, the
    /// one that failed.
    Compensating(usize),
    /// Nothing any more.
    Ended(SagaEnd),
}

const STEP_ENDS: [StepEnd; 4] =
    [StepEnd::Done, StepEnd::Failed, StepEnd::Rejected, StepEnd::Unknown];
const ENDS: [SagaEnd; 3] = [SagaEnd::Committed, SagaEnd::Compensated, SagaEnd::NeedsIntervention];

impl Checkpoint {
    /// The record as the value of a row: the place in the low 2 bits and what it is of in the 16
    /// above; attempt, failed step (0 for none), its end and the doubt in 16, 16, 2 and 2; the mark
    /// of the unresolved above. Never zero.
    #[must_use]
    pub fn to_row(self) -> i64 {
        let (tag, of) = match self.place {
            SagaPlace::New => (0, 0),
            SagaPlace::Acting(step) => (1, step),
            SagaPlace::Compensating(entry) => (2, entry),
            SagaPlace::Ended(end) => {
                (3, ENDS.iter().position(|known| *known == end).unwrap_or_default())
            }
        };
        let (failed, end) = self.failed.map_or((0, StepEnd::Done), |(step, end)| (step + 1, end));
        let number = |end| STEP_ENDS.iter().position(|known| *known == end).unwrap_or_default();
        let (end, doubt) = (number(end), number(self.doubt));
        let attempt = usize::try_from(self.attempt).unwrap_or(usize::MAX);
        let fields = [(tag, 2), (of, 16), (attempt, 16), (failed, 16), (end, 2), (doubt, 2)];
        let mut row = i64::from(self.is_unresolved);
        for (value, bits) in fields.into_iter().rev() {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            row = (row << bits) + value.min((1 << bits) - 1);
        }
        row
    }

    /// Reads a record back; `None` for a number that no record has.
    #[must_use]
    pub fn from_row(row: i64) -> Option<Self> {
        let mut rest = row;
        let mut take = |bits: u32| {
            let value = usize::try_from(rest & ((1 << bits) - 1)).ok();
            rest >>= bits;
            value
        };
        let (tag, of, attempt) = (take(2)?, take(16)?, take(16)?);
        let failed = take(16)?;
        let (end, doubt) = (*STEP_ENDS.get(take(2)?)?, *STEP_ENDS.get(take(2)?)?);
        let is_unresolved = match rest {
            0 => false,
            1 => true,
            _ => return None,
        };
        let place = match tag {
            0 => SagaPlace::New,
            1 => SagaPlace::Acting(of),
            2 => SagaPlace::Compensating(of),
            _ => SagaPlace::Ended(*ENDS.get(of)?),
        };
        let failed = failed.checked_sub(1).map(|step| (step, end));
        // Every record has an attempt: the zero of a row that was never written is none.
        let attempt = u32::try_from(attempt).ok().filter(|attempt| *attempt > 0)?;
        Some(Self { place, attempt, failed, doubt, is_unresolved })
    }
}

impl Saga {
    /// Where the saga stands.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        let place = match (self.phase, self.end) {
            (Phase::Acting { step, .. }, _) => SagaPlace::Acting(step),
            (Phase::Compensating { left, .. }, _) => SagaPlace::Compensating(left),
            (Phase::Idle, Some(end)) => SagaPlace::Ended(end),
            (Phase::Idle, None) => SagaPlace::New,
        };
        let Self { attempt, failed, doubt, is_unresolved, .. } = *self;
        Checkpoint { place, attempt, failed, doubt, is_unresolved }
    }

    /// Comes back to where the record says, with the same steps as then, and forgets everything
    /// else: what has to be done now, which may be what was being done when the record was written.
    pub fn restore(&mut self, record: Checkpoint) -> Next {
        let Checkpoint { place, attempt, failed, doubt, is_unresolved } = record;
        let count = self.steps.len();
        let done = match place {
            SagaPlace::New => 0,
            SagaPlace::Acting(step) => step.min(count),
            SagaPlace::Compensating(_) | SagaPlace::Ended(_) => {
                failed.map_or(count, |(step, _)| step.min(count))
            }
        };
        (self.failed, self.is_unresolved, self.end) = (failed, is_unresolved, None);
        self.doubt = doubt;
        self.places = (0..done).collect();
        self.completed = self.steps.iter().take(done).map(|step| step.name).collect();
        self.current_step = done.min(count.saturating_sub(1));
        let next = match place {
            SagaPlace::New => self.act(0, count),
            SagaPlace::Acting(step) => {
                let next = self.act(step, count);
                // The attempt that the crash cut off may have taken effect.
                self.doubt = StepEnd::Unknown;
                next
            }
            SagaPlace::Compensating(entry) => self.compensate(entry + 1),
            SagaPlace::Ended(end) => self.finish(end),
        };
        self.attempt = attempt;
        next
    }
}
