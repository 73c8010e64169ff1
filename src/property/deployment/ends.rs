//! A deployment comes to an end, and to the right one.

use brownout_models::Fact;
use brownout_models::contract::{FlowId, NodeId};
use brownout_models::fact::DeploymentFact;
use brownout_models::policy::Version;
use serde::Deserialize;

use crate::kernel::{Entry, What};
use crate::layout::Layout;
use crate::property::{Ending, Observer};

/// How a deployment may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Outcome {
    /// The candidate serves.
    RolledOut,
    /// The version serves that served before.
    RolledBack,
}

/// In the end a deployment is over: one version serves, and the deployment waits for nobody.
#[derive(Clone, Debug)]
pub struct DeploymentEnds {
    control: NodeId,
    expected: Option<Outcome>,
    began: bool,
    halted: bool,
    outcome: Option<Outcome>,
    /// In which piece of work the deployment was heard of last.
    flow: Option<FlowId>,
}

impl DeploymentEnds {
    /// Watches a deployment, which may end in either way where none is expected.
    #[must_use]
    pub const fn new(control: NodeId, expected: Option<Outcome>) -> Self {
        Self { control, expected, began: false, halted: false, outcome: None, flow: None }
    }
}

impl Observer for DeploymentEnds {
    fn see(&mut self, entry: &Entry<Fact>, _: &Layout) -> Result<(), String> {
        let What::Noted(Fact::Deployment(fact)) = entry.what else { return Ok(()) };
        if entry.node != self.control {
            return Ok(());
        }
        self.flow = Some(entry.flow);
        match fact {
            DeploymentFact::Began => self.began = true,
            DeploymentFact::Halted => self.halted = true,
            DeploymentFact::Told { heeded: true, .. } => self.halted = false,
            DeploymentFact::Ended { version: Version::Candidate } => {
                self.outcome = Some(Outcome::RolledOut);
            }
            DeploymentFact::Ended { version: Version::Stable } => {
                self.outcome = Some(Outcome::RolledBack);
            }
            DeploymentFact::TurnedBack { .. }
            | DeploymentFact::Ordered { .. }
            | DeploymentFact::Instance { .. }
            | DeploymentFact::Weighted { .. }
            | DeploymentFact::Split { .. }
            | DeploymentFact::Scaled { .. }
            | DeploymentFact::Told { heeded: false, .. } => {}
        }
        Ok(())
    }

    fn end(&mut self, ending: &Ending<'_>) -> Result<(), String> {
        let name = ending.layout.node_name(self.control);
        let words = |outcome| match outcome {
            Outcome::RolledOut => "rolled out",
            Outcome::RolledBack => "rolled back",
        };
        match (self.outcome, self.expected) {
            (Some(outcome), Some(expected)) if outcome != expected => {
                Err(format!("{name} {}, where it should have {}", words(outcome), words(expected)))
            }
            (Some(_), _) => Ok(()),
            (None, _) if self.halted => Err(format!("{name} stands where a person has to decide")),
            (None, _) if self.began => Err(format!("{name} never came to an end")),
            (None, _) => Err(format!("{name} never began")),
        }
    }

    fn looked(&self) -> u64 {
        u64::from(self.began)
    }

    fn about_flow(&self) -> Option<FlowId> {
        self.flow
    }

    /// Analyses look at shares of all requests: fewer of them decide something else, or nothing.
    fn is_about_load(&self) -> bool {
        true
    }

    fn copy(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }
}
