//! A saga ends all done, or all undone in reverse.

use brownout_models::contract::{FlowId, NodeId};
use brownout_models::{Fact, Name};
use brownout_models::{Map, Set};

use super::{Ending, Observer};
use crate::kernel::{Entry, What};
use crate::layout::Layout;

/// In the end every saga that began has ended: committed, compensated, or in need of intervention
/// and saying so. Always, one that commits has compensated nothing, and one that says that it rolled
/// back has compensated every step that was done and can be undone, successfully, in reverse order;
/// the step that failed may be compensated before them.
///
/// Executions of one saga for one piece of work that overlap, because its request came twice, cannot
/// be told apart from outside. They are judged together, once the last has ended: each step that can
/// be undone must then have been done as often as executions committed.
#[derive(Clone, Debug, Default)]
pub struct SagaTerminal {
    /// Steps that nothing undoes, from 0.
    irreversible: Set<(Name, u32)>,
    open: Map<(NodeId, FlowId, Name), Execution>,
    looked: u64,
}

#[derive(Clone, Debug, Default)]
struct Execution {
    key: u64,
    running: u32,
    committed: u32,
    rolled_back: u32,
    stuck: u32,
    /// It goes on where a log says; what was done last may be done again.
    resumed: bool,
    /// The action that failed last.
    failed: Option<u32>,
    done: Vec<u32>,
    undone: Vec<u32>,
    /// A compensation failed: this step is neither done nor undone.
    residue: Option<u32>,
}

impl SagaTerminal {
    /// Watches all sagas; these steps of theirs, counted from 0, are undone by nothing.
    #[must_use]
    pub fn new(irreversible: Set<(Name, u32)>) -> Self {
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
            let is_irreversible = self.irreversible.contains(&(saga, step));
            execution.step_ended(step, compensation, failure.is_none(), is_irreversible);
        } else if let Fact::SagaResumed { saga, .. } = *fact
            && let Some(execution) = self.open.get_mut(&(entry.node, entry.flow, saga))
        {
            execution.resumed = true;
        } else if let Some((saga, committed)) = ended(fact)
            && let Some(execution) = self.open.get_mut(&(entry.node, entry.flow, saga))
        {
            execution.running = execution.running.saturating_sub(1);
            *(match committed {
                Some(true) => &mut execution.committed,
                Some(false) => &mut execution.rolled_back,
                None => &mut execution.stuck,
            }) += 1;
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

/// The saga that ended, and whether it committed; nothing where it is stuck.
const fn ended(fact: &Fact) -> Option<(Name, Option<bool>)> {
    if let Fact::SagaEnded { saga, committed, .. } = *fact {
        Some((saga, Some(committed)))
    } else if let Fact::SagaStuck { saga, .. } = *fact {
        Some((saga, None))
    } else {
        None
    }
}

impl Execution {
    fn step_ended(&mut self, step: u32, compensation: bool, ok: bool, is_irreversible: bool) {
        match (compensation, ok) {
            (false, true) if is_irreversible => {}
            (false, true) if self.resumed && self.done.contains(&step) => {}
            (false, true) => self.done.push(step),
            (true, true) if self.resumed && self.undone.contains(&step) => {}
            (true, true) => {
                self.undone.push(step);
                self.residue = self.residue.filter(|residue| *residue != step);
            }
            (true, false) => self.residue = Some(step),
            (false, false) => self.failed = Some(step),
        }
    }

    fn judge(&self, saga: &str, key: &str) -> Result<(), String> {
        let steps = |steps: &[u32]| {
            let steps: Vec<String> = steps.iter().map(|step| (step + 1).to_string()).collect();
            if steps.is_empty() { "none".to_owned() } else { steps.join(", ") }
        };
        if self.stuck > 0 {
            return Ok(());
        }
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
        let with_failed: Vec<u32> = self.failed.into_iter().chain(expected.clone()).collect();
        if self.undone == expected || self.undone == with_failed {
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
