//! The saga orchestrator: steps forward, and compensations back when one fails.
//!
//! Follows the guide's `SagaOrchestrator` (lines 696-760). A compensation is found by the name of
//! the completed step, first match (SG-1); its error is swallowed (SG-2), and so is the step's
//! (SG-3); what was completed is never forgotten, so a later rollback undoes earlier executions as
//! well (SG-4); the failing step itself is not compensated (SG-5); a missing compensation is passed
//! over (SG-6); `current_step` is written and never read (SG-8). Compensations run in reverse and
//! go on past a failed one, no steps at all is a success, and steps added during an execution are
//! not part of it (SG-11).
//!
//! What is *not* here: actions, compensations, and the time they take.
//!
//! ```
//! use brownout_models::Name;
//! use brownout_models::policy::{Next, Saga};
//!
//! let mut saga = Saga::default();
//! saga.add_step(Name(0), true);
//! saga.add_step(Name(1), true);
//! assert_eq!(saga.begin(), Some(Next::Act(0)));
//! assert_eq!(saga.ended(true), Some(Next::Act(1)));
//! assert_eq!(saga.ended(false), Some(Next::Compensate(0)));
//! assert_eq!(saga.ended(true), Some(Next::RolledBack));
//! ```

use serde::Serialize;

use crate::Name;

/// What the owner has to run, or how the execution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Run the action of this step, counted from 0.
    Act(usize),
    /// Run the compensation of this step.
    Compensate(usize),
    /// Every action succeeded.
    Committed,
    /// An action failed, and every compensation found was run, whatever came of it.
    RolledBack,
}

/// One saga: its steps, and what became of them in all its executions.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Saga {
    steps: Vec<Step>,
    current_step: usize,
    completed: Vec<Name>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Step {
    name: Name,
    has_compensation: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
enum Phase {
    #[default]
    Idle,
    /// The action of `step` runs, of the `count` steps there were at the start.
    Acting { step: usize, count: usize },
    /// A compensation runs; the first `left` entries of the completed are still to be undone.
    Compensating { left: usize },
}

impl Saga {
    /// Adds a step at the end, for executions to come.
    pub fn add_step(&mut self, name: Name, has_compensation: bool) {
        self.steps.push(Step { name, has_compensation });
    }

    /// Starts an execution; nothing when one is under way.
    pub fn begin(&mut self) -> Option<Next> {
        if self.is_running() {
            return None;
        }
        Some(self.act(0, self.steps.len()))
    }

    /// The action or compensation under way has ended; nothing when none is.
    pub fn ended(&mut self, ok: bool) -> Option<Next> {
        match self.phase {
            Phase::Idle => None,
            Phase::Acting { step, count } if ok => {
                self.completed.extend(self.steps.get(step).map(|step| step.name));
                Some(self.act(step + 1, count))
            }
            Phase::Acting { .. } => Some(self.compensate(self.completed.len())),
            Phase::Compensating { left } => Some(self.compensate(left)),
        }
    }

    /// Whether an execution is under way.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.phase != Phase::Idle
    }

    /// The step whose action was started last; 0 before any.
    #[must_use]
    pub const fn current_step(&self) -> usize {
        self.current_step
    }

    /// The name of every step completed in any execution, compensated or not, in order.
    #[must_use]
    pub fn completed(&self) -> &[Name] {
        &self.completed
    }

    fn act(&mut self, step: usize, count: usize) -> Next {
        if step >= count {
            self.phase = Phase::Idle;
            return Next::Committed;
        }
        self.current_step = step;
        self.phase = Phase::Acting { step, count };
        Next::Act(step)
    }

    /// Finds the next compensation below `left`, by name.
    fn compensate(&mut self, mut left: usize) -> Next {
        while let Some(name) = left.checked_sub(1).and_then(|last| self.completed.get(last)) {
            left -= 1;
            let found = self.steps.iter().position(|step| step.name == *name);
            if let Some(step) = found
                && self.steps[step].has_compensation
            {
                self.phase = Phase::Compensating { left };
                return Next::Compensate(step);
            }
        }
        self.phase = Phase::Idle;
        Next::RolledBack
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saga(steps: &[(u32, bool)]) -> Saga {
        let mut saga = Saga::default();
        for (name, has_compensation) in steps {
            saga.add_step(Name(*name), *has_compensation);
        }
        saga
    }

    /// Runs an execution whose `n`-th call fails for each `n` in `failing`.
    fn execute(saga: &mut Saga, failing: &[usize]) -> Vec<Next> {
        let mut told = vec![saga.begin().unwrap()];
        while saga.is_running() {
            let ok = !failing.contains(&(told.len() - 1));
            told.push(saga.ended(ok).unwrap());
        }
        told
    }

    #[test]
    fn two_steps_of_one_name_compensate_the_first_twice() {
        let mut saga = saga(&[(7, true), (7, true), (8, true)]);
        let told = execute(&mut saga, &[2]);
        assert_eq!(told[3..], [Next::Compensate(0), Next::Compensate(0), Next::RolledBack]);
    }

    #[test]
    fn a_failing_compensation_stops_nothing_and_a_missing_one_is_passed_over() {
        let mut saga = saga(&[(0, true), (1, false), (2, true), (3, true)]);
        let told = execute(&mut saga, &[3, 4]);
        assert_eq!(told[4..], [Next::Compensate(2), Next::Compensate(0), Next::RolledBack]);
        assert_eq!(saga.current_step(), 3);
    }

    #[test]
    fn a_rollback_undoes_a_committed_execution() {
        let mut saga = saga(&[(0, true), (1, true)]);
        assert_eq!(execute(&mut saga, &[]), [Next::Act(0), Next::Act(1), Next::Committed]);
        let told = execute(&mut saga, &[0]);
        let undone = [Next::Act(0), Next::Compensate(1), Next::Compensate(0), Next::RolledBack];
        assert_eq!(told, undone);
        assert_eq!(saga.completed(), [Name(0), Name(1)], "and they are still completed");
    }

    #[test]
    fn no_steps_commit_at_once() {
        assert_eq!(execute(&mut saga(&[]), &[]), [Next::Committed]);
    }

    #[test]
    fn a_step_added_during_an_execution_waits_for_the_next() {
        let mut saga = saga(&[(0, true)]);
        saga.begin();
        saga.add_step(Name(1), true);
        assert_eq!(saga.begin(), None, "one execution at a time");
        assert_eq!(saga.ended(true), Some(Next::Committed));
        assert_eq!(execute(&mut saga, &[]).len(), 3);
    }
}
