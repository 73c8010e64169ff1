//! Sagas as trees: what became of each execution, its steps in the order in which they ran, and what
//! undid them.
//!
//! Everything is read from the trace: an orchestrator says when a saga begins, when an attempt of a
//! step or of a compensation ends, when it goes on after a crash, and how it ends.

mod history;
mod report;
mod tree;

use brownout_models::contract::FlowId;

use super::{Filter, Styles};
use crate::run::Run;

use history::{Execution, executions};
pub(super) use report::SagaReport;
use tree::tree;

/// At most this many trees follow a story.
const TREES_MAX: usize = 3;

/// Every saga of a run as a tree, or those of the pieces of work that a filter lets through; a line that
/// says so when there is none. The run must have kept its trace.
///
/// ```text
/// saga checkout of shopper/3: compensated after 6ms
/// ├─ 1 reserve       done         0.003000
/// ├─ 2 charge        failed       0.005000  rejected
/// └─ undo 1 reserve  compensated  0.007000
/// ```
#[must_use]
pub fn saga_trees(run: &Run, filter: &Filter, styles: Styles) -> String {
    let sagas = sagas(run, |flow| filter.wants(flow, run.world()));
    let trees: Vec<String> = sagas.map(|saga| tree(&saga, run.world(), styles)).collect();
    if trees.is_empty() { "no saga fits\n".to_owned() } else { trees.join("\n") }
}

/// The same sagas for machines.
pub(crate) fn saga_reports(run: &Run, filter: &Filter) -> Vec<SagaReport> {
    let sagas = sagas(run, |flow| filter.wants(flow, run.world()));
    sagas.map(|saga| SagaReport::new(&saga, run.world())).collect()
}

/// The last sagas of some work, below a line that says how many there are where that is more; after
/// an empty line, as they follow other text.
pub(super) fn last_trees(run: &Run, is_shown: impl Fn(FlowId) -> bool, styles: Styles) -> String {
    let sagas: Vec<Execution> = sagas(run, is_shown).collect();
    let last = &sagas[sagas.len().saturating_sub(TREES_MAX)..];
    let mut text = String::new();
    if last.len() < sagas.len() {
        let strong = styles.strong;
        let heading = format!("The last {} of {} sagas:", last.len(), sagas.len());
        text.push_str(&format!("\n{strong}{heading}{strong:#}\n"));
    }
    for saga in last {
        text.push('\n');
        text.push_str(&tree(saga, run.world(), styles));
    }
    text
}

/// The sagas of some work, in the order in which they began.
fn sagas(run: &Run, is_shown: impl Fn(FlowId) -> bool) -> impl Iterator<Item = Execution> {
    executions(run.entries()).into_iter().filter(move |saga| is_shown(saga.flow))
}
