//! A saga ends all done, or all undone in reverse.

use brownout_models::contract::FlowId;
use brownout_models::{Fact, Name};
use indexmap::IndexMap;

use super::{Ending, Observer, key_text};
use crate::kernel::{Entry, What};
use crate::layout::Layout;

/// In the end every saga that began has ended. Always, one that commits has compensated nothing, and
/// one that does not has compensated every step that was done, successfully, in reverse order.
#[derive(Clone, Debug, Default)]
pub struct SagaTerminal {
    open: IndexMap<(FlowId, Name), Execution>,
    looked: u64,
}

#[derive(Clone, Debug, Default)]
struct Execution {
    key: u64,
    done: Vec<u32>,
    undone: Vec<u32>,
    /// A compensation failed: this step is neither done nor undone.
    residue: Option<u32>,
}

impl Observer for SagaTerminal {
    fn see(&mut self, entry: &Entry<Fact>, layout: &Layout) -> Result<(), String> {
        let What::Noted(fact) = &entry.what else { return Ok(()) };
        if let Fact::SagaBegan { saga, key } = *fact {
            self.looked += 1;
            self.open.insert((entry.flow, saga), Execution { key, ..Execution::default() });
        } else if let Fact::SagaStep { saga, step, compensation, failure, .. } = *fact
            && let Some(execution) = self.open.get_mut(&(entry.flow, saga))
        {
            match (compensation, failure.is_none()) {
                (false, true) => execution.done.push(step),
                (true, true) => execution.undone.push(step),
                (true, false) => execution.residue = Some(step),
                (false, false) => {}
            }
        } else if let Fact::SagaEnded { saga, committed, .. } = *fact
            && let Some(execution) = self.open.swap_remove(&(entry.flow, saga))
        {
            return execution.judge(committed, layout.names.text(saga));
        }
        Ok(())
    }

    fn end(&mut self, ending: &Ending<'_>) -> Result<(), String> {
        let Some(((_, saga), execution)) = self.open.first() else { return Ok(()) };
        let saga = ending.layout.names.text(*saga);
        Err(format!("the {saga} of {} never ended", key_text(execution.key)))
    }

    fn looked(&self) -> u64 {
        self.looked
    }

    fn copy(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }
}

impl Execution {
    fn judge(&self, committed: bool, saga: &str) -> Result<(), String> {
        let key = key_text(self.key);
        let steps = |steps: &[u32]| {
            let steps: Vec<String> = steps.iter().map(|step| (step + 1).to_string()).collect();
            if steps.is_empty() { "none".to_owned() } else { steps.join(", ") }
        };
        if committed {
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
}
