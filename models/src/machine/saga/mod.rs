//! A saga orchestrator on the network: actions and compensations are calls to services.
//!
//! Every request runs an execution of its own, as each order of the guide makes an orchestrator of
//! its own. The business key is the id of the saga; with the name of the method it is the
//! idempotency key of every action and compensation, which is why a participant must know them by
//! both.
//!
//! Where the log is durable, a request goes into the inbox before its saga begins, and the record of
//! every act is written before the act, in the node's own database. What a restart finds in the
//! inbox goes on from its record, in the name of the flow that it belongs to. The caller is not kept: a
//! saga that was resumed answers nobody but those who ask again.

mod config;
mod log;
mod outcome;

use std::sync::Arc;

use crate::hash::Map;
use serde::Serialize;

use crate::contract::{
    Body, Context, Failure, Input, Machine, Outcome, Request, Sender, Ticket, Turn,
};
use crate::fact::Fact;
use crate::machine::{Dialer, Dialling, Slab};
use crate::policy::{
    Checkpoint, LockOn, Locked, Next, Saga, SagaEnd, SagaLocks, SagaPlace, SameId,
};
use crate::{Name, Time};

use self::outcome::{answer, number, step_end};
pub use config::{SagaAction, SagaNodeConfig, SagaStep, SagaTables};

crate::timers! {
    /// What can be overdue in an orchestrator.
    pub enum Timer {
        /// The next attempt of what an execution is doing.
        Retry(u32),
    }
}

/// A saga orchestrator.
#[derive(Clone, Debug, Serialize)]
pub struct SagaNode<P> {
    config: Arc<SagaNodeConfig>,
    /// What every execution begins as.
    saga: Arc<Saga>,
    dialer: Dialer,
    executions: Slab<Execution<P>>,
    company: Box<Company>,
    /// What came with the requests in the inbox, by key; it survives as they do.
    payloads: Map<u64, P>,
}

/// What executions know of each other.
#[derive(Clone, Debug, Serialize)]
struct Company {
    /// The executions under way by id, where an id has one only.
    by_id: Map<u64, u32>,
    locks: SagaLocks<u32>,
}

/// One execution.
#[derive(Clone, Debug, Serialize)]
struct Execution<P> {
    context: Context,
    /// Who asked; nobody after a crash.
    from: Option<Sender>,
    /// Who asked for the same.
    joined: Vec<Ticket>,
    request: Request<P>,
    saga: Saga,
    /// The step under way, and whether it is its compensation.
    current: (usize, bool),
    /// The failure that turned it back.
    cause: Option<(usize, Failure)>,
}

impl<P: Clone + std::fmt::Debug + Serialize> SagaNode<P> {
    /// An orchestrator without executions.
    ///
    /// # Panics
    /// When the steps make no sense: see [`SagaNodeConfig::mistakes`].
    #[must_use]
    pub fn new(config: Arc<SagaNodeConfig>) -> Self {
        let mut saga = Saga::new(config.saga.clone());
        for step in &config.steps {
            saga.try_add_step(step.spec()).expect("the steps were checked");
        }
        let dialer = Dialer::new(config.discovery.clone());
        let locks = SagaLocks::new(config.saga.lock);
        let company = Box::new(Company { by_id: Map::default(), locks });
        let (executions, payloads) = (Slab::default(), Map::default());
        Self { config, saga: Arc::new(saga), dialer, executions, company, payloads }
    }

    /// The step of this number, from 0.
    #[must_use]
    pub fn step_at(&self, number: u32) -> Option<&SagaStep> {
        self.config.steps.get(usize::try_from(number).ok()?)
    }

    /// The table of its log; none where it has no log that outlives it.
    #[must_use]
    pub fn log_table(&self) -> Option<Name> {
        self.config.saga.is_logged().then_some(self.config.tables.log)
    }

    fn execute(&mut self, from: Sender, request: Request<P>, turn: &mut Turn<'_, P, Fact>) {
        if self.config.saga.same_id != SameId::Runs && self.is_known(from, &request, turn) {
            return;
        }
        let mut context = turn.context();
        if self.config.saga.is_logged() {
            // What has begun is brought to an end, whoever still waits for it.
            context.deadline = Time::NEVER;
        }
        let lock = self.lock_key(&request);
        let method = request.method;
        let execution = self.execution(context, Some(from), request);
        let slot = self.insert(execution);
        match self.company.locks.acquire(lock, slot) {
            Locked::Granted => self.begin(slot, turn),
            Locked::Queued => {}
            Locked::Refused => {
                self.remove(slot);
                turn.reply_failure(from, method, Failure::Failed);
            }
        }
    }

    /// Whether the saga of this id runs or has run: then the request waits, or has its answer.
    fn is_known(
        &mut self,
        from: Sender,
        request: &Request<P>,
        turn: &mut Turn<'_, P, Fact>,
    ) -> bool {
        let SagaNodeConfig { name: saga, tables, .. } = *self.config;
        let (key, method) = (request.key, request.method);
        let running = self.company.by_id.get(&key).and_then(|slot| self.executions.get_mut(*slot));
        let record = turn.read(tables.log, key).filter(|_| self.config.saga.is_logged());
        let ended = match record.and_then(Checkpoint::from_row).map(|record| record.place) {
            Some(SagaPlace::Ended(end)) => Some(end),
            Some(SagaPlace::New | SagaPlace::Acting(_) | SagaPlace::Compensating(_)) | None => None,
        };
        if running.is_none() && ended.is_none() {
            return false;
        }
        if self.config.saga.same_id == SameId::Refused {
            turn.reply_failure(from, method, Failure::Rejected);
            return true;
        }
        turn.note(Fact::SagaJoined { saga, key });
        match (running, ended) {
            (Some(running), _) => running.joined.push(turn.ticket(from, method)),
            (None, Some(end)) => answer(end, from, method, turn),
            (None, None) => {}
        }
        true
    }

    /// It is the turn of this execution.
    fn begin(&mut self, slot: u32, turn: &mut Turn<'_, P, Fact>) {
        let Some(execution) = self.executions.get(slot) else { return };
        let (saga, key) = (self.config.name, execution.request.key);
        self.take_in(slot, turn);
        turn.note(Fact::SagaBegan { saga, key });
        let first = self.executions.get_mut(slot).and_then(|execution| execution.saga.begin());
        self.go_on(slot, first, turn);
    }

    /// Does what comes next, until a call is under way or the saga is over.
    fn go_on(&mut self, slot: u32, mut next: Option<Next>, turn: &mut Turn<'_, P, Fact>) {
        loop {
            let Some(execution) = self.executions.get_mut(slot) else { return };
            let (step, compensation) = match next {
                Some(Next::Act(step)) => (step, false),
                Some(Next::Compensate(step)) => (step, true),
                Some(Next::Pause(delay)) => return turn.set(Timer::Retry(slot), delay),
                Some(Next::Committed) => return self.end(slot, SagaEnd::Committed, turn),
                Some(Next::NeedsIntervention) => {
                    return self.end(slot, SagaEnd::NeedsIntervention, turn);
                }
                Some(Next::RolledBack) | None => {
                    return self.end(slot, SagaEnd::Compensated, turn);
                }
            };
            execution.current = (step, compensation);
            let Some(action) = self.config.action(execution.current) else {
                next = execution.saga.ended(true);
                continue;
            };
            self.log(slot, turn);
            self.make_sure(turn);
            let timeout = self.config.saga.step_timeout.span();
            let (target, method) = (action.target, action.method);
            let Some(Execution { request, .. }) = self.executions.get(slot) else { return };
            match self.dialer.dial(turn, Dialling { target, method, request, timeout }, slot) {
                Ok(()) => return,
                Err(failure) => next = self.ended(slot, Some(failure), turn),
            }
        }
    }

    fn heard(&mut self, tag: u64, outcome: Outcome<P>, turn: &mut Turn<'_, P, Fact>) {
        let slot = Dialer::slot(tag);
        let Some(execution) = self.executions.get(slot) else { return };
        let Some(action) = self.config.action(execution.current) else { return };
        let (target, method, request) = (action.target, action.method, &execution.request);
        let timeout = self.config.saga.step_timeout.span();
        let call = Dialling { target, method, request, timeout };
        if let Some(outcome) = self.dialer.heard(turn, tag, outcome, call) {
            let next = self.ended(slot, outcome.err(), turn);
            self.go_on(slot, next, turn);
        }
    }

    /// The attempt under way ended.
    fn ended(
        &mut self,
        slot: u32,
        failure: Option<Failure>,
        turn: &mut Turn<'_, P, Fact>,
    ) -> Option<Next> {
        let execution = self.executions.get_mut(slot)?;
        let (step, compensation) = execution.current;
        turn.note(Fact::SagaStep {
            saga: self.config.name,
            key: execution.request.key,
            step: number(step),
            name: self.config.steps.get(step).map_or(self.config.name, |step| step.name),
            compensation,
            failure,
        });
        if let (Some(failure), false) = (failure, compensation) {
            execution.cause = Some((step, failure));
        }
        execution.saga.ended(step_end(failure))
    }

    fn retry(&mut self, slot: u32, turn: &mut Turn<'_, P, Fact>) {
        let Some(execution) = self.executions.get_mut(slot) else { return };
        let next = execution.saga.resume();
        if next.is_some() {
            self.go_on(slot, next, turn);
        }
    }

    fn end(&mut self, slot: u32, end: SagaEnd, turn: &mut Turn<'_, P, Fact>) {
        self.log(slot, turn);
        let Some(execution) = self.remove(slot) else { return };
        let lock = self.lock_key(&execution.request);
        let Execution { from, joined, request, saga, cause, current, .. } = execution;
        let (name, key) = (self.config.name, request.key);
        if let (Some(_), Some((step, failure))) = (saga.cause(), cause) {
            turn.note(Fact::SagaFailed { saga: name, key, step: number(step), failure });
        }
        turn.note(match end {
            SagaEnd::Committed => Fact::SagaEnded { saga: name, key, committed: true },
            SagaEnd::Compensated => Fact::SagaEnded { saga: name, key, committed: false },
            SagaEnd::NeedsIntervention => {
                Fact::SagaStuck { saga: name, key, step: number(current.0) }
            }
        });
        // Only now: a restart that finds this record says nothing more.
        self.make_sure(turn);
        self.take_out(key, turn);
        if let Some(from) = from {
            answer(end, from, request.method, turn);
        }
        for Ticket { context, from, what } in joined {
            turn.on_behalf(context);
            answer(end, from, what, turn);
        }
        if let Some(next) = self.company.locks.release(lock) {
            if let Some(execution) = self.executions.get(next) {
                turn.on_behalf(execution.context);
            }
            self.begin(next, turn);
        }
    }

    fn execution(
        &self,
        context: Context,
        from: Option<Sender>,
        request: Request<P>,
    ) -> Execution<P> {
        let saga = (*self.saga).clone();
        let (joined, current, cause) = (Vec::new(), (0, false), None);
        Execution { context, from, joined, request, saga, current, cause }
    }

    fn insert(&mut self, execution: Execution<P>) -> u32 {
        let key = execution.request.key;
        let slot = self.executions.insert(execution);
        if self.config.saga.same_id != SameId::Runs {
            self.company.by_id.insert(key, slot);
        }
        slot
    }

    fn remove(&mut self, slot: u32) -> Option<Execution<P>> {
        let execution = self.executions.remove(slot)?;
        if self.config.saga.same_id != SameId::Runs {
            self.company.by_id.swap_remove(&execution.request.key);
        }
        Some(execution)
    }

    fn lock_key(&self, request: &Request<P>) -> u64 {
        match self.config.saga.lock_on {
            LockOn::Key => request.key,
            LockOn::Client => u64::from(request.client.0),
        }
    }
}

impl<P: Clone + std::fmt::Debug + Serialize> Machine for SagaNode<P> {
    type Payload = P;
    type Timer = Timer;
    type Fact = Fact;

    const PHASES: &'static [&'static str] = &["idle", "executing"];

    fn phase(&self) -> usize {
        usize::from(!self.executions.is_empty())
    }

    fn step(&mut self, input: Input<P, Timer>, turn: &mut Turn<'_, P, Fact>) {
        match input {
            Input::Start => self.start(turn),
            Input::Wake(Timer::Retry(slot)) => self.retry(slot, turn),
            Input::Deliver { from, body: Body::Request(request) } => {
                self.execute(from, request, turn)
            }
            Input::Deliver { from, body } => {
                turn.reply_failure(from, body.name(), Failure::UnknownMethod);
            }
            Input::Reply { tag, outcome } => self.heard(tag, outcome, turn),
            Input::Expired { tag } => self.heard(tag, Err(Failure::TimedOut), turn),
        }
    }

    fn power_cut(&mut self) {
        let payloads = std::mem::take(&mut self.payloads);
        *self = Self { payloads, ..Self::new(Arc::clone(&self.config)) };
    }
}
