//! The way in: publishing, the buffer, and what happens when it is full.

use std::sync::Arc;

use serde::Serialize;

use super::queue::Entry;
use super::{
    Action, DeathReason, Dispatch, Dispatcher, Message, MessageIds, Overflow, Publication,
    Published, Unroutable,
};
use crate::{Name, Time};

/// A message on its way to the queues of its topic.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Pending<P> {
    pub(super) entry: Entry<P>,
    /// The one queue that it is for, when it is driven again.
    pub(super) only: Option<usize>,
    /// The publisher's own id of it.
    pub(super) message_id: Option<(Name, u64)>,
}

impl<P: Clone> Dispatcher<P> {
    /// Takes a message in, or makes its publisher wait; `publisher` is the owner's number for it.
    pub fn publish(&mut self, now: Time, topic: Name, payload: P, publisher: u64) -> Published {
        self.publish_with(now, Publication::new(topic, payload, publisher))
    }

    /// The same for a message with a key, or with an id of its publisher's.
    pub fn publish_with(&mut self, now: Time, publication: Publication<P>) -> Published {
        let Publication { topic, payload, key, message_id, publisher } = publication;
        if message_id.is_some_and(|id| self.duplicates.knows(now, id)) {
            return Published::Duplicate;
        }
        if self.config.unroutable == Unroutable::Return && !self.topics.contains_key(&topic) {
            return Published::Returned;
        }
        let has_room = self.has_room(topic);
        if !has_room && self.config.overflow == Overflow::Reject {
            return Published::Rejected;
        }
        if let Some(id) = message_id {
            self.duplicates.remember(now, id);
        }
        let id = match self.config.message_ids {
            MessageIds::Clock => now.as_nanos(),
            MessageIds::Sequence => self.next_message,
        };
        self.next_message += 1;
        self.last_id = Some(id);
        let message = Arc::new(Message { id, topic, key, payload, published_at: now });
        let pending = Pending { entry: Entry { message, since: now }, only: None, message_id };
        if !has_room && self.config.overflow == Overflow::Block {
            self.blocked.push_back((publisher, pending));
            return Published::Blocked;
        }
        self.take_in(now, pending);
        Published::Accepted
    }

    /// Whether a message of this topic finds room without anybody making way.
    pub(super) fn has_room(&self, topic: Name) -> bool {
        let buffer = self.config.buffer;
        match self.config.dispatch {
            // An idle dispatcher takes the message straight from the publisher's hand.
            Dispatch::Single => self.buffer.len() + self.retained.len() < buffer || self.is_idle(),
            Dispatch::PerSubscription => match self.topics.get(&topic) {
                Some(queues) => queues.iter().all(|queue| self.queue_has_room(*queue)),
                None => {
                    let is_kept = self.config.unroutable == Unroutable::Retain;
                    let kept = self.retained.iter().filter(|kept| kept.topic() == topic).count();
                    !is_kept || kept < buffer
                }
            },
        }
    }

    /// The same for a message that may be for one queue only.
    pub(super) fn has_room_for(&self, topic: Name, only: Option<usize>) -> bool {
        match (self.config.dispatch, only) {
            (Dispatch::PerSubscription, Some(queue)) => self.queue_has_room(queue),
            (Dispatch::PerSubscription, None) | (Dispatch::Single, _) => self.has_room(topic),
        }
    }

    fn queue_has_room(&self, queue: usize) -> bool {
        self.queues[queue].has_room(self.config.buffer, self.config.max_ack_pending.max(1))
    }

    /// Takes a message in, over the oldest where there is no room.
    pub(super) fn take_in(&mut self, now: Time, pending: Pending<P>) {
        match self.config.dispatch {
            Dispatch::PerSubscription => self.route(now, pending),
            Dispatch::Single => {
                let is_idle = self.is_idle();
                self.buffer.push_back(pending);
                // Only where the oldest is to make way can there be too many.
                if self.config.overflow == Overflow::DropOldest
                    && !is_idle
                    && self.buffer.len() + self.retained.len() > self.config.buffer
                    && let Some(oldest) = self.buffer.pop_front()
                {
                    self.drop_unrouted(now, &oldest);
                }
            }
        }
    }

    /// Hands a message to the queues of its topic, or does with it what is done when there is none.
    pub(super) fn route(&mut self, now: Time, pending: Pending<P>) {
        if let Some(queue) = pending.only {
            self.enqueue(now, queue, pending.entry);
            return;
        }
        let topic = pending.topic();
        if let Some(queues) = self.topics.get(&topic) {
            for queue in queues.clone() {
                self.enqueue(now, queue, pending.entry.clone());
            }
            return;
        }
        let kept = self.retained.iter().filter(|kept| kept.topic() == topic).count();
        if self.config.unroutable == Unroutable::Retain {
            self.retained.push_back(pending);
            if kept < self.config.buffer {
                return;
            }
            let oldest = self.retained.iter().position(|kept| kept.topic() == topic);
            let Some(oldest) = oldest.and_then(|at| self.retained.remove(at)) else { return };
            self.outbox.push_back(Action::Dropped { message: oldest.entry.message });
        } else {
            self.outbox.push_back(Action::Dropped { message: pending.entry.message });
        }
    }

    /// Puts a message into a queue, over the oldest where there is no room.
    fn enqueue(&mut self, now: Time, number: usize, entry: Entry<P>) {
        let is_full = self.config.overflow == Overflow::DropOldest && !self.queue_has_room(number);
        let queue = &mut self.queues[number];
        queue.waiting.push_back(entry);
        self.unsettled += 1;
        if is_full && let Some(oldest) = queue.waiting.pop_front() {
            self.unsettled -= 1;
            self.bury_unsent(now, number, &oldest, DeathReason::Maxlen);
        }
    }

    /// Gives a message up that no queue had yet, for every queue that would have got it.
    fn drop_unrouted(&mut self, now: Time, pending: &Pending<P>) {
        let queues = match pending.only {
            Some(queue) => vec![queue],
            None => self.topics.get(&pending.topic()).cloned().unwrap_or_default(),
        };
        if queues.is_empty() {
            let message = Arc::clone(&pending.entry.message);
            self.outbox.push_back(Action::Dropped { message });
        }
        for queue in queues {
            self.bury_unsent(now, queue, &pending.entry, DeathReason::Maxlen);
        }
    }

    /// A topic has a subscription now: what was kept for it takes its turn.
    pub(super) fn hand_over_retained(&mut self, topic: Name) {
        let (ours, others) = std::mem::take(&mut self.retained)
            .into_iter()
            .partition::<Vec<_>, _>(|kept| kept.topic() == topic);
        self.retained = others.into();
        let Some(queue) = self.topics.get(&topic).and_then(|queues| queues.first()).copied() else {
            return;
        };
        for kept in ours.into_iter().rev() {
            match self.config.dispatch {
                Dispatch::Single => self.buffer.push_front(kept),
                Dispatch::PerSubscription => {
                    self.queues[queue].waiting.push_front(kept.entry);
                    self.unsettled += 1;
                }
            }
        }
    }

    /// Where one message is dispatched at a time: takes the next one; the room it leaves goes to the
    /// publisher that waits longest.
    pub(super) fn dequeue(&mut self, now: Time) -> Option<Pending<P>> {
        let first = self.buffer.pop_front();
        let Some((publisher, mut pending)) = self.blocked.pop_front() else { return first };
        pending.entry.since = now;
        self.outbox.push_back(Action::Unblocked { publisher });
        match first {
            Some(first) => {
                self.buffer.push_back(pending);
                Some(first)
            }
            None => Some(pending),
        }
    }

    /// Where every subscription has its own queue: lets in the publishers that find room now, each
    /// topic in its order. Whether there was one.
    pub(super) fn unblock(&mut self, now: Time) -> bool {
        let mut full: Vec<Name> = Vec::new();
        let mut is_any = false;
        let mut at = 0;
        while let Some((_, pending)) = self.blocked.get(at) {
            let topic = pending.topic();
            if !full.contains(&topic) && self.has_room(topic) {
                let Some((publisher, mut pending)) = self.blocked.remove(at) else { break };
                pending.entry.since = now;
                self.outbox.push_back(Action::Unblocked { publisher });
                self.take_in(now, pending);
                is_any = true;
            } else {
                full.push(topic);
                at += 1;
            }
        }
        is_any
    }
}

impl<P> Pending<P> {
    fn topic(&self) -> Name {
        self.entry.message.topic
    }
}
