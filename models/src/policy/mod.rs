//! Policies: the plain values that machines own, each a decision of one kind.
//!
//! A policy takes `now` as an argument and answers; it never waits, draws or prints. In the profile
//! `guide` each follows the published guide's Go code to the letter, defects included, so that a
//! test can show them; each module names the lines it follows and the defects it shows. What is
//! *not* here: timers (the owner's) and messages (the machines').

pub mod backoff;
pub mod balancer;
pub mod breaker;
pub mod budget;
pub mod bulkhead;
pub mod composition;
pub mod deployment;
pub mod dispatch;
pub mod gateway;
pub mod histogram;
pub mod limiter;
pub mod observability;
pub mod outlier;
pub mod registry;
pub mod retry;
pub mod saga;
pub mod spans;
pub mod telemetry;
pub mod write_ahead;

pub use crate::limit::Timeout;
pub use backoff::{
    Backoff, BackoffConfig, BackoffOptions, BackoffShape, Jitter, Overflow, Spread, Waits,
};
pub use balancer::{
    Balancer, BalancerConfig, BalancerKind, BalancerOptions, Draw, Host, Pick, ZoneRouting, Zones,
};
pub use breaker::{
    Admission, Boundary, Breaker, BreakerConfig, BreakerOptions, BreakerState, CallResult,
    FailureClass, HalfOpenEntry, HalfOpening, Interval, LateResults, Look, OpenSince, Override,
    Permit, ProbeDeadline, Probes, Refusal, Transition, Trip, Verdict,
};
pub use budget::{BudgetConfig, Loan, RetryBudget, Spent};
pub use bulkhead::{
    Bulkhead, BulkheadConfig, BulkheadOptions, Concurrency, Entrance, Limit, Sample,
};
pub use composition::{
    Composed, Composition, CompositionConfig, CompositionOptions, Demand, ErrorOrder, Missing,
    Need, OnPartFailure, PartSpec,
};
pub use deployment::{
    BlueGreen, BlueGreenConfig, BlueGreenOptions, Canary, CanaryConfig, CanaryOptions, CanaryStep,
    DeployAction, DeployEvent, Fleet, LifecycleConfig, LifecycleOptions, MetricsOf, OnDeadline,
    OnFailure, OnStop, OperatorWord, Portion, Readiness, Replica, ReplicaState, Rolling,
    RollingConfig, RollingOptions, Scaler, ScalerConfig, ScalerOptions, TurnBack, Version,
};
pub use dispatch::{
    Action, AttemptEnd, BrokerOperatorOptions, BrokerWord, DeadLetter, DeathReason, DeliveryId,
    Dispatcher, DispatcherConfig, DispatcherOptions, Message, Publication, Published, Subscribed,
};
pub use gateway::{
    Anonymous, Asked, BreakerKey, BreakerPer, Entry, Gateway, GatewayConfig, GatewayOptions,
    Judged, Passage, RefusalOrder, Refusals, ReplacedRoute, RouteMatch, RoutePattern, Router,
    Ruling, UnknownPath,
};
pub use histogram::Histogram;
pub use limiter::{
    Algorithm, Burst, Decision, Eviction, Floor, Fraction, LimitChanges, Limiter, LimiterConfig,
    LimiterKey, LimiterOptions, NextTry, ZeroLimit,
};
pub use observability::{
    Identity, Instrument, Level, LevelMatch, LogEntry, LogOrder, LogQuery, Measure, Metric,
    Observability, ObservabilityConfig, ObservabilityOptions, Recorded, Values,
};
pub use outlier::{Outlier, OutlierConfig, OutlierOptions};
pub use registry::{
    DiscoverError, Found, Gone, GoneHow, Health, Instance, Registration, Registry, RegistryConfig,
    RegistryError, RegistryOptions,
};
pub use retry::{
    Attempt, AttemptFailure, ComeBack, Deadline, FailureKind, GivenUp, Hedging, Idempotent,
    OwnRejections, Pushback, Retry, RetryConfig, RetryNext, Retryable, SidecarOptions, Start,
    Terms,
};
pub use saga::{
    Cause, Checkpoint, CompensationFailure, Completed, Durability, FailingStep, LockOn, Locked,
    Lookup, MissingCompensation, Next, Saga, SagaConfig, SagaEnd, SagaLocks, SagaOptions,
    SagaPlace, SagaStepSpec, SameId, SemanticLock, StepEnd, StepKind,
};
pub use spans::{SpanId, SpanRecord, SpanStart, SpanStatus, SpanTable, SpanTicket};
pub use telemetry::{
    AttemptView, CallMetrics, Counting, Latency, Parents, SpanIds, TelemetryConfig,
    TelemetryOptions,
};
pub use write_ahead::WriteAhead;
