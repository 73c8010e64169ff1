//! Explaining: which deviations of a failing plan are necessary, by running without each of them.

use crate::choice::{Deviation, Plan};
use crate::run::{Keep, Run};
use crate::scenario::Scenario;

/// A failing plan, and what each of its deviations has to do with it.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The run of the plan, with its trace.
    pub run: Run,
    /// The deviations that applied, in the order of striking.
    pub parts: Vec<Part>,
}

/// A deviation of a failing plan.
#[derive(Clone, Debug)]
pub struct Part {
    /// Which.
    pub deviation: Deviation,
    /// Whether without it the property holds.
    pub is_necessary: bool,
    /// The run without it, with its trace.
    pub without: Run,
}

/// Explains a failing plan; `None` when everything holds.
#[must_use]
pub fn explain(scenario: &Scenario, plan: &Plan) -> Option<Explanation> {
    let keep = Keep { trace: true, ..Keep::VERDICT };
    let run = scenario.run_keeping(plan, keep);
    let property = run.violation.as_ref()?.property.clone();
    let part = |deviation: &Deviation| {
        let others = run.applied.iter().filter(|other| *other != deviation).cloned();
        let without = scenario.run_keeping(&run.plan.with_deviations(others.collect()), keep);
        let fails = without.violation.as_ref().is_some_and(|found| found.property == property);
        Part { deviation: deviation.clone(), is_necessary: !fails, without }
    };
    let parts = run.applied.iter().map(part).collect();
    Some(Explanation { run, parts })
}
