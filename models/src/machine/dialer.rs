//! Calling a service: ask the registry for instances, pick one, call it.
//!
//! Follows the guide's `ServiceClient.Call`; discovery is asked for every call, and nobody tries the
//! next instance when the first is gone (LB-7).

use serde::Serialize;

use crate::contract::{Answer, Body, Failure, NodeId, Outcome, Request, Turn};
use crate::fact::Fact;
use crate::policy::RoundRobin;
use crate::{Name, Span};

/// Who is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Target {
    /// This very node, a sidecar for instance; otherwise an instance of the service.
    pub node: Option<NodeId>,
    /// The service.
    pub service: Name,
}

/// Places calls and follows them through discovery.
#[derive(Clone, Debug, Serialize)]
pub struct Dialer {
    registry: Option<NodeId>,
    balancer: RoundRobin,
    picked: Option<NodeId>,
}

/// The low bit of a tag tells discovery from the call itself.
const DISCOVERING: u64 = 0;
const CALLING: u64 = 1;

impl Dialer {
    /// A dialer that asks this registry; without one it reaches only nodes that are named.
    #[must_use]
    pub fn new(registry: Option<NodeId>) -> Self {
        Self { registry, balancer: RoundRobin::default(), picked: None }
    }

    /// Places a call. Its end comes through [`heard`](Self::heard) with the same `slot`; `timeout`
    /// holds for discovery and for the call, each. Without a way to find an instance the call fails
    /// at once.
    ///
    /// # Errors
    /// [`Failure::NoInstances`] when the target is a service and there is no registry.
    pub fn dial<P: Clone>(
        &mut self,
        turn: &mut Turn<'_, P, Fact>,
        target: Target,
        request: &Request<P>,
        timeout: Option<Span>,
        slot: u32,
    ) -> Result<(), Failure> {
        let tag = u64::from(slot) << 1;
        if let Some(node) = target.node {
            turn.call(node, Body::Request(addressed(request, target)), timeout, tag | CALLING);
            return Ok(());
        }
        let registry = self.registry.ok_or(Failure::NoInstances)?;
        turn.call(registry, Body::Discover(target.service), timeout, tag | DISCOVERING);
        Ok(())
    }

    /// Takes an answer to a call that was dialled; `None` while it is not over.
    pub fn heard<P: Clone>(
        &mut self,
        turn: &mut Turn<'_, P, Fact>,
        tag: u64,
        outcome: Outcome<P>,
        (target, request, timeout): (Target, &Request<P>, Option<Span>),
    ) -> Option<Outcome<P>> {
        if tag & 1 == CALLING {
            return Some(outcome);
        }
        let instances = match outcome {
            Ok(Answer::Instances(instances)) => instances,
            Ok(Answer::Done(_)) => return Some(Err(Failure::NoInstances)),
            Err(failure) => return Some(Err(failure)),
        };
        let Some(index) = self.balancer.select(target.service, instances.len()) else {
            return Some(Err(Failure::NoInstances));
        };
        let (service, instance) = (target.service, instances[index]);
        let of = u32::try_from(instances.len()).unwrap_or(u32::MAX);
        self.picked = Some(instance);
        turn.note(Fact::Picked { service, instance, of });
        turn.call(instance, Body::Request(addressed(request, target)), timeout, tag | CALLING);
        None
    }

    /// The instance that was called last, of those that were found.
    #[must_use]
    pub const fn picked(&self) -> Option<NodeId> {
        self.picked
    }

    /// The slot of a tag.
    #[must_use]
    pub fn slot(tag: u64) -> u32 {
        u32::try_from(tag >> 1).unwrap_or(u32::MAX)
    }
}

fn addressed<P: Clone>(request: &Request<P>, target: Target) -> Request<P> {
    Request { service: target.service, ..request.clone() }
}
