//! The stock machines as one closed enum, with one boxed variant for strangers.

use brownout_models::Fact;
use brownout_models::contract::{Input, Machine, Timer, Turn};
use brownout_models::machine::{
    BrokerNode, ClientNode, CompositionNode, DeploymentNode, GatewayNode, RegistryNode, SagaNode,
    ServiceNode, SidecarNode,
};
use serde::Serialize;

use super::Opaque;
use super::own::Stranger;
use crate::drill::DrillNode;

/// Any machine of a system.
#[derive(Clone, Debug, Serialize)]
pub enum Stock {
    /// A registry.
    Registry(RegistryNode<Opaque>),
    /// An API gateway.
    Gateway(GatewayNode<Opaque>),
    /// An instance of a service.
    Service(ServiceNode<Opaque>),
    /// A sidecar.
    Sidecar(SidecarNode<Opaque>),
    /// A message broker.
    Broker(BrokerNode<Opaque>),
    /// A saga orchestrator.
    Saga(SagaNode<Opaque>),
    /// An API composition.
    Composition(CompositionNode<Opaque>),
    /// A deployment.
    Deployment(DeploymentNode<Opaque>),
    /// A population of clients.
    Clients(ClientNode<Opaque>),
    /// A machine under drill.
    Drill(Box<DrillNode>),
    /// A stranger's machine.
    Own(Box<dyn Stranger>),
}

/// Does the same with whichever machine it is.
macro_rules! each {
    ($stock:expr, $machine:ident => $do:expr) => {
        match $stock {
            Stock::Registry($machine) => $do,
            Stock::Gateway($machine) => $do,
            Stock::Service($machine) => $do,
            Stock::Sidecar($machine) => $do,
            Stock::Broker($machine) => $do,
            Stock::Saga($machine) => $do,
            Stock::Composition($machine) => $do,
            Stock::Deployment($machine) => $do,
            Stock::Clients($machine) => $do,
            Stock::Drill($machine) => $do,
            Stock::Own($machine) => $do,
        }
    };
}

/// A step of a machine. Each kind of machine has a step of its own, so that
/// the code of those that a run does not have lies apart.
#[inline(never)]
fn step<M: Machine<Payload = Opaque, Fact = Fact>>(
    machine: &mut M,
    input: Input<Opaque, u64>,
    turn: &mut Turn<'_, Opaque, Fact>,
) {
    machine.step_coded(input, turn);
}

impl Stock {
    /// The word for the kind of machine.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Registry(_) => "registry",
            Self::Gateway(_) => "gateway",
            Self::Service(_) => "service",
            Self::Sidecar(_) => "sidecar",
            Self::Broker(_) => "broker",
            Self::Saga(_) => "saga",
            Self::Composition(_) => "composition",
            Self::Deployment(_) => "deployment",
            Self::Clients(_) => "clients",
            Self::Drill(_) => "drill",
            Self::Own(_) => "own",
        }
    }

    /// The name of the phase that the machine is in.
    #[must_use]
    pub fn phase_name(&self) -> &'static str {
        fn name<M: Machine>(machine: &M) -> &'static str {
            M::PHASES.get(machine.phase()).copied().unwrap_or("?")
        }
        match self {
            Self::Registry(machine) => name(machine),
            Self::Gateway(machine) => name(machine),
            Self::Service(machine) => name(machine),
            Self::Sidecar(machine) => name(machine),
            Self::Broker(machine) => name(machine),
            Self::Saga(machine) => name(machine),
            Self::Composition(machine) => name(machine),
            Self::Deployment(machine) => name(machine),
            Self::Clients(machine) => name(machine),
            Self::Drill(machine) => name(&**machine),
            Self::Own(machine) => machine.phase_name(),
        }
    }

    /// The words for a timer of this machine.
    #[must_use]
    pub fn timer_name(&self, timer: u64) -> String {
        fn name<M: Machine>(_: &M, timer: u64) -> String {
            format!("{:?}", M::Timer::from_code(timer))
        }
        match self {
            Self::Registry(machine) => name(machine, timer),
            Self::Gateway(machine) => name(machine, timer),
            Self::Service(machine) => name(machine, timer),
            Self::Sidecar(machine) => name(machine, timer),
            Self::Broker(machine) => name(machine, timer),
            Self::Saga(machine) => name(machine, timer),
            Self::Composition(machine) => name(machine, timer),
            Self::Deployment(machine) => name(machine, timer),
            Self::Clients(machine) => name(machine, timer),
            Self::Drill(machine) => name(&**machine, timer),
            Self::Own(machine) => machine.timer_name(timer),
        }
    }
}

impl Machine for Stock {
    type Payload = Opaque;
    type Timer = u64;
    type Fact = Fact;

    /// The phases of a system are those of its machines: see [`phase_name`](Self::phase_name).
    const PHASES: &'static [&'static str] = &[];

    fn phase(&self) -> usize {
        each!(self, machine => machine.phase())
    }

    #[inline(always)]
    fn step(&mut self, input: Input<Opaque, u64>, turn: &mut Turn<'_, Opaque, Fact>) {
        match self {
            Self::Registry(machine) => step(machine, input, turn),
            Self::Gateway(machine) => step(machine, input, turn),
            Self::Service(machine) => step(machine, input, turn),
            Self::Sidecar(machine) => step(machine, input, turn),
            Self::Broker(machine) => step(machine, input, turn),
            Self::Saga(machine) => step(machine, input, turn),
            Self::Composition(machine) => step(machine, input, turn),
            Self::Deployment(machine) => step(machine, input, turn),
            Self::Clients(machine) => step(machine, input, turn),
            Self::Drill(machine) => step(&mut **machine, input, turn),
            Self::Own(machine) => machine.step(input, turn),
        }
    }

    fn power_cut(&mut self) {
        each!(self, machine => machine.power_cut());
    }
}
