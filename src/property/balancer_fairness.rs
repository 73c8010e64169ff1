//! A balancer is fair: while the instances stay the same, each gets its turn.

use brownout_models::Map;
use brownout_models::contract::NodeId;
use brownout_models::{Fact, Name};

use super::{Ending, Observer};
use crate::kernel::{Entry, What};
use crate::layout::Layout;

/// Always, between two changes of the instances of a service, no node picks one of them two times
/// more often than another. A node that starts again starts to count again.
#[derive(Clone, Debug, Default)]
pub struct BalancerFairness {
    windows: Map<(NodeId, Name), Window>,
    looked: u64,
}

/// What a node picked since the instances changed.
#[derive(Clone, Debug, Default)]
struct Window {
    of: u32,
    picks: Map<NodeId, u64>,
}

impl Observer for BalancerFairness {
    fn see(&mut self, entry: &Entry<Fact>, layout: &Layout) -> Result<(), String> {
        if let What::Started { .. } = entry.what {
            self.windows.retain(|(node, _), _| *node != entry.node);
        }
        let What::Noted(fact) = &entry.what else { return Ok(()) };
        if let Fact::Registered { service, .. }
        | Fact::Unhealthy { service, .. }
        | Fact::Revived { service, .. }
        | Fact::Deregistered { service, .. }
        | Fact::Evicted { service, .. }
        | Fact::Ejected { service, .. }
        | Fact::Readmitted { service, .. } = fact
        {
            self.windows.retain(|(_, known), _| known != service);
        }
        let Fact::Picked { service, instance, of } = *fact else { return Ok(()) };
        self.looked += 1;
        let window = self.windows.entry((entry.node, service)).or_default();
        // More instances than there are: the node went by an older list until now.
        let is_known = window.picks.contains_key(&instance);
        if window.of != of || (!is_known && window.picks.len() >= of as usize) {
            *window = Window { of, picks: Map::default() };
        }
        *window.picks.entry(instance).or_insert(0) += 1;
        let most = window.picks.values().max().copied().unwrap_or(0);
        let all_picked = window.picks.len() >= of as usize;
        let least = if all_picked { window.picks.values().min().copied().unwrap_or(0) } else { 0 };
        if most - least <= 1 {
            return Ok(());
        }
        let (service, instance) = (layout.names.text(service), layout.node_name(instance));
        Err(format!(
            "{instance} of {service} was picked {most} times, another instance {least} times"
        ))
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
