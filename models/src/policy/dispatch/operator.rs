//! What a person says to a broker.

use serde::Deserialize;

use crate::Span;

/// A word of whoever watches over a broker, as a scenario writes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename = "Operator", deny_unknown_fields)]
pub struct BrokerOperatorOptions {
    /// When, from the start of the run.
    pub at: Span,
    /// What.
    pub says: BrokerWord,
}

/// What a person can say to a broker.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename = "Word", deny_unknown_fields)]
pub enum BrokerWord {
    /// Drive dead letters again, all at once, to where they died: SQS's `StartMessageMoveTask`
    /// without a destination and a rate.
    Redrive {
        /// Those of this topic only.
        #[serde(default)]
        topic: Option<String>,
        /// Those of this subscriber only.
        #[serde(default)]
        subscriber: Option<String>,
    },
}
