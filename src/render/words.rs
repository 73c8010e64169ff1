//! What happened, in words and names.

mod deployment;
mod record;
#[cfg(test)]
mod tests;

use brownout_models::contract::{Failure, FlowId, Kind, NodeId};
use brownout_models::fact::{RedriveFact, WaitingFact};
use brownout_models::policy::BreakerState;
use brownout_models::{Fact, Name};
use serde_json::Value;

use crate::kernel::{Entry, What, World};
use crate::system::Stock;

/// Says what happened in a world, in the names of its scenario.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    world: &'a World<Stock>,
}

impl<'a> Words<'a> {
    /// The words for what happened in this world.
    #[must_use]
    pub const fn new(world: &'a World<Stock>) -> Self {
        Self { world }
    }

    /// The name of a node.
    #[must_use]
    pub fn node(&self, node: NodeId) -> &'a str {
        self.world.layout().node_name(node)
    }

    /// The name of a piece of work.
    #[must_use]
    pub fn flow(&self, flow: FlowId) -> String {
        self.world.flow_name(flow)
    }

    /// The text of a name.
    #[must_use]
    pub fn name(&self, name: Name) -> &'a str {
        self.world.layout().names.text(name)
    }

    /// The name of a timer of a node, as its machine declares it.
    #[must_use]
    pub fn timer(&self, node: NodeId, timer: u64) -> String {
        self.world.machine(node).map_or_else(String::new, |machine| machine.timer_name(timer))
    }

    /// What happened, without the word for its kind. The business key is left out where it is that
    /// of the piece of work, whose name says it.
    #[must_use]
    pub fn what(&self, entry: &Entry<Fact>) -> String {
        let node = entry.node;
        match &entry.what {
            What::Started { life } => format!("life {life}"),
            What::Delivered { from, kind } => self.from(*kind, *from),
            What::Woke { timer } => self.timer(node, *timer),
            What::Answered { from, kind, failure } => {
                let (kind, from) = (self.name(kind.name), self.node(*from));
                format!("{kind} from {from}{}", because(*failure))
            }
            What::Expired { to } => format!("call to {}", self.node(*to)),
            What::Lost { to, kind } | What::Duplicated { to, kind } => self.to(*kind, *to),
            What::Delayed { to, kind, by } => format!("{} by {by}", self.to(*kind, *to)),
            What::Dropped { from, kind } => {
                format!("{}, for an earlier life", self.from(*kind, *from))
            }
            What::Refused { from, kind } => {
                format!("{}, the node is down", self.from(*kind, *from))
            }
            What::Stale { from, kind } => {
                let (kind, from) = (self.name(kind.name), self.node(*from));
                format!("{kind} from {from}, not awaited")
            }
            What::Overtook { passed: 1 } => "passed another that was first".to_owned(),
            What::Overtook { passed } => format!("passed {passed} others that were first"),
            What::Crashed { after: None } => "before the step".to_owned(),
            What::Crashed { after: Some(0) } => "after no effect of the step".to_owned(),
            What::Crashed { after: Some(effects) } => format!("after effect {effects} of the step"),
            What::Paused { until } => format!("until {until}"),
            What::Partitioned { to, until } => format!("to {} until {until}", self.node(*to)),
            What::Slowed { until } | What::Drifted { until } => format!("until {until}"),
            What::Skewed { by, is_back: false } => format!("the clock is set ahead by {by}"),
            What::Skewed { by, is_back: true } => format!("the clock is set back by {by}"),
            What::Inherited { from, kind } => {
                format!("{}, meant for an earlier life", self.from(*kind, *from))
            }
            What::Wrote { table, key, amount, value } => {
                let row = self.of(self.name(*table), *key, entry.flow);
                format!("{row}: {}", self.wrote(node, *table, *amount, *value))
            }
            What::Unflushed { transactions: 1 } => "lost the last transaction".to_owned(),
            What::Unflushed { transactions } => {
                format!("lost the last {transactions} transactions")
            }
            What::Unwrote { table, key, amount, value } => {
                let row = self.of(self.name(*table), *key, entry.flow);
                format!("{row}: {}", self.unwrote(node, *table, *amount, *value))
            }
            What::Noted(fact) => self.fact(node, entry.flow, fact),
        }
    }

    /// What the machine of a node says about a piece of work.
    #[must_use]
    pub fn fact(&self, node: NodeId, flow: FlowId, fact: &Fact) -> String {
        let name = |name: &Name| self.name(*name);
        let of = |name: &Name, key: &u64| self.of(self.name(*name), *key, flow);
        let work = |key: &u64| self.of("work", *key, flow);
        let who = |instance: &NodeId, service: &Name| {
            format!("{} of {}", self.node(*instance), self.name(*service))
        };
        match fact {
            Fact::Asked { key } => format!("{} begins", work(key)),
            Fact::Ended { key, failure: None, latency } => {
                format!("{} succeeded after {latency}", work(key))
            }
            Fact::Ended { key, failure: Some(failure), latency } => {
                format!("{} failed after {latency}: {}", work(key), failure.words())
            }
            Fact::Registered { service, instance } => {
                format!("registered {}", who(instance, service))
            }
            Fact::Unhealthy { service, instance } => format!("gave up {}", who(instance, service)),
            Fact::Revived { service, instance } => {
                format!("heard again from {}", who(instance, service))
            }
            Fact::Deregistered { service, instance } => {
                format!("forgot {}", who(instance, service))
            }
            Fact::Evicted { service, instance } => format!("evicted {}", who(instance, service)),
            Fact::Ejected { service, instance } => format!("ejected {}", who(instance, service)),
            Fact::Readmitted { service, instance } => {
                format!("readmitted {}", who(instance, service))
            }
            Fact::Picked { instance, of, .. } => format!("picked {} of {of}", self.node(*instance)),
            Fact::Admitted { client, route, limit } => {
                format!("admitted {} on {} ({limit}/min)", name(client), name(route))
            }
            Fact::Limited { client, route, limit } => {
                format!("turned {} away on {} ({limit}/min)", name(client), name(route))
            }
            Fact::Broken { service } => format!("breaker of {}: turned away", name(service)),
            Fact::Breaker { service, from, to } => {
                format!("breaker of {}: {} -> {}", name(service), state(*from), state(*to))
            }
            Fact::InstanceBreaker { instance, from, to, .. } => {
                let (from, to) = (state(*from), state(*to));
                format!("breaker of {}: {from} -> {to}", self.node(*instance))
            }
            Fact::Began { method, key } => format!("began {}", of(method, key)),
            Fact::Queued { method, key, waiting } => {
                format!("put {} aside, {waiting} waiting", of(method, key))
            }
            Fact::Overloaded { method, key } => {
                format!("turned {} away: queue full", of(method, key))
            }
            Fact::BulkheadFull { method, key, inside } => {
                format!("turned {} away: bulkhead full at {inside}", of(method, key))
            }
            Fact::GatewayFull { service, inside, .. } => {
                format!("bulkhead of {}: turned away, full at {inside}", name(service))
            }
            Fact::Waiting(WaitingFact::Began { service, waiting, .. }) => {
                format!("bulkhead of {}: put aside, {waiting} waiting", name(service))
            }
            Fact::Waiting(WaitingFact::Ended { service, waited, is_in: true, .. }) => {
                format!("bulkhead of {}: let in after {waited}", name(service))
            }
            Fact::Waiting(WaitingFact::Ended { service, waited, is_in: false, .. }) => {
                format!("bulkhead of {}: given up after {waited}", name(service))
            }
            Fact::Waiting(WaitingFact::Refunded { client, route, limit }) => {
                format!("gave {} a token back on {} ({limit}/min)", name(client), name(route))
            }
            Fact::Finished { method, key, failure: None } => {
                format!("finished {}", of(method, key))
            }
            Fact::Finished { method, key, failure: Some(failure) } => {
                format!("gave {} up: {}", of(method, key), failure.words())
            }
            Fact::AlreadyThere { table, key } => format!("{} is there already", of(table, key)),
            Fact::WriteRefused { table, key, is_full } => {
                let why = if *is_full { "full" } else { "refused" };
                format!("{} was not written: {why}", of(table, key))
            }
            Fact::Conflicted { table, key } => {
                format!("{} changed since it was read", of(table, key))
            }
            Fact::Attempt { method, key, attempt, .. } => {
                format!("attempt {attempt} at {}", of(method, key))
            }
            Fact::PushedBack { method, key, after, .. } => {
                format!("comes back with {} in {after}, as asked", of(method, key))
            }
            Fact::Called { method, key, failure: None, .. } => {
                format!("{} succeeded", of(method, key))
            }
            Fact::Called { method, key, failure: Some(failure), .. } => {
                format!("{} failed: {}", of(method, key), failure.words())
            }
            Fact::Publishing { topic, key } => format!("publishes {}", of(topic, key)),
            Fact::Published { topic, key } => format!("took in {}", of(topic, key)),
            Fact::Delivering { topic, key, subscription, attempt } => {
                let subscriber = self.subscriber(node, *subscription);
                let again = match attempt {
                    1 => String::new(),
                    attempt => format!(", attempt {attempt}"),
                };
                format!("sends {} to {subscriber}{again}", of(topic, key))
            }
            Fact::Acknowledged { topic, key, subscription } => {
                format!(
                    "{} acknowledged by {}",
                    of(topic, key),
                    self.subscriber(node, *subscription)
                )
            }
            Fact::DeadLettered { topic, key, .. } => format!("dead letter: {}", of(topic, key)),
            Fact::Redrive(RedriveFact::Told { redriven, left }) => redrive(*redriven, *left),
            Fact::Redrive(RedriveFact::Letter { topic, key, subscription }) => {
                let subscriber = self.subscriber(node, *subscription);
                format!("drives {} again, dead at {subscriber}", of(topic, key))
            }
            Fact::Unwanted { topic, key } => format!("dropped {}: no subscriber", of(topic, key)),
            Fact::SagaBegan { saga, key } => format!("saga {} begins", of(saga, key)),
            Fact::SagaStep { step, name, compensation, failure, .. } => {
                let step = format!("step {} {}", step.saturating_add(1), self.name(*name));
                match (compensation, failure) {
                    (false, None) => format!("{step} done"),
                    (true, None) => format!("{step} undone"),
                    (false, Some(failure)) => format!("{step} failed: {}", failure.words()),
                    (true, Some(failure)) => format!("{step} not undone: {}", failure.words()),
                }
            }
            Fact::SagaEnded { saga, key, committed: true } => {
                format!("saga {} committed", of(saga, key))
            }
            Fact::SagaEnded { saga, key, committed: false } => {
                format!("saga {} rolled back", of(saga, key))
            }
            Fact::SagaFailed { saga, key, step, failure } => {
                let step = step.saturating_add(1);
                format!("saga {}: step {step} {}", of(saga, key), failure.words())
            }
            Fact::SagaStuck { saga, key, step } => {
                let step = step.saturating_add(1);
                format!("saga {} needs intervention at step {step}", of(saga, key))
            }
            Fact::SagaResumed { saga, key } => format!("saga {} goes on", of(saga, key)),
            Fact::SagaJoined { saga, key } => format!("saga {} is known", of(saga, key)),
            Fact::Drilled { operation, response, .. } => drilled(operation, response),
            Fact::PartMissing { part, failure, .. } => {
                let why = failure.map_or("not waited for", Failure::words);
                format!("part {} is missing: {why}", self.name(*part))
            }
            Fact::Composed { composition, key, parts, missing, ok } => {
                let what = if *ok { "composed" } else { "did not compose" };
                let came = parts.saturating_sub(*missing);
                format!("{what} {}: {came} of {parts} parts", of(composition, key))
            }
            Fact::Deployment(fact) => self.deployment(*fact),
            Fact::Own(text) => text.to_string(),
            Fact::GaveUp { method, key, why, .. } => {
                format!("does not try {} again: {}", of(method, key), why.words())
            }
            Fact::Abandoned { method, key, attempt, .. } => {
                format!("attempt {attempt} at {} does not matter any more", of(method, key))
            }
        }
    }

    /// Something about a business key: `charge of 12.4`, or `charge` where the flow is that key's.
    fn of(&self, what: &str, key: u64, flow: FlowId) -> String {
        let (layout, flow) = (self.world.layout(), self.flow(flow));
        if layout.flow_of_key(key).is_some_and(|own| own == flow) {
            return what.to_owned();
        }
        format!("{what} of {}", layout.key_text(key))
    }

    /// Who a subscription of a broker belongs to; its number where the node is no stock broker.
    pub(super) fn subscriber(&self, node: NodeId, subscription: u32) -> String {
        if let Some(Stock::Broker(broker)) = self.world.machine(node)
            && let Some(subscriber) = broker.subscriber(subscription)
        {
            return self.name(subscriber).to_owned();
        }
        format!("subscription {}", subscription.saturating_add(1))
    }

    fn from(&self, kind: Kind, from: NodeId) -> String {
        format!("{} from {}", self.kind(kind), self.node(from))
    }

    fn to(&self, kind: Kind, to: NodeId) -> String {
        format!("{} to {}", self.kind(kind), self.node(to))
    }

    /// The words for a kind of message: `charge`, or `charge reply`.
    #[must_use]
    pub fn kind(&self, kind: Kind) -> String {
        self.world.layout().kind_text(kind)
    }
}

/// An operation of a drill, what was answered, and what happened: `ask: allowed true, state closed`.
fn drilled(operation: &str, response: &str) -> String {
    let response: Value = serde_json::from_str(response).unwrap_or_default();
    let answer = plain(&response["result"]);
    let events = response["events"].as_array().into_iter().flatten();
    let events = events.map(|event| format!("; {}", plain(event)));
    let colon = if answer.is_empty() { "" } else { ": " };
    format!("{operation}{colon}{answer}{}", events.collect::<String>())
}

/// JSON without its signs, for a line of a trace; times are those of the line.
fn plain(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let kind = fields.get("type").map(|kind| format!("{} ", plain(kind)));
            let rest = fields.iter().filter(|(key, _)| !matches!(key.as_str(), "at" | "type"));
            let rest = rest.map(|(key, value)| match (key.as_str(), value) {
                ("message", value) => plain(value),
                (key, value) => format!("{key} {}", plain(value)),
            });
            kind.unwrap_or_default() + &rest.collect::<Vec<_>>().join(", ")
        }
        Value::Array(values) => {
            format!("[{}]", values.iter().map(plain).collect::<Vec<_>>().join("; "))
        }
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// What a person has driven again, and what found no room.
fn redrive(redriven: u32, left: u32) -> String {
    let letters = |number| match number {
        1 => "1 dead letter".to_owned(),
        number => format!("{number} dead letters"),
    };
    match (redriven, left) {
        (0, 0) => "there is no dead letter to drive again".to_owned(),
        (redriven, 0) => format!("drives {} again", letters(redriven)),
        (redriven, left) => format!("drives {} again, no room for {left}", letters(redriven)),
    }
}

/// The reason of a failure, after what failed.
fn because(failure: Option<Failure>) -> String {
    failure.map_or_else(String::new, |failure| format!(": {}", failure.words()))
}

const fn state(state: BreakerState) -> &'static str {
    match state {
        BreakerState::Closed => "closed",
        BreakerState::Open => "open",
        BreakerState::HalfOpen => "half-open",
    }
}
