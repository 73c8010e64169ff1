//! What a person says to a deployment, in the words of Argo Rollouts.

use serde::{Deserialize, Serialize};

use super::DeployEvent;

/// A word of whoever watches over a deployment. One that means nothing where the deployment stands
/// changes nothing. Argo's `retry`, which begins an aborted rollout anew, is not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "Word")]
pub enum OperatorWord {
    /// Go on: a pause is over, and what stood still moves again.
    Promote,
    /// Go on, and leave the pauses and analyses out that are still to come; of strategies without
    /// steps it says no more than `Promote`.
    PromoteFull,
    /// Turn back to the version that served before.
    Abort,
}

impl From<OperatorWord> for DeployEvent {
    fn from(word: OperatorWord) -> Self {
        match word {
            OperatorWord::Promote => Self::Promote,
            OperatorWord::PromoteFull => Self::PromoteFull,
            OperatorWord::Abort => Self::Abort,
        }
    }
}
