//! The rows of a saga's log, which are numbers: where the saga stands, in words and names.
//!
//! What is *not* here: how a record is a number; [`Checkpoint`] knows.

use brownout_models::Name;
use brownout_models::contract::NodeId;
use brownout_models::policy::{Checkpoint, SagaEnd, SagaPlace, StepEnd};
use serde_json::{Value, json};

use super::Words;
use crate::system::Stock;

/// A record of a saga, and the names of its steps.
#[derive(Debug)]
pub(in crate::render) struct Record<'a> {
    checkpoint: Checkpoint,
    steps: Vec<&'a str>,
}

impl<'a> Words<'a> {
    /// The record that the value of a row is; nothing for rows that are no log of the node's, and for
    /// a row that is not there.
    pub(in crate::render) fn record(
        &self,
        node: NodeId,
        table: Name,
        value: i64,
    ) -> Option<Record<'a>> {
        let Some(Stock::Saga(orchestrator)) = self.world.machine(node) else { return None };
        if orchestrator.log_table() != Some(table) {
            return None;
        }
        let checkpoint = Checkpoint::from_row(value)?;
        let steps = (0..).map_while(|number| orchestrator.step_at(number));
        Some(Record { checkpoint, steps: steps.map(|step| self.name(step.name)).collect() })
    }

    /// A row that was written: its record, or what was added and what it is now.
    pub(super) fn wrote(&self, node: NodeId, table: Name, amount: i64, value: i64) -> String {
        match self.record(node, table, value) {
            Some(record) => format!("now {}", record.words()),
            None => format!("{amount:+}, now {value}"),
        }
    }

    /// A row whose last write was lost: the record that was lost and the one that is there again, or
    /// what is no longer added.
    pub(super) fn unwrote(&self, node: NodeId, table: Name, amount: i64, value: i64) -> String {
        let Some(lost) = self.record(node, table, value.saturating_add(amount)) else {
            return format!("{amount:+} was lost, {value} again");
        };
        let again = self.record(node, table, value);
        let again = again.map_or_else(|| "empty".to_owned(), |record| record.words());
        format!("{again} again, not {}", lost.words())
    }
}

impl Record<'_> {
    /// Where the saga stands: `at step 2 charge, attempt 3`.
    fn words(&self) -> String {
        let Checkpoint { place, attempt, doubt, is_unresolved, .. } = self.checkpoint;
        let step = |index: usize| match self.steps.get(index) {
            Some(name) => format!("step {} {name}", index.saturating_add(1)),
            None => format!("step {}", index.saturating_add(1)),
        };
        let mut words = match place {
            SagaPlace::New => "before step 1".to_owned(),
            SagaPlace::Acting(index) => format!("at {}", step(index)),
            SagaPlace::Compensating(index) => format!("undoing {}", step(index)),
            SagaPlace::Ended(SagaEnd::Committed) => "committed".to_owned(),
            SagaPlace::Ended(SagaEnd::Compensated) => "compensated".to_owned(),
            SagaPlace::Ended(SagaEnd::NeedsIntervention) => "in need of intervention".to_owned(),
        };
        let is_under_way = matches!(place, SagaPlace::Acting(_) | SagaPlace::Compensating(_));
        if is_under_way && attempt > 1 {
            words.push_str(&format!(", attempt {attempt}"));
        }
        if matches!(place, SagaPlace::Acting(_)) && doubt == StepEnd::Unknown {
            words.push_str(", perhaps done");
        }
        if is_under_way && is_unresolved {
            words.push_str(", not all undone");
        }
        words
    }

    /// The same for machines, with everything that the record says.
    pub(in crate::render) fn document(&self) -> Value {
        let Checkpoint { place, attempt, failed, doubt, is_unresolved } = self.checkpoint;
        let (place, step, end) = match place {
            SagaPlace::New => ("new", None, None),
            SagaPlace::Acting(index) => ("acting", Some(index), None),
            SagaPlace::Compensating(index) => ("compensating", Some(index), None),
            SagaPlace::Ended(SagaEnd::Committed) => ("ended", None, Some("committed")),
            SagaPlace::Ended(SagaEnd::Compensated) => ("ended", None, Some("compensated")),
            SagaPlace::Ended(SagaEnd::NeedsIntervention) => {
                ("ended", None, Some("needs_intervention"))
            }
        };
        json!({
            "place": place,
            "step": step.map(|index| index.saturating_add(1)),
            "name": step.and_then(|index| self.steps.get(index)),
            "attempt": attempt,
            "end": end,
            "failed_step": failed.map(|(index, _)| index.saturating_add(1)),
            "failed": failed.map(|(_, how)| how),
            "perhaps_done": doubt == StepEnd::Unknown,
            "unresolved": is_unresolved,
        })
    }
}
