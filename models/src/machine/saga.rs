//! A saga orchestrator on the network: actions and compensations are calls to services.
//!
//! Every request runs an execution of its own, as each order of the guide makes an orchestrator of
//! its own.

use std::sync::Arc;

use serde::Serialize;

use crate::contract::{
    Body, Context, Failure, Input, Machine, NodeId, Outcome, Request, Sender, Turn,
};
use crate::fact::Fact;
use crate::machine::{Dialer, Slab, Target};
use crate::policy::{Next, Saga};
use crate::{Name, Span};

/// How a saga runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SagaConfig {
    /// The name of the saga.
    pub name: Name,
    /// Where services are found.
    pub registry: Option<NodeId>,
    /// The steps, in order.
    pub steps: Vec<SagaStep>,
    /// How long an action or a compensation may take; the guide waits for ever.
    pub step_timeout: Option<Span>,
}

/// A step and what undoes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SagaStep {
    /// The name, by which the guide finds the compensation.
    pub name: Name,
    /// What the step does.
    pub action: SagaAction,
    /// What undoes it.
    pub compensation: Option<SagaAction>,
}

/// A call of a saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SagaAction {
    /// Who is called.
    pub target: Target,
    /// What is asked.
    pub method: Name,
}

/// A saga orchestrator.
#[derive(Clone, Debug, Serialize)]
pub struct SagaNode<P> {
    config: Arc<SagaConfig>,
    dialer: Dialer,
    executions: Slab<Execution<P>>,
}

/// One execution.
#[derive(Clone, Debug, Serialize)]
struct Execution<P> {
    context: Context,
    from: Sender,
    request: Request<P>,
    saga: Saga,
    /// The step under way, and whether it is its compensation.
    current: (usize, bool),
}

impl<P: Clone + std::fmt::Debug + Serialize> SagaNode<P> {
    /// An orchestrator without executions.
    #[must_use]
    pub fn new(config: Arc<SagaConfig>) -> Self {
        let dialer = Dialer::new(config.registry);
        Self { config, dialer, executions: Slab::default() }
    }

    fn execute(&mut self, from: Sender, request: Request<P>, turn: &mut Turn<'_, P, Fact>) {
        turn.note(Fact::SagaBegan { saga: self.config.name, key: request.key });
        let mut saga = Saga::default();
        for step in &self.config.steps {
            saga.add_step(step.name, step.compensation.is_some());
        }
        let first = saga.begin();
        let context = turn.context();
        let slot =
            self.executions.insert(Execution { context, from, request, saga, current: (0, false) });
        self.go_on(slot, first, turn);
    }

    /// Does what comes next, until a call is under way or the saga is over.
    fn go_on(&mut self, slot: u32, mut next: Option<Next>, turn: &mut Turn<'_, P, Fact>) {
        loop {
            let Some(execution) = self.executions.get_mut(slot) else { return };
            let (step, compensation) = match next {
                Some(Next::Act(step)) => (step, false),
                Some(Next::Compensate(step)) => (step, true),
                Some(Next::Committed) => return self.end(slot, true, turn),
                Some(Next::RolledBack) | None => return self.end(slot, false, turn),
            };
            execution.current = (step, compensation);
            let Some(action) = action(&self.config, execution.current) else {
                next = execution.saga.ended(true);
                continue;
            };
            let request = Request { method: action.method, ..execution.request.clone() };
            let timeout = self.config.step_timeout;
            match self.dialer.dial(turn, action.target, &request, timeout, slot) {
                Ok(()) => return,
                Err(failure) => next = self.ended(slot, Some(failure), turn),
            }
        }
    }

    fn heard(&mut self, tag: u64, outcome: Outcome<P>, turn: &mut Turn<'_, P, Fact>) {
        let slot = Dialer::slot(tag);
        let Some(execution) = self.executions.get(slot) else { return };
        let Some(action) = action(&self.config, execution.current) else { return };
        let request = Request { method: action.method, ..execution.request.clone() };
        let call = (action.target, &request, self.config.step_timeout);
        if let Some(outcome) = self.dialer.heard(turn, tag, outcome, call) {
            let next = self.ended(slot, outcome.err(), turn);
            self.go_on(slot, next, turn);
        }
    }

    /// The action or compensation under way ended.
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
            step: u32::try_from(step).unwrap_or(u32::MAX),
            name: self.config.steps.get(step).map_or(self.config.name, |step| step.name),
            compensation,
            failure,
        });
        execution.saga.ended(failure.is_none())
    }

    fn end(&mut self, slot: u32, committed: bool, turn: &mut Turn<'_, P, Fact>) {
        let Some(execution) = self.executions.remove(slot) else { return };
        let Execution { from, request, .. } = execution;
        turn.note(Fact::SagaEnded { saga: self.config.name, key: request.key, committed });
        if committed {
            turn.reply_done(from, request.method);
        } else {
            turn.reply_failure(from, request.method, Failure::RolledBack);
        }
    }
}

fn action(config: &SagaConfig, (step, compensation): (usize, bool)) -> Option<SagaAction> {
    let step = config.steps.get(step)?;
    if compensation { step.compensation } else { Some(step.action) }
}

impl<P: Clone + std::fmt::Debug + Serialize> Machine for SagaNode<P> {
    type Payload = P;
    type Timer = ();
    type Fact = Fact;

    const PHASES: &'static [&'static str] = &["idle", "executing"];

    fn phase(&self) -> usize {
        usize::from(!self.executions.is_empty())
    }

    fn step(&mut self, input: Input<P, ()>, turn: &mut Turn<'_, P, Fact>) {
        match input {
            Input::Start | Input::Wake(()) => {}
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
        *self = Self::new(Arc::clone(&self.config));
    }
}
