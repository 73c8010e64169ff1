//! Policies: the plain values that machines own, each a decision of one kind.
//!
//! A policy takes `now` as an argument and answers; it never waits, draws or prints. Under
//! the profile `guide` everything here follows the published guide's Go code to the letter, defects
//! included, so that a test can show them; each module names the lines it follows and the defects it
//! shows. What is *not* here: timers (the owner's), and messages (the machines').

pub mod backoff;
pub mod balancer;
pub mod breaker;
pub mod bucket;
pub mod composition;
pub mod dispatch;
pub mod observability;
pub mod outlier;
pub mod registry;
pub mod saga;
pub mod sidecar;

pub use backoff::Backoff;
pub use balancer::{Balancer, BalancerConfig, BalancerKind, BalancerOptions, Host, Pick};
pub use breaker::{
    Admission, Boundary, Breaker, BreakerConfig, BreakerOptions, BreakerState, CallResult,
    FailureClass, HalfOpenEntry, HalfOpening, Interval, LateResults, Look, OpenSince, Override,
    Permit, ProbeDeadline, Probes, Refusal, Transition, Trip, Verdict,
};
pub use bucket::{Limiter, TokenBucket};
pub use composition::{Composed, Composition, Part};
pub use dispatch::{Action, Dispatcher, DispatcherConfig, Message, Published};
pub use observability::{Level, LogEntry, Metric, Observability};
pub use outlier::{Outlier, OutlierConfig, OutlierOptions};
pub use registry::{
    DiscoverError, Found, Gone, GoneHow, Health, Instance, Registration, Registry, RegistryConfig,
    RegistryError, RegistryOptions,
};
pub use saga::{Next, Saga};
pub use sidecar::{CallMetrics, Retry, RetryConfig, RetryNext, SpanRecord, SpanTable, SpanTicket};
