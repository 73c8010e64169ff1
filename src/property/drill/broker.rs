//! Claims about a message broker.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use brownout_models::{Span, Time};
use serde::Deserialize;
use serde_json::Value;

use super::{Account, Exchange};

/// What a message broker must hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "BrokerClaim", deny_unknown_fields)]
pub enum BrokerClaim {
    /// Always: no message that was taken in is dropped for want of a subscriber (MB-1).
    NothingIsDropped,
    /// Always: every message of this topic that was taken in is handed out within this span; in the
    /// end, at all (MB-3, MB-9, MB-12).
    HandedOutWithin(String, Span),
    /// Always: no publisher waits (MB-4).
    PublishersDoNotWait,
    /// Always: a dead letter names the subscription that it did not reach (MB-5).
    DeadLettersNameTheirSubscription,
    /// Always: a dead letter says why it was given up, and how its last attempt ended (MB-6).
    DeadLettersSayWhy,
    /// Always: no two messages have the same id (MB-7).
    MessageIdsAreUnique,
    /// Always: a message is handed to a subscriber once, but for attempts after the first (MB-10).
    OncePerSubscriber,
    /// Always: a message that its publisher gave an id is handled once, however often it is
    /// published (MB-11).
    OncePerMessageId,
    /// In the end: every message that was taken in was, for each subscription that its topic had then,
    /// handed to a handler that does well, or given up as a dead letter, or dropped. Of brokers with
    /// `dispatch: PerSubscription`, and of subscriptions without a group.
    NothingIsLost,
}

impl BrokerClaim {
    pub(super) fn account(&self) -> Box<dyn Account> {
        match self {
            Self::HandedOutWithin(topic, within) => Box::new(HandedOut {
                topic: topic.clone(),
                within: *within,
                waiting: BTreeMap::new(),
            }),
            Self::NothingIsDropped
            | Self::PublishersDoNotWait
            | Self::DeadLettersNameTheirSubscription
            | Self::DeadLettersSayWhy => Box::new(Word { claim: self.clone() }),
            Self::MessageIdsAreUnique => Box::new(Ids::default()),
            Self::NothingIsLost => Box::new(Ledger::default()),
            Self::OncePerSubscriber | Self::OncePerMessageId => Box::new(Once {
                by_id: matches!(self, Self::OncePerMessageId),
                published: BTreeMap::new(),
                handed: BTreeMap::new(),
                ids: BTreeSet::new(),
            }),
        }
    }
}

/// What each answer and each event must be by itself.
#[derive(Clone, Debug)]
struct Word {
    claim: BrokerClaim,
}

impl Account for Word {
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        let lacks = |field: &'static str| {
            exchange.events_of("dead_lettered").find(move |event| event.get(field).is_none())
        };
        let said = match &self.claim {
            BrokerClaim::NothingIsDropped => exchange
                .events_of("dropped")
                .next()
                .map(|event| format!("{} was taken in and dropped", event["payload"])),
            BrokerClaim::PublishersDoNotWait => (exchange.result["pending"] == true)
                .then(|| format!("the publisher of {} waits", exchange.request["payload"])),
            BrokerClaim::DeadLettersNameTheirSubscription => lacks("subscriber")
                .map(|event| format!("nobody knows whom {} did not reach", event["payload"])),
            BrokerClaim::DeadLettersSayWhy => lacks("reason")
                .or_else(|| lacks("last_error"))
                .map(|event| format!("nobody knows why {} is a dead letter", event["payload"])),
            BrokerClaim::HandedOutWithin(..)
            | BrokerClaim::MessageIdsAreUnique
            | BrokerClaim::OncePerSubscriber
            | BrokerClaim::OncePerMessageId
            | BrokerClaim::NothingIsLost => None,
        };
        said.map_or(Ok(()), Err)
    }

    fn copy(&self) -> Box<dyn Account> {
        Box::new(self.clone())
    }
}

/// Messages that were not handed out yet.
#[derive(Clone, Debug)]
struct HandedOut {
    topic: String,
    within: Span,
    /// When they were published, by payload.
    waiting: BTreeMap<String, VecDeque<Time>>,
}

impl Account for HandedOut {
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        let is_ours = exchange.request["topic"] == self.topic.as_str();
        if exchange.op() == "publish" && is_ours && exchange.result["error"].is_null() {
            let payload = exchange.request["payload"].to_string();
            self.waiting.entry(payload).or_default().push_back(exchange.at);
        }
        for event in &exchange.events {
            let is_first = event["type"] == "attempt" && event["attempt"] == 1;
            if !is_first && event["type"] != "dropped" {
                continue;
            }
            let payload = event["payload"].to_string();
            let waiting = self.waiting.get_mut(&payload);
            let Some(published) = waiting.and_then(VecDeque::pop_front) else { continue };
            let waited = Time::from_nanos(event["at"].as_u64().unwrap_or(0)).since(published);
            if is_first && waited > self.within {
                return Err(format!("{payload} was handed out after {waited}"));
            }
        }
        let is_over = exchange.op().is_empty();
        let left = self.waiting.iter().find(|(_, waiting)| is_over && !waiting.is_empty());
        left.map_or(Ok(()), |(payload, _)| Err(format!("{payload} was never handed out")))
    }

    fn copy(&self) -> Box<dyn Account> {
        Box::new(self.clone())
    }
}

/// The ids that publishers were told.
#[derive(Clone, Debug, Default)]
struct Ids {
    seen: BTreeSet<u64>,
}

impl Account for Ids {
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        match exchange.result["message"].as_u64() {
            Some(id) if !self.seen.insert(id) => Err(format!("two messages have the id {id}")),
            Some(_) | None => Ok(()),
        }
    }

    fn copy(&self) -> Box<dyn Account> {
        Box::new(self.clone())
    }
}

/// How often messages were published, and first handed to each subscriber.
#[derive(Clone, Debug)]
struct Once {
    /// Whether a message is its publisher's id.
    by_id: bool,
    published: BTreeMap<String, u64>,
    handed: BTreeMap<(String, String), u64>,
    ids: BTreeSet<String>,
}

impl Account for Once {
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        if exchange.op() == "publish" {
            let id = exchange.request.get("id").map(Value::to_string);
            let is_new = !self.by_id || id.is_none_or(|id| self.ids.insert(id));
            let payload = exchange.request["payload"].to_string();
            *self.published.entry(payload).or_default() += u64::from(is_new);
        }
        for event in exchange.events_of("attempt").filter(|event| event["attempt"] == 1) {
            let payload = event["payload"].to_string();
            let published = self.published.get(&payload).copied().unwrap_or(0);
            let subscriber = event["subscriber"].to_string();
            let handed = self.handed.entry((subscriber, payload)).or_default();
            *handed += 1;
            if *handed > published {
                let (subscriber, payload) = (&event["subscriber"], &event["payload"]);
                return Err(format!("{subscriber} got {payload} {handed} times of {published}"));
            }
        }
        Ok(())
    }

    fn copy(&self) -> Box<dyn Account> {
        Box::new(self.clone())
    }
}

/// What each subscription is owed, and what became of that.
#[derive(Clone, Debug, Default)]
struct Ledger {
    /// Subscribers by topic.
    topics: BTreeMap<String, BTreeSet<String>>,
    /// Messages taken in, less those handled, given up or dropped, by subscriber and payload.
    owed: BTreeMap<(String, String), i64>,
}

impl Ledger {
    fn asked(&mut self, exchange: &Exchange<'_>) {
        let (request, result) = (&exchange.request, &exchange.result);
        let is_told_no = !result["error"].is_null() || result["pending"] == true;
        if is_told_no || result["duplicate"] == true || request.get("group").is_some() {
            return;
        }
        let topic = self.topics.entry(request["topic"].to_string()).or_default();
        let subscriber = request["subscriber"].to_string();
        match exchange.op() {
            "subscribe" => {
                topic.insert(subscriber);
            }
            "unsubscribe" => {
                topic.remove(&subscriber);
            }
            "publish" => {
                let payload = request["payload"].to_string();
                for subscriber in topic.iter() {
                    *self.owed.entry((subscriber.clone(), payload.clone())).or_default() += 1;
                }
            }
            _ => {}
        }
    }
}

impl Account for Ledger {
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        self.asked(exchange);
        for event in &exchange.events {
            let is_done = match event["type"].as_str() {
                Some("attempt") => event["ok"] == true,
                Some("dead_lettered" | "dropped") => true,
                Some(_) | None => false,
            };
            let (payload, whose) = (event["payload"].to_string(), event.get("subscriber"));
            // Who is not named may be anybody.
            let whose = whose.map(Value::to_string);
            let is_meant = |key: &(String, String)| {
                key.1 == payload && whose.as_ref().is_none_or(|whose| *whose == key.0)
            };
            for (_, owed) in self.owed.iter_mut().filter(|(key, _)| is_done && is_meant(key)) {
                *owed -= 1;
            }
        }
        let is_over = exchange.op().is_empty();
        let lost = self.owed.iter().find(|(_, owed)| is_over && **owed > 0);
        lost.map_or(Ok(()), |((subscriber, payload), _)| {
            Err(format!("{subscriber} never got {payload}, nor was it given up"))
        })
    }

    fn copy(&self) -> Box<dyn Account> {
        Box::new(self.clone())
    }
}
