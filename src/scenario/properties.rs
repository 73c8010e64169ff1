//! Properties from their entries in the file.

use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};

use super::check::Check;
use super::file::{NodeFile, PropertyFile, ScenarioFile};
use super::source::Path;
use crate::property::{
    BalancerFairness, BreakerPath, EventPerRow, EveryCallEnds, LedgerBalance, MessageConservation,
    Observer, OncePerKey, Property, Quiescence, SagaTerminal, SometimesSucceeds, Subscribed,
    TokenEnvelope, TraceIsTree,
};
use brownout_models::Name;

impl Check<'_> {
    /// What must hold.
    pub(super) fn properties(&mut self, file: &ScenarioFile) -> Arc<[Property]> {
        let root = Path::root().field("properties");
        let mut properties: Vec<Property> = Vec::new();
        for (index, property) in file.properties.iter().enumerate() {
            let path = root.index(index);
            let Some((name, observer)) = self.property(&path, property, file) else { continue };
            if properties.iter().any(|known| known.name == name) {
                let help = "give each a `name` of its own".to_owned();
                let message = format!("two properties are called `{name}`");
                self.problem(&path, message, "reports could not tell them apart", Some(help));
            }
            properties.push(Property { name, observer });
        }
        properties.into()
    }

    fn property(
        &mut self,
        path: &Path,
        property: &PropertyFile,
        file: &ScenarioFile,
    ) -> Option<(String, Box<dyn Observer>)> {
        let named = |name: &Option<String>, otherwise: &str| {
            name.clone().unwrap_or_else(|| otherwise.to_owned())
        };
        Some(match property {
            PropertyFile::OncePerKey { name, table } => {
                let observer = OncePerKey::new(self.table(&path.field("table"), table)?);
                (named(name, &format!("{table} once per key")), Box::new(observer))
            }
            PropertyFile::LedgerBalance { name, tables } => {
                let at = path.field("tables");
                if tables.len() < 2 {
                    let message = "a balance needs at least two tables".to_owned();
                    self.problem(&at, message, "expected two tables or more", None);
                }
                let names: Option<Vec<Name>> = (0..)
                    .zip(tables)
                    .map(|(index, table)| self.table(&at.index(index), table))
                    .collect();
                (named(name, "ledger balance"), Box::new(LedgerBalance::new(names?)))
            }
            PropertyFile::MessageConservation { name, topic } => {
                let observer = self.conservation(path, topic.as_deref(), file)?;
                (named(name, "message conservation"), Box::new(observer))
            }
            PropertyFile::EventPerRow { name, table, topic } => {
                let table_name = self.table(&path.field("table"), table)?;
                let topic_name = self.topic(&path.field("topic"), topic)?;
                let observer = EventPerRow::new(table_name, topic_name);
                (named(name, &format!("{topic} for every row of {table}")), Box::new(observer))
            }
            PropertyFile::SagaTerminal { name } => (
                named(name, "saga terminal states"),
                Box::new(SagaTerminal::new(self.irreversible(file))),
            ),
            PropertyFile::BreakerPath { name } => {
                (named(name, "breaker path"), Box::new(BreakerPath::default()))
            }
            PropertyFile::TokenEnvelope { name } => {
                (named(name, "token envelope"), Box::new(TokenEnvelope::default()))
            }
            PropertyFile::EveryCallEnds { name, within } => {
                self.not_zero(&path.field("within"), "the limit", *within);
                (named(name, "every call ends"), Box::new(EveryCallEnds::new(*within)))
            }
            PropertyFile::TraceIsTree { name } => {
                (named(name, "trace is a tree"), Box::new(TraceIsTree::default()))
            }
            PropertyFile::BalancerFairness { name } => {
                (named(name, "balancer fairness"), Box::new(BalancerFairness::default()))
            }
            PropertyFile::Quiescence { name } => {
                (named(name, "quiescence"), Box::new(Quiescence::default()))
            }
            PropertyFile::SometimesSucceeds { name } => {
                (named(name, "some work succeeds"), Box::new(SometimesSucceeds::default()))
            }
        })
    }

    fn table(&mut self, path: &Path, table: &str) -> Option<Name> {
        if self.tables.iter().any(|known| known == table) {
            return Some(self.name(table));
        }
        let known = self.tables.clone();
        self.unknown(path, "table", table, &known);
        None
    }

    fn topic(&mut self, path: &Path, topic: &str) -> Option<Name> {
        if self.topics.iter().any(|known| known == topic) {
            return Some(self.name(topic));
        }
        let known = self.topics.clone();
        self.unknown(path, "topic with a subscription", topic, &known);
        None
    }

    /// What a node is an instance of.
    fn group_of(&self, name: &str) -> String {
        let place = self.places.iter().find(|place| place.name == name);
        place.map_or(name, |place| place.group.as_str()).to_owned()
    }

    /// The steps of sagas that nothing undoes.
    fn irreversible(&mut self, file: &ScenarioFile) -> IndexSet<(Name, u32)> {
        let mut irreversible = IndexSet::new();
        for (name, node) in &file.nodes {
            let NodeFile::Saga(saga) = node else { continue };
            for (number, step) in (0..).zip(&saga.steps) {
                if step.compensation.is_none() {
                    irreversible.insert((self.name(name), number));
                }
            }
        }
        irreversible
    }

    fn conservation(
        &mut self,
        path: &Path,
        topic: Option<&str>,
        file: &ScenarioFile,
    ) -> Option<MessageConservation> {
        if let Some(topic) = topic {
            self.topic(&path.field("topic"), topic)?;
        }
        let Some(broker) = self.broker else {
            let message = "there are no messages without a broker".to_owned();
            self.problem(path, message, "expected a `Broker` in the scenario", None);
            return None;
        };
        let mut topics: IndexMap<Name, Vec<Subscribed>> = IndexMap::new();
        for node in file.nodes.values() {
            let NodeFile::Broker(broker) = node else { continue };
            for (number, subscription) in (0..).zip(&broker.subscriptions) {
                if topic.is_none_or(|topic| topic == subscription.topic) {
                    let group = self.group_of(&subscription.subscriber);
                    let subscribed = Subscribed { subscription: number, group };
                    topics.entry(self.name(&subscription.topic)).or_default().push(subscribed);
                }
            }
        }
        Some(MessageConservation::new(broker, topics))
    }
}
