//! The way of a subscriber that leaves, and of what waits for it.

use super::{DeathReason, Dispatch, Dispatcher, Progress};
use crate::{Name, Time};

impl<P: Clone> Dispatcher<P> {
    /// Takes every subscription of a subscriber to a topic away, in groups and alone, and gives their
    /// numbers, which are never used again; none where it does not subscribe.
    ///
    /// What a member of a consumer group has under way is due again, for the others. What waits for a
    /// subscription that nobody shares, or is handed out to it, becomes a dead letter at once, those
    /// handed out first: nobody hears of their ends any more, and its dead letters stay until they are
    /// thrown away, as there is nobody to drive them to. A bare one goes to whoever subscribes.
    pub fn unsubscribe(&mut self, now: Time, topic: Name, subscriber: Name) -> Vec<usize> {
        let is_meant = |number: &usize| {
            let known = self.subscriptions[*number];
            (known.topic, known.subscriber) == (topic, subscriber) && self.is_there(*number)
        };
        let leaving: Vec<usize> = (0..self.subscriptions.len()).filter(is_meant).collect();
        for number in &leaving {
            self.leave(now, *number);
        }
        leaving
    }

    /// Whether a subscription was not taken away.
    pub(super) fn is_there(&self, subscription: usize) -> bool {
        let queue = self.subscriptions[subscription].queue;
        self.queues[queue].members.contains(&subscription)
    }

    fn leave(&mut self, now: Time, number: usize) {
        let queue = self.subscriptions[number].queue;
        if self.queues[queue].members.len() > 1 {
            self.interrupt(|delivery| {
                delivery.member == number && delivery.progress == Progress::Running
            });
        } else {
            self.close(now, queue);
        }
        self.queues[queue].members.retain(|member| *member != number);
    }

    /// Nobody takes from a queue any more: what it has is given up.
    fn close(&mut self, now: Time, number: usize) {
        let topic = self.subscriptions[self.queues[number].members[0]].topic;
        if let Some(queues) = self.topics.get_mut(&topic) {
            queues.retain(|queue| *queue != number);
            if queues.is_empty() {
                self.topics.shift_remove(&topic);
            }
        }
        let mine = self.deliveries.iter().filter(|(_, delivery)| delivery.queue == number);
        let mut handed: Vec<_> = mine.map(|(slot, delivery)| (delivery.id.serial, *slot)).collect();
        handed.sort_unstable();
        for (_, slot) in handed {
            let delivery = self.deliveries.get(&slot).map(|it| (it.progress, it.member));
            if let Some((Progress::Running, member)) = delivery {
                self.subscriptions[member].running -= 1;
            }
            self.give_up(now, slot, DeathReason::Unsubscribed);
        }
        self.queues[number].due.clear();
        for entry in std::mem::take(&mut self.queues[number].waiting) {
            self.unsettled -= 1;
            self.bury_unsent(now, number, &entry, DeathReason::Unsubscribed);
        }
        if self.config.dispatch == Dispatch::Single {
            let (only, others) = std::mem::take(&mut self.buffer)
                .into_iter()
                .partition::<Vec<_>, _>(|pending| pending.only == Some(number));
            self.buffer = others.into();
            for pending in only {
                self.bury_unsent(now, number, &pending.entry, DeathReason::Unsubscribed);
            }
        }
    }
}
