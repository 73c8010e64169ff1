//! A saga ends all done, or all undone in reverse.

use brownout_models::contract::{FlowId, NodeId};
use brownout_models::{Fact, Name};
use indexmap::{IndexMap, IndexSet};

use super::{Ending, Observer};
use crate::kernel::{Entry, What};
use crate::layout::Layout;

/// In the end every saga that began has ended. Always, one that commits has compensated nothing, and
/// one that does not has compensated every step that was done and can be undone, successfully, in
/// reverse order.
///
/// Executions of one saga for one piece of work that overlap, because its request came twice, cannot
/// be told apart from outside. They are judged together, once the last has ended: each step that can
/// be undone must then have been done as often as executions committed.
#[derive(Clone, Debug, Default)]
pub struct SagaTerminal {
    /// Steps that nothing undoes, from 0.
    irreversible: IndexSet<(Name, u32)>,
    open: IndexMap<(NodeId, FlowId, Name), Execution>,
    looked: u64,
}

#[derive(Clone, Debug, Default)]
struct Execution {
    key: u64,
    running: u32,
    committed: u32,
    rolled_back: u32,
    done: Vec<u32>,
    undone: Vec<u32>,
    /// A compensation failed: this step is neither done nor undone.
    residue: Option<u32>,
}

impl SagaTerminal {
    /// Watches all sagas; these steps of theirs, counted from 0, are undone by nothing.
    #[must_use]
    pub fn new(irreversible: IndexSet<(Name, u32)>) -> Self {
        Self { irreversible, ..Self::default() }
    }
}

impl Observer for SagaTerminal {
    fn see(&mut self, entry: &Entry<Fact>, layout: &Layout) -> Result<(), String> {
        let What::Noted(fact) = &entry.what else { return Ok(()) };
        if let Fact::SagaBegan { saga, key } = *fact {
            self.looked += 1;
            let execution = self.open.entry((entry.node, entry.flow, saga)).or_default();
            execution.key = key;
            execution.running += 1;
        } else if let Fact::SagaStep { saga, step, compensation, failure, .. } = *fact
            && let Some(execution) = self.open.get_mut(&(entry.node, entry.flow, saga))
        {
            match (compensation, failure.is_none()) {
                (false, true) if self.irreversible.contains(&(saga, step)) => {}
                (false, true) => execution.done.push(step),
                (true, true) => execution.undone.push(step),
                (true, false) => execution.residue = Some(step),
                (false, false) => {}
            }
        } else if let Fact::SagaEnded { saga, committed, .. } = *fact
            && let Some(execution) = self.open.get_mut(&(entry.node, entry.flow, saga))
        {
            execution.running = execution.running.saturating_sub(1);
            *(if committed { &mut execution.committed } else { &mut execution.rolled_back }) += 1;
            if execution.running == 0
                && let Some(execution) = self.open.shift_remove(&(entry.node, entry.flow, saga))
            {
                let key = layout.key_text(execution.key);
                return execution.judge(layout.names.text(saga), &key);
            }
        }
        Ok(())
    }

    fn end(&mut self, ending: &Ending<'_>) -> Result<(), String> {
        let Some(((_, _, saga), execution)) = self.open.first() else { return Ok(()) };
        let saga = ending.layout.names.text(*saga);
        let key = ending.layout.key_text(execution.key);
        Err(format!("the {saga} of {key} never ended"))
    }

    fn looked(&self) -> u64 {
        self.looked
    }

    fn about(&self) -> Option<u64> {
        self.open.first().map(|(_, execution)| execution.key)
    }

    fn copy(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }
}

impl Execution {
    fn judge(&self, saga: &str, key: &str) -> Result<(), String> {
        let steps = |steps: &[u32]| {
            let steps: Vec<String> = steps.iter().map(|step| (step + 1).to_string()).collect();
            if steps.is_empty() { "none".to_owned() } else { steps.join(", ") }
        };
        if self.committed + self.rolled_back > 1 {
            return self.judge_together(saga, key);
        }
        if self.committed == 1 {
            return if self.undone.is_empty() {
                Ok(())
            } else {
                let undone = steps(&self.undone);
                Err(format!("the {saga} of {key} committed, and compensated steps {undone}"))
            };
        }
        if let Some(step) = self.residue {
            let step = step + 1;
            return Err(format!(
                "the {saga} of {key} says that it rolled back, but step {step} could not be undone"
            ));
        }
        let expected: Vec<u32> = self.done.iter().rev().copied().collect();
        if self.undone == expected {
            return Ok(());
        }
        let (done, undone) = (steps(&self.done), steps(&self.undone));
        Err(format!("the {saga} of {key} had done steps {done}, and compensated {undone}"))
    }

    fn judge_together(&self, saga: &str, key: &str) -> Result<(), String> {
        let Self { committed, rolled_back, .. } = self;
        let count = |steps: &[u32], step: u32| steps.iter().filter(|it| **it == step).count();
        let wrong = self.done.iter().find(|step| {
            let undone = count(&self.undone, **step);
            count(&self.done, **step) != undone + *committed as usize
        });
        wrong.map_or(Ok(()), |step| {
            let number = step + 1;
            let (done, undone) = (count(&self.done, *step), count(&self.undone, *step));
            Err(format!(
                "the {saga} of {key} committed {committed} times and rolled back {rolled_back} times, \
                 and step {number} was done {done} times and undone {undone} times"
            ))
        })
    }
}
