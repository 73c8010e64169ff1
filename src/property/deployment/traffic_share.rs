//! A version that has not proven itself gets no more traffic than it was given.

use brownout_models::Fact;
use brownout_models::Set;
use brownout_models::contract::NodeId;
use brownout_models::fact::DeploymentFact;

use crate::kernel::{Entry, What};
use crate::layout::Layout;
use crate::property::{Ending, Observer};

/// Always, until the deployment turns back, of the calls since it last set a weight at most that share
/// goes to the candidate, and a few more: those that were on their way when the weight changed. Calls
/// are counted where a caller picks an instance. Once the deployment has turned back, what is left is
/// not the candidate's share any more, but the time that it takes for everybody to hear of that.
#[derive(Clone, Debug)]
pub struct TrafficShare {
    control: NodeId,
    stable: Set<NodeId>,
    candidate: Set<NodeId>,
    slack: u64,
    percent: u32,
    picks: u64,
    of_candidate: u64,
    has_turned_back: bool,
    looked: u64,
}

impl TrafficShare {
    /// Watches the calls to the instances of two versions.
    #[must_use]
    pub fn new(
        control: NodeId,
        stable: impl IntoIterator<Item = NodeId>,
        candidate: impl IntoIterator<Item = NodeId>,
        slack: u32,
    ) -> Self {
        Self {
            control,
            stable: stable.into_iter().collect(),
            candidate: candidate.into_iter().collect(),
            slack: u64::from(slack),
            percent: 0,
            picks: 0,
            of_candidate: 0,
            has_turned_back: false,
            looked: 0,
        }
    }

    fn picked(&mut self, instance: NodeId) -> Result<(), String> {
        let is_candidate = self.candidate.contains(&instance);
        if self.has_turned_back || (!is_candidate && !self.stable.contains(&instance)) {
            return Ok(());
        }
        self.looked += 1;
        self.picks += 1;
        self.of_candidate += u64::from(is_candidate);
        let beyond = self.of_candidate.saturating_sub(self.slack);
        if beyond * 100 <= self.picks * u64::from(self.percent) {
            return Ok(());
        }
        let (of_candidate, picks, percent) = (self.of_candidate, self.picks, self.percent);
        Err(format!(
            "{of_candidate} of {picks} calls go to the candidate, which is to have {percent} %"
        ))
    }
}

impl Observer for TrafficShare {
    fn see(&mut self, entry: &Entry<Fact>, _: &Layout) -> Result<(), String> {
        let What::Noted(fact) = &entry.what else { return Ok(()) };
        if let Fact::Picked { instance, .. } = fact {
            return self.picked(*instance);
        }
        if entry.node != self.control {
            return Ok(());
        }
        if let Fact::Deployment(DeploymentFact::Weighted { percent }) = fact {
            (self.percent, self.picks, self.of_candidate) = (*percent, 0, 0);
        } else if let Fact::Deployment(DeploymentFact::TurnedBack { .. }) = fact {
            self.has_turned_back = true;
        }
        Ok(())
    }

    fn end(&mut self, _: &Ending<'_>) -> Result<(), String> {
        Ok(())
    }

    fn looked(&self) -> u64 {
        self.looked
    }

    fn copy(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }
}
