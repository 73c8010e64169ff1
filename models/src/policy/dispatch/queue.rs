//! One subscription's share of the broker: what waits for it and what it was handed.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use serde::Serialize;

use super::{AttemptEnd, DeliveryId, Message};
use crate::{Name, Time};

/// A message and when its wait began.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Entry<P> {
    pub(super) message: Arc<Message<P>>,
    pub(super) since: Time,
}

/// The messages of one subscription, or of the members of one consumer group.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Queue<P> {
    /// The consumer group, if it is one.
    pub(super) group: Option<Name>,
    /// Who takes messages from it, in the order of subscription; nobody once they all left.
    pub(super) members: Vec<usize>,
    /// Messages that were never handed out, oldest first.
    pub(super) waiting: VecDeque<Entry<P>>,
    /// Deliveries whose next attempt is due, by slot.
    pub(super) due: VecDeque<u32>,
    /// Deliveries that are not settled, those between two attempts included.
    pub(super) pending: u32,
    /// Their keys, where keys matter.
    pub(super) busy_keys: BTreeSet<u64>,
}

impl<P> Queue<P> {
    pub(super) fn new(group: Option<Name>, member: usize) -> Self {
        Self {
            group,
            members: vec![member],
            waiting: VecDeque::new(),
            due: VecDeque::new(),
            pending: 0,
            busy_keys: BTreeSet::new(),
        }
    }

    /// Takes the oldest message that may be handed out.
    pub(super) fn take(&mut self, max_pending: u32) -> Option<Entry<P>> {
        if self.pending >= max_pending {
            return None;
        }
        let is_free =
            |entry: &Entry<P>| entry.message.key.is_none_or(|key| !self.busy_keys.contains(&key));
        let at = self.waiting.iter().position(is_free)?;
        self.waiting.remove(at)
    }

    /// Whether there is room behind those that were handed out.
    pub(super) fn has_room(&self, buffer: usize, max_pending: u32) -> bool {
        self.waiting.len() < buffer || (self.waiting.is_empty() && self.pending < max_pending)
    }
}

/// A message that was handed to a queue's subscription and is not settled.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Delivery<P> {
    pub(super) id: DeliveryId,
    pub(super) queue: usize,
    /// Who has the attempt, or had the last one.
    pub(super) member: usize,
    pub(super) entry: Entry<P>,
    pub(super) progress: Progress,
    /// How many attempts began.
    pub(super) attempts: u32,
    pub(super) first_attempt_at: Option<Time>,
    /// How the last attempt ended.
    pub(super) last_error: Option<AttemptEnd>,
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Progress {
    /// The next attempt may start.
    Due,
    /// An attempt is under way.
    Running,
    /// Between two attempts.
    Waiting,
}
