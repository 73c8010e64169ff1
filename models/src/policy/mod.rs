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
pub mod dispatch;
pub mod observability;
pub mod registry;
pub mod saga;
pub mod sidecar;

pub use backoff::Backoff;
pub use balancer::RoundRobin;
pub use breaker::{Admission, Breaker, BreakerConfig, BreakerOptions, BreakerState, Transition};
pub use bucket::{Limiter, TokenBucket};
pub use composition::{Composed, Composition, Part};
pub use dispatch::{
    Action, AttemptEnd, DeadLetter, DeathReason, DeliveryId, Dispatcher, DispatcherConfig,
    DispatcherOptions, Message, Publication, Published, Subscribed,
};
pub use observability::{Level, LogEntry, Metric, Observability};
pub use registry::{
    DiscoverError, Health, Instance, Registry, RegistryConfig, RegistryError, RegistryOptions,
};
pub use saga::{Next, Saga};
pub use sidecar::{CallMetrics, Retry, RetryConfig, RetryNext, SpanRecord, SpanTable, SpanTicket};
