//! Every answer, event and error of the protocol, with the fields in the order they are written.

mod endings;
mod telemetry;

use brownout_models::policy::{
    AttemptEnd, BreakerState, DeathReason, DeployAction, DiscoverError, Health, Look, Recorded,
    RegistryError, Version,
};
use brownout_models::{Span, Time};
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::value::RawValue;

pub(super) use endings::{
    AttemptMore, CallKind, Came, Completion, PartTrouble, SagaCall, SagaMore, Verdict,
};
pub(super) use telemetry::{
    HistogramView, LogView, MetricView, MoreMetrics, MoreOfMetric, MoreOfSpan, SpanView,
};

/// An error as it stands in results and events.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Trouble {
    pub(super) kind: &'static str,
    pub(super) message: String,
    /// Of a refusal, where refusals say more; null where nobody knows, or never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_after: Option<Option<u64>>,
}

impl Trouble {
    pub(super) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }

    /// The same trouble that says when trying again may help.
    pub(super) fn retry_after(self, after: Option<Span>) -> Self {
        Self { retry_after: Some(after.map(Span::as_nanos)), ..self }
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
            RegistryError::StaleIncarnation { known } => {
                let message = format!("incarnation {known} of instance {id} has registered");
                Self::new("stale_incarnation", message)
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
    /// The version and the panic are there where the registry is asked for versions.
    Instances {
        instances: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        panic: Option<bool>,
    },
    Services {
        services: IndexMap<String, Vec<InstanceView>>,
    },
    Index {
        index: Option<usize>,
    },
    Ejected {
        ejected: bool,
    },
    Hosts {
        hosts: Vec<String>,
    },
    Allowed {
        allowed: bool,
        /// Where a limiter says more than the guide's.
        #[serde(skip_serializing_if = "Option::is_none")]
        remaining: Option<u64>,
        /// Of a refusal, null for never.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after: Option<Option<u64>>,
    },
    Buckets {
        buckets: usize,
    },
    Occupancy {
        inside: u32,
        waiting: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        limit: Option<u32>,
    },
    Entered {
        entered: bool,
    },
    Admission {
        allowed: bool,
        state: BreakerState,
        /// For the call's result, where results belong to permits.
        #[serde(skip_serializing_if = "Option::is_none")]
        permit: Option<u64>,
        /// Of a refusal, where refusals say more; null where nobody knows.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after: Option<Option<u64>>,
    },
    Look {
        look: Look,
    },
    State {
        state: Option<BreakerState>,
    },
    Metrics {
        requests: u64,
        errors: u64,
        error_rate: String,
        average_latency: i64,
        #[serde(flatten)]
        more: Option<Box<MoreMetrics>>,
    },
    /// A wait between two attempts, and the range that the jitter leaves open.
    Wait {
        retry: u32,
        delay: u64,
        min: u64,
        max: u64,
    },
    /// What a retry budget says, and where it stands.
    Lent {
        allowed: bool,
        tokens_thousandths: Option<u64>,
        calls: u64,
        retries: u64,
    },
    Spans {
        spans: Vec<SpanView>,
        #[serde(skip_serializing_if = "Option::is_none")]
        dropped: Option<u64>,
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
        #[serde(skip_serializing_if = "Option::is_none")]
        evicted: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        below_level: Option<u64>,
    },
    /// A hardened platform took a measurement in.
    Recorded {
        recorded: Recorded,
    },
    Series {
        series: Vec<MetricView>,
    },
    Deployment {
        running: bool,
        weight: Option<u32>,
        instances: Vec<ReplicaView>,
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

/// An instance of a deployment.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ReplicaView {
    pub(super) instance: u32,
    pub(super) version: Version,
    pub(super) ready: bool,
}

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Event {
    /// A sweep or a check gave the instance up.
    Unhealthy { service: String, id: String },
    /// A heartbeat or a check revived the instance.
    Healthy { service: String, id: String },
    /// The instance was given up for so long that it is forgotten.
    Evicted { service: String, id: String },
    /// Too many calls to the host failed; it is out until then at least.
    Ejected { host: String, until: u64 },
    /// The host was out for long enough.
    Readmitted { host: String },
    /// A breaker announces a change; with the service's name where there are several.
    Transition {
        #[serde(skip_serializing_if = "Option::is_none")]
        service: Option<String>,
        /// Where breakers are for routes.
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        /// Where breakers are for instances.
        #[serde(skip_serializing_if = "Option::is_none")]
        instance: Option<String>,
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
    #[serde(rename = "evicted")]
    MadeWay {
        payload: Box<RawValue>,
        #[serde(flatten)]
        death: Option<DeathView>,
    },
    /// A deployment wants something done.
    Deploy {
        #[serde(flatten)]
        action: DeployAction,
    },
    /// A pending request ended.
    Completed {
        request: u64,
        #[serde(flatten)]
        completion: Completion,
    },
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
