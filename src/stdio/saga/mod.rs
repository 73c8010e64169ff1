//! `saga`: scripted steps and compensations, and a crash of the orchestrator at any moment.

mod execution;

use brownout_models::policy::{
    Checkpoint, Completed, Locked, Next, Saga, SagaConfig, SagaLocks, SagaOptions, SagaStepSpec,
    SameId, StepKind,
};
use brownout_models::{Mistake, Names, Profile, Time};
use indexmap::IndexMap;

use self::execution::{Execution, Wait, seen};
use super::Options;
use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::script::{Invocation, Script};
use super::vocabulary::{Answer, Events, Trouble};

impl Options for SagaOptions {
    type Config = SagaConfig;

    fn checked(&self, profile: Profile) -> (SagaConfig, Vec<Mistake>) {
        let config = self.resolve(profile);
        let mistakes = config.mistakes();
        (config, mistakes)
    }
}

/// A saga and its handlers.
#[derive(Clone, Debug)]
pub(super) struct SagaDesk {
    profile: Profile,
    names: Names,
    /// What an execution begins as; with what earlier ones completed, where that is kept.
    saga: Saga,
    /// Action and compensation of every step.
    scripts: Vec<(Script, Option<Script>)>,
    /// By number of the request that began it.
    executions: IndexMap<u64, Execution>,
    locks: SagaLocks<u64>,
    /// The last record of every saga, where there is a log.
    log: IndexMap<u64, i64>,
    /// Timers set so far.
    timers: u64,
}

/// A request to the saga.
pub(super) enum SagaRequest {
    Step { name: String, kind: StepKind, action: Script, compensation: Option<Script> },
    Execute { id: Option<u64>, key: Option<u64> },
    Crash,
}

impl SagaDesk {
    pub(super) fn new(config: SagaConfig, profile: Profile) -> Self {
        let locks = SagaLocks::new(config.lock);
        Self {
            profile,
            names: Names::new(),
            saga: Saga::new(config),
            scripts: Vec::new(),
            executions: IndexMap::new(),
            locks,
            log: IndexMap::new(),
            timers: 0,
        }
    }

    fn config(&self) -> &SagaConfig {
        self.saga.config()
    }

    fn add_step(
        &mut self,
        name: &str,
        kind: StepKind,
        action: Script,
        compensation: Option<Script>,
    ) -> Answer {
        let name = self.names.intern(name);
        let step = SagaStepSpec { name, kind, has_compensation: compensation.is_some() };
        if let Err(mistake) = self.saga.try_add_step(step) {
            return Answer::Failed { error: Trouble::new("invalid_step", mistake.to_string()) };
        }
        if self.config().completed == Completed::Kept {
            // There is one orchestrator, and the step is its own, though not this execution's.
            for execution in self.executions.values_mut() {
                execution.saga.add_step(name, step.has_compensation);
            }
        }
        self.scripts.push((action, compensation));
        Answer::Done {}
    }

    fn execute(
        &mut self,
        now: Time,
        number: u64,
        (id, key): (Option<u64>, Option<u64>),
        events: &mut Events,
    ) -> Result<Answer, Bad> {
        if self.config().completed == Completed::Kept && !self.executions.is_empty() {
            return Err(Bad("an execution is under way, one at a time".to_owned()));
        }
        let id = id.unwrap_or(number);
        if let Some(answer) = self.same_id(now, number, id, events) {
            return Ok(answer);
        }
        let key = key.unwrap_or(id);
        self.executions.insert(number, self.execution(id, key, number));
        match self.locks.acquire(key, number) {
            Locked::Granted => self.begin(now, number, events),
            Locked::Queued => {}
            Locked::Refused => {
                self.executions.shift_remove(&number);
                let error = Trouble::new("locked", format!("another saga holds key {key}"));
                return Ok(Answer::Failed { error });
            }
        }
        Ok(Answer::PENDING)
    }

    /// What a request is answered whose saga runs or has run; nothing where it runs one of its own.
    fn same_id(&mut self, now: Time, number: u64, id: u64, events: &mut Events) -> Option<Answer> {
        let running = self.executions.values_mut().find(|execution| execution.id == id);
        let ended = self.log.get(&id).copied().and_then(Checkpoint::from_row);
        match (self.saga.config().same_id, running, ended) {
            (SameId::Runs, _, _) | (_, None, None) => None,
            (SameId::Refused, _, _) => {
                let error = Trouble::new("saga_exists", format!("saga {id} runs or has run"));
                Some(Answer::Failed { error })
            }
            (SameId::Joins, Some(running), _) => {
                running.requests.push(number);
                Some(Answer::PENDING)
            }
            (SameId::Joins, None, Some(record)) => {
                let mut execution = self.execution(id, id, number);
                execution.saga.restore(record);
                events.complete(now, number, execution.completion(&self.names, self.profile));
                Some(Answer::PENDING)
            }
        }
    }

    fn execution(&self, id: u64, key: u64, number: u64) -> Execution {
        let (requests, calls, wait) = (vec![number], Vec::new(), Wait::Lock);
        Execution { id, key, requests, saga: self.saga.clone(), calls, wait }
    }

    fn begin(&mut self, now: Time, number: u64, events: &mut Events) {
        let Some(execution) = self.executions.get_mut(&number) else { return };
        if let Some(next) = execution.saga.begin() {
            self.go_on(now, number, next, events);
        }
    }

    /// Takes an execution on until it has to wait or ends.
    fn go_on(&mut self, now: Time, number: u64, mut next: Next, events: &mut Events) {
        loop {
            let invocation = match next {
                Next::Act(step) => self.act(step),
                Next::Compensate(step) => self.compensate(step),
                Next::Pause(delay) => {
                    let order = self.timer();
                    if let Some(execution) = self.executions.get_mut(&number) {
                        execution.wait = Wait::Pause { until: now + delay, order };
                    }
                    return;
                }
                Next::Committed | Next::RolledBack | Next::NeedsIntervention => {
                    return self.end(now, number, events);
                }
            };
            let (order, is_logged, profile) =
                (self.timer(), self.config().is_logged(), self.profile);
            let Some(execution) = self.executions.get_mut(&number) else { return };
            if is_logged {
                self.log.insert(execution.id, execution.saga.checkpoint().to_row());
            }
            let (until, end) = seen(now, invocation, &execution.saga);
            execution.call(now, next, end, profile);
            execution.wait = Wait::Call { until, order, end };
            if until > now {
                return;
            }
            let Some(following) = execution.saga.ended(end) else { return };
            next = following;
        }
    }

    fn timer(&mut self) -> u64 {
        self.timers += 1;
        self.timers
    }

    fn act(&mut self, step: usize) -> Invocation {
        self.scripts.get_mut(step).map_or(Invocation::AT_ONCE, |(action, _)| action.invoke())
    }

    fn compensate(&mut self, step: usize) -> Invocation {
        let scripts = self.scripts.get_mut(step);
        let compensation = scripts.and_then(|(_, compensation)| compensation.as_mut());
        compensation.map_or(Invocation::AT_ONCE, Script::invoke)
    }

    fn end(&mut self, now: Time, number: u64, events: &mut Events) {
        let Some(mut execution) = self.executions.shift_remove(&number) else { return };
        if self.config().is_logged() {
            self.log.insert(execution.id, execution.saga.checkpoint().to_row());
        }
        if self.config().completed == Completed::Kept {
            self.saga = execution.saga.clone();
        }
        for request in std::mem::take(&mut execution.requests) {
            events.complete(now, request, execution.completion(&self.names, self.profile));
        }
        if let Some(next) = self.locks.release(execution.key) {
            self.begin(now, next, events);
        }
    }

    /// The orchestrator loses what it knows, and comes back at once with what its log says.
    fn crash(&mut self, now: Time, events: &mut Events) {
        self.saga.forget();
        self.locks = SagaLocks::new(self.config().lock);
        let executions = std::mem::take(&mut self.executions);
        for (number, mut execution) in executions {
            execution.cut_off();
            let record = self.log.get(&execution.id).copied().and_then(Checkpoint::from_row);
            let Some(record) = record else {
                execution.saga.forget();
                for request in std::mem::take(&mut execution.requests) {
                    events.complete(now, request, execution.completion(&self.names, self.profile));
                }
                continue;
            };
            // The one that has a record holds its lock: nobody is refused here.
            self.locks.acquire(execution.key, number);
            let next = execution.saga.restore(record);
            self.executions.insert(number, execution);
            self.go_on(now, number, next, events);
        }
    }
}

impl Desk for SagaDesk {
    type Request = SagaRequest;

    fn read(operation: &str, fields: &mut Fields) -> Result<SagaRequest, Bad> {
        Ok(match operation {
            "step" => SagaRequest::Step {
                name: fields.text("name")?,
                kind: if fields.has("kind") { kind(fields)? } else { StepKind::Compensatable },
                action: Script::with_rejections(fields, "action")?,
                compensation: Script::of_optional_field(fields, "compensation")?,
            },
            "execute" => SagaRequest::Execute {
                id: fields.optional_natural("id")?,
                key: fields.optional_natural("key")?,
            },
            "crash" => SagaRequest::Crash,
            _ => {
                return Err(unknown_operation(operation, &["step", "execute", "crash", "advance"]));
            }
        })
    }

    fn due(&self) -> Option<Time> {
        self.executions.values().filter_map(|execution| execution.wait.due()).min().map(|due| due.0)
    }

    fn wake(&mut self, now: Time, events: &mut Events) {
        let due = |execution: &Execution| execution.wait.due();
        let first = self.executions.iter().filter_map(|(number, it)| Some((due(it)?, *number)));
        let Some((_, number)) = first.min() else { return };
        let Some(execution) = self.executions.get_mut(&number) else { return };
        let next = match execution.wait {
            Wait::Call { end, .. } => execution.saga.ended(end),
            Wait::Pause { .. } => execution.saga.resume(),
            Wait::Lock => None,
        };
        if let Some(next) = next {
            self.go_on(now, number, next, events);
        }
    }

    fn take(
        &mut self,
        now: Time,
        number: u64,
        request: SagaRequest,
        events: &mut Events,
    ) -> Result<Answer, Bad> {
        match request {
            SagaRequest::Step { name, kind, action, compensation } => {
                Ok(self.add_step(&name, kind, action, compensation))
            }
            SagaRequest::Execute { id, key } => self.execute(now, number, (id, key), events),
            SagaRequest::Crash => {
                self.crash(now, events);
                Ok(Answer::Done {})
            }
        }
    }

    fn is_pending(&self) -> bool {
        !self.executions.is_empty()
    }
}

fn kind(fields: &mut Fields) -> Result<StepKind, Bad> {
    match fields.text("kind")?.as_str() {
        "compensatable" => Ok(StepKind::Compensatable),
        "pivot" => Ok(StepKind::Pivot),
        "retriable" => Ok(StepKind::Retriable),
        _ => Err(Bad("field `kind` must be `compensatable`, `pivot` or `retriable`".to_owned())),
    }
}
