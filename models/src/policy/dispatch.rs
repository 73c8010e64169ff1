//! The broker's dispatch: who gets which message when, with retries and dead letters.
//!
//! As `guide` it follows the guide's `MessageBroker` (lines 577-694). A message finds the
//! subscribers that its topic has when its turn comes, and is dropped when there are none (MB-1);
//! every subscriber gets three attempts with 100 and 200 ms between them, and the next message
//! waits for the last of them, whatever its topic (MB-3); publishers wait where the buffer is full
//! (MB-4); a dead letter is the message alone, once for each subscriber that failed (MB-5), without
//! the error (MB-6); the same id may subscribe twice and gets everything twice (MB-10); ids come
//! from the clock (MB-7), and a crash loses everything (MB-12). Order per subscriber is publication
//! order (MB-14).
//!
//! As `hardened` it is NATS JetStream with the dead-letter reasons and the delivery limit of
//! RabbitMQ: a cursor for each subscription, an ack wait, a bounded buffer that rejects,
//! `mandatory` publishing, order by key, consumer groups, a window for duplicates, and everything
//! durable. Every difference is an option of [`DispatcherConfig`].
//!
//! What is *not* here: handlers and timers. The owner takes [`Action`]s one by one until there is
//! none, after everything it tells: a handler that ends at once is told at once, so that it ends
//! before the next one starts. Deliveries of one queue start in order of publication.
//!
//! ```
//! use brownout_models::policy::{Action, AttemptEnd, Dispatcher, DispatcherConfig};
//! use brownout_models::{Name, Time};
//!
//! let mut broker = Dispatcher::new(DispatcherConfig::hardened());
//! broker.subscribe(Name(0), Name(1));
//! broker.publish(Time::ZERO, Name(0), "hello", 0);
//! let Some(Action::Attempt { delivery, attempt: 1, ack_by, .. }) = broker.next_action(Time::ZERO)
//! else {
//!     panic!("an idle broker starts at once");
//! };
//! // Nothing is heard until the ack wait is over.
//! broker.attempt_ended(ack_by, delivery, 1, AttemptEnd::TimedOut);
//! let Some(Action::Backoff { until, .. }) = broker.next_action(ack_by) else { panic!("a wait") };
//! broker.wake(delivery);
//! assert!(matches!(broker.next_action(until), Some(Action::Attempt { attempt: 2, .. })));
//! broker.attempt_ended(until, delivery, 2, AttemptEnd::Acknowledged);
//! assert!(broker.next_action(until).is_none() && broker.is_idle());
//! ```

mod config;
mod dead_letters;
mod deliver;
mod duplicates;
mod leave;
mod message;
mod operator;
mod queue;
mod take_in;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use crate::hash::Map;
use serde::Serialize;

pub use config::{
    AckWait, BackoffMax, DeadLetterDetail, DeadLettersMax, DedupWindow, Dispatch, DispatcherConfig,
    DispatcherOptions, DuplicateSubscribe, Durability, Groups, MessageIds, MessageTtl, Ordering,
    Overflow, Rejection, SubscriptionOptions, Unroutable,
};
use duplicates::Duplicates;
pub use message::{
    Action, AttemptEnd, DeadLetter, DeathReason, DeliveryId, Message, Publication, Published,
    Subscribed,
};
pub use operator::{BrokerOperatorOptions, BrokerWord};
use queue::{Delivery, Progress, Queue};
use take_in::Pending;

use crate::{Name, Time};

/// The whole broker without its handlers.
#[derive(Clone, Debug, Serialize)]
pub struct Dispatcher<P> {
    config: DispatcherConfig,
    /// Who subscribes to what, and which queue that is.
    subscriptions: Vec<Subscription>,
    queues: Vec<Queue<P>>,
    /// The queues of every topic, in the order of their first subscription.
    topics: Map<Name, Vec<usize>>,
    /// Where one message is dispatched at a time: those behind it.
    buffer: VecDeque<Pending<P>>,
    /// Messages that nobody subscribed to yet.
    retained: VecDeque<Pending<P>>,
    /// Publishers that wait, with their messages, first come first served.
    blocked: VecDeque<(u64, Pending<P>)>,
    /// Messages handed out and not settled, by slot.
    deliveries: BTreeMap<u32, Delivery<P>>,
    free_slots: Vec<u32>,
    /// Messages that wait in queues or are handed out, once for each queue.
    unsettled: usize,
    /// What the owner has to hear before anything else starts.
    outbox: VecDeque<Action<P>>,
    dead_letters: VecDeque<DeadLetter<P>>,
    duplicates: Duplicates,
    next_message: u64,
    last_id: Option<u64>,
    next_delivery: u64,
}

/// Who subscribes to what.
#[derive(Clone, Copy, Debug, Serialize)]
struct Subscription {
    topic: Name,
    subscriber: Name,
    queue: usize,
    /// Attempts under way.
    running: u32,
}

impl<P: Clone> Dispatcher<P> {
    /// A broker without subscriptions or messages.
    #[must_use]
    pub fn new(config: DispatcherConfig) -> Self {
        let duplicates = Duplicates::new(config.dedup_window);
        Self {
            config,
            subscriptions: Vec::new(),
            queues: Vec::new(),
            topics: Map::default(),
            buffer: VecDeque::new(),
            retained: VecDeque::new(),
            blocked: VecDeque::new(),
            deliveries: BTreeMap::new(),
            free_slots: Vec::new(),
            unsettled: 0,
            outbox: VecDeque::new(),
            dead_letters: VecDeque::new(),
            duplicates,
            next_message: 0,
            last_id: None,
            next_delivery: 0,
        }
    }

    /// Adds a subscription, for every message whose turn is still to come.
    pub fn subscribe(&mut self, topic: Name, subscriber: Name) -> Subscribed {
        self.join(topic, subscriber, None)
    }

    /// Adds a subscription as a member of a consumer group.
    pub fn subscribe_in(&mut self, topic: Name, subscriber: Name, group: Name) -> Subscribed {
        let group = match self.config.groups {
            Groups::Ignored => None,
            Groups::Compete => Some(group),
        };
        self.join(topic, subscriber, group)
    }

    fn join(&mut self, topic: Name, subscriber: Name, group: Option<Name>) -> Subscribed {
        let known = (0..self.subscriptions.len()).find(|number| {
            let known = self.subscriptions[*number];
            (known.topic, known.subscriber) == (topic, subscriber)
                && self.queues[known.queue].group == group
                && self.is_there(*number)
        });
        match (known, self.config.duplicate_subscribe) {
            (Some(number), DuplicateSubscribe::Refuse) => return Subscribed::Refused(number),
            (Some(number), DuplicateSubscribe::Replace) => {
                self.interrupt(|delivery| delivery.member == number);
                return Subscribed::Replaced(number);
            }
            (None, _) | (Some(_), DuplicateSubscribe::Accept) => {}
        }
        let number = self.subscriptions.len();
        let queues = self.topics.entry(topic).or_default();
        let joined = group.and_then(|group| {
            queues.iter().copied().find(|queue| self.queues[*queue].group == Some(group))
        });
        let queue = joined.unwrap_or_else(|| {
            queues.push(self.queues.len());
            self.queues.push(Queue::new(group, number));
            self.queues.len() - 1
        });
        if joined.is_some() {
            self.queues[queue].members.push(number);
        }
        self.subscriptions.push(Subscription { topic, subscriber, queue, running: 0 });
        self.hand_over_retained(topic);
        Subscribed::New(number)
    }

    /// The power fails and comes back. Publishers that wait are gone, and so is, in memory,
    /// everything but the subscriptions; what is durable and not settled is due at once, whatever
    /// its backoff was.
    pub fn power_cut(&mut self) {
        for (_, pending) in std::mem::take(&mut self.blocked) {
            if let Some(id) = pending.message_id {
                self.duplicates.forget(id);
            }
        }
        match self.config.durability {
            Durability::Durable => {
                let is_news = |action: &Action<P>| match action {
                    Action::Dropped { .. }
                    | Action::DeadLettered { .. }
                    | Action::Evicted { .. } => true,
                    Action::Unblocked { .. } | Action::Attempt { .. } | Action::Backoff { .. } => {
                        false
                    }
                };
                self.outbox.retain(is_news);
                self.interrupt(|_| true);
            }
            Durability::Memory => {
                for queue in &mut self.queues {
                    *queue = Queue {
                        members: std::mem::take(&mut queue.members),
                        ..Queue::new(queue.group, 0)
                    };
                }
                for subscription in &mut self.subscriptions {
                    subscription.running = 0;
                }
                self.buffer.clear();
                self.retained.clear();
                self.deliveries.clear();
                self.free_slots.clear();
                self.unsettled = 0;
                self.outbox.clear();
                self.dead_letters.clear();
                self.duplicates.clear();
            }
        }
    }

    /// Whether no message is in the buffer, under way or waiting for room.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.unsettled == 0 && self.buffer.is_empty() && self.blocked.is_empty()
    }

    /// How many messages wait, are under way or are kept for a subscription to come; one that
    /// several subscriptions have not settled counts for each, publishers that wait do not count.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.unsettled + self.buffer.len() + self.retained.len()
    }

    /// The id of the message that was published last, waiting publishers' included.
    #[must_use]
    pub const fn last_id(&self) -> Option<u64> {
        self.last_id
    }

    /// How it behaves.
    #[must_use]
    pub const fn config(&self) -> &DispatcherConfig {
        &self.config
    }

    /// The subscriber that made the subscription.
    #[must_use]
    pub fn subscriber(&self, subscription: usize) -> Option<Name> {
        self.subscriptions.get(subscription).map(|known| known.subscriber)
    }

    /// Makes deliveries due again whose attempt, or wait for one, ended without a word.
    fn interrupt(&mut self, whose: impl Fn(&Delivery<P>) -> bool) {
        let mut interrupted: Vec<(u64, u32)> = Vec::new();
        for (slot, delivery) in &mut self.deliveries {
            if !whose(delivery) {
                continue;
            }
            match delivery.progress {
                Progress::Due => continue,
                Progress::Running => {
                    self.subscriptions[delivery.member].running -= 1;
                    delivery.last_error = None;
                }
                Progress::Waiting => {}
            }
            delivery.progress = Progress::Due;
            interrupted.push((delivery.id.serial, *slot));
        }
        interrupted.sort_unstable();
        for (_, slot) in interrupted {
            self.queues[self.deliveries[&slot].queue].due.push_back(slot);
        }
    }

    /// Whether a delivery goes by this id, and not a later one in its slot.
    fn delivery(&mut self, id: DeliveryId) -> Option<&mut Delivery<P>> {
        self.deliveries.get_mut(&id.slot).filter(|delivery| delivery.id == id)
    }

    /// The time from which a delivery's message is too old.
    fn expires(&self, since: Time) -> Time {
        match self.config.message_ttl {
            MessageTtl::Forever => Time::NEVER,
            MessageTtl::After(ttl) => since + ttl,
        }
    }
}
