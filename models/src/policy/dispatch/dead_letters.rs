//! The dead-letter queue: what was given up, until somebody drives it again or throws it away.

use std::sync::Arc;

use super::queue::Entry;
use super::take_in::Pending;
use super::{Action, DeadLetter, DeadLetterDetail, DeadLettersMax, DeathReason, Dispatcher};
use crate::Time;

impl<P: Clone> Dispatcher<P> {
    /// What could not be delivered, once per subscription that it did not reach, in the order of
    /// giving up.
    pub fn dead_letters(&self) -> impl ExactSizeIterator<Item = &DeadLetter<P>> {
        self.dead_letters.iter()
    }

    /// Drives dead letters again, those of one subscription or all, oldest first, as far as there is
    /// room; their attempts count from 1 again. A letter that names its subscription goes there
    /// alone, and stays where that was taken away; a bare one goes to everybody who subscribes. Gives how
    /// many went.
    pub fn redrive(&mut self, now: Time, subscription: Option<usize>) -> usize {
        let is_meant = |_: &Self, letter: &DeadLetter<P>| {
            subscription.is_none_or(|subscription| letter.subscription == subscription)
        };
        self.redrive_where(now, is_meant, |_| {}).len()
    }

    /// The same for those of some subscriptions, or of the consumer groups that these are in, each
    /// renewed before it goes. Gives what went.
    pub fn redrive_those(
        &mut self,
        now: Time,
        subscriptions: &[usize],
        renew: impl Fn(&mut P),
    ) -> Vec<DeadLetter<P>> {
        self.redrive_where(now, |this, letter| this.is_among(letter, subscriptions), renew)
    }

    /// How many dead letters there are of these subscriptions, or of the groups that they are in.
    #[must_use]
    pub fn dead_letters_among(&self, subscriptions: &[usize]) -> usize {
        self.dead_letters.iter().filter(|letter| self.is_among(letter, subscriptions)).count()
    }

    fn redrive_where(
        &mut self,
        now: Time,
        is_meant: impl Fn(&Self, &DeadLetter<P>) -> bool,
        renew: impl Fn(&mut P),
    ) -> Vec<DeadLetter<P>> {
        let mut driven = Vec::new();
        for mut letter in std::mem::take(&mut self.dead_letters) {
            let only = match self.config.dead_letter {
                DeadLetterDetail::Bare => None,
                DeadLetterDetail::Described => self.queue_of(letter.subscription),
            };
            let is_wanted = only.is_none_or(|queue| !self.queues[queue].members.is_empty());
            let has_room = self.has_room_for(letter.message.topic, only);
            if is_meant(self, &letter) && is_wanted && has_room {
                renew(&mut Arc::make_mut(&mut letter.message).payload);
                let entry = Entry { message: Arc::clone(&letter.message), since: now };
                self.take_in(now, Pending { entry, only, message_id: None });
                driven.push(letter);
            } else {
                self.dead_letters.push_back(letter);
            }
        }
        driven
    }

    fn is_among(&self, letter: &DeadLetter<P>, subscriptions: &[usize]) -> bool {
        let queue = self.queue_of(letter.subscription).and_then(|queue| self.queues.get(queue));
        queue.is_some_and(|queue| queue.members.iter().any(|it| subscriptions.contains(it)))
    }

    /// Throws the dead letters away, those of one subscription or all, and gives them back.
    pub fn purge(&mut self, subscription: Option<usize>) -> Vec<DeadLetter<P>> {
        let is_meant = |letter: &DeadLetter<P>| {
            subscription.is_none_or(|subscription| letter.subscription == subscription)
        };
        let all = std::mem::take(&mut self.dead_letters);
        let (gone, kept) = all.into_iter().partition::<Vec<_>, _>(is_meant);
        self.dead_letters = kept.into();
        gone
    }

    fn queue_of(&self, subscription: usize) -> Option<usize> {
        self.subscriptions.get(subscription).map(|known| known.queue)
    }

    /// Gives a message up that was never handed out.
    pub(super) fn bury_unsent(
        &mut self,
        now: Time,
        queue: usize,
        entry: &Entry<P>,
        reason: DeathReason,
    ) {
        self.bury(DeadLetter {
            message: Arc::clone(&entry.message),
            subscription: self.queues[queue].members[0],
            reason,
            attempts: 0,
            first_attempt_at: None,
            died_at: now,
            last_error: None,
        });
    }

    /// Keeps a dead letter, and says so.
    pub(super) fn bury(&mut self, letter: DeadLetter<P>) {
        self.outbox.push_back(Action::DeadLettered { letter: letter.clone() });
        self.dead_letters.push_back(letter);
        if let DeadLettersMax::AtMost(max) = self.config.dead_letters_max
            && self.dead_letters.len() > max
            && let Some(letter) = self.dead_letters.pop_front()
        {
            self.outbox.push_back(Action::Evicted { letter });
        }
    }
}
