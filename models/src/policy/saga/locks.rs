//! Semantic locks: one saga at a time for each business key.
//!
//! A saga has no isolation of its own: between two of its steps others see what it may yet undo, and
//! overwrite it (SG-9). The first countermeasure of Garcia-Molina & Salem (1987) and Richardson
//! (Microservices Patterns, 4.3) is a lock in the application: who comes second waits or gives up.
//! What is *not* here: a timeout. A saga ends, if need be in the need of an intervention, and gives
//! its lock back then; a lock that outlived a saga in need of intervention would be another rule.

use std::collections::VecDeque;

use crate::hash::Map;
use serde::Serialize;

use super::SemanticLock;

/// What became of the wish for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Locked {
    /// It is held, or there is nothing to hold.
    Granted,
    /// Its turn will come.
    Queued,
    /// Somebody else holds it.
    Refused,
}

/// Who holds and who waits, by key; `H` names an execution.
#[derive(Clone, Debug, Serialize)]
pub struct SagaLocks<H> {
    rule: SemanticLock,
    /// The first of each queue holds the lock. There is an entry only while somebody does.
    queues: Map<u64, VecDeque<H>>,
}

impl<H: Copy> SagaLocks<H> {
    /// No locks held.
    #[must_use]
    pub fn new(rule: SemanticLock) -> Self {
        Self { rule, queues: Map::default() }
    }

    /// Asks for the lock on a key.
    pub fn acquire(&mut self, key: u64, holder: H) -> Locked {
        if self.rule == SemanticLock::Absent {
            return Locked::Granted;
        }
        match self.queues.get_mut(&key) {
            None => {
                self.queues.insert(key, VecDeque::from([holder]));
                Locked::Granted
            }
            Some(_) if self.rule == SemanticLock::Aborts => Locked::Refused,
            Some(queue) => {
                queue.push_back(holder);
                Locked::Queued
            }
        }
    }

    /// The holder of the lock on a key gives it back: whose turn it is now.
    pub fn release(&mut self, key: u64) -> Option<H> {
        let queue = self.queues.get_mut(&key)?;
        queue.pop_front();
        let next = queue.front().copied();
        if next.is_none() {
            self.queues.swap_remove(&key);
        }
        next
    }

    /// How many keys are locked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queues.len()
    }

    /// Whether no key is locked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }
}
