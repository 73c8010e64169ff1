//! A registry on the network: instances register, beat and are discovered; a sweep marks the silent.

use std::sync::Arc;

use crate::hash::Map;
use serde::Serialize;

use crate::contract::{
    Answer, Body, Failure, Ground, Input, Machine, NodeId, Purpose, Request, Sender, Subset,
    Timer as _, Turn,
};
use crate::fact::{DeploymentFact, Fact};
use crate::machine::Slab;
use crate::policy::registry::{Expiry, Probing};
use crate::policy::{
    DiscoverError, GoneHow, Registration, Registry, RegistryConfig, RegistryError,
};
use crate::{Name, Time, name};

crate::timers! {
    /// What can be overdue in a registry.
    pub enum Timer {
        /// The next sweep.
        Sweep,
        /// The next round of probes.
        Probe,
    }
}

/// How a registry behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RegistryNodeConfig {
    /// The leases, and all the rest.
    pub registry: RegistryConfig,
    /// What a control plane's request is called that splits the traffic of a service, where there is
    /// one: the method of [`Orders::split`](crate::machine::Orders).
    pub split: Option<Name>,
}

/// A registry.
#[derive(Clone, Debug, Serialize)]
pub struct RegistryNode<P> {
    config: RegistryNodeConfig,
    registry: Registry<NodeId>,
    /// Answers to discovery, until something changes.
    snapshots: Map<Name, Arc<[NodeId]>>,
    sweeps: u64,
    /// When a lease will run out by itself, where leases do.
    due: Option<Time>,
    rounds: u64,
    /// Probes under way.
    probes: Slab<Probe>,
    /// Services whose traffic is split. They are configuration, and outlive a crash.
    splits: Map<Name, Split>,
    payload: std::marker::PhantomData<P>,
}

/// A question whether an instance is well.
#[derive(Clone, Copy, Debug, Serialize)]
struct Probe {
    service: Name,
    id: Name,
}

/// A part of the traffic of a service goes to a subset of it.
#[derive(Clone, Copy, Debug, Serialize)]
struct Split {
    subset: Name,
    percent: u32,
    /// What is owed to the subset, in hundredths of a request.
    owed: u32,
    /// Which order it was; earlier ones are late.
    order: u64,
}

const SWEEP: Purpose = Purpose("sweep");
const PROBE: Purpose = Purpose("probe");

impl<P> RegistryNode<P> {
    /// An empty registry.
    #[must_use]
    pub fn new(config: RegistryNodeConfig) -> Self {
        Self {
            registry: Registry::new(config.registry.clone()),
            config,
            snapshots: Map::default(),
            sweeps: 0,
            due: None,
            rounds: 0,
            probes: Slab::default(),
            splits: Map::default(),
            payload: std::marker::PhantomData,
        }
    }

    /// Who asks for a service gets its instances, or those of a subset: of any so many who ask in a
    /// row the subset gets its share, rounded down or up.
    fn find(&mut self, now: Time, service: Name) -> Result<Answer<P>, Failure> {
        if !self.splits.is_empty()
            && let Some(name) = self.subset(service)
        {
            let instances = self.discover(now, name)?;
            return Ok(Answer::Subset(Arc::new(Subset { name, instances })));
        }
        self.discover(now, service).map(Answer::Instances)
    }

    /// The subset that the next one who asks for a service gets, where its turn has come.
    #[cold]
    fn subset(&mut self, service: Name) -> Option<Name> {
        let split = self.splits.get_mut(&service)?;
        split.owed += split.percent;
        if split.owed < 100 {
            return None;
        }
        split.owed -= 100;
        Some(split.subset)
    }

    /// A control plane splits the traffic of a service.
    fn split(&mut self, from: Sender, request: &Request<P>, turn: &mut Turn<'_, P, Fact>) {
        let (service, subset) = (request.service, request.client);
        let percent = u32::try_from(request.amount.clamp(0, 100)).unwrap_or(0);
        let known = self.splits.get(&service).map_or(0, |split| split.order);
        if request.key > known {
            let split = Split { subset, percent, owed: 0, order: request.key };
            self.splits.insert(service, split);
            turn.note(Fact::Deployment(DeploymentFact::Split { service, subset, percent }));
        }
        turn.reply_done(from, request.method);
    }

    #[inline(always)]
    fn discover(&mut self, now: Time, service: Name) -> Result<Arc<[NodeId]>, Failure> {
        let is_current = self.due.is_none_or(|due| now < due);
        if let Some(known) = self.snapshots.get(&service).filter(|_| is_current) {
            return Ok(Arc::clone(known));
        }
        self.discover_anew(now, service)
    }

    #[cold]
    fn discover_anew(&mut self, now: Time, service: Name) -> Result<Arc<[NodeId]>, Failure> {
        let found = self.registry.discover(now, service).map_err(|error| match error {
            DiscoverError::NoInstances => Failure::NoInstances,
            DiscoverError::NoHealthyInstances => Failure::NoHealthyInstances,
        })?;
        let instances: Arc<[NodeId]> =
            found.instances.iter().map(|instance| instance.address).collect();
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
    #[inline(never)]
    fn answer(&mut self, from: Sender, body: &Body<P>, turn: &mut Turn<'_, P, Fact>) {
        let (now, life) = (turn.now(), u64::from(from.life));
        let instance = from.node;
        let touched = match body {
            Body::Request(request) if self.config.split == Some(request.method) => {
                self.split(from, request, turn);
                return;
            }
            Body::Register(service) => self.register(from, *service, turn),
            Body::Heartbeat(service) => {
                self.registry.heartbeat(now, *service, id(instance), life).map(|healed| {
                    if healed {
                        turn.note(Fact::Revived { service: *service, instance });
                        self.snapshots.clear();
                    }
                })
            }
            Body::Deregister(service) => {
                if self.registry.deregister(now, *service, id(instance), life).is_ok() {
                    turn.note(Fact::Deregistered { service: *service, instance });
                    self.snapshots.clear();
                }
                Ok(())
            }
            Body::Discover(_)
            | Body::Request(_)
            | Body::Publish(_)
            | Body::PublishNumbered(..)
            | Body::PublishOnce(..) => {
                turn.reply_failure(from, body.name(), Failure::UnknownMethod);
                return;
            }
        };
        match touched {
            Ok(()) => turn.reply_done(from, body.name()),
            Err(RegistryError::ServiceNotFound | RegistryError::InstanceNotFound) => {
                turn.reply_failure(from, body.name(), Failure::NoInstances);
            }
            Err(RegistryError::StaleIncarnation { .. }) => {
                turn.reply_failure(from, body.name(), Failure::Rejected);
            }
        }
        self.arm(turn);
    }

    fn register(
        &mut self,
        from: Sender,
        service: Name,
        turn: &mut Turn<'_, P, Fact>,
    ) -> Result<(), RegistryError> {
        let (instance, incarnation) = (from.node, u64::from(from.life));
        let registration =
            Registration { service, id: id(instance), incarnation, address: instance };
        self.registry.register(turn.now(), registration)?;
        turn.note(Fact::Registered { service, instance });
        self.snapshots.clear();
        Ok(())
    }

    #[inline(never)]
    fn sweep(&mut self, turn: &mut Turn<'_, P, Fact>) {
        self.sweeps += 1;
        turn.start_flow(SWEEP, self.sweeps << 20, Ground::Background);
        for gone in self.registry.sweep(turn.now()) {
            let (service, instance) = (gone.service, node(gone.id));
            turn.note(match gone.how {
                GoneHow::GivenUp => Fact::Unhealthy { service, instance },
                GoneHow::Evicted => Fact::Evicted { service, instance },
            });
            self.snapshots.clear();
        }
        match self.config.registry.expiry {
            Expiry::Sweep => turn.set(Timer::Sweep, self.config.registry.sweep_every),
            Expiry::Exact => {
                self.due = None;
                self.arm(turn);
            }
        }
    }

    /// Where leases run out by themselves: wakes when the next one does.
    fn arm(&mut self, turn: &mut Turn<'_, P, Fact>) {
        if self.config.registry.expiry == Expiry::Sweep {
            return;
        }
        let due = self.registry.due();
        if due == self.due {
            return;
        }
        self.due = due;
        // Nobody waits for a lease to run out, whoever's message it was that moved it.
        self.sweeps += 1;
        turn.start_flow(SWEEP, self.sweeps << 20, Ground::Background);
        match due {
            Some(due) => turn.set(Timer::Sweep, due.since(turn.now())),
            None => turn.cancel(Timer::Sweep),
        }
    }

    /// Asks every instance how it is.
    fn probe(&mut self, turn: &mut Turn<'_, P, Fact>) {
        self.rounds += 1;
        turn.start_flow(PROBE, self.rounds << 20, Ground::Background);
        let timeout = self.config.registry.probe_timeout;
        for (service, instances) in self.registry.services() {
            for instance in instances {
                let tag = u64::from(self.probes.insert(Probe { service, id: instance.id }));
                turn.call(instance.address, Body::Heartbeat(service), Some(timeout), tag);
            }
        }
        turn.set(Timer::Probe, self.config.registry.probe_interval);
    }

    fn probed(&mut self, tag: u64, passed: bool, turn: &mut Turn<'_, P, Fact>) {
        let slot = u32::try_from(tag).unwrap_or(u32::MAX);
        let Some(Probe { service, id }) = self.probes.remove(slot) else { return };
        // An instance that took its leave meanwhile is nobody's concern.
        if self.registry.probed(turn.now(), service, id, passed) == Ok(true) {
            let instance = node(id);
            turn.note(if passed {
                Fact::Revived { service, instance }
            } else {
                Fact::Unhealthy { service, instance }
            });
            self.snapshots.clear();
        }
        self.arm(turn);
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
        self.step_coded(input.map_timer(Timer::code), turn);
    }

    fn step_coded(&mut self, input: Input<P, u64>, turn: &mut Turn<'_, P, Fact>) {
        match input {
            Input::Start => {
                if self.config.registry.expiry == Expiry::Sweep {
                    turn.set(Timer::Sweep, self.config.registry.sweep_every);
                }
                if self.config.registry.probing == Probing::On {
                    turn.set(Timer::Probe, self.config.registry.probe_interval);
                }
            }
            Input::Deliver { from, body: Body::Discover(service) } => {
                let outcome = self.find(turn.now(), service);
                turn.reply(from, name::DISCOVER, outcome);
            }
            Input::Deliver { from, body } => self.answer(from, &body, turn),
            Input::Wake(timer) => match Timer::from_code(timer) {
                Timer::Sweep => self.sweep(turn),
                Timer::Probe => self.probe(turn),
            },
            Input::Reply { tag, outcome } => self.probed(tag, outcome.is_ok(), turn),
            Input::Expired { tag } => self.probed(tag, false, turn),
        }
    }

    fn power_cut(&mut self) {
        let splits = std::mem::take(&mut self.splits);
        *self = Self { splits, ..Self::new(self.config.clone()) };
    }
}
