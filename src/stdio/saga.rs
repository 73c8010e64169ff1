//! `saga`: scripted steps and compensations.

use brownout_models::policy::{Next, Saga};
use brownout_models::{Names, Time};

use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::script::{Invocation, Script};
use super::vocabulary::{Answer, CallKind, Completion, Events, SagaCall, Trouble, Verdict};

/// A saga and its handlers.
#[derive(Clone, Debug, Default)]
pub(super) struct SagaDesk {
    names: Names,
    saga: Saga,
    /// Action and compensation of every step.
    scripts: Vec<(Script, Option<Script>)>,
    execution: Option<Execution>,
}

/// The execution under way.
#[derive(Clone, Debug)]
struct Execution {
    request: u64,
    calls: Vec<SagaCall>,
    /// When the running call ends, and how.
    end: (Time, bool),
}

/// A request to the saga.
pub(super) enum SagaRequest {
    Step { name: String, action: Script, compensation: Option<Script> },
    Execute,
}

impl SagaDesk {
    /// Takes an execution on until it has to wait or ends.
    fn go_on(&mut self, now: Time, mut next: Next, mut execution: Execution, events: &mut Events) {
        loop {
            let (kind, step, invocation) = match next {
                Next::Act(step) => (CallKind::Action, step, self.act(step)),
                Next::Compensate(step) => (CallKind::Compensation, step, self.compensate(step)),
                Next::Committed => return self.end(now, Ok(()), execution, events),
                Next::RolledBack => {
                    let message = "saga transaction failed and rolled back";
                    let error = Trouble::new("saga_failed", message);
                    return self.end(now, Err(error), execution, events);
                }
            };
            let Invocation { takes, ok, .. } = invocation;
            execution.calls.push(SagaCall { at: now.as_nanos(), kind, step, ok });
            execution.end = (now + takes, ok);
            if !takes.is_zero() {
                self.execution = Some(execution);
                return;
            }
            let Some(following) = self.saga.ended(ok) else { return };
            next = following;
        }
    }

    fn act(&mut self, step: usize) -> Invocation {
        self.scripts.get_mut(step).map_or(NOTHING, |(action, _)| action.invoke())
    }

    fn compensate(&mut self, step: usize) -> Invocation {
        let scripts = self.scripts.get_mut(step);
        scripts.and_then(|(_, compensation)| compensation.as_mut()).map_or(NOTHING, Script::invoke)
    }

    fn end(
        &mut self,
        now: Time,
        outcome: Result<(), Trouble>,
        execution: Execution,
        events: &mut Events,
    ) {
        let completed = self.saga.completed().iter();
        let completion = Completion::Executed {
            verdict: Verdict::of(outcome),
            calls: execution.calls,
            current_step: self.saga.current_step(),
            completed: completed.map(|name| self.names.text(*name).to_owned()).collect(),
        };
        events.complete(now, execution.request, completion);
    }
}

/// A handler without a script succeeds at once.
const NOTHING: Invocation =
    Invocation { takes: brownout_models::Span::ZERO, ok: true, rejects: false };

impl Desk for SagaDesk {
    type Request = SagaRequest;

    fn read(operation: &str, fields: &mut Fields) -> Result<SagaRequest, Bad> {
        Ok(match operation {
            "step" => SagaRequest::Step {
                name: fields.text("name")?,
                action: Script::of_field(fields, "action")?,
                compensation: Script::of_optional_field(fields, "compensation")?,
            },
            "execute" => SagaRequest::Execute,
            _ => return Err(unknown_operation(operation, &["step", "execute", "advance"])),
        })
    }

    fn due(&self) -> Option<Time> {
        self.execution.as_ref().map(|execution| execution.end.0)
    }

    fn wake(&mut self, now: Time, events: &mut Events) {
        let Some(execution) = self.execution.take() else { return };
        if let Some(next) = self.saga.ended(execution.end.1) {
            self.go_on(now, next, execution, events);
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
            SagaRequest::Step { name, action, compensation } => {
                let name = self.names.intern(&name);
                self.saga.add_step(name, compensation.is_some());
                self.scripts.push((action, compensation));
                Ok(Answer::Done {})
            }
            SagaRequest::Execute => {
                let Some(next) = self.saga.begin() else {
                    return Err(Bad("an execution is under way, one at a time".to_owned()));
                };
                let execution = Execution { request: number, calls: Vec::new(), end: (now, true) };
                self.go_on(now, next, execution, events);
                Ok(Answer::PENDING)
            }
        }
    }

    fn is_pending(&self) -> bool {
        self.execution.is_some()
    }
}
