//! Enough instances serve during a deployment, and not too many run.

use brownout_models::Fact;
use brownout_models::Map;
use brownout_models::contract::NodeId;
use brownout_models::fact::{DeploymentFact, InstanceState};

use crate::kernel::{Entry, What};
use crate::layout::Layout;
use crate::property::{Ending, Observer};

/// Always, at least so many instances of a service and of its candidate are ready, and the deployment
/// wants at most so many to run. Whether an instance is ready it says itself, as it knows best; one
/// that crashed is not the deployment's fault, and counts as ready until it is.
#[derive(Clone, Debug)]
pub struct RolloutCapacity {
    control: NodeId,
    at_least: usize,
    at_most: usize,
    instances: Map<NodeId, Place>,
    looked: u64,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    is_wanted: bool,
    is_ready: bool,
    is_excused: bool,
}

impl RolloutCapacity {
    /// Watches the instances of a deployment, of which the first `replicas` serve at the beginning.
    #[must_use]
    pub fn new(
        control: NodeId,
        instances: &[NodeId],
        replicas: usize,
        (unavailable, surge): (u32, u32),
    ) -> Self {
        let place = |(number, node): (usize, &NodeId)| {
            let runs = number < replicas;
            (*node, Place { is_wanted: runs, is_ready: runs, is_excused: false })
        };
        Self {
            control,
            at_least: replicas.saturating_sub(unavailable as usize),
            at_most: replicas.saturating_add(surge as usize),
            instances: instances.iter().enumerate().map(place).collect(),
            looked: 0,
        }
    }

    fn noted(&mut self, node: NodeId, fact: DeploymentFact) -> Result<(), String> {
        if let DeploymentFact::Ordered { instance, runs } = fact
            && node == self.control
            && let Some(place) = self.instances.get_mut(&instance)
        {
            place.is_wanted = runs;
        } else if let DeploymentFact::Instance { state, .. } = fact
            && let Some(place) = self.instances.get_mut(&node)
        {
            place.is_ready = state == InstanceState::Ready;
            place.is_excused &= match state {
                InstanceState::Starting | InstanceState::WarmingUp => true,
                InstanceState::Ready | InstanceState::Draining | InstanceState::Stopped => false,
            };
        } else {
            return Ok(());
        }
        self.looked += 1;
        let count = |is: fn(&Place) -> bool| self.instances.values().filter(|it| is(it)).count();
        let (ready, wanted) = (count(|it| it.is_ready || it.is_excused), count(|it| it.is_wanted));
        let (at_least, at_most) = (self.at_least, self.at_most);
        if ready < at_least {
            return Err(format!("{ready} instances are ready, fewer than {at_least}"));
        }
        if wanted > at_most {
            return Err(format!("{wanted} instances shall run, more than {at_most}"));
        }
        Ok(())
    }
}

impl Observer for RolloutCapacity {
    fn see(&mut self, entry: &Entry<Fact>, _: &Layout) -> Result<(), String> {
        if let What::Noted(Fact::Deployment(fact)) = entry.what {
            return self.noted(entry.node, fact);
        }
        if let What::Started { life: 2.. } = entry.what
            && let Some(place) = self.instances.get_mut(&entry.node)
        {
            place.is_excused |= place.is_ready;
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
