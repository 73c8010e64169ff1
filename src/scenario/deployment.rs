//! Deployments from their entries in the file, and what they make of the services that they name.

use std::sync::Arc;

use brownout_models::contract::{Distribution, NodeId};
use brownout_models::machine::{
    DeploymentNode, DeploymentNodeConfig, Managed, Orders, StrategyConfig,
};
use brownout_models::policy::{LifecycleConfig, Readiness};
use brownout_models::{Name, Profile, Span};

use super::check::{Check, GroupKind, remedy};
use super::file::{DeploymentFile, NodeFile, ScenarioFile, ServiceFile, StrategyFile};
use super::source::Path;
use crate::property::{RolloutCapacity, TrafficShare};
use crate::system::Stock;

/// What the messages of a control plane are called.
pub(super) const WORDS: [&str; 5] = ["start", "stop", "metrics", "usage", "split"];

/// A service whose instances a deployment starts and stops.
#[derive(Clone, Debug)]
pub(super) struct ManagedService {
    control: NodeId,
    /// How many of its instances run at the beginning.
    running: usize,
    /// The service that its instances register as.
    registers_as: String,
    registers: Readiness,
    lifecycle: LifecycleConfig,
}

impl Check<'_> {
    /// Finds out who starts and stops which services; a service and its candidate share a database.
    pub(super) fn find_deployments(&mut self, file: &ScenarioFile) {
        for (name, node) in &file.nodes {
            let NodeFile::Deployment(deployment) = node else { continue };
            let path = Path::root().field("nodes").key(name);
            let Some(control) = self.node(name) else { continue };
            self.find_deployment(&path, control, deployment, file);
        }
    }

    fn find_deployment(
        &mut self,
        path: &Path,
        control: NodeId,
        deployment: &DeploymentFile,
        file: &ScenarioFile,
    ) {
        let service = self.deployed(&path.field("service"), &deployment.service, file);
        let candidate = self.deployed(&path.field("candidate"), &deployment.candidate, file);
        let (Some(service), Some(candidate)) = (service, candidate) else { return };
        if deployment.service == deployment.candidate {
            let message = format!("`{}` would take its own place", deployment.service);
            let help = "declare the version to come as a `Service` of its own";
            let label = "expected another service";
            self.problem(&path.field("candidate"), message, label, help);
            return;
        }
        if candidate.instances < service.instances {
            let (few, many) = (candidate.instances, service.instances);
            let message =
                format!("`{}` has {few} instances for {many} to be replaced", deployment.candidate);
            let help = format!("write `instances: {many}` there");
            let label = format!("expected a service with {many} or more");
            self.problem(&path.field("candidate"), message, label, help);
        }
        let lifecycle = deployment.lifecycle().resolve(Profile::Guide);
        let (strategy, registers) = self.strategy(&path.field("strategy"), deployment);
        // Where traffic is split, versions are found under names of their own.
        let is_one_pool = matches!(strategy, StrategyConfig::Rolling(_));
        for (version, running) in
            [(&deployment.service, service.instances), (&deployment.candidate, 0)]
        {
            let managed = ManagedService {
                control,
                running: running as usize,
                registers_as: if is_one_pool { &deployment.service } else { version }.clone(),
                registers,
                lifecycle: lifecycle.clone(),
            };
            self.managed.insert(version.clone(), managed);
        }
        self.share_store(&deployment.service, &deployment.candidate);
        if let Some(group) = self.groups.get_mut(&deployment.candidate) {
            group.is_registered &= !is_one_pool;
        }
    }

    /// A service that this deployment, and no other, can start and stop.
    fn deployed<'f>(
        &mut self,
        path: &Path,
        name: &str,
        file: &'f ScenarioFile,
    ) -> Option<&'f ServiceFile> {
        let service = match file.nodes.get(name) {
            Some(NodeFile::Service(service)) => service,
            Some(_) => {
                let message = format!("`{name}` is no service, and has no versions");
                let help = "name a `Service` from `nodes`";
                self.problem(path, message, "expected a service", help);
                return None;
            }
            None => {
                self.unknown_node(self.source.nearest(path), name);
                return None;
            }
        };
        if self.managed.contains_key(name) {
            let message = format!("another deployment starts and stops `{name}`");
            let help = "leave one of the two deployments out";
            self.problem(path, message, "expected a service of its own", help);
            return None;
        }
        if self.registry.is_none() || !service.registered {
            let message = format!("nobody would find other instances of `{name}`");
            let help = "add a `Registry` to `nodes`, and let the service register";
            self.problem(path, message, "expected a service that is registered", help);
        }
        Some(service)
    }

    fn share_store(&mut self, service: &str, candidate: &str) {
        let Some(store) = self.places.iter().find(|place| place.group == service) else { return };
        let store = store.store;
        for place in self.places.iter_mut().filter(|place| place.group == candidate) {
            place.store = store;
        }
    }

    /// The strategy, and what counts as health under it.
    fn strategy(
        &mut self,
        path: &Path,
        deployment: &DeploymentFile,
    ) -> (StrategyConfig, Readiness) {
        let profile = deployment.profile.unwrap_or(Profile::Guide);
        match &deployment.strategy {
            StrategyFile::Rolling(options) => {
                let config = options.resolve(profile);
                self.mistakes(path, config.mistakes());
                let readiness = config.readiness;
                (StrategyConfig::Rolling(config), readiness)
            }
            StrategyFile::Canary(options) => {
                let config = options.resolve(profile);
                self.mistakes(path, config.mistakes());
                let readiness = config.readiness;
                (StrategyConfig::Canary(config), readiness)
            }
            StrategyFile::BlueGreen(options) => {
                let config = options.resolve(profile);
                self.mistakes(path, config.mistakes());
                let readiness = config.readiness;
                (StrategyConfig::BlueGreen(config), readiness)
            }
        }
    }

    /// The name under which the instances of a service are found.
    pub(super) fn registers_as(&mut self, service: &str) -> Name {
        let managed = self.managed.get(service).map(|managed| managed.registers_as.clone());
        self.name(managed.as_deref().unwrap_or(service))
    }

    /// What an instance has to do that a deployment starts and stops.
    pub(super) fn managed_instance(
        &mut self,
        path: &Path,
        (service, number): (&str, usize),
        file: &ServiceFile,
    ) -> Option<Managed> {
        let Some(managed) = self.managed.get(service).cloned() else {
            for (field, is_there) in [
                ("start_up", file.start_up.is_some()),
                ("warm_up", file.warm_up.is_some()),
                ("becomes_ready", file.becomes_ready.is_some()),
            ] {
                if is_there {
                    let message = format!("nobody starts or stops instances of `{service}`");
                    let help = "remove it, or add a `Deployment` of this service to `nodes`";
                    let label = format!("`{field}` is of services under a deployment");
                    self.problem(&path.field(field), message, label, help);
                }
            }
            return None;
        };
        let no_time = || Distribution::Constant(Span::ZERO);
        Some(Managed {
            control: managed.control,
            orders: self.orders(),
            runs: number < managed.running,
            start_up: file.start_up.as_ref().map_or_else(no_time, |span| span.0.clone()),
            warm_up: file.warm_up.as_ref().map_or_else(no_time, |span| span.0.clone()),
            becomes_ready: file.becomes_ready.unwrap_or(true),
            registers: managed.registers,
            lifecycle: managed.lifecycle,
        })
    }

    /// What the registry is asked for that splits traffic, where some deployment may ask.
    pub(super) fn split(&mut self) -> Option<Name> {
        (!self.managed.is_empty()).then(|| self.orders().split)
    }

    fn orders(&mut self) -> Orders {
        let [start, stop, metrics, usage, split] = WORDS.map(|word| self.name(word));
        Orders { start, stop, metrics, usage, split }
    }

    /// The control plane; `None` where the file is refused anyway.
    pub(super) fn deployment(
        &mut self,
        path: &Path,
        name: &str,
        file: &DeploymentFile,
    ) -> Option<Stock> {
        let lifecycle = file.lifecycle().resolve(Profile::Guide);
        self.mistakes(path, lifecycle.mistakes());
        let nodes = |check: &Self, service: &str| {
            let group = check.groups.get(service)?;
            (group.kind == GroupKind::Service).then(|| group.nodes.clone())
        };
        let stable = nodes(self, &file.service)?;
        let candidate = nodes(self, &file.candidate)?;
        let (strategy, _) = self.strategy(&path.field("strategy"), file);
        let config = DeploymentNodeConfig {
            name: self.name(name),
            service: self.name(&file.service),
            subset: self.name(&file.candidate),
            registry: self.registry,
            replicas: u32::try_from(stable.len()).unwrap_or(u32::MAX),
            stable,
            candidate,
            at: file.at,
            strategy,
            lifecycle,
            orders: self.orders(),
        };
        Some(Stock::Deployment(DeploymentNode::new(Arc::new(config))))
    }

    /// A deployment by its name.
    pub(super) fn rollout<'f>(
        &mut self,
        path: &Path,
        name: &str,
        file: &'f ScenarioFile,
    ) -> Option<(NodeId, &'f DeploymentFile)> {
        let deployments = file.nodes.iter().filter_map(|(name, node)| match node {
            NodeFile::Deployment(deployment) => Some((name, &**deployment)),
            NodeFile::Registry(_)
            | NodeFile::Gateway(_)
            | NodeFile::Service(_)
            | NodeFile::Sidecar(_)
            | NodeFile::Broker(_)
            | NodeFile::Saga(_)
            | NodeFile::Composition(_)
            | NodeFile::Clients(_)
            | NodeFile::Drill(_)
            | NodeFile::Own(_) => None,
        });
        let deployments: Vec<_> = deployments.collect();
        if let Some((_, deployment)) = deployments.iter().find(|(known, _)| *known == name) {
            return Some((self.node(name)?, deployment));
        }
        let known: Vec<String> = deployments.iter().map(|(name, _)| (*name).clone()).collect();
        let help = remedy(name, &known, "add a `Deployment` to `nodes`");
        let message = format!("there is no deployment `{name}`");
        self.problem(path, message, "expected a `Deployment` from `nodes`", help);
        None
    }

    /// The watch over the instances of a deployment.
    pub(super) fn capacity(
        &mut self,
        path: &Path,
        name: &str,
        bounds: (u32, u32),
        file: &ScenarioFile,
    ) -> Option<RolloutCapacity> {
        let (control, deployment) = self.rollout(path, name, file)?;
        let nodes = |service: &str| self.groups.get(service).map(|group| group.nodes.clone());
        let stable = nodes(&deployment.service)?;
        let replicas = stable.len();
        let instances = [stable, nodes(&deployment.candidate)?].concat();
        Some(RolloutCapacity::new(control, &instances, replicas, bounds))
    }

    /// The watch over the traffic of a deployment.
    pub(super) fn share(
        &mut self,
        path: &Path,
        name: &str,
        slack: u32,
        file: &ScenarioFile,
    ) -> Option<TrafficShare> {
        let (control, deployment) = self.rollout(path, name, file)?;
        let nodes = |service: &str| self.groups.get(service).map(|group| group.nodes.clone());
        let (stable, candidate) = (nodes(&deployment.service)?, nodes(&deployment.candidate)?);
        Some(TrafficShare::new(control, stable, candidate, slack))
    }
}
