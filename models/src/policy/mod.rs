//! Policies: the plain values that machines own, each a decision of one kind.
//!
//! A policy takes `now` as an argument and answers; it never waits, draws or prints. Everything
//! here follows the published guide's Go code to the letter, defects included, so that a test can
//! show them; each module names the lines it follows and the defects it shows. What is *not* here:
//! timers (the owner's), messages (the machines'), and the hardened variants.

pub mod backoff;
pub mod balancer;
pub mod breaker;
pub mod bulkhead;
pub mod composition;
pub mod dispatch;
pub mod gateway;
pub mod limiter;
pub mod observability;
pub mod registry;
pub mod saga;
pub mod sidecar;

pub use backoff::Backoff;
pub use balancer::RoundRobin;
pub use breaker::{
    Admission, Boundary, Breaker, BreakerConfig, BreakerOptions, BreakerState, CallResult,
    FailureClass, HalfOpenEntry, HalfOpening, Interval, LateResults, Look, OpenSince, Override,
    Permit, ProbeDeadline, Probes, Refusal, Transition, Trip, Verdict,
};
pub use bulkhead::{Bulkhead, BulkheadConfig, BulkheadOptions, Concurrency, Entrance};
pub use composition::{Composed, Composition, Part};
pub use dispatch::{Action, Dispatcher, DispatcherConfig, Message, Published};
pub use gateway::{
    Anonymous, Asked, BreakerKey, BreakerPer, Entry, Gateway, GatewayConfig, GatewayOptions,
    Judged, Passage, RefusalOrder, ReplacedRoute, RouteMatch, RoutePattern, Router, Ruling,
    UnknownPath,
};
pub use limiter::{
    Algorithm, Burst, Decision, Eviction, Floor, Fraction, LimitChanges, Limiter, LimiterConfig,
    LimiterKey, LimiterOptions, NextTry, ZeroLimit,
};
pub use observability::{Level, LogEntry, Metric, Observability};
pub use registry::{
    DiscoverError, Health, Instance, Registry, RegistryConfig, RegistryError, RegistryOptions,
};
pub use saga::{Next, Saga};
pub use sidecar::{CallMetrics, Retry, RetryConfig, RetryNext, SpanRecord, SpanTable, SpanTicket};
