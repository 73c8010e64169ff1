//! A registry on the network: instances register, beat and are discovered; a sweep marks the silent.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::Serialize;

use crate::Name;
use crate::contract::{
    Answer, Body, Failure, Ground, Input, Machine, NodeId, Purpose, Sender, Turn,
};
use crate::fact::Fact;
use crate::policy::{DiscoverError, Registry, RegistryConfig};

crate::timers! {
    /// What can be overdue in a registry.
    pub enum Timer {
        /// The next sweep.
        Sweep,
    }
}

/// How a registry behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RegistryNodeConfig {
    /// The lease and the period of the sweep.
    pub registry: RegistryConfig,
}

/// A registry.
#[derive(Clone, Debug, Serialize)]
pub struct RegistryNode<P> {
    config: RegistryNodeConfig,
    registry: Registry<NodeId>,
    /// Answers to discovery, until something changes.
    snapshots: IndexMap<Name, Arc<[NodeId]>>,
    sweeps: u64,
    payload: std::marker::PhantomData<P>,
}

const SWEEP: Purpose = Purpose("sweep");

impl<P> RegistryNode<P> {
    /// An empty registry.
    #[must_use]
    pub fn new(config: RegistryNodeConfig) -> Self {
        Self {
            registry: Registry::new(config.registry.clone()),
            config,
            snapshots: IndexMap::new(),
            sweeps: 0,
            payload: std::marker::PhantomData,
        }
    }

    fn discover(&mut self, service: Name) -> Result<Arc<[NodeId]>, Failure> {
        if let Some(known) = self.snapshots.get(&service) {
            return Ok(Arc::clone(known));
        }
        let healthy = self.registry.discover(service).map_err(|error| match error {
            DiscoverError::NoInstances => Failure::NoInstances,
            DiscoverError::NoHealthyInstances => Failure::NoHealthyInstances,
        })?;
        let instances: Arc<[NodeId]> = healthy.map(|instance| instance.address).collect();
        self.snapshots.insert(service, Arc::clone(&instances));
        Ok(instances)
    }
}

/// An instance is known by the number of its node.
const fn id(node: NodeId) -> Name {
    Name(node.0)
}

const fn node(id: Name) -> NodeId {
    NodeId(id.0)
}

impl<P: Clone + std::fmt::Debug + Serialize> RegistryNode<P> {
    fn answer(&mut self, from: Sender, body: &Body<P>, turn: &mut Turn<'_, P, Fact>) {
        let now = turn.now();
        let instance = from.node;
        match body {
            Body::Discover(service) => {
                let outcome = self.discover(*service).map(Answer::Instances);
                turn.reply(from, body.name(), outcome);
                return;
            }
            Body::Register(service) => {
                self.registry.register(now, *service, id(instance), instance);
                turn.note(Fact::Registered { service: *service, instance });
                self.snapshots.clear();
            }
            Body::Heartbeat(service) => {
                match self.registry.heartbeat(now, *service, id(instance)) {
                    Ok(false) => {}
                    Ok(true) => {
                        turn.note(Fact::Revived { service: *service, instance });
                        self.snapshots.clear();
                    }
                    Err(_) => {
                        turn.reply_failure(from, body.name(), Failure::NoInstances);
                        return;
                    }
                }
            }
            Body::Deregister(service) => {
                if self.registry.deregister(*service, id(instance)).is_ok() {
                    turn.note(Fact::Deregistered { service: *service, instance });
                    self.snapshots.clear();
                }
            }
            Body::Request(_) | Body::Publish(_) | Body::PublishNumbered(..) => {
                turn.reply_failure(from, body.name(), Failure::UnknownMethod);
                return;
            }
        }
        turn.reply_done(from, body.name());
    }
}

impl<P: Clone + std::fmt::Debug + Serialize> Machine for RegistryNode<P> {
    type Payload = P;
    type Timer = Timer;
    type Fact = Fact;

    const PHASES: &'static [&'static str] = &["empty", "serving"];

    fn phase(&self) -> usize {
        usize::from(self.registry.services().next().is_some())
    }

    fn step(&mut self, input: Input<P, Timer>, turn: &mut Turn<'_, P, Fact>) {
        match input {
            Input::Start => turn.set(Timer::Sweep, self.config.registry.sweep_every),
            Input::Deliver { from, body } => self.answer(from, &body, turn),
            Input::Wake(Timer::Sweep) => {
                self.sweeps += 1;
                turn.start_flow(SWEEP, self.sweeps << 20, Ground::Background);
                for (service, marked) in self.registry.sweep(turn.now()) {
                    turn.note(Fact::Unhealthy { service, instance: node(marked) });
                    self.snapshots.clear();
                }
                turn.set(Timer::Sweep, self.config.registry.sweep_every);
            }
            // A registry calls nobody.
            Input::Reply { .. } | Input::Expired { .. } => {}
        }
    }

    fn power_cut(&mut self) {
        *self = Self::new(self.config.clone());
    }
}
