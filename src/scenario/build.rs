//! Machines from their entries in the file.

use std::sync::Arc;

use brownout_models::contract::NodeId;
use brownout_models::machine::{
    Arrivals, BrokerConfig, BrokerNode, ClientConfig, ClientNode, GatewayConfig, GatewayNode,
    Heartbeat, RegistryNode, RegistryNodeConfig, Relay, Route, SagaAction, SagaConfig, SagaNode,
    SagaStep, ServiceConfig, ServiceNode, SidecarConfig, SidecarNode, Subscription,
};
use brownout_models::policy::{Backoff, DispatcherOptions, RegistryOptions, RetryConfig};
use brownout_models::{Name, Profile, Span};
use indexmap::IndexMap;

use super::check::{Check, Group, remedy};
use super::file::{
    ActionFile, ArrivalsFile, AttemptsFile, ClientsFile, GatewayFile, NodeFile, OwnFile, RouteFile,
    SagaFile, ScenarioFile, ServiceFile, SidecarFile,
};
use super::source::Path;
use crate::system::{At, Kinds, Stock};

/// How many different clients a population may have: each has a name of its own in memory.
const CLIENTS_MAX: u32 = 100_000;
/// How many arrivals a second a Poisson stream may have: more than 2^20 of them cannot be told apart.
const RATE_MAX: u32 = 1_000_000;

impl Check<'_> {
    /// Builds the machine of every place.
    pub(super) fn build_machines(&mut self, file: &ScenarioFile, kinds: &Kinds) -> Vec<Stock> {
        let mut machines = Vec::new();
        for (number, (name, node)) in (0_u64..).zip(&file.nodes) {
            let path = Path::root().field("nodes").key(name);
            let Some(group) = self.groups.get(name).cloned() else { continue };
            match node {
                NodeFile::Registry(file) => machines.push(self.registry(&path, file)),
                NodeFile::Gateway(file) => machines.push(self.gateway(&path, file)),
                NodeFile::Service(file) => self.service(&path, name, file, &group, &mut machines),
                NodeFile::Sidecar(file) => machines.push(self.sidecar(&path, file)),
                NodeFile::Broker(file) => machines.push(self.broker(&path, file)),
                NodeFile::Saga(file) => self.saga(&path, name, file, &group, &mut machines),
                NodeFile::Clients(file) => machines.push(self.clients(&path, name, number, file)),
                NodeFile::Drill(file) => machines.extend(self.drill(&path, file)),
                NodeFile::Own(file) => machines.extend(self.own(&path, file, kinds)),
            }
        }
        machines
    }

    fn registry(&mut self, path: &Path, options: &RegistryOptions) -> Stock {
        self.guide_only(path, "a registry", options.profile.unwrap_or_default());
        let registry = options.resolve(Profile::Guide);
        self.mistakes(path, registry.mistakes());
        Stock::Registry(RegistryNode::new(RegistryNodeConfig { registry }))
    }

    fn gateway(&mut self, path: &Path, file: &GatewayFile) -> Stock {
        self.guide_only(path, "a gateway", file.profile);
        self.not_zero_timeout(&path.field("timeout"), "the timeout", file.timeout);
        let mut routes = IndexMap::new();
        for (index, route) in file.routes.iter().enumerate() {
            let path = path.field("routes").index(index);
            let earlier = file.routes[..index].iter().any(|earlier| earlier.path == route.path);
            if earlier {
                let message = format!("there is another route for `{}`", route.path);
                let help = "remove one of the two: a path leads to one service and one method";
                self.problem(&path.field("path"), message, "expected a new path", help);
            }
            if let Some(target) = self.route(&path, route) {
                routes.insert(self.name(&route.path), target);
            }
        }
        let breaker = file.breaker.resolve(file.profile);
        self.mistakes(&path.field("breaker"), breaker.mistakes());
        let (registry, timeout) = (self.registry, file.timeout);
        Stock::Gateway(GatewayNode::new(Arc::new(GatewayConfig {
            registry,
            routes,
            breaker,
            timeout,
        })))
    }

    fn route(&mut self, path: &Path, file: &RouteFile) -> Option<Route> {
        let help = "write how many requests a client has in a minute; a large number for no limit";
        self.at_least_one(&path.field("limit"), ("the limit", file.limit), help);
        let via = file.via.as_ref().map(|via| self.via(&path.field("via"), via));
        let (service, method) = (path.field("service"), path.field("method"));
        let target = self.target((&service, &file.service), (&method, &file.method), via)?;
        Some(Route { target, method: self.name(&file.method), limit: file.limit })
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
        let service = self.name(name);
        for (number, _) in group.nodes.iter().enumerate() {
            let sidecar = group.sidecars.get(number).copied();
            let handlers = file
                .handlers
                .iter()
                .map(|(method, steps)| {
                    let path = path.field("handlers").key(method);
                    (self.name(method), self.program(&path, steps, sidecar))
                })
                .collect();
            let config = ServiceConfig {
                service,
                registry: self.registry,
                heartbeat: match file.heartbeat {
                    _ if !file.registered => Heartbeat::Unregistered,
                    None => Heartbeat::Never,
                    Some(period) => Heartbeat::Every(period),
                },
                workers: file.workers,
                queue: file.queue,
                handlers,
                relay: self.broker.map(|broker| Relay {
                    broker,
                    timeout: file.relay_timeout.unwrap_or(Span::from_secs(1)),
                }),
            };
            machines.push(Stock::Service(ServiceNode::new(Arc::new(config))));
            if let Some(attempts) = &file.sidecar {
                machines.push(self.attempts(&path.field("sidecar"), attempts));
            }
        }
    }

    fn attempts(&mut self, path: &Path, file: &AttemptsFile) -> Stock {
        let AttemptsFile { profile, max_retries, backoff, attempt_timeout } = file.clone();
        let aliases = Vec::new();
        let upstream = None;
        self.sidecar(
            path,
            &SidecarFile { profile, aliases, max_retries, backoff, attempt_timeout, upstream },
        )
    }

    fn sidecar(&mut self, path: &Path, file: &SidecarFile) -> Stock {
        self.guide_only(path, "a sidecar", file.profile);
        let attempt_timeout = path.field("attempt_timeout");
        self.not_zero_timeout(&attempt_timeout, "the timeout of an attempt", file.attempt_timeout);
        let upstream = file
            .upstream
            .as_ref()
            .and_then(|upstream| self.single_node(&path.field("upstream"), upstream));
        let default = RetryConfig::default();
        let retry = RetryConfig {
            max_retries: file.max_retries.unwrap_or(default.max_retries),
            backoff: file.backoff.map_or(default.backoff, |base| Backoff { base }),
        };
        let (registry, attempt_timeout) = (self.registry, file.attempt_timeout);
        let config = SidecarConfig { registry, retry, attempt_timeout, upstream };
        Stock::Sidecar(SidecarNode::new(Arc::new(config)))
    }

    fn broker(&mut self, path: &Path, options: &DispatcherOptions) -> Stock {
        let dispatcher = options.resolve(Profile::Guide);
        self.mistakes(path, dispatcher.mistakes());
        let mut subscriptions = Vec::new();
        for (index, subscription) in options.subscriptions.iter().enumerate() {
            let path = path.field("subscriptions").index(index);
            let (subscriber, topic) = (path.field("subscriber"), path.field("topic"));
            let subscriber = (&subscriber, subscription.subscriber.as_str());
            let topic = (&topic, subscription.topic.as_str());
            let Some(subscriber) = self.target(subscriber, topic, None) else {
                continue;
            };
            let topic = self.name(&subscription.topic);
            subscriptions.push(Subscription { topic, subscriber });
        }
        let config = BrokerConfig { registry: self.registry, dispatcher, subscriptions };
        Stock::Broker(BrokerNode::new(Arc::new(config)))
    }

    fn saga(
        &mut self,
        path: &Path,
        name: &str,
        file: &SagaFile,
        group: &Group,
        machines: &mut Vec<Stock>,
    ) {
        self.guide_only(path, "a saga", file.profile);
        self.not_zero_timeout(
            &path.field("step_timeout"),
            "the timeout of a step",
            file.step_timeout,
        );
        if file.steps.is_empty() {
            let message = format!("the saga `{name}` has no steps");
            let help = "add `steps: [(name: .., action: (to: .., method: ..))]`";
            self.problem(&path.field("steps"), message, "expected `steps` in here", help);
        }
        let via = group.sidecars.first().copied();
        let mut steps = Vec::new();
        for (index, step) in file.steps.iter().enumerate() {
            let path = path.field("steps").index(index);
            let action = self.action(&path.field("action"), &step.action, via);
            let compensation = step
                .compensation
                .as_ref()
                .and_then(|action| self.action(&path.field("compensation"), action, via));
            let name = self.name(&step.name);
            if let Some(action) = action {
                steps.push(SagaStep { name, action, compensation });
            }
        }
        let (name, registry, step_timeout) = (self.name(name), self.registry, file.step_timeout);
        let config = SagaConfig { name, registry, steps, step_timeout };
        machines.push(Stock::Saga(SagaNode::new(Arc::new(config))));
        if let Some(attempts) = &file.sidecar {
            machines.push(self.attempts(&path.field("sidecar"), attempts));
        }
    }

    fn action(
        &mut self,
        path: &Path,
        file: &ActionFile,
        via: Option<NodeId>,
    ) -> Option<SagaAction> {
        let (to, method) = (path.field("to"), path.field("method"));
        let target = self.target((&to, &file.to), (&method, &file.method), via)?;
        let method = self.name(&file.method);
        Some(SagaAction { target, method })
    }

    fn clients(&mut self, path: &Path, name: &str, number: u64, file: &ClientsFile) -> Stock {
        let clients = self.client_names(path, name, file);
        let arrivals = self.arrivals(&path.field("arrivals"), file.arrivals);
        self.check_script(&path.field("script"), &file.script);
        let script = self.program(&path.field("script"), &file.script, None);
        // Two populations never share a key: the high bits tell them apart.
        let first_key = number << 56;
        let (amount, registry) = (file.amount, self.registry);
        let config = ClientConfig { arrivals, script, clients, amount, first_key, registry };
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
