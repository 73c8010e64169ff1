//! What deployments and the instances under them say, in words and names.

use brownout_models::fact::{DeploymentFact, InstanceState};
use brownout_models::policy::{OperatorWord, TurnBack, Version};

use super::Words;

impl Words<'_> {
    /// What a deployment or an instance says.
    pub(super) fn deployment(&self, fact: DeploymentFact) -> String {
        match fact {
            DeploymentFact::Began => "the deployment begins".to_owned(),
            DeploymentFact::Ordered { instance, runs: true } => {
                format!("{} shall run", self.node(instance))
            }
            DeploymentFact::Ordered { instance, runs: false } => {
                format!("{} shall stop", self.node(instance))
            }
            DeploymentFact::Instance { service, state } => {
                format!("instance of {}: {}", self.name(service), state_words(state))
            }
            DeploymentFact::Weighted { percent } => {
                format!("{percent} % of the traffic for the candidate")
            }
            DeploymentFact::Split { service, subset, percent } => {
                format!("{percent} % of {} to {}", self.name(service), self.name(subset))
            }
            DeploymentFact::TurnedBack { reason } => {
                let why = match reason {
                    TurnBack::ProgressDeadline => "no progress for too long",
                    TurnBack::Analysis => "too many requests failed",
                    TurnBack::Aborted => "a person said so",
                };
                format!("the deployment turns back: {why}")
            }
            DeploymentFact::Halted => "the deployment halts, and a person decides".to_owned(),
            DeploymentFact::Ended { version: Version::Candidate } => "rolled out".to_owned(),
            DeploymentFact::Ended { version: Version::Stable } => "rolled back".to_owned(),
            DeploymentFact::Scaled { replicas, usage } => {
                format!("{usage} % busy: {replicas} instances shall run")
            }
            DeploymentFact::Told { word, heeded } => {
                let word = match word {
                    OperatorWord::Promote => "promote",
                    OperatorWord::PromoteFull => "promote fully",
                    OperatorWord::Abort => "abort",
                };
                let so = if heeded { "" } else { ", and nothing follows" };
                format!("a person says: {word}{so}")
            }
        }
    }
}

const fn state_words(state: InstanceState) -> &'static str {
    match state {
        InstanceState::Stopped => "stopped",
        InstanceState::Starting => "starting",
        InstanceState::WarmingUp => "warming up",
        InstanceState::Ready => "ready",
        InstanceState::Draining => "draining",
    }
}
