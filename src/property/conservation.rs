//! No message is lost or made up: what publishers were promised is what handlers saw.

use brownout_models::contract::{FlowId, NodeId};
use brownout_models::{Fact, Name};
use indexmap::{IndexMap, IndexSet};

use super::{Ending, Observer, key_text};
use crate::kernel::{Entry, What};
use crate::layout::Layout;

/// Always, nothing is handled that nobody published. In the end every message whose publisher was
/// told that the broker has it was handled by each of its subscriptions, given up as a dead letter,
/// or reported as unwanted. Promises are counted where the answer arrives, at the publisher, and
/// deliveries where the handler ends; only what was given up is the broker's word.
#[derive(Clone, Debug)]
pub struct MessageConservation {
    broker: NodeId,
    /// How many subscriptions each topic has.
    topics: IndexMap<Name, usize>,
    messages: IndexMap<(Name, u64), Message>,
    /// What each flow published last, by topic: the answer that comes is about that.
    publishing: IndexMap<(FlowId, Name), u64>,
    looked: u64,
}

#[derive(Clone, Debug, Default)]
struct Message {
    is_promised: bool,
    handled_by: IndexSet<String>,
    given_up: usize,
    is_unwanted: bool,
}

impl MessageConservation {
    /// Watches topics of a broker; the number of subscriptions of each is given.
    #[must_use]
    pub fn new(broker: NodeId, topics: IndexMap<Name, usize>) -> Self {
        let (messages, publishing) = (IndexMap::new(), IndexMap::new());
        Self { broker, topics, messages, publishing, looked: 0 }
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
                let topic = layout.names.text(method);
                return Err(format!(
                    "{topic} of {} was handled, and nobody published it",
                    key_text(key)
                ));
            };
            let group = layout.nodes.get(entry.node.0 as usize).map_or("?", |place| &place.group);
            message.handled_by.insert(group.to_owned());
        } else if let Fact::DeadLettered { topic, key } = *fact
            && let Some(message) = self.messages.get_mut(&(topic, key))
        {
            message.given_up += 1;
        } else if let Fact::Unwanted { topic, key } = *fact
            && let Some(message) = self.messages.get_mut(&(topic, key))
        {
            message.is_unwanted = true;
        }
        Ok(())
    }
}

impl Observer for MessageConservation {
    fn see(&mut self, entry: &Entry<Fact>, layout: &Layout) -> Result<(), String> {
        if let What::Noted(fact) = &entry.what {
            return self.noted(entry, fact, layout);
        }
        if let What::Answered { from, kind, failure: None } = entry.what
            && from == self.broker
            && let Some(key) = self.publishing.get(&(entry.flow, kind.name))
            && let Some(message) = self.messages.get_mut(&(kind.name, *key))
        {
            message.is_promised = true;
        }
        Ok(())
    }

    fn end(&mut self, ending: &Ending<'_>) -> Result<(), String> {
        for ((topic, key), message) in &self.messages {
            let expected = self.topics.get(topic).copied().unwrap_or(0);
            let accounted = message.handled_by.len() + message.given_up;
            if message.is_promised && !message.is_unwanted && accounted < expected {
                let topic = ending.layout.names.text(*topic);
                return Err(format!(
                    "{topic} of {} was accepted for {expected} subscriptions; {} handled it and {} gave it up",
                    key_text(*key),
                    message.handled_by.len(),
                    message.given_up,
                ));
            }
        }
        Ok(())
    }

    fn looked(&self) -> u64 {
        self.looked
    }

    fn copy(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }
}
