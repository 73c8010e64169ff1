//! How a broker behaves: every difference between the guide and the best brokers has a name.

mod words;

use serde::{Deserialize, Serialize};

use super::BrokerOperatorOptions;
use crate::Span;
use crate::policy::{Backoff, BalancerOptions, OutlierOptions, WriteAhead};
use crate::profile::{Mistake, options};
use words::{forever, off, unbounded, uncapped};

options! {
    /// How a broker takes messages in, hands them out and gives them up.
    config DispatcherConfig;
    /// A broker's configuration as it is written.
    options DispatcherOptions as "Broker";
    {
        /// Who waits for whom.
        dispatch: Dispatch = Dispatch::Single, hardened Dispatch::PerSubscription;
        /// Messages that wait without holding up their publishers; 1,000, the guide's channel.
        /// `Single`: behind the one under way; `PerSubscription`: at each, behind those handed out.
        buffer: usize = 1_000;
        /// What becomes of a message when the buffer is full.
        overflow: Overflow = Overflow::Block, hardened Overflow::Reject;
        /// What becomes of a message when nobody subscribes to its topic.
        unroutable: Unroutable = Unroutable::Drop, hardened Unroutable::Return;
        /// How long a handler may take; for ever, hardened 30 s (the ack wait of NATS JetStream).
        ack_wait: AckWait = AckWait::Forever, hardened AckWait::After(Span::from_secs(30));
        /// Attempts for each message and subscription, the first included, at least 1; 3,
        /// hardened 20 (RabbitMQ's delivery limit).
        max_attempts: u32 = 3, hardened 20;
        /// The wait after the first failed attempt, doubling from then on; 100 ms.
        backoff: Backoff = Backoff::default();
        /// What the doubling never exceeds; nothing, hardened 30 s.
        backoff_max: BackoffMax = BackoffMax::Uncapped, hardened
            BackoffMax::After(Span::from_secs(30));
        /// The waits one by one, the last of which repeats, instead of the doubling; they override
        /// the ack wait as well, and an attempt that takes longer is repeated at once (JetStream's
        /// `BackOff`). Empty for none.
        backoff_list: Vec<Span> = Vec::new();
        /// Whether a handler can say that trying again will not help.
        rejection: Rejection = Rejection::Retried, hardened Rejection::Final;
        /// Messages that a subscription may have handed out and not settled, those between two
        /// attempts included; 1 (one after the other), hardened 1,000 (JetStream's
        /// `MaxAckPending`). `Single` hands out one by itself.
        max_ack_pending: u32 = 1, hardened 1_000;
        /// Whether messages of one key keep their order where several are handed out at a time.
        ordering: Ordering = Ordering::Unordered, hardened Ordering::ByKey;
        /// How long a message may wait for its next attempt; for ever in both (RabbitMQ's
        /// `message-ttl`). Looked at when its turn comes.
        message_ttl: MessageTtl = MessageTtl::Forever;
        /// What a dead letter says.
        dead_letter: DeadLetterDetail = DeadLetterDetail::Bare, hardened
            DeadLetterDetail::Described;
        /// Dead letters that are kept, the oldest is evicted for a new one; all, hardened 10,000.
        dead_letters_max: DeadLettersMax = DeadLettersMax::Unbounded, hardened
            DeadLettersMax::AtMost(10_000);
        /// What a second subscription of the same subscriber to the same topic is.
        duplicate_subscribe: DuplicateSubscribe = DuplicateSubscribe::Accept, hardened
            DuplicateSubscribe::Replace;
        /// Whether the members of a consumer group share its messages.
        groups: Groups = Groups::Ignored, hardened Groups::Compete;
        /// How long the broker remembers the publishers' own message ids; not at all, hardened 2 min
        /// (the duplicate window of JetStream).
        dedup_window: DedupWindow = DedupWindow::Off, hardened
            DedupWindow::For(Span::from_secs(120));
        /// Where the broker's own message ids come from.
        message_ids: MessageIds = MessageIds::Clock, hardened MessageIds::Sequence;
        /// What a crash of the broker leaves.
        durability: Durability = Durability::Memory, hardened Durability::Durable;
        /// What a message must be in the log before its publisher hears that it was taken in, where
        /// the log is flushed later than it is written; in systems only.
        confirms: WriteAhead = WriteAhead::Written, hardened WriteAhead::Flushed;
    }
    also {
        /// Former names of the node, which recorded plans may use.
        aliases: Vec<String>;
        /// Who wants which topic, in order of subscription; scenarios only.
        subscriptions: Vec<SubscriptionOptions>;
        /// What a person says to it, in order of time; nothing, and scenarios only.
        operator: Vec<BrokerOperatorOptions>;
        /// How long its log takes to be flushed, from the first record that is not; no time, and
        /// scenarios only.
        flush: Option<Span>;
        /// The zone where it is; none, and scenarios only.
        zone: Option<String>;
        /// Which instance of a subscriber gets a message; round robin; scenarios only.
        balancer: BalancerOptions;
        /// Which had better get none; nobody is ejected; scenarios only.
        outlier: OutlierOptions;
    }
}

/// Who wants a topic, as a scenario writes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename = "Subscription", deny_unknown_fields)]
pub struct SubscriptionOptions {
    /// The topic.
    pub topic: String,
    /// A service or a node; it needs a handler for the topic.
    pub subscriber: String,
    /// The consumer group whose members share the messages of the topic; none.
    #[serde(default)]
    pub group: Option<String>,
}

/// Who waits for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dispatch {
    /// One message at a time, to all its subscribers; the next one waits for the last of their
    /// attempts, whatever its topic (MB-3).
    Single,
    /// Every subscription has a queue of its own, and waits for nobody else.
    PerSubscription,
}

/// What becomes of a message when the buffer is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Overflow {
    /// Its publisher waits (MB-4).
    Block,
    /// Its publisher is told, and the message is not taken in: RabbitMQ's `reject-publish`.
    Reject,
    /// The oldest message that waits becomes a dead letter: RabbitMQ's `drop-head`.
    DropOldest,
}

/// What becomes of a message when nobody subscribes to its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unroutable {
    /// It is dropped when its turn comes (MB-1).
    Drop,
    /// Its publisher is told, and the message is not taken in: AMQP's `mandatory`.
    Return,
    /// It is kept for the first subscription to come, as a stream does.
    Retain,
}

/// How long a handler may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "this is no span; write one like `\"30s\"`, or `Forever`")]
pub enum AckWait {
    /// An attempt is repeated when it was not acknowledged so long after it began.
    After(Span),
    /// A handler that hangs is waited for (MB-9).
    #[serde(with = "forever")]
    Forever,
}

/// What the doubling of the backoff never exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "this is no span; write one like `\"30s\"`, or `Uncapped`")]
pub enum BackoffMax {
    /// No wait is longer.
    After(Span),
    /// It doubles on, until 64 bits are full.
    #[serde(with = "uncapped")]
    Uncapped,
}

/// How long a message may wait for its next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "this is no span; write one like `\"30s\"`, or `Forever`")]
pub enum MessageTtl {
    /// It becomes a dead letter when its turn comes so long after it was taken in.
    After(Span),
    /// It never expires.
    #[serde(with = "forever")]
    Forever,
}

/// How long the broker remembers the publishers' own message ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "this is no span; write one like `\"2m\"`, or `Off`")]
pub enum DedupWindow {
    /// A message whose id was taken in less than this ago is a duplicate, and left out.
    For(Span),
    /// Every publish is a new message.
    #[serde(with = "off")]
    Off,
}

/// How many dead letters are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "this is no number; write how many are kept, or `Unbounded`")]
pub enum DeadLettersMax {
    /// The oldest is evicted, and reported, when there would be more.
    AtMost(usize),
    /// All of them.
    #[serde(with = "unbounded")]
    Unbounded,
}

/// Whether a handler can say that trying again will not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rejection {
    /// It is a failure like any other.
    Retried,
    /// The message becomes a dead letter at once: AMQP's `reject` without requeue.
    Final,
}

/// Whether messages of one key keep their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ordering {
    /// A message that is tried again is overtaken, unless only one is handed out at a time.
    Unordered,
    /// A message waits until those of its key before it are settled, also between their attempts:
    /// SQS's message groups.
    ByKey,
}

/// What a dead letter says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeadLetterDetail {
    /// The message alone (MB-5, MB-6); driving it again means publishing it to everybody.
    Bare,
    /// Whose it is, why it died, how often it was tried and when, and the last error: RabbitMQ's
    /// `x-death`. It can be driven again to whom it did not reach.
    Described,
}

/// What a second subscription of the same subscriber to the same topic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DuplicateSubscribe {
    /// Another subscription: everything comes twice (MB-10).
    Accept,
    /// A mistake: the first one stays.
    Refuse,
    /// The same subscription with a new handler, which gets what the old one has not settled.
    Replace,
}

/// Whether the members of a consumer group share its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Groups {
    /// Groups mean nothing: everybody gets everything (MB-10).
    Ignored,
    /// Each message goes to one member, the one with the fewest under way.
    Compete,
}

/// Where the broker's own message ids come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageIds {
    /// The clock in nanoseconds: two messages of one instant have the same (MB-7).
    Clock,
    /// A number that counts messages.
    Sequence,
}

/// What a crash of the broker leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Durability {
    /// Nothing but the subscriptions (MB-12).
    Memory,
    /// Whatever was taken in: what was not settled is handed out again in the next life.
    Durable,
}

impl DispatcherConfig {
    /// Everything that makes no sense; the guide itself has no such configuration.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        if self.max_attempts == 0 {
            mistakes.push(Mistake::new(
                "max_attempts",
                "the number of attempts cannot be 0",
                "expected 1 or more",
                "write 1 for a broker that never tries again",
            ));
        }
        if self.max_ack_pending == 0 {
            mistakes.push(Mistake::new(
                "max_ack_pending",
                "the number of messages handed out cannot be 0",
                "expected 1 or more",
                "write 1 for one message after the other",
            ));
        }
        if self.overflow == Overflow::DropOldest && self.buffer == 0 {
            mistakes.push(Mistake::new(
                "buffer",
                "there is no oldest message in a buffer of 0",
                "expected 1 or more with `overflow: DropOldest`",
                "write `overflow: Reject` for a broker that keeps none waiting",
            ));
        }
        if self.dead_letters_max == DeadLettersMax::AtMost(0) {
            mistakes.push(Mistake::new(
                "dead_letters_max",
                "no dead letter could be kept",
                "expected 1 or more",
                "write `Unbounded` to keep them all",
            ));
        }
        mistakes.extend(self.mistakes_in_spans());
        mistakes.extend(self.mistakes_in_backoff());
        mistakes
    }

    fn mistakes_in_spans(&self) -> impl Iterator<Item = Mistake> {
        let ack_wait = self.ack_wait == AckWait::After(Span::ZERO);
        let ttl = self.message_ttl == MessageTtl::After(Span::ZERO);
        let window = self.dedup_window == DedupWindow::For(Span::ZERO);
        [
            (ack_wait, "ack_wait", "the ack wait", "Forever"),
            (ttl, "message_ttl", "the time to live", "Forever"),
            (window, "dedup_window", "the window", "Off"),
        ]
        .into_iter()
        .filter(|(is_zero, ..)| *is_zero)
        .map(|(_, option, what, word)| {
            let help = format!("write `{word}` to switch it off");
            Mistake::new(option, format!("{what} is zero"), "expected a span longer than 0s", help)
        })
    }

    fn mistakes_in_backoff(&self) -> Option<Mistake> {
        if self.backoff_list.iter().any(|wait| wait.is_zero()) {
            return Some(Mistake::new(
                "backoff_list",
                "a wait of the list is zero",
                "expected spans longer than 0s",
                "a wait is an ack wait as well: write how long a handler may take",
            ));
        }
        if !self.backoff_list.is_empty() {
            return None;
        }
        let BackoffMax::After(max) = self.backoff_max else {
            let last = self.max_attempts.saturating_sub(2);
            let doubled = u128::from(self.backoff.base.as_nanos()) << last.min(64);
            // Beyond 63 bits the guide's product is negative, and its sleep no sleep at all (SC-6).
            return (doubled >= 1 << 63).then(|| {
                Mistake::new(
                    "backoff_max",
                    format!("the wait doubles beyond 64 bits within {} attempts", last + 2),
                    "expected a longest wait",
                    "write `backoff_max: \"30s\"`, or fewer attempts",
                )
            });
        };
        (max < self.backoff.base).then(|| {
            Mistake::new(
                "backoff_max",
                format!("the longest wait {max} is shorter than the first, {}", self.backoff.base),
                "expected at least the backoff",
                "write the longer of the two, or a shorter `backoff`",
            )
        })
    }

    /// The wait before the next attempt, after so many attempts of which the last one failed.
    #[must_use]
    pub fn backoff_after(&self, attempts: u32) -> Span {
        let index = attempts.saturating_sub(1);
        if let Some(wait) = self.listed(index) {
            return wait;
        }
        match self.backoff_max {
            BackoffMax::Uncapped => self.backoff.delay(index),
            BackoffMax::After(max) => {
                let doubled = u128::from(self.backoff.base.as_nanos()) << index.min(64);
                u64::try_from(doubled).map_or(max, |nanos| Span::from_nanos(nanos).min(max))
            }
        }
    }

    /// How long the attempt of this number, from 1, may take; `None` for ever.
    #[must_use]
    pub fn ack_wait_of(&self, attempt: u32) -> Option<Span> {
        self.listed(attempt.saturating_sub(1)).or(match self.ack_wait {
            AckWait::Forever => None,
            AckWait::After(wait) => Some(wait),
        })
    }

    fn listed(&self, index: u32) -> Option<Span> {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        self.backoff_list.get(index).or(self.backoff_list.last()).copied()
    }
}
