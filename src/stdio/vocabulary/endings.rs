//! How requests that take time end: calls, executions and compositions.

use brownout_models::policy::{GivenUp, SagaEnd, StepEnd};
use serde::Serialize;

use super::Trouble;

/// How a pending request ended.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(in crate::stdio) enum Completion {
    /// A publisher goes on.
    Published {},
    /// Who waited at a bulkhead is inside.
    Entered { ok: bool },
    /// A call reached an instance.
    Called { ok: bool, instance: String, method: String },
    /// A call or request did not.
    Failed { error: Trouble },
    /// A sidecar's call ended.
    Intercepted {
        started: u64,
        attempts: Vec<u64>,
        #[serde(flatten)]
        verdict: Verdict,
        #[serde(skip_serializing_if = "Option::is_none")]
        gave_up: Option<GivenUp>,
    },
    /// A saga's execution ended.
    Executed {
        #[serde(flatten)]
        verdict: Verdict,
        calls: Vec<SagaCall>,
        current_step: usize,
        completed: Vec<String>,
        /// What the orchestrator adds where it says more than the guide's.
        #[serde(flatten)]
        more: Option<SagaMore>,
    },
    /// All parts of an order arrived, or all that it needs.
    Composed {
        ok: bool,
        user: Option<String>,
        product: Option<String>,
        payment: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        missing: Option<Vec<PartTrouble>>,
    },
    /// Some did not.
    NotComposed {
        errors: Vec<PartTrouble>,
        #[serde(flatten)]
        came: Option<Came>,
    },
}

/// Why a part is missing, and which where that is told.
#[derive(Clone, Debug, Serialize)]
pub(in crate::stdio) struct PartTrouble {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::stdio) part: Option<&'static str>,
    #[serde(flatten)]
    pub(in crate::stdio) error: Trouble,
}

/// What came of an order that could not be composed.
#[derive(Clone, Debug, Serialize)]
pub(in crate::stdio) struct Came {
    pub(in crate::stdio) user: Option<String>,
    pub(in crate::stdio) product: Option<String>,
    pub(in crate::stdio) payment: Option<String>,
}

/// `ok` or `error`, never both.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(in crate::stdio) enum Verdict {
    Ok { ok: bool },
    Error { error: Trouble },
}

impl Verdict {
    /// Success, or the trouble.
    pub(in crate::stdio) fn of(outcome: Result<(), Trouble>) -> Self {
        match outcome {
            Ok(()) => Self::Ok { ok: true },
            Err(error) => Self::Error { error },
        }
    }
}

/// One invocation of an action or compensation.
#[derive(Clone, Debug, Serialize)]
pub(in crate::stdio) struct SagaCall {
    pub(in crate::stdio) at: u64,
    pub(in crate::stdio) kind: CallKind,
    pub(in crate::stdio) step: usize,
    pub(in crate::stdio) ok: bool,
    /// What an orchestrator adds that says more than the guide's.
    #[serde(flatten)]
    pub(in crate::stdio) more: Option<AttemptMore>,
}

/// Which attempt it was, under which key, and how it ended.
#[derive(Clone, Debug, Serialize)]
pub(in crate::stdio) struct AttemptMore {
    pub(in crate::stdio) attempt: u32,
    pub(in crate::stdio) end: StepEnd,
    pub(in crate::stdio) idempotency_key: String,
}

/// How an execution ended, and why.
#[derive(Clone, Debug, Serialize)]
pub(in crate::stdio) struct SagaMore {
    pub(in crate::stdio) id: u64,
    /// Null where the saga was lost.
    pub(in crate::stdio) outcome: Option<SagaEnd>,
    pub(in crate::stdio) failed_step: Option<usize>,
    pub(in crate::stdio) cause: Option<StepEnd>,
}

/// Which way a saga goes.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::stdio) enum CallKind {
    Action,
    Compensation,
}
