//! The way out: attempts, their ends, and the waits between them.

use std::sync::Arc;

use super::queue::Entry;
use super::{
    Action, AttemptEnd, DeadLetter, DeathReason, Delivery, DeliveryId, Dispatch, Dispatcher,
    Ordering, Progress, Rejection,
};
use crate::Time;

impl<P: Clone> Dispatcher<P> {
    /// An attempt of a delivery has ended; what is not under way is ignored.
    pub fn attempt_ended(&mut self, now: Time, id: DeliveryId, attempt: u32, end: AttemptEnd) {
        let Some(delivery) = self.delivery(id) else { return };
        if delivery.progress != Progress::Running || delivery.attempts != attempt {
            return;
        }
        delivery.last_error = Some(end);
        delivery.progress = Progress::Waiting;
        let member = delivery.member;
        self.subscriptions[member].running -= 1;
        let is_final = end == AttemptEnd::Rejected && self.config.rejection == Rejection::Final;
        if end == AttemptEnd::Acknowledged {
            self.settle(id.slot);
        } else if is_final {
            self.give_up(now, id.slot, DeathReason::Rejected);
        } else if attempt >= self.config.max_attempts {
            self.give_up(now, id.slot, DeathReason::MaxDeliveries);
        } else {
            // A wait of the list is over with the attempt that took it.
            let is_over = end == AttemptEnd::TimedOut && !self.config.backoff_list.is_empty();
            let wait = self.config.backoff_after(attempt);
            let until = if is_over { now } else { now + wait };
            self.outbox.push_back(Action::Backoff { delivery: id, until });
        }
    }

    /// The backoff of a delivery is over; one that waits for nothing is left alone.
    pub fn wake(&mut self, id: DeliveryId) {
        let Some(delivery) = self.delivery(id) else { return };
        if delivery.progress == Progress::Waiting {
            delivery.progress = Progress::Due;
            let queue = delivery.queue;
            self.queues[queue].due.push_back(id.slot);
        }
    }

    /// The next thing to do or to know, if there is one before something ends or wakes.
    pub fn next_action(&mut self, now: Time) -> Option<Action<P>> {
        loop {
            if let Some(action) = self.outbox.pop_front() {
                return Some(action);
            }
            if self.config.dispatch == Dispatch::PerSubscription && self.unblock(now) {
                continue;
            }
            if let Some(slot) = self.next_due() {
                if let Some(action) = self.begin(now, slot) {
                    return Some(action);
                }
            } else if self.config.dispatch == Dispatch::PerSubscription || self.unsettled > 0 {
                return None;
            } else {
                let pending = self.dequeue(now)?;
                self.route(now, pending);
            }
        }
    }

    /// The slot of the first delivery that may start, in the order of queues.
    fn next_due(&mut self) -> Option<u32> {
        for number in 0..self.queues.len() {
            let queue = &mut self.queues[number];
            if let Some(slot) = queue.due.pop_front() {
                return Some(slot);
            }
            if let Some(entry) = queue.take(self.config.max_ack_pending.max(1)) {
                return Some(self.hand_out(number, entry));
            }
        }
        None
    }

    /// Makes a delivery of a message that waited.
    fn hand_out(&mut self, number: usize, entry: Entry<P>) -> u32 {
        let slot = match self.config.dispatch {
            Dispatch::Single => u32::try_from(number).unwrap_or(u32::MAX),
            Dispatch::PerSubscription => self
                .free_slots
                .pop()
                .unwrap_or_else(|| u32::try_from(self.deliveries.len()).unwrap_or(u32::MAX)),
        };
        let id = DeliveryId { slot, serial: self.next_delivery };
        self.next_delivery += 1;
        let queue = &mut self.queues[number];
        queue.pending += 1;
        if self.config.ordering == Ordering::ByKey {
            queue.busy_keys.extend(entry.message.key);
        }
        let delivery = Delivery {
            id,
            queue: number,
            member: queue.members[0],
            entry,
            progress: Progress::Due,
            attempts: 0,
            first_attempt_at: None,
            last_error: None,
        };
        self.deliveries.insert(slot, delivery);
        slot
    }

    /// Starts an attempt; gives the message up when it is too old, or was tried often enough
    /// without a word.
    fn begin(&mut self, now: Time, slot: u32) -> Option<Action<P>> {
        let delivery = self.deliveries.get(&slot)?;
        if delivery.attempts >= self.config.max_attempts.max(1) {
            self.give_up(now, slot, DeathReason::MaxDeliveries);
            return None;
        }
        if now.reaches(self.expires(delivery.entry.since)) {
            self.give_up(now, slot, DeathReason::Expired);
            return None;
        }
        let member = self.least_busy(delivery.queue);
        self.subscriptions[member].running += 1;
        let delivery = self.deliveries.get_mut(&slot)?;
        delivery.attempts += 1;
        delivery.member = member;
        delivery.progress = Progress::Running;
        delivery.first_attempt_at.get_or_insert(now);
        let wait = self.config.ack_wait_of(delivery.attempts);
        Some(Action::Attempt {
            delivery: delivery.id,
            subscription: member,
            attempt: delivery.attempts,
            message: Arc::clone(&delivery.entry.message),
            ack_by: wait.map_or(Time::NEVER, |wait| now + wait),
            after: delivery.last_error.take(),
        })
    }

    /// The member of a queue with the fewest attempts under way; the first of several.
    fn least_busy(&self, queue: usize) -> usize {
        let members = &self.queues[queue].members;
        let busy = |member: &&usize| self.subscriptions[**member].running;
        members.iter().min_by_key(busy).copied().unwrap_or_default()
    }

    pub(super) fn give_up(&mut self, now: Time, slot: u32, reason: DeathReason) {
        let Some(delivery) = self.settle(slot) else { return };
        let letter = DeadLetter {
            message: delivery.entry.message,
            subscription: self.queues[delivery.queue].members[0],
            reason,
            attempts: delivery.attempts,
            first_attempt_at: delivery.first_attempt_at,
            died_at: now,
            last_error: delivery.last_error,
        };
        self.bury(letter);
    }

    /// Ends a delivery, for good or ill.
    fn settle(&mut self, slot: u32) -> Option<Delivery<P>> {
        let delivery = self.deliveries.remove(&slot)?;
        if self.config.dispatch == Dispatch::PerSubscription {
            self.free_slots.push(slot);
        }
        self.unsettled -= 1;
        let queue = &mut self.queues[delivery.queue];
        queue.pending -= 1;
        if let Some(key) = delivery.entry.message.key {
            queue.busy_keys.remove(&key);
        }
        Some(delivery)
    }
}
