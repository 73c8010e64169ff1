//! A breaker's events are a path in its state graph.

use brownout_models::Map;
use brownout_models::contract::NodeId;
use brownout_models::policy::BreakerState;
use brownout_models::{Fact, Name};

use super::{Ending, Observer};
use crate::kernel::{Entry, What};
use crate::layout::Layout;

/// Always, every transition leaves the state that the last one entered, and goes from closed to open,
/// from open to half-open, or from half-open to either. A new life starts closed.
#[derive(Clone, Debug, Default)]
pub struct BreakerPath {
    states: Map<(NodeId, Name, Option<NodeId>), BreakerState>,
    looked: u64,
}

impl Observer for BreakerPath {
    fn see(&mut self, entry: &Entry<Fact>, layout: &Layout) -> Result<(), String> {
        if let What::Started { .. } = entry.what {
            self.states.retain(|(node, ..), _| *node != entry.node);
        }
        let What::Noted(fact) = &entry.what else { return Ok(()) };
        let (service, instance, from, to) = if let Fact::Breaker { service, from, to } = *fact {
            (service, None, from, to)
        } else if let Fact::InstanceBreaker { service, instance, from, to } = *fact {
            (service, Some(instance), from, to)
        } else {
            return Ok(());
        };
        self.looked += 1;
        let state =
            self.states.entry((entry.node, service, instance)).or_insert(BreakerState::Closed);
        let last = std::mem::replace(state, to);
        let service = layout.names.text(service);
        if last != from {
            return Err(format!(
                "the breaker of {service} says that it went from {from:?} to {to:?}, but it was {last:?}"
            ));
        }
        match (from, to) {
            (BreakerState::Closed, BreakerState::Open)
            | (BreakerState::Open, BreakerState::HalfOpen)
            | (BreakerState::HalfOpen, BreakerState::Open | BreakerState::Closed) => Ok(()),
            (BreakerState::Closed, BreakerState::Closed | BreakerState::HalfOpen)
            | (BreakerState::Open, BreakerState::Open | BreakerState::Closed)
            | (BreakerState::HalfOpen, BreakerState::HalfOpen) => {
                Err(format!("the breaker of {service} went from {from:?} to {to:?}"))
            }
        }
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
