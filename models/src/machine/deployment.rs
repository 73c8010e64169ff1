//! A deployment on the network: a control plane that starts and stops instances while they serve.
//!
//! It tells the agents of instances what shall run and asks instances how they are; the strategy is a
//! policy that hears of events and wants actions. Orders are levels, not edges: one that nobody has
//! confirmed is given again with the next look, and what was decided outlives a crash of the control
//! plane, as it would in its database. What is *not* here: what an instance does with an order.

mod operator;
mod orders;
mod scaling;
mod slot;
mod strategy;

use std::sync::Arc;

use serde::Serialize;

use crate::contract::{
    Body, Context, Failure, Ground, Input, Machine, NodeId, Outcome, Purpose, Request, Sender, Turn,
};
use crate::fact::{DeploymentFact, Fact};
use crate::machine::Orders;
use crate::policy::{DeployAction, DeployEvent, LifecycleConfig, OperatorWord, Version};
use crate::{Name, Span, Time};

use orders::Split;
pub use scaling::ScalingConfig;
use slot::Slot;
use strategy::Strategy;
pub use strategy::StrategyConfig;

crate::timers! {
    /// What can be overdue in a deployment.
    pub enum Timer {
        /// Its beginning.
        Begin,
        /// The next look at the instances.
        Look,
        /// Something that the strategy waits for.
        Due,
        /// The next word of a person.
        Operator,
    }
}

/// What is deployed, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeploymentNodeConfig {
    /// The name of the deployment.
    pub name: Name,
    /// The service.
    pub service: Name,
    /// The subset of it that the candidate is, where traffic is split.
    pub subset: Name,
    /// Who splits the traffic, where the strategy sets weights.
    pub registry: Option<NodeId>,
    /// Where instances of the version run that serves before.
    pub stable: Vec<NodeId>,
    /// Where instances of the version can run that shall serve.
    pub candidate: Vec<NodeId>,
    /// How many instances serve.
    pub replicas: u32,
    /// When it begins.
    pub at: Span,
    /// What a person says to it, and when; in order of time, none before it begins.
    pub operator: Vec<(Span, OperatorWord)>,
    /// How one version takes the place of the other.
    pub strategy: StrategyConfig,
    /// How instances are watched.
    pub lifecycle: LifecycleConfig,
    /// What its messages are called.
    pub orders: Orders,
}

/// A deployment.
#[derive(Clone, Debug, Serialize)]
pub struct DeploymentNode<P> {
    config: Arc<DeploymentNodeConfig>,
    phase: Phase,
    strategy: Option<Strategy>,
    slots: Vec<Slot>,
    split: Split,
    /// In whose name everything is done that the deployment wants.
    context: Option<Context>,
    /// Orders so far.
    orders: u64,
    /// Looks at the instances so far.
    looks: u64,
    /// Words of a person so far.
    told: usize,
    payload: std::marker::PhantomData<P>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Phase {
    Waiting,
    Running,
    TurnedBack,
    Halted,
    Over(Version),
}

const ROLLOUT: Purpose = Purpose("rollout");
const LOOK: Purpose = Purpose("look");

/// The low bits of a tag say which place a call is about, and the high ones what it is.
const PLACE_BITS: u32 = 16;
const PROBE: u64 = 1 << 63;
/// No instance is there: the order is for the registry.
const REGISTRY: u64 = (1 << PLACE_BITS) - 1;

/// The tag of a call about a place and the order that was given there last.
const fn tag(order: u64, place: u64) -> u64 {
    order << PLACE_BITS | place
}
impl<P: Clone + std::fmt::Debug + Serialize> DeploymentNode<P> {
    /// A deployment that has not begun.
    #[must_use]
    pub fn new(config: Arc<DeploymentNodeConfig>) -> Self {
        let serving = (0..config.replicas).map(Some).chain(std::iter::repeat(None));
        let stable = config.stable.iter().zip(serving);
        let stable = stable.map(|(node, instance)| Slot::new(*node, Version::Stable, instance));
        let candidate = config.candidate.iter();
        let candidate = candidate.map(|node| Slot::new(*node, Version::Candidate, None));
        let slots = stable.chain(candidate).collect();
        Self {
            config,
            phase: Phase::Waiting,
            strategy: None,
            slots,
            split: Split::default(),
            context: None,
            orders: 0,
            looks: 0,
            told: 0,
            payload: std::marker::PhantomData,
        }
    }

    /// A life begins: the first one, or another that goes on where the last one stood.
    fn start(&mut self, turn: &mut Turn<'_, P, Fact>) {
        match self.phase {
            Phase::Waiting => {
                turn.start_flow(ROLLOUT, 1 << 20, self.ground());
                let at = Time::ZERO + self.config.at;
                turn.set(Timer::Begin, at.since(turn.now()));
            }
            Phase::Running | Phase::TurnedBack | Phase::Halted | Phase::Over(_) => {
                self.act_for_rollout(turn);
                turn.set(Timer::Look, Span::ZERO);
                self.arm(turn);
                self.listen(turn);
            }
        }
    }

    fn begin(&mut self, turn: &mut Turn<'_, P, Fact>) {
        self.context = Some(turn.context());
        self.phase = Phase::Running;
        turn.note(Fact::Deployment(DeploymentFact::Began));
        let mut strategy = Strategy::new(&self.config.strategy, self.config.replicas, turn.now());
        let actions = strategy.begin(turn.now());
        self.strategy = Some(strategy);
        self.carry_out(actions, turn);
        turn.set(Timer::Look, self.config.lifecycle.probe_interval);
        self.listen(turn);
    }

    /// Asks every instance how it is, and gives orders again that nobody has confirmed.
    fn look(&mut self, turn: &mut Turn<'_, P, Fact>) {
        if self.is_idle() {
            return;
        }
        self.looks += 1;
        turn.start_flow(LOOK, self.looks << 20, self.ground());
        turn.set(Timer::Look, self.config.lifecycle.probe_interval);
        let timeout = Some(self.config.lifecycle.probe_timeout);
        for (place, slot) in (0..).zip(&self.slots) {
            if slot.instance.is_some() && !slot.is_pending {
                let tag = PROBE | tag(slot.order, place);
                turn.call(slot.node, Body::Heartbeat(self.config.service), timeout, tag);
            }
        }
        self.act_for_rollout(turn);
        for place in 0..self.slots.len() {
            if self.slots[place].is_pending {
                self.give_order(place, turn);
            }
        }
        if self.split.is_pending {
            self.split_traffic(turn);
        }
    }

    /// A rollout is awaited; scaling has no end, and nobody waits for it.
    fn ground(&self) -> Ground {
        match self.config.strategy {
            StrategyConfig::Scaling(_) => Ground::Background,
            StrategyConfig::Rolling(_)
            | StrategyConfig::Canary(_)
            | StrategyConfig::BlueGreen(_) => Ground::Foreground,
        }
    }

    /// Whether nothing is left to do or to see.
    fn is_idle(&self) -> bool {
        let is_over = match self.phase {
            Phase::Waiting | Phase::Halted | Phase::Over(_) => true,
            Phase::Running | Phase::TurnedBack => false,
        };
        is_over && !self.split.is_pending && !self.slots.iter().any(|slot| slot.is_pending)
    }

    fn heard(&mut self, tag: u64, outcome: &Outcome<P>, turn: &mut Turn<'_, P, Fact>) {
        let (place, order) = (tag & REGISTRY, (tag & !PROBE) >> PLACE_BITS);
        if place == REGISTRY {
            self.split.is_pending &= order != self.split.order || outcome.is_err();
            return;
        }
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        let Some(slot) = self.slots.get_mut(place).filter(|slot| slot.order == order) else {
            return;
        };
        if tag & PROBE == 0 {
            slot.is_pending = outcome.is_err();
            return;
        }
        for event in slot.probed(outcome, self.config.lifecycle.probe_failures) {
            self.handle(event, turn);
        }
    }

    /// A process reports what it has done so far.
    fn reported(&mut self, from: Sender, request: &Request<P>, turn: &mut Turn<'_, P, Fact>) {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.node == from.node) else { return };
        let failed = u64::try_from(request.amount).unwrap_or(0);
        let (requests, errors) = slot.reported(request.key, failed);
        if requests > 0 && slot.instance.is_some() {
            let version = slot.version;
            self.handle(DeployEvent::Metrics { version, requests, errors }, turn);
        }
    }

    /// The workers of an instance have been busy for so long by now.
    fn was_busy(&mut self, from: Sender, busy: Span) {
        let slot = self.slots.iter_mut().find(|slot| slot.node == from.node);
        if let (Some(slot), Some(Strategy::Scaling(scaling))) = (slot, &mut self.strategy) {
            scaling.busy(slot.was_busy(busy));
        }
    }

    /// Something is due that the strategy waits for.
    fn wake(&mut self, turn: &mut Turn<'_, P, Fact>) {
        let Some(strategy) = &mut self.strategy else { return };
        let now = turn.now();
        let usage = if let Strategy::Scaling(scaling) = strategy { scaling.usage(now) } else { 0 };
        let actions = strategy.wake(now);
        if let Strategy::Scaling(scaling) = strategy
            && !actions.is_empty()
        {
            let replicas = scaling.replicas();
            turn.note(Fact::Deployment(DeploymentFact::Scaled { replicas, usage }));
        }
        self.carry_out(actions, turn);
    }

    fn handle(&mut self, event: DeployEvent, turn: &mut Turn<'_, P, Fact>) {
        let Some(strategy) = &mut self.strategy else { return };
        let actions = strategy.handle(turn.now(), event);
        self.carry_out(actions, turn);
    }

    fn carry_out(&mut self, actions: Vec<DeployAction>, turn: &mut Turn<'_, P, Fact>) {
        let context = turn.context();
        self.act_for_rollout(turn);
        for action in actions {
            self.act(action, turn);
        }
        self.arm(turn);
        turn.on_behalf(context);
    }

    fn act(&mut self, action: DeployAction, turn: &mut Turn<'_, P, Fact>) {
        let fact = match action {
            DeployAction::Start { instance, version } => {
                let is_free = |slot: &Slot| slot.version == version && slot.instance.is_none();
                let place = self.slots.iter().position(is_free);
                return self.order(place, Some(instance), turn);
            }
            DeployAction::Stop { instance } => {
                let place = self.slots.iter().position(|slot| slot.instance == Some(instance));
                return self.order(place, None, turn);
            }
            DeployAction::Weight { candidate } => return self.weigh(candidate, turn),
            DeployAction::TurnBack { reason } => {
                self.phase = Phase::TurnedBack;
                DeploymentFact::TurnedBack { reason }
            }
            DeployAction::Pause => {
                self.phase = Phase::Halted;
                DeploymentFact::Halted
            }
            DeployAction::Done { version } => {
                self.phase = Phase::Over(version);
                DeploymentFact::Ended { version }
            }
        };
        turn.note(Fact::Deployment(fact));
    }

    /// Sets the timer for what the strategy waits for.
    fn arm(&self, turn: &mut Turn<'_, P, Fact>) {
        let due = self.strategy.as_ref().and_then(|strategy| strategy.due(turn.now()));
        match due {
            Some(due) => turn.set(Timer::Due, due.since(turn.now())),
            None => turn.cancel(Timer::Due),
        }
    }

    /// Everything that the deployment wants is done in its own name, whoever's word led to it.
    const fn act_for_rollout(&self, turn: &mut Turn<'_, P, Fact>) {
        if let Some(context) = self.context {
            turn.on_behalf(context);
        }
    }
}

impl<P: Clone + std::fmt::Debug + Serialize> Machine for DeploymentNode<P> {
    type Payload = P;
    type Timer = Timer;
    type Fact = Fact;

    const PHASES: &'static [&'static str] =
        &["waiting", "rolling out", "turned back", "halted", "rolled out", "rolled back"];

    fn phase(&self) -> usize {
        match self.phase {
            Phase::Waiting => 0,
            Phase::Running => 1,
            Phase::TurnedBack => 2,
            Phase::Halted => 3,
            Phase::Over(Version::Candidate) => 4,
            Phase::Over(Version::Stable) => 5,
        }
    }

    fn step(&mut self, input: Input<P, Timer>, turn: &mut Turn<'_, P, Fact>) {
        match input {
            Input::Start => self.start(turn),
            Input::Wake(Timer::Begin) => self.begin(turn),
            Input::Wake(Timer::Look) => self.look(turn),
            Input::Wake(Timer::Due) => self.wake(turn),
            Input::Wake(Timer::Operator) => self.told(turn),
            Input::Deliver { from, body: Body::Request(request) }
                if request.method == self.config.orders.metrics =>
            {
                self.reported(from, &request, turn);
            }
            Input::Deliver { from, body: Body::Request(request) }
                if request.method == self.config.orders.usage =>
            {
                self.was_busy(from, Span::from_nanos(request.key));
            }
            Input::Deliver { from, body } => {
                turn.reply_failure(from, body.name(), Failure::UnknownMethod);
            }
            Input::Reply { tag, outcome } => self.heard(tag, &outcome, turn),
            Input::Expired { tag } => self.heard(tag, &Err(Failure::TimedOut), turn),
        }
    }

    /// What was decided is in the control plane's database; what is under way is not.
    fn power_cut(&mut self) {}
}
