//! What goes in and out of a dispatcher: messages, actions and dead letters.

use std::sync::Arc;

use serde::Serialize;

use crate::{Name, Time};

/// A message that the broker took in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message<P> {
    /// The broker's own id, which handlers may take for a deduplication key; whether it is unique
    /// is an option.
    pub id: u64,
    /// Where it was published.
    pub topic: Name,
    /// Messages of one key can keep their order; `None` for a message that has no part in that.
    pub key: Option<u64>,
    /// The user's, opaque.
    pub payload: P,
    /// When publish was called, also where the publisher had to wait.
    pub published_at: Time,
}

/// What a publisher hands over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication<P> {
    /// Where to.
    pub topic: Name,
    /// The user's, opaque.
    pub payload: P,
    /// Whose order it keeps.
    pub key: Option<u64>,
    /// The publisher's own id of the message: who it is, and a number. Publishing it again within
    /// the window is no other message.
    pub message_id: Option<(Name, u64)>,
    /// The owner's number for the publisher, should it have to wait.
    pub publisher: u64,
}

impl<P> Publication<P> {
    /// A message without a key or an id of its own.
    pub const fn new(topic: Name, payload: P, publisher: u64) -> Self {
        Self { topic, payload, key: None, message_id: None, publisher }
    }
}

/// What became of a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// The broker has the message; the publisher goes on.
    Accepted,
    /// The buffer is full: the publisher waits for its [`Action::Unblocked`].
    Blocked,
    /// The buffer is full, and the message was not taken in.
    Rejected,
    /// Nobody subscribes, and the message was not taken in.
    Returned,
    /// The broker has had a message of this id; the publisher goes on.
    Duplicate,
}

/// What became of a subscribe, with the number of the subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscribed {
    /// There is one subscription more.
    New(usize),
    /// The subscriber's subscription was there, and has a new handler now.
    Replaced(usize),
    /// The subscriber's subscription is there, and stays as it is.
    Refused(usize),
}

impl Subscribed {
    /// The number of the subscription.
    #[must_use]
    pub const fn number(self) -> usize {
        match self {
            Self::New(number) | Self::Replaced(number) | Self::Refused(number) => number,
        }
    }
}

/// A message on its way to one subscription. An end that comes too late names a delivery that is
/// no more, and is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DeliveryId {
    /// Its place among those under way, used again once it is settled. Where one message is
    /// dispatched at a time it is the number of the queue.
    pub slot: u32,
    /// Counts deliveries, so that a reused slot tells them apart.
    pub serial: u64,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptEnd {
    /// The handler acknowledged the message.
    Acknowledged,
    /// It failed.
    Failed,
    /// It failed, and says that trying again will not help.
    Rejected,
    /// It did not end within the ack wait.
    TimedOut,
}

/// What the owner has to do or to know, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Action<P> {
    /// A waiting publisher's message was taken in.
    Unblocked {
        /// The number that the owner gave with the publish.
        publisher: u64,
    },
    /// The topic had no subscriber when the message's turn came.
    Dropped {
        /// The message.
        message: Arc<Message<P>>,
    },
    /// Start the subscription's handler, and tell its end with
    /// [`Dispatcher::attempt_ended`](super::Dispatcher::attempt_ended).
    Attempt {
        /// Which delivery.
        delivery: DeliveryId,
        /// To whom; of a consumer group, the member.
        subscription: usize,
        /// Counts from 1.
        attempt: u32,
        /// For which message.
        message: Arc<Message<P>>,
        /// From then on the attempt has [timed out](AttemptEnd::TimedOut); the owner says so.
        ack_by: Time,
        /// How the attempt before it ended; `None` for the first one, and after one of which nobody
        /// knows: the broker crashed, or the subscription was replaced.
        after: Option<AttemptEnd>,
    },
    /// Call [`Dispatcher::wake`](super::Dispatcher::wake) for the delivery at that instant.
    Backoff {
        /// Which delivery.
        delivery: DeliveryId,
        /// When its next attempt is due.
        until: Time,
    },
    /// A message was given up for a subscription.
    DeadLettered {
        /// What is kept of it.
        letter: DeadLetter<P>,
    },
    /// There were too many dead letters, and the oldest is gone.
    Evicted {
        /// What was kept of it.
        letter: DeadLetter<P>,
    },
}

/// A message that was given up for a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeadLetter<P> {
    /// The message.
    pub message: Arc<Message<P>>,
    /// The subscription that it did not reach; the first one of a consumer group, and its last one
    /// where they all left.
    pub subscription: usize,
    /// Why it was given up.
    pub reason: DeathReason,
    /// How often it was tried.
    pub attempts: u32,
    /// When the first attempt began; `None` without any.
    pub first_attempt_at: Option<Time>,
    /// When it was given up.
    pub died_at: Time,
    /// How the last attempt ended; `None` when there was none, or the broker crashed in the middle.
    pub last_error: Option<AttemptEnd>,
}

/// Why a message was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeathReason {
    /// The handler said that trying again will not help.
    Rejected,
    /// It waited longer than its time to live.
    Expired,
    /// The last attempt failed, or nobody knows how it ended.
    MaxDeliveries,
    /// It was the oldest in a buffer that was full.
    Maxlen,
    /// The subscription that it was for was taken away.
    Unsubscribed,
}
