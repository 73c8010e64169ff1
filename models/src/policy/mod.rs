//! Policies: the plain values that machines own, each a decision of one kind.
//!
//! A policy takes `now` as an argument and answers; it never waits, draws or prints. Everything
//! here follows the published guide's Go code to the letter, defects included, so that a test can
//! show them; each module names the lines it follows and the defects it shows. What is *not* here:
//! timers (the owner's), messages (the machines'), and the hardened variants.

pub mod backoff;
pub mod balancer;
pub mod breaker;
pub mod bucket;
pub mod composition;
pub mod deployment;
pub mod dispatch;
pub mod observability;
pub mod registry;
pub mod saga;
pub mod sidecar;
pub mod timeout;

pub use backoff::Backoff;
pub use balancer::RoundRobin;
pub use breaker::{
    Admission, Boundary, Breaker, BreakerConfig, BreakerOptions, BreakerState, CallResult,
    FailureClass, HalfOpenEntry, HalfOpening, Interval, LateResults, Look, OpenSince, Override,
    Permit, ProbeDeadline, Probes, Refusal, Transition, Trip, Verdict,
};
pub use bucket::{Limiter, TokenBucket};
pub use composition::{
    Composed, Composition, CompositionConfig, CompositionOptions, Demand, ErrorOrder, Missing,
    Need, OnPartFailure, PartSpec,
};
pub use deployment::{
    BlueGreen, BlueGreenConfig, BlueGreenOptions, Canary, CanaryConfig, CanaryOptions, CanaryStep,
    DeployAction, DeployEvent, Fleet, MetricsOf, OnDeadline, OnFailure, Portion, Readiness,
    Replica, ReplicaState, Rolling, RollingConfig, RollingOptions, Scaler, ScalerConfig,
    ScalerOptions, TurnBack, Version,
};
pub use dispatch::{Action, Dispatcher, DispatcherConfig, Message, Published};
pub use observability::{Level, LogEntry, Metric, Observability};
pub use registry::{
    DiscoverError, Health, Instance, Registry, RegistryConfig, RegistryError, RegistryOptions,
};
pub use saga::{
    Cause, Checkpoint, CompensationFailure, Completed, Durability, FailingStep, LockOn, Locked,
    Lookup, MissingCompensation, Next, Saga, SagaConfig, SagaEnd, SagaLocks, SagaOptions,
    SagaPlace, SagaStepSpec, SameId, SemanticLock, StepEnd, StepKind,
};
pub use sidecar::{CallMetrics, Retry, RetryConfig, RetryNext, SpanRecord, SpanTable, SpanTicket};
pub use timeout::Timeout;
