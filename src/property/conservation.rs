//! No message is lost or made up: what publishers were promised is what handlers saw.

use brownout_models::contract::{FlowId, NodeId};
use brownout_models::fact::RedriveFact;
use brownout_models::{Fact, Name};
use brownout_models::{Map, Set};

use super::{Ending, Observer};
use crate::kernel::{Entry, What};
use crate::layout::Layout;

/// Always, nothing is handled that nobody published. In the end every message whose publisher was
/// told that the broker has it was, for each of its subscriptions, handled by the subscriber or
/// given up as a dead letter and not driven again since, or else it was reported as unwanted.
/// Promises are counted where the answer arrives, at the publisher, and deliveries where the handler
/// ends; only what was given up is the broker's word.
///
/// A message is its topic and its business key: publishing it again is no other message, and of two
/// subscriptions of one subscriber either may have handled it. What was published is remembered to
/// the end, since it may be handled again at any time.
#[derive(Clone, Debug)]
pub struct MessageConservation {
    broker: NodeId,
    topics: Map<Name, Vec<Subscribed>>,
    messages: Map<(Name, u64), Message>,
    /// What each flow published last, by topic: the answer that comes is about that.
    publishing: Map<(FlowId, Name), u64>,
    /// The services of which others are versions.
    versions: Map<String, String>,
    looked: u64,
}

/// A subscription of a topic, or all those of a consumer group, of which one handles each message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// Their numbers, as the broker has them.
    pub subscriptions: Vec<u32>,
    /// What each subscriber is an instance of, by name.
    pub services: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct Message {
    is_promised: bool,
    handled_by: Set<String>,
    given_up: Set<u32>,
    is_unwanted: bool,
}

impl MessageConservation {
    /// Watches topics of a broker with their subscriptions.
    #[must_use]
    pub fn new(broker: NodeId, topics: Map<Name, Vec<Subscribed>>) -> Self {
        let (messages, publishing) = (Map::default(), Map::default());
        Self { broker, topics, messages, publishing, versions: Map::default(), looked: 0 }
    }

    /// The same, and what a version of a service handles, that service has handled.
    #[must_use]
    pub fn with_versions(mut self, versions: Map<String, String>) -> Self {
        self.versions = versions;
        self
    }

    fn noted(&mut self, entry: &Entry<Fact>, fact: &Fact, layout: &Layout) -> Result<(), String> {
        if let Fact::Publishing { topic, key } = *fact
            && self.topics.contains_key(&topic)
        {
            self.looked += 1;
            self.publishing.insert((entry.flow, topic), key);
            self.messages.entry((topic, key)).or_default();
        } else if let Fact::Finished { method, key, failure: None } = *fact
            && self.topics.contains_key(&method)
        {
            let Some(message) = self.messages.get_mut(&(method, key)) else {
                let (topic, key) = (layout.names.text(method), layout.key_text(key));
                return Err(format!("{topic} of {key} was handled, and nobody published it"));
            };
            let Some(place) = layout.nodes.get(entry.node.0 as usize) else { return Ok(()) };
            let group = &place.group;
            message.handled_by.insert(self.versions.get(group).unwrap_or(group).clone());
        } else if let Fact::DeadLettered { topic, key, subscription } = *fact
            && let Some(message) = self.messages.get_mut(&(topic, key))
        {
            message.given_up.insert(subscription);
        } else if let Fact::Redrive(RedriveFact::Letter { topic, key, subscription }) = *fact
            && let Some(message) = self.messages.get_mut(&(topic, key))
        {
            message.given_up.swap_remove(&subscription);
        } else if let Fact::Unwanted { topic, key } = *fact
            && let Some(message) = self.messages.get_mut(&(topic, key))
        {
            message.is_unwanted = true;
        }
        Ok(())
    }
}

impl MessageConservation {
    /// The first message that was promised and that a subscriber never saw, and that subscriber.
    fn missing(&self) -> Option<(Name, u64, &[String])> {
        let promised =
            self.messages.iter().filter(|(_, message)| message.is_promised && !message.is_unwanted);
        promised.into_iter().find_map(|((topic, key), message)| {
            let mut subscribed = self.topics.get(topic).into_iter().flatten();
            let missing = subscribed.find(|it| {
                !it.services.iter().any(|service| message.handled_by.contains(service))
                    && !it.subscriptions.iter().any(|number| message.given_up.contains(number))
            });
            missing.map(|Subscribed { services, .. }| (*topic, *key, services.as_slice()))
        })
    }
}

impl Observer for MessageConservation {
    fn see(&mut self, entry: &Entry<Fact>, layout: &Layout) -> Result<(), String> {
        if let What::Noted(fact) = &entry.what {
            return self.noted(entry, fact, layout);
        }
        if let What::Answered { from, kind, failure: None } = entry.what
            && from == self.broker
            && let Some(key) = self.publishing.swap_remove(&(entry.flow, kind.name))
            && let Some(message) = self.messages.get_mut(&(kind.name, key))
        {
            message.is_promised = true;
        }
        Ok(())
    }

    fn end(&mut self, ending: &Ending<'_>) -> Result<(), String> {
        let Some((topic, key, services)) = self.missing() else { return Ok(()) };
        let (topic, key) = (ending.layout.names.text(topic), ending.layout.key_text(key));
        Err(format!(
            "{topic} of {key} was accepted, and {} never handled it, nor was it given up",
            services.join(" or ")
        ))
    }

    fn looked(&self) -> u64 {
        self.looked
    }

    fn about(&self) -> Option<u64> {
        self.missing().map(|(_, key, _)| key)
    }

    fn copy(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }
}
