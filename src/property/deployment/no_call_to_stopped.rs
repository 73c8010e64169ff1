//! Nobody calls an instance that was stopped.

use brownout_models::Fact;
use brownout_models::Set;
use brownout_models::contract::{Kind, NodeId};
use brownout_models::fact::{DeploymentFact, InstanceState};
use brownout_models::name::HEARTBEAT;

use crate::kernel::{Entry, What};
use crate::layout::Layout;
use crate::property::{Ending, Observer};

/// Always, no request arrives at an instance that a deployment has stopped. Requests are seen where
/// they arrive; the orders of control planes and probes are none. An instance that crashed could not take
/// its leave, and until it has served again nobody is to blame for calling it.
#[derive(Clone, Debug, Default)]
pub struct NoCallToStopped {
    stopped: Set<NodeId>,
    crashed: Set<NodeId>,
    controls: Set<NodeId>,
    looked: u64,
}

impl Observer for NoCallToStopped {
    fn see(&mut self, entry: &Entry<Fact>, layout: &Layout) -> Result<(), String> {
        match &entry.what {
            What::Noted(Fact::Deployment(DeploymentFact::Began)) => {
                self.controls.insert(entry.node);
            }
            What::Noted(Fact::Deployment(DeploymentFact::Instance { state, .. })) => {
                self.looked += 1;
                match state {
                    InstanceState::Stopped if !self.crashed.contains(&entry.node) => {
                        self.stopped.insert(entry.node);
                    }
                    InstanceState::Ready => {
                        self.crashed.swap_remove(&entry.node);
                        self.stopped.swap_remove(&entry.node);
                    }
                    InstanceState::WarmingUp => {
                        self.stopped.swap_remove(&entry.node);
                    }
                    InstanceState::Stopped | InstanceState::Starting | InstanceState::Draining => {}
                }
            }
            What::Started { life: 2.. } if !self.stopped.contains(&entry.node) => {
                self.crashed.insert(entry.node);
            }
            What::Delivered { from, kind: Kind { name, reply: false } }
                if *name != HEARTBEAT
                    && self.stopped.contains(&entry.node)
                    && !self.controls.contains(from) =>
            {
                let (from, to) = (layout.node_name(*from), layout.node_name(entry.node));
                let what = layout.names.text(*name);
                return Err(format!("{from} asks {to} for {what}, which has been stopped"));
            }
            What::Noted(_)
            | What::Started { .. }
            | What::Delivered { .. }
            | What::Woke { .. }
            | What::Answered { .. }
            | What::Expired { .. }
            | What::Lost { .. }
            | What::Duplicated { .. }
            | What::Delayed { .. }
            | What::Dropped { .. }
            | What::Refused { .. }
            | What::Stale { .. }
            | What::Overtook { .. }
            | What::Partitioned { .. }
            | What::Slowed { .. }
            | What::Inherited { .. }
            | What::Crashed { .. }
            | What::Paused { .. }
            | What::Wrote { .. }
            | What::Unflushed { .. }
            | What::Unwrote { .. }
            | What::Skewed { .. }
            | What::Drifted { .. } => {}
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
