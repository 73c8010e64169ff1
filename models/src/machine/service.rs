//! An instance of a service: workers, a queue, handlers as step lists, and an outbox relay.

mod life;
mod managed;
mod relay;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::hash::{Map, Set};
use serde::Serialize;

use life::Life;
pub use managed::{Managed, Orders};

use crate::contract::{
    Answer, Body, Context, Failure, Ground, Input, Machine, NodeId, Outcome, Purpose, Request,
    Sender, Ticket, Timer as _, Turn,
};
use crate::fact::Fact;
use crate::machine::in_hand::InHand;
use crate::machine::{Dialer, Discovery, Jobs, Program, Progress};
use crate::policy::BulkheadConfig;
use crate::{Name, Span, Time};

crate::timers! {
    /// What can be overdue in a service.
    pub enum Timer {
        /// The next heartbeat.
        Heartbeat,
        /// The work or the sleep of a job.
        Job(u32),
        /// The next look into the outbox.
        Relay,
        /// The next part of the way up or down of an instance that somebody starts and stops.
        Lifecycle,
    }
}

/// How an instance of a service behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceConfig {
    /// The service.
    pub service: Name,
    /// How services are found, and which instance of one is called.
    pub discovery: Discovery,
    /// Whether and when it says that it is alive.
    pub heartbeat: Heartbeat,
    /// Whether it waits for the registry's answers, says that it is alive as soon as it is
    /// registered, and registers again where the registry does not know it (any more). Otherwise, as
    /// in the guide (REG-19), it registers once and never learns what became of it.
    pub reregisters: bool,
    /// How many requests it handles at once.
    pub workers: u32,
    /// How many requests wait at most; more are turned away.
    pub queue: u32,
    /// How many requests it has in hand at once, those that wait for a worker included; nobody
    /// waits for the bulkhead itself, whatever that says.
    pub bulkhead: BulkheadConfig,
    /// When who is turned away may come back, if it says so.
    pub retry_after: Option<Span>,
    /// What it does, by method or topic.
    pub handlers: Map<Name, Program>,
    /// Where the events of its outbox go.
    pub relay: Option<Relay>,
    /// Who starts and stops it, if anybody does.
    pub managed: Option<Managed>,
}

/// Whether and when an instance says that it is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Heartbeat {
    /// It never registers.
    Unregistered,
    /// It registers once and says nothing more.
    Never,
    /// It registers, and beats this often.
    Every(Span),
}

/// How events get from the outbox to the broker: at least once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Relay {
    /// The broker.
    pub broker: NodeId,
    /// How long to wait for the broker before publishing again.
    pub timeout: Span,
}

/// An instance of a service.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceNode<P> {
    config: Arc<ServiceConfig>,
    jobs: Jobs<P>,
    busy: u32,
    waiting: VecDeque<Waiting<P>>,
    in_hand: Option<InHand>,
    beats: u64,
    /// Events that were published and not acknowledged yet.
    in_flight: Set<u64>,
    /// Where it stands, if somebody starts and stops it.
    life: Option<Life>,
}

/// What waits for a worker.
#[derive(Clone, Debug, Serialize)]
enum Waiting<P> {
    /// A request.
    Request { context: Context, from: Sender, request: Request<P>, program: u32, since: Time },
    /// A probe: it takes a free worker to say that one is free.
    Probe(Ticket),
}

const HEARTBEAT: Purpose = Purpose("heartbeat");
/// Tags from here on belong to the outbox.
const OUTBOX: u64 = 1 << 62;
/// The tags of calls to the registry.
const REGISTERING: u64 = 1 << 61;
const BEATING: u64 = REGISTERING + 1;
/// How long an instance waits for the registry.
const REGISTRY_TIMEOUT: Span = Span::from_secs(1);

impl<P: Clone + std::fmt::Debug + Serialize> ServiceNode<P> {
    /// An idle instance.
    #[must_use]
    pub fn new(config: Arc<ServiceConfig>) -> Self {
        let jobs = Jobs::new(Dialer::new(config.discovery.clone()));
        let (waiting, in_flight) = (VecDeque::new(), Set::default());
        let in_hand = InHand::without_queue(&config.bulkhead);
        let life = config.managed.as_ref().map(Life::new);
        Self { config, jobs, busy: 0, waiting, in_hand, beats: 0, in_flight, life }
    }

    #[inline(never)]
    fn start(&mut self, turn: &mut Turn<'_, P, Fact>) {
        if self.config.heartbeat != Heartbeat::Unregistered {
            self.tell_registry(Body::Register(self.config.service), REGISTERING, turn);
        }
        if let Heartbeat::Every(period) = self.config.heartbeat {
            turn.set(Timer::Heartbeat, period);
        }
        self.relay_soon(Span::ZERO, turn);
    }

    #[inline(never)]
    fn beat(&mut self, turn: &mut Turn<'_, P, Fact>) {
        self.beats += 1;
        turn.start_flow(HEARTBEAT, self.beats << 20, Ground::Background);
        self.tell_registry(Body::Heartbeat(self.config.service), BEATING, turn);
        if let Heartbeat::Every(period) = self.config.heartbeat {
            turn.set(Timer::Heartbeat, period);
        }
    }

    fn tell_registry(&self, body: Body<P>, tag: u64, turn: &mut Turn<'_, P, Fact>) {
        match self.config.discovery.registry {
            Some(registry) if self.config.reregisters => {
                turn.call(registry, body, Some(REGISTRY_TIMEOUT), tag);
            }
            Some(registry) => turn.send(registry, body),
            None => {}
        }
    }

    /// The registry answered: an instance that it took in speaks up at once, one that it does not
    /// know registers. No answer is none; the next heartbeat will see.
    fn registry_answered(&self, tag: u64, outcome: &Outcome<P>, turn: &mut Turn<'_, P, Fact>) {
        match outcome {
            Ok(_) if tag == REGISTERING => {
                if let Heartbeat::Every(_) = self.config.heartbeat {
                    turn.set(Timer::Heartbeat, Span::ZERO);
                }
            }
            Err(Failure::NoInstances) if tag == BEATING => {
                self.tell_registry(Body::Register(self.config.service), REGISTERING, turn);
            }
            Ok(_) | Err(_) => {}
        }
    }

    /// Somebody asks whether it is well: yes, as soon as a worker is free.
    #[inline(never)]
    fn probe(&mut self, ticket: Ticket, turn: &mut Turn<'_, P, Fact>) {
        if self.busy < self.config.workers {
            turn.answer(ticket, Ok(Answer::Done(None)));
        } else if self.waiting.len() < self.config.queue as usize {
            self.waiting.push_back(Waiting::Probe(ticket));
        } else {
            turn.answer(ticket, Err(Failure::Overloaded));
        }
    }

    fn accept(&mut self, from: Sender, request: Request<P>, turn: &mut Turn<'_, P, Fact>) {
        let (method, key) = (request.method, request.key);
        let Some(program) = self.config.handlers.get_index_of(&method) else {
            turn.reply_failure(from, method, Failure::UnknownMethod);
            return;
        };
        let is_free = self.busy < self.config.workers;
        if !is_free && self.waiting.len() >= self.config.queue as usize {
            self.turn_away((from, method), Fact::Overloaded { method, key }, turn);
            return;
        }
        let since = turn.now();
        if let Some(inside) = self.in_hand.as_mut().and_then(|in_hand| in_hand.enter(since).err()) {
            self.turn_away((from, method), Fact::BulkheadFull { method, key, inside }, turn);
            return;
        }
        let program = u32::try_from(program).unwrap_or(u32::MAX);
        let context = turn.context();
        if is_free {
            self.take_up(from, request, (program, since), turn);
        } else {
            self.line_up(Waiting::Request { context, from, request, program, since });
            let waiting = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
            turn.note(Fact::Queued { method, key, waiting });
        }
    }

    #[inline(never)]
    fn line_up(&mut self, waiting: Waiting<P>) {
        self.waiting.push_back(waiting);
    }

    /// There is no room for a request.
    #[cold]
    fn turn_away(&self, (from, method): (Sender, Name), fact: Fact, turn: &mut Turn<'_, P, Fact>) {
        turn.note(fact);
        turn.refuse(from, method, Failure::Overloaded, self.config.retry_after);
    }

    /// Free workers take up what waits, on behalf of whoever sent it; a probe keeps none.
    #[inline(never)]
    fn take_up_next(&mut self, turn: &mut Turn<'_, P, Fact>) {
        while self.busy < self.config.workers
            && let Some(waiting) = self.waiting.pop_front()
        {
            match waiting {
                Waiting::Request { context, from, request, program, since } => {
                    turn.on_behalf(context);
                    self.take_up(from, request, (program, since), turn);
                }
                Waiting::Probe(ticket) => turn.answer(ticket, Ok(Answer::Done(None))),
            }
        }
    }

    /// A worker takes a request up.
    #[inline(always)]
    fn take_up(
        &mut self,
        from: Sender,
        request: Request<P>,
        (program, since): (u32, Time),
        turn: &mut Turn<'_, P, Fact>,
    ) {
        let context = turn.context();
        if self.life.is_some() {
            self.pass(turn);
        }
        self.busy += 1;
        turn.note(Fact::Began { method: request.method, key: request.key });
        let slot = self.jobs.begin(turn.now(), context, Some(from), request, program);
        if let Some(in_hand) = &mut self.in_hand {
            in_hand.began(slot, since);
        }
        match self.jobs.misfortune(slot, turn) {
            Some(failure) => self.fail(slot, failure, turn),
            None => self.go_on(slot, turn),
        }
    }

    #[inline(always)]
    fn go_on(&mut self, slot: u32, turn: &mut Turn<'_, P, Fact>) {
        let Some(program) = program(&self.config, &self.jobs, slot) else { return };
        match self.jobs.advance(slot, program, Timer::Job(slot), turn) {
            Progress::Waiting => {}
            Progress::Over(None) => self.finish(slot, None, turn),
            Progress::Over(Some(failure)) => self.fail(slot, failure, turn),
        }
        if self.config.relay.is_some()
            && (!self.in_flight.is_empty() || turn.outbox().next().is_some())
        {
            self.relay_soon(Span::ZERO, turn);
        }
    }

    /// The job failed.
    #[cold]
    fn fail(&mut self, slot: u32, failure: Failure, turn: &mut Turn<'_, P, Fact>) {
        self.finish(slot, Some(failure), turn);
    }

    /// The job is over; its worker takes up whoever waits longest.
    #[inline(always)]
    fn finish(&mut self, slot: u32, failure: Option<Failure>, turn: &mut Turn<'_, P, Fact>) {
        let Some(ended) = self.jobs.end(slot, failure, turn) else { return };
        if ended.killed {
            return;
        }
        turn.note(Fact::Finished { method: ended.method, key: ended.key, failure });
        if self.in_hand.is_some() || self.life.is_some() {
            self.count(slot, failure, turn);
        }
        self.busy -= 1;
        if !self.waiting.is_empty() {
            self.take_up_next(turn);
        }
        if self.life.is_some() {
            self.stop_if_idle(turn);
        }
    }

    /// A bulkhead or a life counts jobs that are over.
    #[cold]
    fn count(&mut self, slot: u32, failure: Option<Failure>, turn: &Turn<'_, P, Fact>) {
        if let Some(in_hand) = &mut self.in_hand {
            in_hand.finished(slot, turn.now(), failure);
        }
        self.pass(turn);
        if let Some(life) = &mut self.life {
            life.count(failure);
        }
    }

    /// The timeout of a call passed.
    #[cold]
    fn expired(&mut self, tag: u64, turn: &mut Turn<'_, P, Fact>) {
        self.heard(tag, Err(Failure::TimedOut), turn);
    }

    #[inline(always)]
    fn heard(&mut self, tag: u64, outcome: Outcome<P>, turn: &mut Turn<'_, P, Fact>) {
        if tag >= OUTBOX {
            self.relayed(tag - OUTBOX, outcome.is_ok(), turn);
            return;
        }
        if tag >= REGISTERING {
            self.registry_answered(tag, &outcome, turn);
            return;
        }
        let slot = Dialer::slot(tag);
        let Some(program) = program(&self.config, &self.jobs, slot) else { return };
        match self.jobs.answered(tag, outcome, program, turn) {
            None => {}
            Some(Ok(())) => self.go_on(slot, turn),
            Some(Err(failure)) => self.fail(slot, failure, turn),
        }
    }
}

/// The program of a job.
fn program<'a, P: Clone>(
    config: &'a ServiceConfig,
    jobs: &Jobs<P>,
    slot: u32,
) -> Option<&'a Program> {
    let number = jobs.get(slot)?.program;
    config.handlers.get_index(number as usize).map(|(_, program)| program)
}

impl<P: Clone + std::fmt::Debug + Serialize> Machine for ServiceNode<P> {
    type Payload = P;
    type Timer = Timer;
    type Fact = Fact;

    const PHASES: &'static [&'static str] = &["idle", "working", "saturated"];

    fn phase(&self) -> usize {
        match (self.busy, self.waiting.is_empty()) {
            (0, _) => 0,
            (_, true) => 1,
            (_, false) => 2,
        }
    }

    fn step(&mut self, input: Input<P, Timer>, turn: &mut Turn<'_, P, Fact>) {
        self.step_coded(input.map_timer(Timer::code), turn);
    }

    #[inline(always)]
    fn step_coded(&mut self, input: Input<P, u64>, turn: &mut Turn<'_, P, Fact>) {
        let mut input = input;
        if self.life.is_some() && !self.is_for_service(&mut input, turn) {
            return;
        }
        match input {
            Input::Start => self.start(turn),
            Input::Deliver { from, body: Body::Request(request) } => {
                self.accept(from, request, turn)
            }
            Input::Deliver { from, body: body @ Body::Heartbeat(_) } => {
                self.probe(turn.ticket(from, body.name()), turn);
            }
            Input::Deliver { from, body } => {
                turn.reply_failure(from, body.name(), Failure::UnknownMethod);
            }
            Input::Wake(timer) => match Timer::from_code(timer) {
                Timer::Heartbeat => self.beat(turn),
                Timer::Job(slot) => self.go_on(slot, turn),
                Timer::Relay => self.relay(turn),
                Timer::Lifecycle => {}
            },
            Input::Reply { tag, outcome } => self.heard(tag, outcome, turn),
            Input::Expired { tag } => self.expired(tag, turn),
        }
    }

    fn power_cut(&mut self) {
        let config = Arc::clone(&self.config);
        let life = self.life.zip(config.managed.as_ref());
        let life = life.map(|(life, managed)| life.after_power_cut(managed));
        *self = Self { life, ..Self::new(config) };
    }
}
