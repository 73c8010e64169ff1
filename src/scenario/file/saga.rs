//! A saga orchestrator: its steps, and the options of its policy beside them.

use brownout_models::policy::{
    BalancerOptions, Cause, CompensationFailure, Completed, Durability, FailingStep, LockOn,
    Lookup, MissingCompensation, OutlierOptions, SagaOptions, SameId, SemanticLock, SidecarOptions,
    StepKind, Timeout, WriteAhead,
};
use brownout_models::{Profile, Span};
use serde::Deserialize;

/// A saga orchestrator.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename = "Saga", deny_unknown_fields, default)]
pub struct SagaFile {
    /// The profile; guide.
    pub profile: Profile,
    /// Former names.
    pub aliases: Vec<String>,
    /// The steps, in order.
    pub steps: Vec<SagaStepFile>,
    /// A sidecar beside it, through which its calls go.
    pub sidecar: Option<SidecarOptions>,
    /// How long its log takes to be flushed, from the first record that is not; no time.
    pub flush: Option<Span>,
    /// The zone where it is; none.
    pub zone: Option<String>,
    /// How it chooses among the instances of a service that it calls; round robin.
    pub balancer: BalancerOptions,
    /// How it tells instances that had better not be called; not at all.
    pub outlier: OutlierOptions,
    /// See [`SagaOptions::lookup`].
    pub lookup: Option<Lookup>,
    /// See [`SagaOptions::completed`].
    pub completed: Option<Completed>,
    /// See [`SagaOptions::failing_step`].
    pub failing_step: Option<FailingStep>,
    /// See [`SagaOptions::compensation_failure`].
    pub compensation_failure: Option<CompensationFailure>,
    /// See [`SagaOptions::missing_compensation`].
    pub missing_compensation: Option<MissingCompensation>,
    /// See [`SagaOptions::cause`].
    pub cause: Option<Cause>,
    /// See [`SagaOptions::action_attempts`].
    pub action_attempts: Option<u32>,
    /// See [`SagaOptions::compensation_attempts`].
    pub compensation_attempts: Option<u32>,
    /// See [`SagaOptions::retriable_attempts`].
    pub retriable_attempts: Option<u32>,
    /// See [`SagaOptions::retry_delay`].
    pub retry_delay: Option<Span>,
    /// See [`SagaOptions::retry_delay_max`].
    pub retry_delay_max: Option<Span>,
    /// See [`SagaOptions::step_timeout`].
    pub step_timeout: Option<Timeout>,
    /// See [`SagaOptions::same_id`].
    pub same_id: Option<SameId>,
    /// See [`SagaOptions::lock`].
    pub lock: Option<SemanticLock>,
    /// See [`SagaOptions::lock_on`].
    pub lock_on: Option<LockOn>,
    /// See [`SagaOptions::durability`].
    pub durability: Option<Durability>,
    /// See [`SagaOptions::acts`].
    pub acts: Option<WriteAhead>,
}

impl SagaFile {
    /// The options of the policy among the fields.
    pub fn options(&self) -> SagaOptions {
        SagaOptions {
            profile: Some(self.profile),
            lookup: self.lookup,
            completed: self.completed,
            failing_step: self.failing_step,
            compensation_failure: self.compensation_failure,
            missing_compensation: self.missing_compensation,
            cause: self.cause,
            action_attempts: self.action_attempts,
            compensation_attempts: self.compensation_attempts,
            retriable_attempts: self.retriable_attempts,
            retry_delay: self.retry_delay,
            retry_delay_max: self.retry_delay_max,
            step_timeout: self.step_timeout,
            same_id: self.same_id,
            lock: self.lock,
            lock_on: self.lock_on,
            durability: self.durability,
            acts: self.acts,
        }
    }
}

/// A step of a saga.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "SagaStep", deny_unknown_fields)]
pub struct SagaStepFile {
    /// The name.
    pub name: String,
    /// What it is to its saga; something that can be undone.
    #[serde(default)]
    pub kind: StepKind,
    /// What it does.
    pub action: ActionFile,
    /// What undoes it; nothing.
    #[serde(default)]
    pub compensation: Option<ActionFile>,
}

/// A call of a saga.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "Action", deny_unknown_fields)]
pub struct ActionFile {
    /// A service or a node.
    pub to: String,
    /// The method.
    pub method: String,
}
