//! Properties from their entries in the file.

use std::sync::Arc;

use super::check::{Check, remedy};
use super::file::{NodeFile, PropertyFile, ScenarioFile};
use super::source::Path;
use crate::property::{
    Availability, BalancerFairness, BreakerPath, DeploymentEnds, EventPerRow, EveryCallEnds,
    LedgerBalance, MessageConservation, NoCallToStopped, Observer, OncePerKey, Property,
    Quiescence, Recovers, RowPerEvent, SagaTerminal, SometimesSucceeds, Subscribed, TokenEnvelope,
    TraceIsTree,
};
use brownout_models::policy::dispatch::Groups;
use brownout_models::{Map, Name, Profile, Set};
use indexmap::IndexMap;

impl Check<'_> {
    /// What must hold.
    pub(super) fn properties(&mut self, file: &ScenarioFile) -> Arc<[Property]> {
        let root = Path::root().field("properties");
        let mut properties: Vec<Property> = Vec::new();
        for (index, property) in file.properties.iter().enumerate() {
            let path = root.index(index);
            let Some((name, observer)) = self.property(&path, property, file) else { continue };
            if properties.iter().any(|known| known.name == name) {
                let message = format!("another property is called `{name}`");
                let help = "give it a `name` of its own, so that reports can tell them apart";
                self.problem(&path.field("name"), message, "expected another name", help);
            }
            if name.trim().is_empty() {
                let help = "leave it out: a property is called after what it claims";
                self.problem(&path.field("name"), "this name is empty", "expected a name", help);
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
            PropertyFile::LedgerBalance { name, tables, per } => {
                let at = path.field("tables");
                if tables.len() < 2 {
                    let message = "a balance needs at least two tables";
                    let help = "name the tables whose values must be equal";
                    self.problem(&at, message, "expected two tables or more", help);
                }
                let names: Option<Vec<Name>> = (0..)
                    .zip(tables)
                    .map(|(index, table)| self.table(&at.index(index), table))
                    .collect();
                let observer = LedgerBalance::new(names?).per(*per);
                (named(name, "ledger balance"), Box::new(observer))
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
            PropertyFile::RowPerEvent { name, table, topic } => {
                let table_name = self.table(&path.field("table"), table)?;
                let topic_name = self.topic(&path.field("topic"), topic)?;
                let observer = RowPerEvent::new(table_name, topic_name);
                (named(name, &format!("a row of {table} for every {topic}")), Box::new(observer))
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
                let help = "leave it out where a call may take any time";
                self.not_zero(&path.field("within"), "the limit", *within, help);
                (named(name, "every call ends"), Box::new(EveryCallEnds::new(*within)))
            }
            PropertyFile::Availability { name, at_least } => {
                let observer = Availability::new(*at_least);
                (named(name, &format!("availability of {at_least}")), Box::new(observer))
            }
            PropertyFile::Recovers { name, within, at_least } => {
                if file.heal_at.is_none() {
                    let message = "faults never cease in this scenario";
                    let help = "say at the top when random faults cease: `heal_at: \"30s\"`";
                    self.problem(path, message, "expected a scenario with `heal_at`", help);
                }
                let observer = Recovers::new(*within, *at_least);
                (named(name, &format!("recovers within {within}")), Box::new(observer))
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
            PropertyFile::RolloutCapacity { name, deployment, unavailable, surge } => {
                let at = path.field("deployment");
                let observer = self.capacity(&at, deployment, (*unavailable, *surge), file)?;
                (named(name, &format!("capacity during {deployment}")), Box::new(observer))
            }
            PropertyFile::NoCallToStopped { name } => {
                (named(name, "no call to a stopped instance"), Box::new(NoCallToStopped::default()))
            }
            PropertyFile::TrafficShare { name, deployment, slack } => {
                let observer = self.share(&path.field("deployment"), deployment, *slack, file)?;
                (named(name, &format!("traffic share of {deployment}")), Box::new(observer))
            }
            PropertyFile::DeploymentEnds { name, deployment, outcome } => {
                let (control, _) = self.rollout(&path.field("deployment"), deployment, file)?;
                let observer = DeploymentEnds::new(control, *outcome);
                (named(name, &format!("{deployment} ends")), Box::new(observer))
            }
            PropertyFile::Drill { name, claim } => {
                let observer = self.drill_claim(&path.field("claim"), claim, file)?;
                (named(name, "the machine under drill"), Box::new(observer))
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
        let help = remedy(table, &self.tables, "write to it in a handler: `Write(table: ..)`");
        let message = format!("nobody writes to a table `{table}`");
        self.problem(path, message, "expected a table of some service", help);
        None
    }

    pub(super) fn topic(&mut self, path: &Path, topic: &str) -> Option<Name> {
        if self.topics.iter().any(|known| known == topic) {
            return Some(self.name(topic));
        }
        let help = remedy(topic, &self.topics, "add it to the subscriptions of the broker");
        let message = format!("nobody subscribes to a topic `{topic}`");
        self.problem(path, message, "expected a topic with a subscription", help);
        None
    }

    /// What a node is an instance of.
    fn group_of(&self, name: &str) -> String {
        let place = self.places.iter().find(|place| place.name == name);
        place.map_or(name, |place| place.group.as_str()).to_owned()
    }

    /// The steps of sagas that nothing undoes.
    fn irreversible(&mut self, file: &ScenarioFile) -> Set<(Name, u32)> {
        let mut irreversible = Set::default();
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
        let Some(broker) = self.broker else {
            let message = "there are no messages without a broker";
            let help = "add a `Broker` to `nodes`, or remove the property";
            self.problem(path, message, "expected a `Broker` in the scenario", help);
            return None;
        };
        if let Some(topic) = topic {
            self.topic(&path.field("topic"), topic)?;
        }
        let mut topics: Map<Name, Vec<Subscribed>> = Map::default();
        for node in file.nodes.values() {
            let NodeFile::Broker(broker) = node else { continue };
            let compete = broker.resolve(Profile::Guide).groups == Groups::Compete;
            // Where each consumer group of a topic stands among its subscriptions.
            let mut groups: IndexMap<(&str, &str), usize> = IndexMap::new();
            for (number, subscription) in (0..).zip(&broker.subscriptions) {
                if topic.is_some_and(|topic| topic != subscription.topic) {
                    continue;
                }
                let service = self.group_of(&subscription.subscriber);
                let subscribed = topics.entry(self.name(&subscription.topic)).or_default();
                let group = subscription.group.as_deref().filter(|_| compete);
                let place = group.map_or(subscribed.len(), |group| {
                    *groups.entry((&subscription.topic, group)).or_insert(subscribed.len())
                });
                if let Some(members) = subscribed.get_mut(place) {
                    members.subscriptions.push(number);
                    members.services.push(service);
                } else {
                    let (subscriptions, services) = (vec![number], vec![service]);
                    subscribed.push(Subscribed { subscriptions, services });
                }
            }
        }
        let managed = self.managed.iter();
        let versions = managed.map(|(name, it)| (name.clone(), it.version_of.clone())).collect();
        Some(MessageConservation::new(broker, topics).with_versions(versions))
    }
}
