//! Claims about a saga orchestrator.

use serde::Deserialize;
use serde_json::Value;

use super::{Account, Exchange};

/// What a saga orchestrator must hold.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename = "SagaClaim", deny_unknown_fields)]
pub enum SagaClaim {
    /// Always: an execution that says that it rolled back has undone what it did, each step once and
    /// in reverse, and nothing else (SG-1, SG-4); the step that failed may be undone before them.
    UndoesItsOwn,
    /// Always: an execution one of whose compensations failed for good does not say that it rolled
    /// back (SG-2).
    StuckIsTold,
    /// Always: an execution that failed says at which step (SG-3).
    CauseIsTold,
    /// Always: a step that failed and may have happened is undone before it is said that everything
    /// was (SG-5).
    DoubtIsUndone,
    /// Always: nothing that an execution did stays when it says that it rolled back (SG-6).
    NothingStays,
    /// Always: a crash of the orchestrator strands no execution (SG-8).
    CrashesStrandNothing,
    /// Always: executions of one id act once, for drills whose executions all bear the same (SG-10).
    ActsOncePerId,
}

impl SagaClaim {
    pub(super) fn account(self) -> Box<dyn Account> {
        Box::new(Sagas { claim: self, undoable: Vec::new(), acted: Vec::new() })
    }
}

/// What is known of the steps.
#[derive(Clone, Debug)]
struct Sagas {
    claim: SagaClaim,
    /// Whether there is a compensation, for each step that was taken in.
    undoable: Vec<bool>,
    /// Steps whose actions succeeded, in all executions.
    acted: Vec<u64>,
}

/// One execution as it was told.
struct Execution<'a> {
    event: &'a Value,
    /// Steps done, in order.
    done: Vec<u64>,
    /// Steps undone, in order.
    undone: Vec<u64>,
    /// Steps of which the last compensation failed.
    residue: Vec<u64>,
    /// The step whose action failed, and whether that says that nothing happened.
    failed: Option<(u64, bool)>,
}

impl<'a> Execution<'a> {
    fn of(event: &'a Value) -> Option<Self> {
        let (mut done, mut undone) = (Vec::new(), Vec::new());
        let (mut residue, mut failed) = (Vec::new(), None);
        for call in event["calls"].as_array()? {
            let (step, ok) = (call["step"].as_u64()?, call["ok"] == true);
            if call["kind"] == "action" {
                if ok {
                    done.push(step);
                }
                failed = (!ok).then(|| (step, call["end"] == "rejected"));
            } else {
                residue.retain(|known| *known != step);
                if ok { undone.push(step) } else { residue.push(step) }
            }
        }
        Some(Self { event, done, undone, residue, failed })
    }

    fn error(&self) -> Option<&str> {
        self.event["error"]["kind"].as_str()
    }

    fn says_that_it_rolled_back(&self) -> bool {
        self.error() == Some("saga_failed")
    }
}

impl Sagas {
    fn judge(&self, execution: &Execution<'_>) -> Result<(), String> {
        let Execution { event, done, undone, residue, failed, .. } = execution;
        let rolled_back = execution.says_that_it_rolled_back();
        match self.claim {
            SagaClaim::UndoesItsOwn if rolled_back => {
                let undoable = |step: &&u64| self.is_undoable(**step);
                let expected: Vec<u64> = done.iter().rev().filter(undoable).copied().collect();
                let failed = failed.map(|(step, _)| step);
                let with_failed: Vec<u64> = failed.into_iter().chain(expected.clone()).collect();
                if *undone == expected || *undone == with_failed {
                    return Ok(());
                }
                Err(format!("steps {done:?} were done, and {undone:?} undone"))
            }
            SagaClaim::StuckIsTold if rolled_back && !residue.is_empty() => Err(format!(
                "steps {residue:?} could not be undone, and it says that it rolled back"
            )),
            SagaClaim::CauseIsTold if execution.error().is_some_and(|kind| kind != "lost") => {
                match failed {
                    Some((step, _)) if event["failed_step"] != *step => {
                        Err(format!("step {step} failed, and nobody is told"))
                    }
                    _ => Ok(()),
                }
            }
            SagaClaim::DoubtIsUndone if rolled_back => match failed {
                Some((step, false)) if self.is_undoable(*step) && !undone.contains(step) => {
                    Err(format!("step {step} may have happened, and was not undone"))
                }
                _ => Ok(()),
            },
            SagaClaim::NothingStays if rolled_back => {
                match done.iter().find(|step| !undone.contains(step)) {
                    Some(step) => {
                        Err(format!("step {step} stays, and it says that it rolled back"))
                    }
                    None => Ok(()),
                }
            }
            SagaClaim::CrashesStrandNothing if execution.error() == Some("lost") => {
                Err("the orchestrator crashed, and its execution is lost".to_owned())
            }
            SagaClaim::UndoesItsOwn
            | SagaClaim::StuckIsTold
            | SagaClaim::CauseIsTold
            | SagaClaim::DoubtIsUndone
            | SagaClaim::NothingStays
            | SagaClaim::CrashesStrandNothing
            | SagaClaim::ActsOncePerId => Ok(()),
        }
    }

    fn is_undoable(&self, step: u64) -> bool {
        usize::try_from(step).ok().and_then(|step| self.undoable.get(step)).is_some_and(|it| *it)
    }

    fn act(&mut self, done: &[u64]) -> Result<(), String> {
        for step in done {
            if self.acted.contains(step) {
                return Err(format!("step {step} was done twice"));
            }
            self.acted.push(*step);
        }
        Ok(())
    }
}

impl Account for Sagas {
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        if exchange.op() == "step" && exchange.result["error"].is_null() {
            self.undoable.push(!exchange.request["compensation"].is_null());
        }
        for event in exchange.events_of("completed") {
            let Some(execution) = Execution::of(event) else { continue };
            self.judge(&execution)?;
            if matches!(self.claim, SagaClaim::ActsOncePerId) {
                self.act(&execution.done)?;
            }
        }
        Ok(())
    }

    fn copy(&self) -> Box<dyn Account> {
        Box::new(self.clone())
    }
}
