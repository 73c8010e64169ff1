//! The nodes: one type for each kind of entry in `nodes`.

use brownout_models::policy::{
    BalancerOptions, BreakerOptions, BreakerPer, BulkheadOptions, DispatcherOptions,
    LimiterOptions, OutlierOptions, RefusalOrder, Refusals, RegistryOptions, RouteMatch,
    SidecarOptions, UnknownPath,
};
use brownout_models::{Profile, Span, Timeout};
use indexmap::IndexMap;
use serde::Deserialize;

use super::{CompositionFile, DeploymentFile, Duration, SagaFile, StepFile};

/// One entry of `nodes`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "Kind", deny_unknown_fields)]
pub enum NodeFile {
    /// A service registry.
    Registry(RegistryOptions),
    /// An API gateway.
    Gateway(GatewayFile),
    /// A service with instances.
    Service(ServiceFile),
    /// A sidecar of its own.
    Sidecar(Box<SidecarOptions>),
    /// A message broker.
    Broker(DispatcherOptions),
    /// A saga orchestrator.
    Saga(SagaFile),
    /// An API composition.
    Composition(CompositionFile),
    /// A deployment of a service.
    Deployment(Box<DeploymentFile>),
    /// A population of clients.
    Clients(ClientsFile),
    /// A machine alone, and what it can be asked.
    Drill(DrillFile),
    /// A machine of the user's own.
    Own(OwnFile),
}

impl NodeFile {
    /// Puts the machines of the entry under a profile.
    pub(crate) fn follow(&mut self, profile: Profile) {
        match self {
            Self::Registry(file) => file.profile = Some(profile),
            Self::Gateway(file) => file.profile = profile,
            Self::Service(file) => {
                if let Some(sidecar) = &mut file.sidecar {
                    sidecar.profile = Some(profile);
                }
            }
            Self::Sidecar(file) => file.profile = Some(profile),
            Self::Broker(options) => options.profile = Some(profile),
            Self::Saga(file) => {
                file.profile = profile;
                if let Some(sidecar) = &mut file.sidecar {
                    sidecar.profile = Some(profile);
                }
            }
            Self::Composition(file) => {
                file.profile = profile;
                if let Some(sidecar) = &mut file.sidecar {
                    sidecar.profile = Some(profile);
                }
            }
            Self::Deployment(file) => file.profile = Some(profile),
            Self::Drill(file) => file.profile = profile,
            Self::Clients(_) | Self::Own(_) => {}
        }
    }
}

/// An API gateway.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename = "Gateway", deny_unknown_fields, default)]
pub struct GatewayFile {
    /// The profile; guide.
    pub profile: Profile,
    /// Former names.
    pub aliases: Vec<String>,
    /// Where requests go.
    pub routes: Vec<RouteFile>,
    /// What tells routes apart.
    pub route_match: Option<RouteMatch>,
    /// How the limiter behaves.
    pub limiter: LimiterOptions,
    /// How every breaker behaves.
    pub breaker: BreakerOptions,
    /// How many calls to each service are under way at once; all that come.
    pub bulkhead: BulkheadOptions,
    /// Who is asked first, limiter or breaker.
    pub order: Option<RefusalOrder>,
    /// Whether what limiter or breaker refuses says when to come back.
    pub refusals: Option<Refusals>,
    /// What a breaker is for.
    pub breaker_per: Option<BreakerPer>,
    /// What a request costs that no route is for.
    pub unknown_path: Option<UnknownPath>,
    /// How long the gateway waits for a service.
    pub timeout: Option<Timeout>,
    /// The zone where it is; none.
    pub zone: Option<String>,
    /// How it chooses among the instances of a service that it calls; round robin.
    pub balancer: BalancerOptions,
    /// How it tells instances that had better not be called; not at all.
    pub outlier: OutlierOptions,
}

/// Where requests go.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "Route", deny_unknown_fields)]
pub struct RouteFile {
    /// Which requests: a path or, with `/*`, all that begin with one; and before it, where they
    /// matter, an HTTP method and a host, like `POST shop.example/orders`.
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

/// A service.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "Service", deny_unknown_fields, default)]
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
    /// Whether instances register again where the registry does not know them; if it is hardened.
    pub reregisters: Option<bool>,
    /// How many requests an instance has in hand at once, those that wait included; all that come.
    pub bulkhead: BulkheadOptions,
    /// When who is turned away may come back; it does not say.
    pub retry_after: Option<Span>,
    /// What it does, by method or topic.
    pub handlers: IndexMap<String, Vec<StepFile>>,
    /// A sidecar beside each instance, through which its calls go.
    pub sidecar: Option<SidecarOptions>,
    /// How long its database takes to flush what is written, from the first write that is not flushed;
    /// no time.
    pub flush: Option<Span>,
    /// How long the relay of the outbox waits for the broker; 1 s.
    pub relay_timeout: Option<Span>,
    /// The zones of its instances, in turn; none.
    pub zones: Vec<String>,
    /// The weights of its instances, in turn; 1 each.
    pub weights: Vec<u32>,
    /// How it chooses among the instances of a service that it calls; round robin.
    pub balancer: BalancerOptions,
    /// How it tells instances that had better not be called; not at all.
    pub outlier: OutlierOptions,
    /// How long the process of an instance takes to start under a deployment; no time.
    pub start_up: Option<Duration>,
    /// How long it takes then until it can serve; no time.
    pub warm_up: Option<Duration>,
    /// Whether it ever can; it does.
    pub becomes_ready: Option<bool>,
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
            reregisters: None,
            bulkhead: BulkheadOptions::default(),
            retry_after: None,
            handlers: IndexMap::new(),
            sidecar: None,
            flush: None,
            relay_timeout: None,
            zones: Vec::new(),
            weights: Vec::new(),
            balancer: BalancerOptions::default(),
            outlier: OutlierOptions::default(),
            start_up: None,
            warm_up: None,
            becomes_ready: None,
        }
    }
}

/// A population of clients.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "Clients", deny_unknown_fields)]
pub struct ClientsFile {
    /// Former names.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// When work arrives; once, at the start.
    #[serde(default)]
    pub arrivals: ArrivalsFile,
    /// How many different clients ask, in turn; 1. They are called `name-1`, `name-2`, ..
    #[serde(default)]
    pub clients: Option<u32>,
    /// Or their own names, which say how many there are.
    #[serde(default)]
    pub names: Vec<String>,
    /// The amount of every request; 1.
    #[serde(default = "one_i64")]
    pub amount: i64,
    /// The zone where all of them are; none.
    #[serde(default)]
    pub zone: Option<String>,
    /// How it chooses among the instances of a service that it calls; round robin.
    #[serde(default)]
    pub balancer: BalancerOptions,
    /// How it tells instances that had better not be called; not at all.
    #[serde(default)]
    pub outlier: OutlierOptions,
    /// What each arrival does.
    pub script: Vec<StepFile>,
}

/// When work arrives.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename = "Arrivals", deny_unknown_fields)]
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

/// A machine alone, and what it can be asked, in any order and with any gaps.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "Drill", deny_unknown_fields)]
pub struct DrillFile {
    /// The machine, as `brownout model` knows it.
    pub machine: String,
    /// Whose rules it follows; guide.
    #[serde(default)]
    pub profile: Profile,
    /// The machine's configuration; the profile's.
    #[serde(default)]
    pub config: Option<Box<ron::value::RawValue>>,
    /// Former names.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// How many steps there are, each of which asks once at the most; 16.
    #[serde(default = "sixteen")]
    pub steps: u32,
    /// What it can be asked: requests of the stdio protocol without their time, by name.
    pub operations: IndexMap<String, ron::Value>,
    /// How long a step can wait before it asks; no step waits.
    #[serde(default)]
    pub gaps: Vec<Span>,
}

/// A machine of the user's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "Own", deny_unknown_fields)]
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

const fn one_i64() -> i64 {
    1
}

const fn sixteen() -> u32 {
    16
}

const fn unit() -> ron::Value {
    ron::Value::Unit
}
