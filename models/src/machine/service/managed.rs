//! An instance that somebody else starts and stops: a container and the agent of its host.
//!
//! The agent's word outlives the process: after a crash it starts again what shall run. What is *not*
//! here: who decides, and when.

use serde::Serialize;

use super::life::{Drain, Life};
use super::{InHand, ServiceNode, Timer, Waiting};
use crate::contract::{
    Body, Distribution, Failure, Input, NodeId, Outcome, Purpose, Request, Sender, Timer as _, Turn,
};
use crate::fact::{DeploymentFact, Fact, InstanceState};
use crate::policy::{LifecycleConfig, OnStop, Readiness};
use crate::{Name, Span};

/// What an instance does that a deployment starts and stops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Managed {
    /// Who starts and stops it.
    pub control: NodeId,
    /// What the control plane's messages are called.
    pub orders: Orders,
    /// Whether it runs and is ready from the beginning.
    pub runs: bool,
    /// How long its process takes to start.
    pub start_up: Distribution,
    /// How long it takes then until it can serve.
    pub warm_up: Distribution,
    /// Whether it ever can.
    pub becomes_ready: bool,
    /// When it registers: as soon as it is up, or once it can serve.
    pub registers: Readiness,
    /// How it stops.
    pub lifecycle: LifecycleConfig,
    /// Whether it reports how busy its workers are.
    pub reports_usage: bool,
}

/// The methods of the control plane's requests. Their `key` tells a later order from an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Orders {
    /// The instance shall run.
    pub start: Name,
    /// The instance shall stop.
    pub stop: Name,
    /// An instance has finished `key` requests so far, and failed `amount` of them.
    pub metrics: Name,
    /// Its workers have been busy for `key` nanoseconds so far.
    pub usage: Name,
    /// Of those who ask the registry for `service`, `amount` percent get instances of `client`.
    pub split: Name,
}

const START_UP: Purpose = Purpose("start-up");
const WARM_UP: Purpose = Purpose("warm-up");
/// The tag of taking leave of the registry; those of the service's own calls to it lie below.
const LEAVING: u64 = super::REGISTERING + 2;
/// The tag of claiming the entry of an earlier life, to take leave of it.
const CLAIMING: u64 = LEAVING + 1;
/// How long it waits for the registry, and before it tries again where the registry fails.
const PATIENCE: Span = super::REGISTRY_TIMEOUT;

impl<P: Clone + std::fmt::Debug + Serialize> ServiceNode<P> {
    /// Whether the input is for the service: what concerns the instance as such is taken out of it. Only
    /// an instance with a life of its own needs to be asked.
    #[cold]
    pub(super) fn is_for_service(
        &mut self,
        input: &mut Input<P, u64>,
        turn: &mut Turn<'_, P, Fact>,
    ) -> bool {
        let taken = std::mem::replace(input, Input::Start);
        let left = self.managed(taken.map_timer(Timer::from_code), turn);
        let is_left = left.is_some();
        *input = left.map_or(Input::Start, |left| left.map_timer(Timer::code));
        is_left
    }

    fn managed(
        &mut self,
        input: Input<P, Timer>,
        turn: &mut Turn<'_, P, Fact>,
    ) -> Option<Input<P, Timer>> {
        let (Some(life), Some(managed)) = (self.life, &self.config.managed) else {
            return Some(input);
        };
        let (control, orders) = (managed.control, managed.orders);
        match input {
            Input::Start => self.power_on(life.state, turn),
            Input::Deliver { from, body: Body::Request(request) }
                if from.node == control
                    && [orders.start, orders.stop].contains(&request.method) =>
            {
                self.obey(from, &request, request.method == orders.start, turn);
                None
            }
            Input::Deliver { from, body } => self.asked(life, from, body, turn),
            Input::Wake(Timer::Lifecycle) => {
                self.due(turn);
                None
            }
            Input::Wake(Timer::Heartbeat) => life.is_registered.then_some(input),
            Input::Wake(Timer::Relay) => life.is_up().then_some(input),
            // A job of a process that was killed ends here.
            Input::Wake(Timer::Job(_)) => Some(input),
            Input::Reply { tag: super::REGISTERING, outcome: Ok(_) } if life.is_registered => {
                self.life = Some(life.claimed());
                Some(input)
            }
            Input::Reply { tag: LEAVING, outcome } => self.left(&outcome, turn),
            Input::Expired { tag: LEAVING } => self.left(&Err(Failure::TimedOut), turn),
            Input::Reply { tag: CLAIMING, outcome } => self.claimed(outcome.is_ok(), turn),
            Input::Expired { tag: CLAIMING } => self.claimed(false, turn),
            Input::Reply { tag, .. } | Input::Expired { tag } => {
                let is_ours = match tag {
                    super::OUTBOX.. => life.is_up(),
                    super::REGISTERING.. => life.is_registered,
                    _ => true,
                };
                is_ours.then_some(input)
            }
        }
    }

    fn power_on(
        &mut self,
        state: InstanceState,
        turn: &mut Turn<'_, P, Fact>,
    ) -> Option<Input<P, Timer>> {
        match state {
            InstanceState::Stopped => self.enter(InstanceState::Stopped, turn),
            InstanceState::Ready => {
                self.enter(InstanceState::Ready, turn);
                return Some(Input::Start);
            }
            InstanceState::Starting | InstanceState::WarmingUp | InstanceState::Draining => {
                self.boot(turn);
            }
        }
        None
    }

    /// Somebody asks something of an instance that may not be there.
    fn asked(
        &mut self,
        life: Life,
        from: Sender,
        body: Body<P>,
        turn: &mut Turn<'_, P, Fact>,
    ) -> Option<Input<P, Timer>> {
        let is_probe = matches!(body, Body::Heartbeat(_));
        let failure = match life.state {
            InstanceState::Stopped | InstanceState::Starting => Some(Failure::Reset),
            InstanceState::WarmingUp => Some(Failure::Failed),
            InstanceState::Draining => is_probe.then_some(Failure::Failed),
            InstanceState::Ready => None,
        };
        let is_control = self.config.managed.as_ref().is_some_and(|it| it.control == from.node);
        if is_probe && is_control {
            // The control plane asks whether it can serve, not whether it is busy.
            let outcome = failure.map_or(Ok(crate::contract::Answer::Done(None)), Err);
            turn.reply(from, body.name(), outcome);
            if life.is_up() {
                self.report(from.node, turn);
            }
            return None;
        }
        let Some(failure) = failure else { return Some(Input::Deliver { from, body }) };
        if let (Some(life), false, true) = (&mut self.life, is_probe, life.is_up()) {
            life.count(Some(failure));
        }
        turn.reply_failure(from, body.name(), failure);
        None
    }

    /// Its workers have been as busy as they are until now.
    #[cold]
    pub(super) fn pass(&mut self, turn: &Turn<'_, P, Fact>) {
        if let Some(life) = &mut self.life {
            life.pass(turn.now(), self.busy);
        }
    }

    /// Tells the control plane what this process has done so far.
    fn report(&mut self, control: NodeId, turn: &mut Turn<'_, P, Fact>) {
        let (Some(life), Some(managed)) = (&mut self.life, &self.config.managed) else { return };
        life.pass(turn.now(), self.busy);
        let amount = i64::try_from(life.errors).unwrap_or(i64::MAX);
        let mut reports = vec![(managed.orders.metrics, life.requests, amount)];
        if managed.reports_usage {
            reports.push((managed.orders.usage, life.busy.as_nanos(), 0));
        }
        let service = self.config.service;
        for (method, key, amount) in reports {
            let client = service;
            let request = Request { service, method, client, key, amount, payload: None };
            turn.send(control, Body::Request(request));
        }
    }

    /// The control plane wants it to run, or to stop; the same order again, or an earlier one, is none.
    fn obey(
        &mut self,
        from: Sender,
        request: &Request<P>,
        runs: bool,
        turn: &mut Turn<'_, P, Fact>,
    ) {
        let Some(life) = &mut self.life else { return };
        turn.reply_done(from, request.method);
        if request.key <= life.order {
            return;
        }
        life.order = request.key;
        match (life.state, runs) {
            (InstanceState::Stopped, true) => self.boot(turn),
            (InstanceState::Draining, _) => life.starts_again = runs,
            (InstanceState::Starting | InstanceState::WarmingUp | InstanceState::Ready, false) => {
                self.leave(turn);
            }
            (InstanceState::Starting | InstanceState::WarmingUp | InstanceState::Ready, true)
            | (InstanceState::Stopped, false) => {}
        }
    }

    fn boot(&mut self, turn: &mut Turn<'_, P, Fact>) {
        let Some(managed) = &self.config.managed else { return };
        let after = turn.span(START_UP, &managed.start_up);
        self.enter(InstanceState::Starting, turn);
        turn.set(Timer::Lifecycle, after);
    }

    fn enter(&mut self, state: InstanceState, turn: &mut Turn<'_, P, Fact>) {
        let Some(life) = &mut self.life else { return };
        life.state = state;
        let service = self.config.service;
        turn.note(Fact::Deployment(DeploymentFact::Instance { service, state }));
    }

    /// Whatever it waited for is over.
    fn due(&mut self, turn: &mut Turn<'_, P, Fact>) {
        let (Some(life), Some(managed)) = (self.life, self.config.managed.clone()) else { return };
        match life.state {
            InstanceState::Starting => {
                self.enter(InstanceState::WarmingUp, turn);
                if managed.registers == Readiness::Heartbeat {
                    self.join(turn);
                }
                if managed.becomes_ready {
                    let after = turn.span(WARM_UP, &managed.warm_up);
                    turn.set(Timer::Lifecycle, after);
                }
            }
            InstanceState::WarmingUp => {
                self.enter(InstanceState::Ready, turn);
                if managed.registers == Readiness::Probe {
                    self.join(turn);
                }
            }
            InstanceState::Draining if turn.now() >= life.until => self.kill(turn),
            InstanceState::Draining => match life.drain {
                Drain::Leaving => self.take_leave(turn),
                Drain::Settling | Drain::Finishing => self.drain(Drain::Finishing, Span::MAX, turn),
            },
            InstanceState::Stopped | InstanceState::Ready => {}
        }
        self.stop_if_idle(turn);
    }

    fn join(&mut self, turn: &mut Turn<'_, P, Fact>) {
        if let Some(life) = &mut self.life {
            life.is_registered = true;
        }
        self.start(turn);
    }

    fn leave(&mut self, turn: &mut Turn<'_, P, Fact>) {
        let (Some(life), Some(managed)) = (&mut self.life, &self.config.managed) else { return };
        let was_registered = std::mem::take(&mut life.is_registered);
        if managed.lifecycle.on_stop == OnStop::Kill || !was_registered {
            self.kill(turn);
            return;
        }
        life.until = turn.now() + managed.lifecycle.grace;
        turn.cancel(Timer::Heartbeat);
        self.enter(InstanceState::Draining, turn);
        self.take_leave(turn);
    }

    /// Tells the registry that it goes. What the registry knows may be an earlier life's entry, which
    /// is no other's to take away: so it is taken over first.
    fn take_leave(&mut self, turn: &mut Turn<'_, P, Fact>) {
        let (Some(life), service) = (self.life, self.config.service) else { return };
        if let Some(registry) = self.config.discovery.registry {
            let (body, tag) = match life.has_claimed {
                true => (Body::Deregister(service), LEAVING),
                false => (Body::Register(service), CLAIMING),
            };
            turn.call(registry, body, Some(PATIENCE), tag);
        }
        self.drain(Drain::Leaving, Span::MAX, turn);
    }

    /// The registry has confirmed that it is gone, or did not: then it is told again.
    fn left(
        &mut self,
        outcome: &Outcome<P>,
        turn: &mut Turn<'_, P, Fact>,
    ) -> Option<Input<P, Timer>> {
        let (Some(life), Some(managed)) = (self.life, &self.config.managed) else { return None };
        if life.state != InstanceState::Draining || life.drain != Drain::Leaving {
            return None;
        }
        let delay = managed.lifecycle.drain_delay;
        match outcome {
            Ok(_) | Err(Failure::NoInstances) => self.drain(Drain::Settling, delay, turn),
            Err(Failure::TimedOut) => self.take_leave(turn),
            Err(_) => self.drain(Drain::Leaving, PATIENCE, turn),
        }
        None
    }

    /// The registry has taken its entry in, or did not: then it is told again.
    fn claimed(&mut self, is_ours: bool, turn: &mut Turn<'_, P, Fact>) -> Option<Input<P, Timer>> {
        let Some(life) = &mut self.life else { return None };
        if life.state == InstanceState::Draining && life.drain == Drain::Leaving {
            life.has_claimed |= is_ours;
            if is_ours {
                self.take_leave(turn);
            } else {
                self.drain(Drain::Leaving, PATIENCE, turn);
            }
        }
        None
    }

    /// Goes on draining for a while, and not beyond the moment when it is killed.
    fn drain(&mut self, drain: Drain, after: Span, turn: &mut Turn<'_, P, Fact>) {
        let Some(life) = &mut self.life else { return };
        life.drain = drain;
        let left = life.until.since(turn.now());
        turn.set(Timer::Lifecycle, after.min(left));
    }

    /// A draining instance stops once nothing is under way.
    #[cold]
    pub(super) fn stop_if_idle(&mut self, turn: &mut Turn<'_, P, Fact>) {
        let Some(life) = self.life else { return };
        let is_last = life.state == InstanceState::Draining && life.drain == Drain::Finishing;
        if is_last && self.busy == 0 && self.waiting.is_empty() {
            self.kill(turn);
        }
    }

    /// The process ends, with whatever is under way.
    fn kill(&mut self, turn: &mut Turn<'_, P, Fact>) {
        let context = turn.context();
        self.jobs.kill(turn);
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Request { context, from, request, .. } => {
                    turn.on_behalf(context);
                    turn.reply_failure(from, request.method, Failure::Reset);
                }
                Waiting::Probe(ticket) => turn.answer(ticket, Err(Failure::Reset)),
            }
        }
        turn.on_behalf(context);
        self.pass(turn);
        self.busy = 0;
        self.in_hand = InHand::without_queue(&self.config.bulkhead);
        self.in_flight.clear();
        turn.cancel(Timer::Heartbeat);
        turn.cancel(Timer::Relay);
        turn.cancel(Timer::Lifecycle);
        let Some(life) = &mut self.life else { return };
        life.forget();
        let starts_again = std::mem::take(&mut life.starts_again);
        self.enter(InstanceState::Stopped, turn);
        if starts_again {
            self.boot(turn);
        }
    }
}
