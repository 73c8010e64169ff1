//! What an orchestrator on the network does: its steps, whom they call, and where its log is.

use serde::Serialize;

use crate::Name;
use crate::machine::{Discovery, Target};
use crate::policy::{SagaConfig, SagaStepSpec, StepKind};
use crate::profile::Mistake;

/// What a saga orchestrator does, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SagaNodeConfig {
    /// The name of the saga.
    pub name: Name,
    /// How services are found, and which instance of one is called.
    pub discovery: Discovery,
    /// The steps, in order.
    pub steps: Vec<SagaStep>,
    /// How it treats failures, crashes and company.
    pub saga: SagaConfig,
    /// The tables of a durable log; unused where it is volatile.
    pub tables: SagaTables,
}

/// The tables in which an orchestrator keeps its log, by the id of the saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SagaTables {
    /// Sagas to run: the amount that each is about.
    pub inbox: Name,
    /// How far each has come.
    pub log: Name,
}

/// A step and what undoes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SagaStep {
    /// The name, by which the guide finds the compensation.
    pub name: Name,
    /// What it is to its saga.
    pub kind: StepKind,
    /// What the step does.
    pub action: SagaAction,
    /// What undoes it.
    pub compensation: Option<SagaAction>,
}

impl SagaStep {
    /// The step as its saga sees it.
    #[must_use]
    pub const fn spec(&self) -> SagaStepSpec {
        let has_compensation = self.compensation.is_some();
        SagaStepSpec { name: self.name, kind: self.kind, has_compensation }
    }
}

/// A call of a saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SagaAction {
    /// Who is called.
    pub target: Target,
    /// What is asked.
    pub method: Name,
}

impl SagaNodeConfig {
    /// Everything that makes no sense, by option or by the number of a step.
    pub fn mistakes(&self) -> impl Iterator<Item = (Option<usize>, Mistake)> {
        let specs: Vec<SagaStepSpec> = self.steps.iter().map(SagaStep::spec).collect();
        let steps = (0..specs.len()).filter_map(move |at| {
            let mistake = specs[at].mistake(&self.saga, &specs[..at]).or_else(|| self.twin(at))?;
            Some((Some(at), mistake))
        });
        self.saga.mistakes().into_iter().map(|mistake| (None, mistake)).chain(steps)
    }

    /// A step that asks the same of the same service as an earlier one: where calls may come twice,
    /// the service could not tell the second step from the first one tried again.
    fn twin(&self, at: usize) -> Option<Mistake> {
        let asks = |step: &SagaStep| (step.action.target.service, step.action.method);
        let asked = asks(self.steps.get(at)?);
        let earlier = self.steps[..at].iter().position(|step| asks(step) == asked)?;
        self.saga.is_logged().then(|| {
            Mistake::new(
                "action.method",
                format!("step {} asks the same of the same service", earlier + 1),
                "expected a method of its own",
                "a call is known by the saga and its method; give one of the two another method",
            )
        })
    }

    /// What is called for a step, or for its compensation.
    pub(super) fn action(&self, (step, compensation): (usize, bool)) -> Option<SagaAction> {
        let step = self.steps.get(step)?;
        if compensation { step.compensation } else { Some(step.action) }
    }
}
