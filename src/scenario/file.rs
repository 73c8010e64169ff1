//! A scenario as a file says it: strict, and not yet checked for meaning.
//!
//! Spans of time are strings (`"250ms"`), odds are strings (`"3%"`, `"1/200"`), durations that vary
//! are strings as well: `"8ms"` is always the same, `"5ms..10ms"` is anything between, `"exp 20ms"`
//! is exponential with that mean, and `"8ms p99 40ms"` is log-normal with that median and that 99th
//! percentile.

use std::fmt;
use std::str::FromStr;

use brownout_models::contract::Distribution;
use brownout_models::{Ratio, Span};
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, de};

use crate::choice::sample::Sigma;

/// A scenario file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioFile {
    /// The version of the format; 1.
    pub version: u32,
    /// What the scenario is about, in one line.
    #[serde(default)]
    pub title: String,
    /// The seed of a run that names none; 1.
    #[serde(default = "one")]
    pub seed: u64,
    /// Nothing happens later than this; an hour.
    #[serde(default = "an_hour")]
    pub horizon: Span,
    /// The nodes by name; a service has as many as it has instances.
    pub nodes: IndexMap<String, NodeFile>,
    /// How messages travel; in no time.
    #[serde(default)]
    pub network: NetworkFile,
    /// What may break; nothing.
    #[serde(default)]
    pub faults: Vec<FaultFile>,
    /// When random faults cease; never.
    #[serde(default)]
    pub heal_at: Option<Span>,
    /// What must hold.
    #[serde(default)]
    pub properties: Vec<PropertyFile>,
    /// What the planted bug is, where there is one on purpose; reports say so.
    #[serde(default)]
    pub planted: Option<String>,
}

/// One entry of `nodes`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum NodeFile {
    /// A service registry.
    Registry(RegistryFile),
    /// An API gateway.
    Gateway(GatewayFile),
    /// A service with instances.
    Service(ServiceFile),
    /// A sidecar of its own.
    Sidecar(SidecarFile),
    /// A message broker.
    Broker(BrokerFile),
    /// A saga orchestrator.
    Saga(SagaFile),
    /// A population of clients.
    Clients(ClientsFile),
    /// A machine of the user's own.
    Own(OwnFile),
}

/// How faithful a machine is to the published guide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Profile {
    /// Exactly what the guide's code does, defects included.
    #[default]
    #[serde(rename = "guide")]
    Guide,
    /// What the best implementations do.
    #[serde(rename = "hardened")]
    Hardened,
}

/// A service registry.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistryFile {
    /// The profile; guide.
    pub profile: Profile,
    /// Former names.
    pub aliases: Vec<String>,
    /// An instance that was silent for longer than this is unhealthy; 30 s.
    pub lease: Option<Span>,
    /// The time between two sweeps; 10 s.
    pub sweep_every: Option<Span>,
}

/// An API gateway.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayFile {
    /// The profile; guide.
    pub profile: Profile,
    /// Former names.
    pub aliases: Vec<String>,
    /// Where requests go, by path.
    pub routes: Vec<RouteFile>,
    /// How every breaker behaves.
    pub breaker: BreakerFile,
    /// How long the gateway waits for a service; for ever.
    pub timeout: Option<Span>,
}

/// Where the requests for a path go.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteFile {
    /// The path.
    pub path: String,
    /// The service.
    pub service: String,
    /// The method that the service is asked for.
    pub method: String,
    /// Requests per minute and client, from 1.
    pub limit: i64,
    /// The node that stands between; none.
    #[serde(default)]
    pub via: Option<String>,
}

/// A circuit breaker.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerFile {
    /// Consecutive failures that open it; 5.
    pub failure_threshold: Option<i64>,
    /// How long it stays open after the last failure; 30 s.
    pub open_timeout: Option<Span>,
}

/// A service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceFile {
    /// Former names.
    pub aliases: Vec<String>,
    /// How many instances; 1. They are called `name-1`, `name-2`, ..
    pub instances: u32,
    /// How many requests an instance handles at once; 16.
    pub workers: u32,
    /// How many more requests may wait at an instance; 1,000.
    pub queue: u32,
    /// Whether instances register where there is a registry; true.
    pub registered: bool,
    /// How often instances say that they are alive; 10 s.
    pub heartbeat: Option<Span>,
    /// What it does, by method or topic.
    pub handlers: IndexMap<String, Vec<StepFile>>,
    /// A sidecar beside each instance, through which its calls go.
    pub sidecar: Option<AttemptsFile>,
    /// How long the relay of the outbox waits for the broker; 1 s.
    pub relay_timeout: Option<Span>,
}

impl Default for ServiceFile {
    fn default() -> Self {
        Self {
            aliases: Vec::new(),
            instances: 1,
            workers: 16,
            queue: 1_000,
            registered: true,
            heartbeat: Some(Span::from_secs(10)),
            handlers: IndexMap::new(),
            sidecar: None,
            relay_timeout: None,
        }
    }
}

/// How a sidecar tries.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttemptsFile {
    /// The profile; guide.
    pub profile: Profile,
    /// Attempts after the first; 3.
    pub max_retries: Option<u32>,
    /// The wait before the second attempt, doubling from then on; 100 ms.
    pub backoff: Option<Span>,
    /// How long an attempt may take; for ever.
    pub attempt_timeout: Option<Span>,
}

/// A sidecar of its own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SidecarFile {
    /// The profile; guide.
    pub profile: Profile,
    /// Former names.
    pub aliases: Vec<String>,
    /// Attempts after the first; 3.
    pub max_retries: Option<u32>,
    /// The wait before the second attempt, doubling from then on; 100 ms.
    pub backoff: Option<Span>,
    /// How long an attempt may take; for ever.
    pub attempt_timeout: Option<Span>,
    /// The node that gets every call; the service that the call is for.
    pub upstream: Option<String>,
}

/// A message broker.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BrokerFile {
    /// The profile; guide.
    pub profile: Profile,
    /// Former names.
    pub aliases: Vec<String>,
    /// Who wants which topic, in order of subscription.
    pub subscriptions: Vec<SubscriptionFile>,
    /// Messages that wait before publishers do; 1,000.
    pub buffer: Option<usize>,
    /// Attempts per message and subscription; 3.
    pub max_attempts: Option<u32>,
    /// The wait before the second attempt, doubling from then on; 100 ms.
    pub backoff: Option<Span>,
    /// How long a subscriber may take; for ever.
    pub ack_timeout: Option<Span>,
}

/// Who wants a topic.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionFile {
    /// The topic.
    pub topic: String,
    /// A service or a node; it needs a handler for the topic.
    pub subscriber: String,
}

/// A saga orchestrator.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SagaFile {
    /// The profile; guide.
    pub profile: Profile,
    /// Former names.
    pub aliases: Vec<String>,
    /// The steps, in order.
    pub steps: Vec<SagaStepFile>,
    /// How long an action or a compensation may take; for ever.
    pub step_timeout: Option<Span>,
    /// A sidecar beside it, through which its calls go.
    pub sidecar: Option<AttemptsFile>,
}

/// A step of a saga.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SagaStepFile {
    /// The name.
    pub name: String,
    /// What it does.
    pub action: ActionFile,
    /// What undoes it; nothing.
    #[serde(default)]
    pub compensation: Option<ActionFile>,
}

/// A call of a saga.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionFile {
    /// A service or a node.
    pub to: String,
    /// The method.
    pub method: String,
}

/// A population of clients.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientsFile {
    /// Former names.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// When work arrives; once, at the start.
    #[serde(default)]
    pub arrivals: ArrivalsFile,
    /// How many different clients ask, in turn; 1.
    #[serde(default = "one_u32")]
    pub clients: u32,
    /// Their names; `name-1`, `name-2`, ..
    #[serde(default)]
    pub names: Vec<String>,
    /// The amount of every request; 1.
    #[serde(default = "one_i64")]
    pub amount: i64,
    /// What each arrival does.
    pub script: Vec<StepFile>,
}

/// When work arrives.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum ArrivalsFile {
    /// Once, at the start.
    #[default]
    Once,
    /// At regular intervals, the first one at the start.
    Every {
        /// The time between two arrivals.
        period: Span,
        /// How many.
        count: u64,
    },
    /// A Poisson stream.
    Poisson {
        /// Arrivals per second on average.
        rate: u32,
        /// For how long, in whole seconds.
        during: Span,
    },
}

/// A machine of the user's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnFile {
    /// The kind, as the program that runs the scenario knows it.
    pub kind: String,
    /// Former names.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Its configuration, which only that kind understands.
    #[serde(default = "unit")]
    pub config: ron::Value,
}

/// One step of a handler or a script.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum StepFile {
    /// Work on the processor.
    Work(Duration),
    /// Wait.
    Sleep(Duration),
    /// Call a service or a node.
    Call {
        /// The service or the node.
        to: String,
        /// The method or path.
        method: String,
        /// How long to wait; for ever.
        #[serde(default)]
        timeout: Option<Span>,
        /// Go on when the call fails; false.
        #[serde(default)]
        may_fail: bool,
        /// The node that stands between; the sidecar, if there is one.
        #[serde(default)]
        via: Option<String>,
    },
    /// Put a message on a topic.
    Publish {
        /// The topic.
        topic: String,
        /// How long to wait for the broker; for ever.
        #[serde(default)]
        timeout: Option<Span>,
    },
    /// Write a row of the service's database; its key is that of the request.
    Write {
        /// The table.
        table: String,
        /// What to add to the row; the amount of the request.
        #[serde(default)]
        add: AddFile,
        /// Leave the write out when the row is there; false.
        #[serde(default)]
        once: bool,
        /// Commit an event for this topic with the row, to be published from the outbox.
        #[serde(default)]
        event: Option<String>,
    },
    /// Answer now; the steps behind it still run.
    Reply,
    /// Fail.
    Fail(FailureFile),
}

/// What a write adds.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub enum AddFile {
    /// The amount of the request.
    #[default]
    Amount,
    /// Whatever brings the row back to zero.
    Undo,
    /// This much.
    Constant(i64),
}

/// How a handler fails on purpose.
#[derive(Clone, Copy, Debug, Deserialize)]
pub enum FailureFile {
    /// Trying again may help.
    Failed,
    /// Trying again will not help.
    Rejected,
}

/// How messages travel.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkFile {
    /// How long messages travel between hosts; no time.
    pub latency: Option<Duration>,
    /// Links that differ; the first that fits holds.
    pub links: Vec<LinkFile>,
}

/// A link that differs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkFile {
    /// Which links: `"order>payment"`, `"*>registry"`.
    pub on: String,
    /// How long messages travel on them.
    pub latency: Duration,
}

/// One kind of fault.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum FaultFile {
    /// Messages are lost.
    Lose {
        /// The odds for each message.
        odds: Ratio,
        /// Which links; all of them.
        #[serde(default)]
        on: Option<String>,
        /// Only these messages: `"charge"`, `"charge reply"`; all of them.
        #[serde(default)]
        only: Vec<String>,
    },
    /// Messages arrive twice.
    Duplicate {
        /// The odds for each message.
        odds: Ratio,
        /// Which links; all of them.
        #[serde(default)]
        on: Option<String>,
        /// Only these messages; all of them.
        #[serde(default)]
        only: Vec<String>,
    },
    /// Messages arrive late.
    Delay {
        /// The odds for each message.
        odds: Ratio,
        /// By how much.
        by: Duration,
        /// Which links; all of them.
        #[serde(default)]
        on: Option<String>,
        /// Only these messages; all of them.
        #[serde(default)]
        only: Vec<String>,
    },
    /// Nodes crash, and start again.
    Crash {
        /// The odds for each step.
        odds: Ratio,
        /// Which services or nodes; all but clients.
        #[serde(default)]
        at: Vec<String>,
        /// How long they stay down; 1 s.
        #[serde(default)]
        restart: Option<Span>,
    },
    /// Nodes stand still.
    Pause {
        /// The odds for each step.
        odds: Ratio,
        /// Which services or nodes; all but clients.
        #[serde(default)]
        at: Vec<String>,
        /// For how long.
        lasting: Duration,
    },
    /// Callers of a crashed node see silence instead of a reset connection.
    Silence {
        /// The odds for each call.
        odds: Ratio,
        /// Which services or nodes; all but clients.
        #[serde(default)]
        at: Vec<String>,
    },
    /// Handlers fail: at once, for good, or after their effects.
    Fail {
        /// The odds for each request.
        odds: Ratio,
        /// Which services or nodes; all but clients.
        #[serde(default)]
        at: Vec<String>,
    },
    /// Among events of one node at one instant another than the first is taken.
    Tie {
        /// The odds for each tie.
        odds: Ratio,
        /// Which services or nodes; all but clients.
        #[serde(default)]
        at: Vec<String>,
    },
    /// A machine of the user's own has a fault of its own.
    Own {
        /// Its purpose, as the machine asks for it.
        what: String,
        /// The odds for each time it asks.
        odds: Ratio,
        /// Which services or nodes; all but clients.
        #[serde(default)]
        at: Vec<String>,
    },
}

/// A property and its parameters.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum PropertyFile {
    /// Always: a row of the table is written to at most once per key.
    OncePerKey {
        /// What the property is called in reports.
        name: Option<String>,
        /// The table.
        table: String,
    },
    /// In the end: for every key the sums of these tables are equal.
    LedgerBalance {
        /// What the property is called in reports.
        name: Option<String>,
        /// The tables, at least two.
        tables: Vec<String>,
    },
    /// In the end: every published message was acknowledged by each of its subscriptions, given up
    /// as a dead letter or reported as unwanted.
    MessageConservation {
        /// What the property is called in reports.
        name: Option<String>,
        /// The topic; every topic.
        topic: Option<String>,
    },
    /// In the end: every row of the table has been followed by a handled event of its key.
    EventPerRow {
        /// What the property is called in reports.
        name: Option<String>,
        /// The table.
        table: String,
        /// The topic, as the handler of the event knows it.
        topic: String,
    },
    /// In the end: every saga that began committed, with every step done, or rolled back, with every
    /// completed step compensated in reverse order.
    SagaTerminal {
        /// What the property is called in reports.
        name: Option<String>,
    },
    /// Always: a breaker goes from closed to open, to half-open, and from there to either.
    BreakerPath {
        /// What the property is called in reports.
        name: Option<String>,
    },
    /// Always: in any window of time a client gets through at most the burst and what is refilled.
    TokenEnvelope {
        /// What the property is called in reports.
        name: Option<String>,
    },
    /// In the end: every piece of work that a client began has ended.
    EveryCallEnds {
        /// What the property is called in reports.
        name: Option<String>,
        /// Always: and none took longer than this.
        within: Option<Span>,
    },
    /// Always: every entry follows from an earlier one of its flow, or begins it.
    TraceIsTree {
        /// What the property is called in reports.
        name: Option<String>,
    },
    /// Always: while the instances of a service stay the same, none is picked twice more often than
    /// another at the same node.
    BalancerFairness {
        /// What the property is called in reports.
        name: Option<String>,
    },
    /// In the end: the run is over because nothing was left to do, within the horizon.
    Quiescence {
        /// What the property is called in reports.
        name: Option<String>,
    },
    /// Sometimes: some piece of work of a client succeeds.
    SometimesSucceeds {
        /// What the property is called in reports.
        name: Option<String>,
    },
}

/// A duration that may vary, as text.
#[derive(Clone, Debug)]
pub struct Duration(pub Distribution);

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span = |text: &str| text.trim().parse::<Span>().map_err(|error| error.to_string());
        if let Some((min, max)) = text.split_once("..") {
            let (min, max) = (span(min)?, span(max)?);
            if min > max {
                return Err(format!(
                    "`{text}` ends before it starts; write the shorter span first"
                ));
            }
            return Ok(Self(Distribution::Uniform { min, max }));
        }
        if let Some(mean) = text.strip_prefix("exp ") {
            return Ok(Self(Distribution::Exponential { mean: span(mean)? }));
        }
        if let Some((median, p99)) = text.split_once(" p99 ") {
            let (median, p99) = (span(median)?, span(p99)?);
            let sigma = Sigma::from_percentile(median, p99).ok_or_else(|| {
                format!("`{text}` has a 99th percentile below its median; swap the two spans")
            })?;
            let sigma_millionths = sigma.as_millionths();
            return Ok(Self(Distribution::LogNormal { median, sigma_millionths }));
        }
        span(text).map(|span| Self(Distribution::Constant(span))).map_err(|_| {
            format!(
                "`{text}` is not a duration; write `20ms`, `5ms..10ms`, `exp 20ms` or `8ms p99 40ms`"
            )
        })
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Duration;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration like \"20ms\" or \"8ms p99 40ms\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

const fn one() -> u64 {
    1
}

const fn one_u32() -> u32 {
    1
}

const fn one_i64() -> i64 {
    1
}

const fn an_hour() -> Span {
    Span::from_secs(3_600)
}

const fn unit() -> ron::Value {
    ron::Value::Unit
}
