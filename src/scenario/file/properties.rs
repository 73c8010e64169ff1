//! What must hold.

use brownout_models::{Ratio, Span};
use serde::Deserialize;

use crate::property::drill::ClaimFile;
use crate::property::{Outcome, Per};

/// A property and its parameters.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "Property", deny_unknown_fields)]
pub enum PropertyFile {
    /// Always: a row of the table is written to at most once per key.
    OncePerKey {
        /// What the property is called in reports.
        name: Option<String>,
        /// The table.
        table: String,
    },
    /// In the end: the values of these tables are equal, for every key or in total.
    LedgerBalance {
        /// What the property is called in reports.
        name: Option<String>,
        /// The tables, at least two.
        tables: Vec<String>,
        /// What must be equal; the values of every key.
        #[serde(default)]
        per: Per,
    },
    /// In the end: every published message was acknowledged by each of its subscriptions, given up
    /// as a dead letter or reported as unwanted.
    MessageConservation {
        /// What the property is called in reports.
        name: Option<String>,
        /// The topic; every topic.
        topic: Option<String>,
    },
    /// In the end: every row of the table has been followed by a handled event of its key.
    EventPerRow {
        /// What the property is called in reports.
        name: Option<String>,
        /// The table.
        table: String,
        /// The topic, as the handler of the event knows it.
        topic: String,
    },
    /// In the end: the table has a row of every key whose event was handled, and has not lost it.
    RowPerEvent {
        /// What the property is called in reports.
        name: Option<String>,
        /// The table.
        table: String,
        /// The topic, as the handler of the event knows it.
        topic: String,
    },
    /// In the end: every saga that began committed, with every step done, or rolled back, with every
    /// completed step compensated in reverse order.
    SagaTerminal {
        /// What the property is called in reports.
        name: Option<String>,
    },
    /// Always: a breaker goes from closed to open, to half-open, and from there to either.
    BreakerPath {
        /// What the property is called in reports.
        name: Option<String>,
    },
    /// Always: in any window of time a client gets through at most the burst and what is refilled.
    TokenEnvelope {
        /// What the property is called in reports.
        name: Option<String>,
    },
    /// In the end: every piece of work that a client began has ended.
    EveryCallEnds {
        /// What the property is called in reports.
        name: Option<String>,
        /// Always: and none took longer than this.
        within: Option<Span>,
    },
    /// In the end: at least this share of the work that clients began has succeeded.
    Availability {
        /// What the property is called in reports.
        name: Option<String>,
        /// The share: `"99%"`, `"999/1000"`.
        at_least: Ratio,
    },
    /// In the end: of the work that clients began later than a while after the faults ceased, at
    /// least this share succeeded.
    Recovers {
        /// What the property is called in reports.
        name: Option<String>,
        /// The while.
        within: Span,
        /// The share: `"99%"`, `"999/1000"`.
        at_least: Ratio,
    },
    /// Always: every entry follows from an earlier one of its flow, or begins it.
    TraceIsTree {
        /// What the property is called in reports.
        name: Option<String>,
    },
    /// Always: while the instances of a service stay the same, none is picked twice more often than
    /// another at the same node.
    BalancerFairness {
        /// What the property is called in reports.
        name: Option<String>,
    },
    /// In the end: the run is over because nothing was left to do, within the horizon.
    Quiescence {
        /// What the property is called in reports.
        name: Option<String>,
    },
    /// Always: during a deployment enough instances serve, and not too many run.
    RolloutCapacity {
        /// What the property is called in reports.
        name: Option<String>,
        /// The deployment.
        deployment: String,
        /// How many of the instances that it began with may not be ready.
        unavailable: u32,
        /// How many more than these may run.
        surge: u32,
    },
    /// Always: no request arrives at an instance that a deployment has stopped.
    NoCallToStopped {
        /// What the property is called in reports.
        name: Option<String>,
    },
    /// Always: until a deployment turns back, the candidate gets no more calls than its weight.
    TrafficShare {
        /// What the property is called in reports.
        name: Option<String>,
        /// The deployment.
        deployment: String,
        /// How many calls more are forgiven, which were on their way when the weight changed; 2.
        #[serde(default = "two")]
        slack: u32,
    },
    /// In the end: a deployment is over, and one version serves.
    DeploymentEnds {
        /// What the property is called in reports.
        name: Option<String>,
        /// The deployment.
        deployment: String,
        /// How it must end; either way.
        outcome: Option<Outcome>,
    },
    /// What a machine under drill must hold.
    Drill {
        /// What the property is called in reports.
        name: Option<String>,
        /// The claim, by the kind of machine.
        claim: ClaimFile,
    },
    /// Sometimes: some piece of work of a client succeeds.
    SometimesSucceeds {
        /// What the property is called in reports.
        name: Option<String>,
    },
}

const fn two() -> u32 {
    2
}
