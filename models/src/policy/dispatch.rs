//! The broker's dispatch: one message at a time, to all its subscribers, with retries.
//!
//! Follows the guide's `MessageBroker` (lines 577-694). A message finds the subscribers that its
//! topic has when its turn comes, and is dropped when there are none (MB-1); every subscriber gets
//! three attempts with 100 and 200 ms between them, and the next message waits for the last of
//! them, whatever its topic (MB-3); publishers wait where the buffer is full (MB-4); a dead letter
//! is the message alone, once for each subscriber that failed (MB-5), without the error (MB-6); the
//! same id may subscribe twice and gets everything twice (MB-10). Order per subscriber is
//! publication order (MB-14).
//!
//! What is *not* here: handlers and timers. The owner takes [`Action`]s one by one until there is
//! none, after everything it tells: a handler that ends at once is told at once, so that it ends
//! before the next subscriber starts.
//!
//! ```
//! use brownout_models::policy::{Action, Dispatcher, DispatcherConfig};
//! use brownout_models::{Name, Time};
//!
//! let mut broker = Dispatcher::new(DispatcherConfig::default());
//! broker.subscribe(Name(0), Name(1));
//! broker.publish(Time::ZERO, Name(0), "hello", 0);
//! let Some(Action::Attempt { subscription, attempt: 1, .. }) = broker.next_action() else {
//!     panic!("an idle broker starts at once");
//! };
//! broker.attempt_ended(Time::ZERO, subscription, true);
//! assert!(broker.next_action().is_none() && broker.is_idle());
//! ```

use std::collections::VecDeque;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::policy::Backoff;
use crate::{Name, Time};

/// The size of the buffer and the patience of deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DispatcherConfig {
    /// Messages that wait without holding up their publishers; 1,000.
    pub buffer: usize,
    /// Attempts for each subscriber, the first included; 3, and never less than one.
    pub max_attempts: u32,
    /// The wait between attempts; 100 ms, doubling.
    pub backoff: Backoff,
}

impl Default for DispatcherConfig {
    fn default() -> Self {
        Self { buffer: 1_000, max_attempts: 3, backoff: Backoff::default() }
    }
}

/// A published message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message<P> {
    /// Where it was published.
    pub topic: Name,
    /// The user's, opaque.
    pub payload: P,
    /// When publish was called, also where the publisher had to wait.
    pub published_at: Time,
}

/// What became of a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// The message is in the buffer; the publisher goes on.
    Accepted,
    /// The buffer is full: the publisher waits for its [`Action::Unblocked`].
    Blocked,
}

/// What the owner has to do or to know, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Action<P> {
    /// A waiting publisher's message went into the buffer.
    Unblocked {
        /// The number that the owner gave with the publish.
        publisher: u64,
    },
    /// The topic had no subscriber when the message's turn came.
    Dropped {
        /// The message.
        message: Message<P>,
    },
    /// Start the subscription's handler, and tell its end with [`Dispatcher::attempt_ended`].
    Attempt {
        /// Which subscription.
        subscription: usize,
        /// Counts from 1.
        attempt: u32,
        /// For which message.
        message: Message<P>,
    },
    /// Call [`Dispatcher::wake`] for the subscription at that instant.
    Backoff {
        /// Which subscription.
        subscription: usize,
        /// When its next attempt is due.
        until: Time,
    },
    /// The last attempt failed.
    DeadLettered {
        /// Which subscription gave it up.
        subscription: usize,
        /// The message.
        message: Message<P>,
    },
}

/// How far the delivery to one subscriber is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Progress {
    /// The attempt of this index may start.
    Ready(u32),
    Running(u32),
    Waiting(u32),
    Done,
}

/// A message on its way to the subscribers it found.
#[derive(Clone, Debug, Serialize)]
struct Delivery<P> {
    message: Message<P>,
    /// In the order of subscription.
    lanes: IndexMap<usize, Progress>,
}

/// The whole broker without its handlers.
#[derive(Clone, Debug, Serialize)]
pub struct Dispatcher<P> {
    config: DispatcherConfig,
    /// The subscriber of every subscription.
    subscriptions: Vec<Name>,
    topics: IndexMap<Name, Vec<usize>>,
    buffer: VecDeque<Message<P>>,
    /// Publishers that wait, with their messages, first come first served.
    blocked: VecDeque<(u64, Message<P>)>,
    delivery: Option<Delivery<P>>,
    /// What the owner has to hear before anything else starts.
    outbox: VecDeque<Action<P>>,
    dead_letters: Vec<Message<P>>,
}

impl<P: Clone> Dispatcher<P> {
    /// A broker without subscriptions or messages.
    #[must_use]
    pub fn new(config: DispatcherConfig) -> Self {
        Self {
            config,
            subscriptions: Vec::new(),
            topics: IndexMap::new(),
            buffer: VecDeque::new(),
            blocked: VecDeque::new(),
            delivery: None,
            outbox: VecDeque::new(),
            dead_letters: Vec::new(),
        }
    }

    /// Adds a subscription, for every message whose turn is still to come, and gives its number.
    pub fn subscribe(&mut self, topic: Name, subscriber: Name) -> usize {
        let subscription = self.subscriptions.len();
        self.subscriptions.push(subscriber);
        self.topics.entry(topic).or_default().push(subscription);
        subscription
    }

    /// Takes a message in, or makes its publisher wait; `publisher` is the owner's number for it.
    pub fn publish(&mut self, now: Time, topic: Name, payload: P, publisher: u64) -> Published {
        let message = Message { topic, payload, published_at: now };
        // An idle dispatcher takes the message straight from the publisher's hand.
        if self.buffer.len() < self.config.buffer || self.is_idle() {
            self.buffer.push_back(message);
            Published::Accepted
        } else {
            self.blocked.push_back((publisher, message));
            Published::Blocked
        }
    }

    /// The running attempt of a subscription has ended; anything else is ignored.
    pub fn attempt_ended(&mut self, now: Time, subscription: usize, ok: bool) {
        let Some(delivery) = &mut self.delivery else { return };
        let Some(progress) = delivery.lanes.get_mut(&subscription) else { return };
        let Progress::Running(index) = *progress else { return };
        if ok {
            *progress = Progress::Done;
        } else if index.saturating_add(1) < self.config.max_attempts {
            *progress = Progress::Waiting(index);
            let until = now + self.config.backoff.delay(index);
            self.outbox.push_back(Action::Backoff { subscription, until });
        } else {
            *progress = Progress::Done;
            let message = delivery.message.clone();
            self.dead_letters.push(message.clone());
            self.outbox.push_back(Action::DeadLettered { subscription, message });
        }
    }

    /// The backoff of a subscription is over; anything else is ignored.
    pub fn wake(&mut self, subscription: usize) {
        let Some(delivery) = &mut self.delivery else { return };
        if let Some(progress) = delivery.lanes.get_mut(&subscription)
            && let Progress::Waiting(index) = *progress
        {
            *progress = Progress::Ready(index.saturating_add(1));
        }
    }

    /// The next thing to do or to know, if there is one before something ends or wakes.
    pub fn next_action(&mut self) -> Option<Action<P>> {
        loop {
            if let Some(action) = self.outbox.pop_front() {
                return Some(action);
            }
            if let Some(delivery) = &mut self.delivery {
                if let Some(action) = delivery.start_attempt() {
                    return Some(action);
                }
                if delivery.lanes.values().any(|progress| *progress != Progress::Done) {
                    return None;
                }
                self.delivery = None;
            }
            let message = self.dequeue()?;
            match self.topics.get(&message.topic) {
                Some(subscriptions) => {
                    let lanes = subscriptions.iter().map(|number| (*number, Progress::Ready(0)));
                    self.delivery = Some(Delivery { message, lanes: lanes.collect() });
                }
                None => self.outbox.push_back(Action::Dropped { message }),
            }
        }
    }

    /// Whether no message is in the buffer, under way or waiting for room.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.delivery.is_none() && self.buffer.is_empty() && self.blocked.is_empty()
    }

    /// The subscriber that made the subscription.
    #[must_use]
    pub fn subscriber(&self, subscription: usize) -> Option<Name> {
        self.subscriptions.get(subscription).copied()
    }

    /// What could not be delivered, once per subscriber that failed, in the order of failure.
    #[must_use]
    pub fn dead_letters(&self) -> &[Message<P>] {
        &self.dead_letters
    }

    /// Takes the next message; the room it leaves goes to the publisher that waits longest.
    fn dequeue(&mut self) -> Option<Message<P>> {
        let first = self.buffer.pop_front();
        let Some((publisher, message)) = self.blocked.pop_front() else { return first };
        self.outbox.push_back(Action::Unblocked { publisher });
        match first {
            Some(first) => {
                self.buffer.push_back(message);
                Some(first)
            }
            None => Some(message),
        }
    }
}

impl<P: Clone> Delivery<P> {
    /// Starts the first attempt that may start, in the order of subscription.
    fn start_attempt(&mut self) -> Option<Action<P>> {
        for (subscription, progress) in &mut self.lanes {
            if let Progress::Ready(index) = *progress {
                *progress = Progress::Running(index);
                return Some(Action::Attempt {
                    subscription: *subscription,
                    attempt: index.saturating_add(1),
                    message: self.message.clone(),
                });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

    const TOPIC: Name = Name(0);

    fn broker(buffer: usize, subscribers: u32) -> Dispatcher<u32> {
        let mut broker =
            Dispatcher::new(DispatcherConfig { buffer, ..DispatcherConfig::default() });
        for subscriber in 0..subscribers {
            broker.subscribe(TOPIC, Name(100 + subscriber));
        }
        broker
    }

    fn attempt(broker: &mut Dispatcher<u32>) -> (usize, u32, u32) {
        match broker.next_action() {
            Some(Action::Attempt { subscription, attempt, message }) => {
                (subscription, attempt, message.payload)
            }
            other => panic!("no attempt but {other:?}"),
        }
    }

    #[test]
    fn a_message_without_subscribers_is_dropped_at_its_turn() {
        let mut broker = broker(9, 0);
        broker.publish(Time::ZERO, TOPIC, 7, 0);
        let message = Message { topic: TOPIC, payload: 7, published_at: Time::ZERO };
        assert_eq!(broker.next_action(), Some(Action::Dropped { message }));
        assert_eq!(broker.next_action(), None);
        broker.publish(Time::ZERO, TOPIC, 8, 0);
        broker.subscribe(TOPIC, Name(1));
        assert_eq!(attempt(&mut broker), (0, 1, 8), "it subscribed before the message's turn");
    }

    #[test]
    fn the_first_publisher_beyond_buffer_and_dispatcher_waits() {
        let mut broker = broker(1_000, 1);
        broker.publish(Time::ZERO, TOPIC, 0, 0);
        assert_eq!(attempt(&mut broker), (0, 1, 0));
        for number in 1..=1_000 {
            let published = broker.publish(Time::ZERO, TOPIC, number, 0);
            assert_eq!(published, Published::Accepted, "{number}");
        }
        assert_eq!(broker.publish(Time::ZERO, TOPIC, 1_001, 41), Published::Blocked);
        assert_eq!(broker.publish(Time::ZERO, TOPIC, 1_002, 42), Published::Blocked);
        broker.attempt_ended(Time::ZERO, 0, true);
        assert_eq!(broker.next_action(), Some(Action::Unblocked { publisher: 41 }));
        assert_eq!(attempt(&mut broker), (0, 1, 1));
    }

    #[test]
    fn a_poison_message_holds_up_everything_behind_it() {
        let mut broker = broker(9, 2);
        broker.publish(Time::ZERO, TOPIC, 1, 0);
        broker.publish(Time::ZERO, TOPIC, 2, 0);
        let mut now = Time::ZERO;
        assert_eq!(attempt(&mut broker), (0, 1, 1));
        assert_eq!(attempt(&mut broker), (1, 1, 1));
        broker.attempt_ended(now, 1, true);
        for (number, wait) in [(1, 100), (2, 200)] {
            broker.attempt_ended(now, 0, false);
            let until = now + Span::from_millis(wait);
            assert_eq!(broker.next_action(), Some(Action::Backoff { subscription: 0, until }));
            assert_eq!(broker.next_action(), None);
            now = until;
            broker.wake(0);
            assert_eq!(attempt(&mut broker), (0, number + 1, 1));
        }
        broker.attempt_ended(now, 0, false);
        assert!(matches!(broker.next_action(), Some(Action::DeadLettered { .. })));
        assert_eq!(attempt(&mut broker), (0, 1, 2));
        assert_eq!(broker.dead_letters().len(), 1);
    }

    #[test]
    fn without_a_buffer_the_dispatcher_takes_from_the_publishers_hand() {
        let mut broker = broker(0, 1);
        assert_eq!(broker.publish(Time::ZERO, TOPIC, 1, 1), Published::Accepted);
        assert_eq!(attempt(&mut broker), (0, 1, 1));
        assert_eq!(broker.publish(Time::ZERO, TOPIC, 2, 2), Published::Blocked);
        broker.attempt_ended(Time::ZERO, 0, true);
        assert_eq!(broker.next_action(), Some(Action::Unblocked { publisher: 2 }));
        assert_eq!(attempt(&mut broker), (0, 1, 2));
        broker.attempt_ended(Time::ZERO, 0, true);
        assert_eq!(broker.next_action(), None);
        assert!(broker.is_idle());
    }
}
