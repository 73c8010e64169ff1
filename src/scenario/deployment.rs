//! Deployments from their entries in the file, and what they make of the services that they name.

use std::sync::Arc;

use brownout_models::contract::{Distribution, NodeId};
use brownout_models::machine::{
    DeploymentNode, DeploymentNodeConfig, Managed, Orders, ScalingConfig, StrategyConfig,
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
    /// The service of which it is a version.
    pub(super) version_of: String,
    registers: Readiness,
    lifecycle: LifecycleConfig,
    reports_usage: bool,
    workers: u32,
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
        let (strategy, registers) =
            self.strategy(&path.field("strategy"), deployment, service.map_or(1, |it| it.workers));
        let is_scaled = matches!(strategy, StrategyConfig::Scaling(_));
        let at = path.field("candidate");
        let candidate = match &deployment.candidate {
            Some(name) if !is_scaled => self.deployed(&at, name, file).map(|it| (name, it)),
            Some(_) => {
                let help = "remove it: all instances are of one version";
                self.problem(&at, "scaling needs no candidate", "expected none", help);
                None
            }
            None if is_scaled => None,
            None => {
                let message = "nothing takes the place of the service";
                let help =
                    "declare the version to come as a `Service`, and name it: `candidate: ..`";
                self.problem(path, message, "expected a `candidate` in here", help);
                None
            }
        };
        let Some(service) = service else { return };
        if let Some((name, candidate)) = candidate {
            self.fits(&at, (&deployment.service, service), (name, candidate));
        }
        // Where traffic is split, versions are found under names of their own.
        let is_one_pool = matches!(strategy, StrategyConfig::Rolling(_));
        let running = self.serving(path, service, &strategy);
        let versions = [(&deployment.service, running)];
        let versions = versions.into_iter().chain(candidate.map(|(name, _)| (name, 0)));
        for (version, running) in versions {
            let managed = ManagedService {
                control,
                running: running as usize,
                registers_as: if is_one_pool { &deployment.service } else { version }.clone(),
                version_of: deployment.service.clone(),
                registers,
                lifecycle: deployment.lifecycle().resolve(Profile::Guide),
                reports_usage: is_scaled,
                workers: service.workers,
            };
            self.managed.insert(version.clone(), managed);
        }
        let Some((candidate, _)) = candidate else { return };
        self.share_store(&deployment.service, candidate);
        if let Some(group) = self.groups.get_mut(candidate) {
            group.is_registered &= !is_one_pool;
        }
    }

    /// How many instances serve at the beginning.
    fn serving(&mut self, path: &Path, service: &ServiceFile, strategy: &StrategyConfig) -> u32 {
        let StrategyConfig::Scaling(scaling) = strategy else { return service.instances };
        let (least, most) = (scaling.scaler.min_replicas, scaling.scaler.max_replicas);
        if most > service.instances {
            let at = path.field("strategy").field("max_replicas");
            let message = format!("there are places for {} instances only", service.instances);
            let label = format!("expected a number from {least} to {}", service.instances);
            let help = format!("lower it, or write `instances: {most}` at the service");
            self.problem(&at, message, label, help);
        }
        least
    }

    /// Whether a candidate can take the place of a service.
    fn fits(
        &mut self,
        path: &Path,
        (service, file): (&str, &ServiceFile),
        (name, candidate): (&str, &ServiceFile),
    ) {
        if service == name {
            let message = format!("`{service}` would take its own place");
            let help = "declare the version to come as a `Service` of its own";
            self.problem(path, message, "expected another service", help);
        } else if candidate.instances != file.instances {
            let (own, many) = (candidate.instances, file.instances);
            let own = if own == 1 { "1 instance".into() } else { format!("{own} instances") };
            let message = format!("`{name}` has {own} for {many} to be replaced");
            let help = format!("write `instances: {many}` there");
            let label = format!("expected a service with as many, {many}");
            self.problem(path, message, label, help);
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
        workers: u32,
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
            StrategyFile::Scaling(options) => {
                let scaler = options.resolve(profile);
                self.mistakes(path, scaler.mistakes());
                // The drawing has no health but the heartbeat.
                let readiness = match profile {
                    Profile::Guide => Readiness::Heartbeat,
                    Profile::Hardened => Readiness::Probe,
                };
                (StrategyConfig::Scaling(ScalingConfig { scaler, workers }), readiness)
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
            start_up: file.start_up.as_ref().map_or_else(no_time, |span| span.0),
            warm_up: file.warm_up.as_ref().map_or_else(no_time, |span| span.0),
            becomes_ready: file.becomes_ready.unwrap_or(true),
            registers: managed.registers,
            lifecycle: managed.lifecycle,
            reports_usage: managed.reports_usage,
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
        let stable = self.instances(&file.service)?;
        let candidate = match &file.candidate {
            Some(candidate) => self.instances(candidate)?,
            None => Vec::new(),
        };
        let running = self.managed.get(&file.service)?.running;
        let workers = self.managed.get(&file.service)?.workers;
        let (strategy, _) = self.strategy(&path.field("strategy"), file, workers);
        let config = DeploymentNodeConfig {
            name: self.name(name),
            service: self.name(&file.service),
            subset: self.name(file.candidate.as_ref().unwrap_or(&file.service)),
            registry: self.registry,
            replicas: u32::try_from(running).unwrap_or(u32::MAX),
            stable,
            candidate,
            at: file.at,
            operator: self.operator(path, file),
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
        let mut instances = self.instances(&deployment.service)?;
        let replicas = self.managed.get(&deployment.service)?.running;
        if let Some(candidate) = &deployment.candidate {
            instances.extend(self.instances(candidate)?);
        }
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
        let Some(candidate) = &deployment.candidate else {
            let message = format!("`{name}` has no candidate that could have a share");
            let help = "name a canary or a blue-green deployment";
            self.problem(path, message, "expected a deployment with a candidate", help);
            return None;
        };
        let stable = self.instances(&deployment.service)?;
        let candidate = self.instances(candidate)?;
        Some(TrafficShare::new(control, stable, candidate, slack))
    }

    /// The instances of a service.
    fn instances(&self, service: &str) -> Option<Vec<NodeId>> {
        let group = self.groups.get(service)?;
        (group.kind == GroupKind::Service).then(|| group.nodes.clone())
    }
}
