//! The trace is a tree: everything follows from something earlier, within its own piece of work.

use brownout_models::contract::FlowId;
use brownout_models::{Fact, Time};

use super::{Ending, Observer};
use crate::kernel::Entry;
use crate::layout::Layout;

/// Always, an entry follows from an earlier entry of its flow, or from the step that started its flow;
/// and no entry happens before what it follows from.
///
/// Anything may follow from any entry, so it remembers all of them.
#[derive(Clone, Debug, Default)]
pub struct TraceIsTree {
    /// The flow and the time of every entry.
    entries: Vec<(FlowId, Time)>,
    /// What the first entry of each flow follows from: the step that started the flow.
    roots: Vec<Option<u64>>,
}

impl Observer for TraceIsTree {
    fn see(&mut self, entry: &Entry<Fact>, _: &Layout) -> Result<(), String> {
        let flow = entry.flow.0 as usize;
        if self.roots.len() <= flow {
            self.roots.resize(flow + 1, None);
        }
        let root = *self.roots[flow].get_or_insert(entry.cause);
        if usize::try_from(entry.seq) != Ok(self.entries.len()) {
            return Err(format!("entry {} stands at place {}", entry.seq, self.entries.len()));
        }
        self.entries.push((entry.flow, entry.at));
        let cause = usize::try_from(entry.cause).unwrap_or(usize::MAX);
        let Some((cause_flow, cause_at)) = self.entries.get(cause) else {
            return Err(format!(
                "entry {} follows from {}, which comes later",
                entry.seq, entry.cause
            ));
        };
        if *cause_at > entry.at {
            return Err(format!("entry {} happens before what it follows from", entry.seq));
        }
        if *cause_flow != entry.flow && entry.cause != root {
            return Err(format!(
                "entry {} follows from {}, of another flow",
                entry.seq, entry.cause
            ));
        }
        Ok(())
    }

    fn end(&mut self, _: &Ending<'_>) -> Result<(), String> {
        Ok(())
    }

    fn looked(&self) -> u64 {
        self.entries.len() as u64
    }

    fn copy(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }
}
