//! Machines from their entries in the file.

use std::sync::Arc;

use brownout_models::contract::{Failure, NodeId};
use brownout_models::machine::{
    Add, Arrivals, BrokerConfig, BrokerNode, ClientConfig, ClientNode, GatewayConfig, GatewayNode,
    Heartbeat, Program, RegistryNode, RegistryNodeConfig, Relay, Route, SagaAction, SagaConfig,
    SagaNode, SagaStep, ServiceConfig, ServiceNode, SidecarConfig, SidecarNode, Step, Subscription,
    Target,
};
use brownout_models::policy::{
    Backoff, BreakerConfig, DispatcherConfig, RegistryConfig, RetryConfig,
};
use brownout_models::{Name, Span};
use indexmap::IndexMap;

use super::check::{Check, Group, GroupKind};
use super::file::{
    ActionFile, AddFile, ArrivalsFile, AttemptsFile, BrokerFile, ClientsFile, FailureFile,
    GatewayFile, NodeFile, OwnFile, RegistryFile, SagaFile, ScenarioFile, ServiceFile, SidecarFile,
    StepFile,
};
use super::source::Path;
use crate::system::{At, Kinds, Stock};

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
                NodeFile::Own(file) => machines.extend(self.own(&path, file, kinds)),
            }
        }
        machines
    }

    fn registry(&mut self, path: &Path, file: &RegistryFile) -> Stock {
        self.guide_only(path, "a registry", file.profile);
        self.not_zero(&path.field("sweep_every"), "the time between two sweeps", file.sweep_every);
        let default = RegistryConfig::default();
        let registry = RegistryConfig {
            lease: file.lease.unwrap_or(default.lease),
            sweep_every: file.sweep_every.unwrap_or(default.sweep_every),
        };
        Stock::Registry(RegistryNode::new(RegistryNodeConfig { registry }))
    }

    fn gateway(&mut self, path: &Path, file: &GatewayFile) -> Stock {
        self.guide_only(path, "a gateway", file.profile);
        self.not_zero(&path.field("timeout"), "the timeout", file.timeout);
        let mut routes = IndexMap::new();
        for (index, route) in file.routes.iter().enumerate() {
            let path = path.field("routes").index(index);
            if route.limit < 1 {
                let message = format!("a limit of {} turns every request away", route.limit);
                let label = "expected requests per minute, from 1";
                self.problem(&path.field("limit"), message, label, None);
            }
            let via = route.via.as_ref().and_then(|via| self.single_node(&path.field("via"), via));
            let call = (route.service.as_str(), Some(route.method.as_str()));
            let target = self.target(&path.field("service"), &path.field("method"), call, via);
            let (name, method) = (self.name(&route.path), self.name(&route.method));
            if let Some(target) = target
                && routes.insert(name, Route { target, method, limit: route.limit }).is_some()
            {
                let message = format!("there is another route for `{}`", route.path);
                let help = "a path leads to one service; the method is no part of it".to_owned();
                self.problem(&path.field("path"), message, "expected a new path", Some(help));
            }
        }
        let default = BreakerConfig::default();
        let breaker = BreakerConfig {
            failure_threshold: file.breaker.failure_threshold.unwrap_or(default.failure_threshold),
            open_timeout: file.breaker.open_timeout.unwrap_or(default.open_timeout),
        };
        let (registry, timeout) = (self.registry, file.timeout);
        Stock::Gateway(GatewayNode::new(Arc::new(GatewayConfig {
            registry,
            routes,
            breaker,
            timeout,
        })))
    }

    fn service(
        &mut self,
        path: &Path,
        name: &str,
        file: &ServiceFile,
        group: &Group,
        machines: &mut Vec<Stock>,
    ) {
        self.at_least(&path.field("workers"), "the number of workers", u64::from(file.workers), 1);
        self.not_zero(&path.field("heartbeat"), "the time between two heartbeats", file.heartbeat);
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
        self.not_zero(
            &path.field("attempt_timeout"),
            "the timeout of an attempt",
            file.attempt_timeout,
        );
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

    fn broker(&mut self, path: &Path, file: &BrokerFile) -> Stock {
        self.guide_only(path, "a broker", file.profile);
        self.not_zero(&path.field("ack_timeout"), "the timeout", file.ack_timeout);
        if let Some(attempts) = file.max_attempts {
            let path = path.field("max_attempts");
            self.at_least(&path, "the number of attempts", u64::from(attempts), 1);
        }
        let mut subscriptions = Vec::new();
        for (index, subscription) in file.subscriptions.iter().enumerate() {
            let path = path.field("subscriptions").index(index);
            let call = (subscription.subscriber.as_str(), Some(subscription.topic.as_str()));
            let subscriber = path.field("subscriber");
            let Some(subscriber) = self.target(&subscriber, &path.field("topic"), call, None)
            else {
                continue;
            };
            let topic = self.name(&subscription.topic);
            subscriptions.push(Subscription { topic, subscriber });
        }
        let default = DispatcherConfig::default();
        let dispatcher = DispatcherConfig {
            buffer: file.buffer.unwrap_or(default.buffer),
            max_attempts: file.max_attempts.unwrap_or(default.max_attempts),
            backoff: file.backoff.map_or(default.backoff, |base| Backoff { base }),
        };
        let (registry, ack_timeout) = (self.registry, file.ack_timeout);
        let config = BrokerConfig { registry, dispatcher, subscriptions, ack_timeout };
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
        self.not_zero(&path.field("step_timeout"), "the timeout of a step", file.step_timeout);
        if file.steps.is_empty() {
            let help = "add `steps: [(name: .., action: (to: .., method: ..))]`".to_owned();
            self.problem(
                path,
                format!("the saga `{name}` has no steps"),
                "expected steps",
                Some(help),
            );
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
        let call = (file.to.as_str(), Some(file.method.as_str()));
        let target = self.target(&path.field("to"), &path.field("method"), call, via)?;
        let method = self.name(&file.method);
        Some(SagaAction { target, method })
    }

    fn clients(&mut self, path: &Path, name: &str, number: u64, file: &ClientsFile) -> Stock {
        self.at_least(&path.field("clients"), "the number of clients", u64::from(file.clients), 1);
        let clients: Vec<Name> = if file.names.is_empty() {
            (1..=file.clients).map(|client| self.name(&format!("{name}-{client}"))).collect()
        } else {
            file.names.iter().map(|client| self.name(client)).collect()
        };
        let arrivals = self.arrivals(&path.field("arrivals"), file.arrivals);
        let script = self.program(&path.field("script"), &file.script, None);
        // Two populations never share a key: the high bits tell them apart.
        let first_key = number << 56;
        let (amount, registry) = (file.amount, self.registry);
        let config = ClientConfig { arrivals, script, clients, amount, first_key, registry };
        Stock::Clients(ClientNode::new(Arc::new(config)))
    }

    fn arrivals(&mut self, path: &Path, file: ArrivalsFile) -> Arrivals {
        match file {
            ArrivalsFile::Once => Arrivals::Every { period: Span::ZERO, count: 1 },
            ArrivalsFile::Every { period, count } => {
                self.at_least(&path.field("count"), "the number of arrivals", count, 1);
                Arrivals::Every { period, count }
            }
            ArrivalsFile::Poisson { rate, during } => {
                let slot = Span::from_secs(1);
                self.at_least(&path.field("rate"), "the rate", u64::from(rate), 1);
                if during.is_zero() || !during.as_nanos().is_multiple_of(slot.as_nanos()) {
                    let message = format!("`{during}` is not a whole number of seconds");
                    self.problem(
                        &path.field("during"),
                        message,
                        "expected whole seconds, like `60s`",
                        None,
                    );
                }
                let slots = during.as_nanos() / slot.as_nanos();
                Arrivals::Poisson { slot, slots, mean_millionths: u64::from(rate) * 1_000_000 }
            }
        }
    }

    fn own(&mut self, path: &Path, file: &OwnFile, kinds: &Kinds) -> Option<Stock> {
        let Some(build) = kinds.find(&file.kind) else {
            let known: Vec<String> = kinds.names().map(str::to_owned).collect();
            let path = path.field("kind");
            if known.is_empty() {
                let help = "run it with the program that knows this kind of machine".to_owned();
                let message = format!("there is no kind of machine `{}` here", file.kind);
                self.problem(&path, message, "unknown kind", Some(help));
            } else {
                self.unknown(&path, "kind of machine", &file.kind, &known);
            }
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
                self.problem(&path.field("config"), message, "refused by the machine", None);
                None
            }
        }
    }

    /// Who is meant by a call, and whether the call makes sense there.
    pub(super) fn target(
        &mut self,
        to_path: &Path,
        method_path: &Path,
        (to, method): (&str, Option<&str>),
        via: Option<NodeId>,
    ) -> Option<Target> {
        let node = self.node(to);
        let owner =
            node.and_then(|node| self.places.get(node.0 as usize)).map(|place| place.group.clone());
        let group_name = if self.groups.contains_key(to) { Some(to.to_owned()) } else { owner };
        let Some(group) = group_name.as_ref().and_then(|name| self.groups.get(name)).cloned()
        else {
            let known = self.known_nodes();
            self.unknown(to_path, "service or node", to, &known);
            return None;
        };
        if let (Some(methods), Some(method)) = (&group.methods, method)
            && !methods.iter().any(|known| known == method)
        {
            let what = if group.kind == GroupKind::Gateway { "route" } else { "handler" };
            let what = format!("{what} of `{to}` for");
            self.unknown(method_path, &what, method, methods);
        }
        let service = self.name(group_name.as_deref().unwrap_or(to));
        if via.is_some() {
            return Some(Target { node: via, service });
        }
        if let Some(node) = node {
            return Some(Target { node: Some(node), service });
        }
        if group.is_registered && self.registry.is_some() {
            return Some(Target { node: None, service });
        }
        if let [node] = group.nodes.as_slice() {
            return Some(Target { node: Some(*node), service });
        }
        let message = format!("`{to}` has several instances and no registry to find them");
        let help =
            format!("add a `Registry`, register the service, or name an instance like `{to}-1`");
        self.problem(to_path, message, "which one?", Some(help));
        None
    }

    /// A handler or a script.
    fn program(&mut self, path: &Path, steps: &[StepFile], sidecar: Option<NodeId>) -> Program {
        let steps = (0..)
            .zip(steps)
            .filter_map(|(index, step)| self.step(&path.index(index), step, sidecar));
        Program { steps: steps.collect() }
    }

    fn step(&mut self, path: &Path, step: &StepFile, sidecar: Option<NodeId>) -> Option<Step> {
        Some(match step {
            StepFile::Work(duration) => Step::Work(duration.0.clone()),
            StepFile::Sleep(duration) => Step::Sleep(duration.0.clone()),
            StepFile::Call { to, method, timeout, may_fail, via } => {
                self.not_zero(&path.field("timeout"), "the timeout", *timeout);
                let via = match via {
                    Some(via) => Some(self.single_node(&path.field("via"), via)?),
                    None => sidecar,
                };
                let call = (to.as_str(), Some(method.as_str()));
                let target = self.target(&path.field("to"), &path.field("method"), call, via)?;
                let method = self.name(method);
                Step::Call { target, method, timeout: *timeout, may_fail: *may_fail }
            }
            StepFile::Publish { topic, timeout } => {
                self.not_zero(&path.field("timeout"), "the timeout", *timeout);
                let broker = self.needs_broker(path, topic)?;
                Step::Publish { broker, topic: self.name(topic), timeout: *timeout }
            }
            StepFile::Write { table, add, once, event } => {
                if let Some(topic) = event {
                    self.needs_broker(&path.field("event"), topic)?;
                }
                let add = match add {
                    AddFile::Amount => Add::Amount,
                    AddFile::Undo => Add::Undo,
                    AddFile::Constant(amount) => Add::Constant(*amount),
                };
                let event = event.as_ref().map(|topic| self.name(topic));
                Step::Write { table: self.name(table), add, once: *once, event }
            }
            StepFile::Reply => Step::Reply,
            StepFile::Fail(FailureFile::Failed) => Step::Fail(Failure::Failed),
            StepFile::Fail(FailureFile::Rejected) => Step::Fail(Failure::Rejected),
        })
    }

    fn needs_broker(&mut self, path: &Path, topic: &str) -> Option<NodeId> {
        if self.broker.is_none() {
            let message = format!("nobody takes messages for `{topic}`");
            let help = "add `\"broker\": Broker(subscriptions: [..])`".to_owned();
            self.problem(path, message, "expected a broker in the scenario", Some(help));
        }
        self.broker
    }
}
