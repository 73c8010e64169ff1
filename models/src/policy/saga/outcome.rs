//! What a saga wants next, and how its calls and the saga itself end.

use serde::Serialize;

use crate::Span;

/// What the owner has to do, or how the execution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Run the action of this step, counted from 0.
    Act(usize),
    /// Run the compensation of this step.
    Compensate(usize),
    /// Wait this long, then [`resume`](crate::policy::Saga::resume): an attempt failed and another one follows.
    Pause(Span),
    /// Every action succeeded.
    Committed,
    /// An action failed, and every compensation that had to run has. Where errors are swallowed,
    /// whatever came of it.
    RolledBack,
    /// Neither all done nor all undone, and no way to get there: somebody has to look.
    NeedsIntervention,
}

/// How an attempt of an action or a compensation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepEnd {
    /// It is done.
    Done,
    /// It failed, and trying again may help.
    Failed,
    /// It was refused: nothing happened, and trying again will not help.
    Rejected,
    /// Nobody knows: it timed out, or the connection broke.
    Unknown,
}

impl From<bool> for StepEnd {
    fn from(ok: bool) -> Self {
        if ok { Self::Done } else { Self::Failed }
    }
}

/// How an execution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SagaEnd {
    /// Every action succeeded.
    Committed,
    /// What was done is undone, or the saga says so.
    Compensated,
    /// Somebody has to look.
    NeedsIntervention,
}
