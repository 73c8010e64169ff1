//! Machines from their entries in the file.

use std::sync::Arc;

use brownout_models::contract::NodeId;
use brownout_models::machine::{
    Arrivals, BrokerConfig, BrokerNode, ClientConfig, ClientNode, Discovery, Heartbeat,
    RegistryNode, RegistryNodeConfig, Relay, ServiceConfig, ServiceNode, SidecarConfig,
    SidecarNode, Subscription,
};
use brownout_models::policy::dispatch::Durability;
use brownout_models::policy::{
    BalancerOptions, BulkheadConfig, BulkheadOptions, DispatcherOptions, Idempotent,
    OutlierOptions, RegistryOptions, SidecarOptions, ZoneRouting,
};
use brownout_models::{Map, Name, Profile, Set, Span};

use super::check::{Check, Group, remedy};
use super::file::{ArrivalsFile, ClientsFile, NodeFile, OwnFile, ScenarioFile, ServiceFile};
use super::source::Path;
use crate::system::{At, Kinds, Stock};

/// How many different clients a population may have: each has a name of its own in memory.
const CLIENTS_MAX: u32 = 100_000;
/// How many arrivals a second a Poisson stream may have: more than 2^20 of them cannot be told apart.
const RATE_MAX: u32 = 1_000_000;

/// Where the high bits of a key begin, which tell populations apart.
const POPULATION_SHIFT: u32 = 56;

/// The populations of clients, by the high bits of their keys: the numbers of their entries.
pub(super) fn populations(file: &ScenarioFile) -> Map<u64, String> {
    let entries = (0_u64..).zip(&file.nodes);
    entries
        .filter(|(_, (_, node))| matches!(node, NodeFile::Clients(_)))
        .map(|(number, (name, _))| (number, name.clone()))
        .collect()
}

impl Check<'_> {
    /// Builds the machine of every place.
    pub(super) fn build_machines(&mut self, file: &ScenarioFile, kinds: &Kinds) -> Vec<Stock> {
        let mut machines = Vec::new();
        let mut gateways = Vec::new();
        for (number, (name, node)) in (0_u64..).zip(&file.nodes) {
            let path = Path::root().field("nodes").key(name);
            let Some(group) = self.groups.get(name).cloned() else { continue };
            match node {
                NodeFile::Registry(file) => machines.push(self.registry(&path, file)),
                NodeFile::Gateway(file) => {
                    let at = machines.len() + gateways.len();
                    gateways.push((at, self.gateway(&path, file)));
                }
                NodeFile::Service(file) => self.service(&path, name, file, &group, &mut machines),
                NodeFile::Sidecar(file) => machines.push(self.sidecar(&path, file)),
                NodeFile::Broker(file) => machines.push(self.broker(&path, file)),
                NodeFile::Saga(file) => self.saga(&path, name, file, &group, &mut machines),
                NodeFile::Composition(file) => {
                    self.composition(&path, name, file, &group, &mut machines);
                }
                NodeFile::Deployment(file) => machines.extend(self.deployment(&path, name, file)),
                NodeFile::Clients(file) => machines.push(self.clients(&path, name, number, file)),
                NodeFile::Drill(file) => machines.extend(self.drill(&path, file)),
                NodeFile::Own(file) => machines.extend(self.own(&path, file, kinds)),
            }
        }
        // Only now is it known what requests are called.
        for (at, gateway) in gateways {
            machines.insert(at, Stock::Gateway(gateway.build(&self.names)));
        }
        machines
    }

    fn registry(&mut self, path: &Path, options: &RegistryOptions) -> Stock {
        let registry = options.resolve(Profile::Guide);
        self.mistakes(path, registry.mistakes());
        let split = self.split();
        Stock::Registry(RegistryNode::new(RegistryNodeConfig { registry, split }))
    }

    /// How a node that calls services finds and chooses their instances.
    pub(super) fn discovery(
        &mut self,
        path: &Path,
        profile: Profile,
        balancer: &BalancerOptions,
        outlier: &OutlierOptions,
    ) -> Discovery {
        let (balancer, outlier) = (balancer.resolve(profile), outlier.resolve(profile));
        self.mistakes(&path.field("balancer"), balancer.mistakes());
        self.mistakes(&path.field("outlier"), outlier.mistakes());
        let zones = self.zones.clone().filter(|_| balancer.zone_routing == ZoneRouting::Aware);
        let weights = self.weights.clone().filter(|_| balancer.kind.heeds_weights());
        Discovery { registry: self.registry, balancer, outlier, zones, weights }
    }

    fn service(
        &mut self,
        path: &Path,
        name: &str,
        file: &ServiceFile,
        group: &Group,
        machines: &mut Vec<Stock>,
    ) {
        let help = "write 1 for a service that does one thing after the other";
        self.at_least_one(&path.field("workers"), ("the number of workers", file.workers), help);
        let help = "write `None` for instances that register once and say nothing more";
        let heartbeat = path.field("heartbeat");
        self.not_zero(&heartbeat, "the time between two heartbeats", file.heartbeat, help);
        let help = "leave it out for 1s";
        let relay_timeout = path.field("relay_timeout");
        self.not_zero(&relay_timeout, "the relay's timeout", file.relay_timeout, help);
        let help = "leave it out where nobody is told when to come back";
        let retry_after = path.field("retry_after");
        self.not_zero(&retry_after, "the wait of who is turned away", file.retry_after, help);
        let service = self.registers_as(name);
        let discovery = self.discovery(path, Profile::Guide, &file.balancer, &file.outlier);
        let bulkhead = self.bulkhead(&path.field("bulkhead"), &file.bulkhead);
        if bulkhead.max_waiting > 0 {
            let message = "requests wait in the queue of the instance";
            let help = "leave it out, and write how many may wait as the service's `queue`";
            let max_waiting = path.field("bulkhead").field("max_waiting");
            self.problem(&max_waiting, message, "expected 0", help);
        }
        for (number, _) in group.nodes.iter().enumerate() {
            let sidecar = group.sidecars.get(number).copied();
            let handlers = file
                .handlers
                .iter()
                .map(|(method, steps)| {
                    let path = path.field("handlers").key(method);
                    (self.name(method), self.program(&path, name, steps, sidecar))
                })
                .collect();
            let config = ServiceConfig {
                service,
                discovery: discovery.clone(),
                heartbeat: match file.heartbeat {
                    _ if !file.registered => Heartbeat::Unregistered,
                    None => Heartbeat::Never,
                    Some(period) => Heartbeat::Every(period),
                },
                reregisters: file.reregisters.unwrap_or(self.registry_is_hardened),
                workers: file.workers,
                queue: file.queue,
                bulkhead: bulkhead.clone(),
                retry_after: file.retry_after,
                handlers,
                relay: self.broker.map(|broker| Relay {
                    broker,
                    timeout: file.relay_timeout.unwrap_or(Span::from_secs(1)),
                }),
                managed: self.managed_instance(path, (name, number), file),
            };
            machines.push(Stock::Service(ServiceNode::new(Arc::new(config))));
            if let Some(attempts) = &file.sidecar {
                machines.push(self.attempts(&path.field("sidecar"), attempts));
            }
        }
    }

    /// How much a node has in hand.
    pub(super) fn bulkhead(&mut self, path: &Path, options: &BulkheadOptions) -> BulkheadConfig {
        let bulkhead = options.resolve(Profile::Guide);
        self.mistakes(path, bulkhead.mistakes());
        bulkhead
    }

    /// A sidecar beside its service or saga, which is nobody's upstream and has no name of its own.
    pub(super) fn attempts(&mut self, path: &Path, options: &SidecarOptions) -> Stock {
        for (field, is_there) in [
            ("aliases", !options.aliases.is_empty()),
            ("upstream", options.upstream.is_some()),
            ("zone", options.zone.is_some()),
        ] {
            if is_there {
                let message = format!("a sidecar beside its service has no `{field}`");
                let help = "remove it, or declare a `Sidecar` of its own in `nodes`";
                self.problem(&path.field(field), message, "expected none", help);
            }
        }
        self.sidecar(path, options)
    }

    fn sidecar(&mut self, path: &Path, options: &SidecarOptions) -> Stock {
        let upstream = options
            .upstream
            .as_ref()
            .and_then(|upstream| self.single_node(&path.field("upstream"), upstream));
        let (retry, mistakes) = options.retry(Profile::Guide);
        self.mistakes(path, mistakes);
        let idempotent = match &retry.idempotent {
            Idempotent::Every => None,
            Idempotent::Only(methods) => Some(self.idempotent(path, methods)),
        };
        let telemetry = options.telemetry(Profile::Guide);
        let discovery = self.discovery(path, Profile::Guide, &options.balancer, &options.outlier);
        if upstream.is_some() {
            self.nobody_to_choose(path, options);
        }
        let config = SidecarConfig { discovery, retry, idempotent, telemetry, upstream };
        Stock::Sidecar(SidecarNode::new(Arc::new(config)))
    }

    /// A sidecar in front of one node has no instances to choose among.
    fn nobody_to_choose(&mut self, path: &Path, options: &SidecarOptions) {
        let written = [
            ("balancer", options.balancer != BalancerOptions::default()),
            ("outlier", options.outlier != OutlierOptions::default()),
        ];
        for (field, _) in written.into_iter().filter(|(_, is_written)| *is_written) {
            let message = format!("a sidecar with an `upstream` has no use for `{field}`");
            let help = "remove it, or remove the `upstream` and let callers name it as `via`";
            self.problem(&path.field(field), message, "expected none", help);
        }
    }

    /// The names of methods that may be done twice, each of them in use.
    fn idempotent(&mut self, path: &Path, methods: &[String]) -> Set<Name> {
        let known = self.messages.clone();
        for method in methods.iter().filter(|method| !known.contains(method)) {
            let message = format!("nobody can be asked for `{method}`");
            let help = remedy(method, &known, "remove it, or give a service a handler");
            self.problem(&path.field("idempotent"), message, "expected methods in use", help);
        }
        methods.iter().map(|method| self.name(method)).collect()
    }

    fn broker(&mut self, path: &Path, options: &DispatcherOptions) -> Stock {
        let dispatcher = options.resolve(Profile::Guide);
        self.mistakes(path, dispatcher.mistakes());
        let is_kept = dispatcher.durability == Durability::Durable;
        self.needs_log(path, (options.flush, is_kept), "durability: Durable");
        let mut subscriptions = Vec::new();
        for (index, subscription) in options.subscriptions.iter().enumerate() {
            let path = path.field("subscriptions").index(index);
            let (subscriber, topic) = (path.field("subscriber"), path.field("topic"));
            let subscriber = (&subscriber, subscription.subscriber.as_str());
            let topic = (&topic, subscription.topic.as_str());
            let Some(subscriber) = self.target(subscriber, topic, None) else {
                continue;
            };
            if subscription.group.as_ref().is_some_and(String::is_empty) {
                let help = "write a name like `\"workers\"`, or leave it out";
                let message = "a consumer group without a name";
                self.problem(&path.field("group"), message, "expected a name", help);
            }
            let topic = self.name(&subscription.topic);
            let group = subscription.group.as_ref().map(|group| self.name(group));
            subscriptions.push(Subscription { topic, subscriber, group });
        }
        let discovery = self.discovery(path, Profile::Guide, &options.balancer, &options.outlier);
        let operator = self.redrives(path, options);
        let config = BrokerConfig { discovery, dispatcher, subscriptions, operator };
        Stock::Broker(BrokerNode::new(Arc::new(config)))
    }

    fn clients(&mut self, path: &Path, name: &str, number: u64, file: &ClientsFile) -> Stock {
        let clients = self.client_names(path, name, file);
        let arrivals = self.arrivals(&path.field("arrivals"), file.arrivals);
        self.check_script(&path.field("script"), &file.script);
        let script = self.program(&path.field("script"), name, &file.script, None);
        // Two populations never share a key: the high bits tell them apart.
        let first_key = number << POPULATION_SHIFT;
        let discovery = self.discovery(path, Profile::Guide, &file.balancer, &file.outlier);
        let amount = file.amount;
        let config = ClientConfig { arrivals, script, clients, amount, first_key, discovery };
        Stock::Clients(ClientNode::new(Arc::new(config)))
    }

    fn client_names(&mut self, path: &Path, name: &str, file: &ClientsFile) -> Vec<Name> {
        let at = path.field("clients");
        if file.clients.is_some() && !file.names.is_empty() {
            let message = "`clients` and `names` both say how many clients there are";
            let help = "leave `clients` out where every client has a name of its own";
            self.problem(&at, message, "expected one of the two", help);
        }
        if !file.names.is_empty() {
            return file.names.iter().map(|client| self.name(client)).collect();
        }
        let clients = file.clients.unwrap_or(1);
        let range = 1..=i128::from(CLIENTS_MAX);
        let help = "clients take turns: a few of them stand for any number of arrivals";
        self.in_range(&at, ("the number of clients", clients), range, help);
        let clients = clients.min(CLIENTS_MAX);
        (1..=clients).map(|client| self.name(&format!("{name}-{client}"))).collect()
    }

    fn arrivals(&mut self, path: &Path, file: ArrivalsFile) -> Arrivals {
        match file {
            ArrivalsFile::Once => Arrivals::Every { period: Span::ZERO, count: 1 },
            ArrivalsFile::Every { period, count } => {
                let help = "remove the clients where nobody is to arrive";
                self.at_least_one(&path.field("count"), ("the number of arrivals", count), help);
                Arrivals::Every { period, count }
            }
            ArrivalsFile::Poisson { rate, during } => {
                let slot = Span::from_secs(1);
                let range = 1..=i128::from(RATE_MAX);
                let help = "write how many arrive in a second; `Every` can be slower than that";
                self.in_range(&path.field("rate"), ("the rate", rate), range, help);
                let at = path.field("during");
                if during.is_zero() || !during.as_nanos().is_multiple_of(slot.as_nanos()) {
                    let message = format!("`{during}` is not a number of whole seconds");
                    let help = "write a span like `60s` or `2m`";
                    self.problem(&at, message, "expected whole seconds, from 1s", help);
                }
                let slots = during.as_nanos() / slot.as_nanos();
                Arrivals::Poisson { slot, slots, mean_millionths: u64::from(rate) * 1_000_000 }
            }
        }
    }

    fn own(&mut self, path: &Path, file: &OwnFile, kinds: &Kinds) -> Option<Stock> {
        let Some(build) = kinds.find(&file.kind) else {
            let known: Vec<String> = kinds.names().map(str::to_owned).collect();
            let otherwise = "run it with the program that knows this kind";
            let help = remedy(&file.kind, &known, otherwise);
            let message = format!("there is no kind of machine `{}` here", file.kind);
            self.problem(&path.field("kind"), message, "expected a kind that is known", help);
            return None;
        };
        let places = self.places.clone();
        let find = |name: &str| {
            let at = places.iter().position(|place| place.name == name)?;
            u32::try_from(at).ok().map(NodeId)
        };
        let names = &mut self.names;
        let mut at = At { find: &find, name: &mut |text| names.intern(text) };
        match build(file.config.clone(), &mut at) {
            Ok(machine) => Some(machine),
            Err(error) => {
                let message = format!("`{}` cannot be built: {error}", file.kind);
                let help = format!("see what `{}` expects of its `config`", file.kind);
                self.problem(&path.field("config"), message, "refused by the machine", help);
                None
            }
        }
    }
}
