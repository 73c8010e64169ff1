//! Every answer, event and error of the protocol, with the fields in the order they are written.

use brownout_models::Time;
use brownout_models::policy::{
    AttemptEnd, BreakerState, DeathReason, DiscoverError, Health, Level, RegistryError,
};
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::value::RawValue;

/// An error as it stands in results and events.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Trouble {
    pub(super) kind: &'static str,
    pub(super) message: String,
}

impl Trouble {
    pub(super) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// A registry's refusal, in the guide's words.
    pub(super) fn registry(error: RegistryError, service: &str, id: &str) -> Self {
        match error {
            RegistryError::ServiceNotFound => {
                Self::new("service_not_found", format!("service {service} not found"))
            }
            RegistryError::InstanceNotFound => {
                Self::new("instance_not_found", format!("instance {id} not found"))
            }
        }
    }

    /// A discovery that found nobody, in the guide's words.
    pub(super) fn discover(error: DiscoverError, service: &str) -> Self {
        match error {
            DiscoverError::NoInstances => {
                Self::new("no_instances", format!("no instances found for service {service}"))
            }
            DiscoverError::NoHealthyInstances => Self::new(
                "no_healthy_instances",
                format!("no healthy instances for service {service}"),
            ),
        }
    }

    /// A scripted handler that failed.
    pub(super) fn scripted() -> Self {
        Self::new("failed", "scripted failure")
    }
}

/// What a request is answered with when it is taken.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Answer {
    /// Done, and nothing to say: `{}`.
    Done {},
    /// The end comes as an event.
    Pending {
        pending: bool,
    },
    /// The request was understood and failed.
    Failed {
        error: Trouble,
    },
    Created {
        created: bool,
    },
    Instances {
        instances: Vec<String>,
    },
    Services {
        services: IndexMap<String, Vec<InstanceView>>,
    },
    Index {
        index: Option<usize>,
    },
    Allowed {
        allowed: bool,
    },
    Admission {
        allowed: bool,
        state: BreakerState,
    },
    State {
        state: Option<BreakerState>,
    },
    Metrics {
        requests: u64,
        errors: u64,
        error_rate: String,
        average_latency: u64,
    },
    Spans {
        spans: Vec<SpanView>,
    },
    DeadLetters {
        dead_letters: Vec<DeadLetterView>,
    },
    /// A message that was taken in, by the broker's id.
    Confirmed {
        message: u64,
    },
    /// A message that the broker had before.
    Duplicate {
        duplicate: bool,
    },
    Redriven {
        redriven: usize,
    },
    Purged {
        purged: usize,
    },
    Backlog {
        waiting: usize,
        blocked: usize,
        dead_letters: usize,
    },
    Logs {
        logs: Vec<LogView>,
    },
    /// The last value of a metric, or null.
    Metric(Option<MetricView>),
}

impl Answer {
    /// The request takes time.
    pub(super) const PENDING: Self = Self::Pending { pending: true };
}

/// A registered instance in the list of services.
#[derive(Clone, Debug, Serialize)]
pub(super) struct InstanceView {
    pub(super) id: String,
    pub(super) port: i64,
    pub(super) health: Health,
    pub(super) last_seen: u64,
}

/// A span of the sidecar's table.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SpanView {
    pub(super) trace: String,
    pub(super) operation: String,
    pub(super) start: u64,
    pub(super) end: Option<u64>,
}

/// A message that one subscriber could not take.
#[derive(Clone, Debug, Serialize)]
pub(super) struct DeadLetterView {
    pub(super) payload: Box<RawValue>,
    pub(super) published_at: u64,
    #[serde(flatten)]
    pub(super) death: Option<DeathView>,
}

/// What a dead letter says beyond the message, where it says anything.
#[derive(Clone, Debug, Serialize)]
pub(super) struct DeathView {
    pub(super) subscriber: String,
    pub(super) reason: DeathReason,
    pub(super) attempts: u32,
    pub(super) first_attempt_at: Option<u64>,
    pub(super) died_at: u64,
    pub(super) last_error: Option<AttemptEnd>,
}

/// A line of log, numbered by the `log` requests before it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct LogView {
    pub(super) number: usize,
    pub(super) at: u64,
    pub(super) level: Level,
    pub(super) service: String,
    pub(super) trace: String,
    pub(super) message: String,
}

/// The last value of a metric.
#[derive(Clone, Debug, Serialize)]
pub(super) struct MetricView {
    pub(super) value: Box<RawValue>,
    pub(super) at: u64,
    pub(super) tags: IndexMap<String, String>,
}

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Event {
    /// A sweep marked the instance.
    Unhealthy { service: String, id: String },
    /// A heartbeat revived the instance.
    Healthy { service: String, id: String },
    /// A breaker announces a change; with the service's name where there are several.
    Transition {
        #[serde(skip_serializing_if = "Option::is_none")]
        service: Option<String>,
        from: BreakerState,
        to: BreakerState,
    },
    /// An attempt starts.
    Attempt {
        subscriber: String,
        payload: Box<RawValue>,
        attempt: u32,
        ok: bool,
        /// The broker's id of the message, where it is unique.
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<u64>,
    },
    /// The attempt before this one ended without a word.
    Redelivered { subscriber: String, payload: Box<RawValue>, attempt: u32 },
    /// A message found no subscriber.
    Dropped { payload: Box<RawValue> },
    /// A message found no subscriber, and its publisher was told.
    Returned { payload: Box<RawValue> },
    /// A message found no room, and its publisher was told.
    Rejected { payload: Box<RawValue> },
    /// A subscriber's last attempt failed, or it was given up otherwise.
    DeadLettered {
        payload: Box<RawValue>,
        #[serde(flatten)]
        death: Option<DeathView>,
    },
    /// A dead letter made way for a newer one.
    Evicted {
        payload: Box<RawValue>,
        #[serde(flatten)]
        death: Option<DeathView>,
    },
    /// A pending request ended.
    Completed {
        request: u64,
        #[serde(flatten)]
        completion: Completion,
    },
}

/// How a pending request ended.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Completion {
    /// A publisher goes on.
    Published {},
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
    },
    /// A saga's execution ended.
    Executed {
        #[serde(flatten)]
        verdict: Verdict,
        calls: Vec<SagaCall>,
        current_step: usize,
        completed: Vec<String>,
    },
    /// All parts of an order arrived.
    Composed { ok: bool, user: String, product: String, payment: String },
    /// Some did not.
    NotComposed { errors: Vec<Trouble> },
}

/// `ok` or `error`, never both.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Verdict {
    Ok { ok: bool },
    Error { error: Trouble },
}

impl Verdict {
    /// Success, or the trouble.
    pub(super) fn of(outcome: Result<(), Trouble>) -> Self {
        match outcome {
            Ok(()) => Self::Ok { ok: true },
            Err(error) => Self::Error { error },
        }
    }
}

/// One invocation of an action or compensation.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SagaCall {
    pub(super) at: u64,
    pub(super) kind: CallKind,
    pub(super) step: usize,
    pub(super) ok: bool,
}

/// Which way a saga goes.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CallKind {
    Action,
    Compensation,
}

/// Events since the last response.
#[derive(Clone, Debug, Default)]
pub(super) struct Events {
    list: Vec<Stamped>,
}

/// An event and its instant.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Stamped {
    at: u64,
    #[serde(flatten)]
    event: Event,
}

impl Events {
    /// Notes what happens now.
    pub(super) fn note(&mut self, now: Time, event: Event) {
        self.list.push(Stamped { at: now.as_nanos(), event });
    }

    /// Notes the end of a pending request.
    pub(super) fn complete(&mut self, now: Time, request: u64, completion: Completion) {
        self.note(now, Event::Completed { request, completion });
    }

    /// Takes all events for a response.
    pub(super) fn take(&mut self) -> Vec<Stamped> {
        std::mem::take(&mut self.list)
    }
}
