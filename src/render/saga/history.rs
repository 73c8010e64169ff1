//! What became of each saga, read from the facts of its orchestrator and the entries of its lives.

#[cfg(test)]
mod tests;

use brownout_models::contract::{Failure, FlowId, NodeId};
use brownout_models::{Fact, Map, Name, Time};

use crate::kernel::{Entry, What};

/// One execution of a saga.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Execution {
    /// The saga.
    pub saga: Name,
    /// The business key.
    pub key: u64,
    /// Its orchestrator.
    pub node: NodeId,
    /// The piece of work that began it.
    pub flow: FlowId,
    /// When it began, as far as the trace says.
    pub began: Time,
    /// What happened, in order.
    pub acts: Vec<Act>,
    /// What became of it.
    pub end: End,
}

/// Something that happened to an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// A step or its compensation was tried, once or several times in a row.
    Step(Tries),
    /// The orchestrator crashed.
    Crashed {
        /// In which life.
        life: u32,
        /// When.
        at: Time,
    },
    /// The orchestrator took the saga up again.
    Resumed {
        /// In which life.
        life: u32,
        /// When.
        at: Time,
    },
    /// The same was asked for again, and shares what becomes of it, or became of it.
    Joined {
        /// How many requests in a row.
        requests: u32,
        /// When the last of them came.
        at: Time,
    },
}

/// Attempts in a row at one step or its compensation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tries {
    /// Which step, from 0.
    pub step: u32,
    /// Its name.
    pub name: Name,
    /// Whether it was the compensation.
    pub compensation: bool,
    /// How many attempts ended.
    pub attempts: u32,
    /// Why the last of them failed, if it did.
    pub failure: Option<Failure>,
    /// When the last of them ended.
    pub at: Time,
}

/// What became of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Every step is done.
    Committed(Time),
    /// What was done is undone, as the saga says.
    Compensated(Time),
    /// It can go neither forward nor back.
    NeedsIntervention(Time),
    /// Its orchestrator crashed then, and did not take it up in its next life.
    Lost(Time),
    /// The trace does not see its end.
    Unfinished,
}

impl Execution {
    /// Whether the last attempt to undo some step failed.
    pub(super) fn has_residue(&self) -> bool {
        let undone = self.tries().filter(|tries| tries.compensation);
        let last: Map<u32, bool> =
            undone.map(|tries| (tries.step, tries.failure.is_some())).collect();
        last.values().any(|failed| *failed)
    }

    /// Whether it tried to undo anything.
    pub(super) fn has_undone(&self) -> bool {
        self.tries().any(|tries| tries.compensation)
    }

    /// The step whose action is under way, from 0, where the trace tells: nothing ended since the
    /// saga began, or since the step before it was done. It need not exist: the last step may be
    /// done, and the end not told yet.
    pub(super) fn under_way(&self) -> Option<u32> {
        if self.end != End::Unfinished {
            return None;
        }
        let is_news = |act: &&Act| !matches!(act, Act::Joined { .. });
        match self.acts.iter().rfind(is_news) {
            None => Some(0),
            Some(Act::Step(Tries { step, compensation: false, failure: None, .. })) => {
                Some(step.saturating_add(1))
            }
            Some(Act::Step(_) | Act::Crashed { .. } | Act::Resumed { .. } | Act::Joined { .. }) => {
                None
            }
        }
    }

    fn tries(&self) -> impl Iterator<Item = &Tries> {
        self.acts.iter().filter_map(|act| match act {
            Act::Step(tries) => Some(tries),
            Act::Crashed { .. } | Act::Resumed { .. } | Act::Joined { .. } => None,
        })
    }

    fn tried(&mut self, tried: Tries) {
        if let Some(Act::Step(last)) = self.acts.last_mut()
            && (last.step, last.compensation) == (tried.step, tried.compensation)
            && last.failure.is_some()
        {
            *last = Tries { attempts: last.attempts.saturating_add(tried.attempts), ..tried };
        } else {
            self.acts.push(Act::Step(tried));
        }
    }

    fn joined(&mut self, at: Time) {
        if let Some(Act::Joined { requests, at: last }) = self.acts.last_mut() {
            (*requests, *last) = (requests.saturating_add(1), at);
        } else {
            self.acts.push(Act::Joined { requests: 1, at });
        }
    }

    const fn is_open(&self) -> bool {
        matches!(self.end, End::Unfinished)
    }
}

/// Every execution of a saga in a whole trace, in the order of their beginnings.
pub(super) fn executions<'a>(entries: impl Iterator<Item = &'a Entry<Fact>>) -> Vec<Execution> {
    let mut reader = Reader::default();
    for entry in entries {
        reader.causes.push(entry.cause);
        reader.see(entry);
    }
    reader.executions
}

/// Reads a trace entry by entry.
#[derive(Default)]
struct Reader {
    executions: Vec<Execution>,
    /// Those of them that have not ended, as far as their orchestrator says.
    running: Vec<usize>,
    /// What each entry follows from.
    causes: Vec<u64>,
    /// The execution that a step of an orchestrator was about, by the entry that set the step off.
    steps: Map<u64, usize>,
    lives: Map<NodeId, u32>,
}

impl Reader {
    fn see(&mut self, entry: &Entry<Fact>) {
        let (node, at) = (entry.node, entry.at);
        if let What::Noted(fact) = &entry.what {
            self.note(entry, fact);
        } else if let What::Started { life } = entry.what {
            self.lives.insert(node, life);
            for execution in self.open(node) {
                // Unless the next entries say that it goes on.
                if let Some(Act::Crashed { at, .. }) = execution.acts.last() {
                    execution.end = End::Lost(*at);
                }
            }
        } else if let What::Crashed { .. } = entry.what {
            let life = self.life(node);
            for execution in self.open(node) {
                execution.acts.push(Act::Crashed { life, at });
            }
        }
    }

    fn note(&mut self, entry: &Entry<Fact>, fact: &Fact) {
        let at = entry.at;
        if let Fact::SagaBegan { saga, key } = *fact {
            self.begin(entry, saga, key);
        } else if let Fact::SagaResumed { saga, key } = *fact {
            let life = self.life(entry.node);
            let lost = self.running.iter().copied().rfind(|index| {
                let execution = &self.executions[*index];
                !execution.is_open() && is_of(execution, entry.node, saga, key)
            });
            // What crashed before it could say that it began is taken up all the same.
            let index = lost.unwrap_or_else(|| self.begin(entry, saga, key));
            self.steps.insert(entry.cause, index);
            let execution = &mut self.executions[index];
            execution.end = End::Unfinished;
            execution.acts.push(Act::Resumed { life, at });
        } else if let Fact::SagaJoined { saga, key } = *fact {
            // It may be over, and then it is the one that was last.
            let mut all = self.executions.iter_mut();
            if let Some(known) = all.rfind(|it| is_of(it, entry.node, saga, key)) {
                known.joined(at);
            }
        } else if let Fact::SagaStep { saga, key, step, name, compensation, failure } = *fact
            && let Some(index) = self.about(entry, saga, key)
        {
            self.executions[index].tried(Tries {
                step,
                name,
                compensation,
                attempts: 1,
                failure,
                at,
            });
        } else if let Fact::SagaEnded { saga, key, committed } = *fact {
            let end = if committed { End::Committed(at) } else { End::Compensated(at) };
            self.end(entry, saga, key, end);
        } else if let Fact::SagaStuck { saga, key, .. } = *fact {
            self.end(entry, saga, key, End::NeedsIntervention(at));
        }
    }

    fn begin(&mut self, entry: &Entry<Fact>, saga: Name, key: u64) -> usize {
        let Entry { node, flow, at: began, .. } = *entry;
        let (acts, end) = (Vec::new(), End::Unfinished);
        self.executions.push(Execution { saga, key, node, flow, began, acts, end });
        let index = self.executions.len() - 1;
        self.running.push(index);
        self.steps.insert(entry.cause, index);
        index
    }

    fn end(&mut self, entry: &Entry<Fact>, saga: Name, key: u64, end: End) {
        if let Some(index) = self.about(entry, saga, key) {
            self.executions[index].end = end;
            self.running.retain(|running| *running != index);
        }
    }

    /// The open execution that an entry is about. Executions of one saga for one key that overlap
    /// are told apart by what their entries follow from.
    fn about(&mut self, entry: &Entry<Fact>, saga: Name, key: u64) -> Option<usize> {
        let is_meant = |index: &usize| {
            let execution = &self.executions[*index];
            execution.is_open() && is_of(execution, entry.node, saga, key)
        };
        let mut meant = self.running.iter().copied().filter(is_meant);
        let index = match (meant.next()?, meant.next()) {
            (only, None) => only,
            (first, Some(_)) => {
                let steps = self.ancestors(entry.cause).filter_map(|seq| self.steps.get(&seq));
                steps.copied().find(is_meant).unwrap_or(first)
            }
        };
        self.steps.insert(entry.cause, index);
        Some(index)
    }

    /// An entry, what it follows from, and so on.
    fn ancestors(&self, seq: u64) -> impl Iterator<Item = u64> {
        std::iter::successors(Some(seq), |seq| {
            let cause = *self.causes.get(usize::try_from(*seq).ok()?)?;
            (cause < *seq).then_some(cause)
        })
    }

    /// The open executions of an orchestrator.
    fn open(&mut self, node: NodeId) -> impl Iterator<Item = &mut Execution> {
        let Self { executions, running, .. } = self;
        // Executions are few, and lives begin rarely.
        let executions = executions.iter_mut().enumerate();
        let of_node = executions.filter(|(index, _)| running.contains(index));
        let of_node = of_node.map(|(_, execution)| execution);
        of_node.filter(move |execution| execution.node == node && execution.is_open())
    }

    fn life(&self, node: NodeId) -> u32 {
        self.lives.get(&node).copied().unwrap_or(1)
    }
}

fn is_of(execution: &Execution, node: NodeId, saga: Name, key: u64) -> bool {
    (execution.node, execution.saga, execution.key) == (node, saga, key)
}
