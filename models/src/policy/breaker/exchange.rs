//! What goes in and out of a breaker: questions, permits, results, announcements.

use serde::Serialize;

use super::config::FailureClass;
use crate::{Span, Time};

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
    pub(super) generation: u64,
    /// Counts the permits of the breaker.
    pub(super) number: u64,
    pub(super) at: Time,
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

/// What somebody sees who looks before asking to be admitted; see [`HalfOpenEntry`](crate::policy::HalfOpenEntry).
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
