//! The orders of a control plane: to the agents of instances, and to the registry.

use serde::Serialize;

use super::{DeploymentNode, DeploymentNodeConfig, REGISTRY, tag};
use crate::Span;
use crate::contract::{Body, Request, Turn};
use crate::fact::{DeploymentFact, Fact};

/// How the traffic shall be split.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Split {
    pub(super) percent: u32,
    pub(super) order: u64,
    /// Whether the registry has not confirmed it yet.
    pub(super) is_pending: bool,
}

/// How long the agent of an instance may take to confirm an order.
const ORDER_TIMEOUT: Span = Span::from_secs(1);

impl<P: Clone + std::fmt::Debug + Serialize> DeploymentNode<P> {
    /// Something else shall run at a place.
    pub(super) fn order(
        &mut self,
        place: Option<usize>,
        instance: Option<u32>,
        turn: &mut Turn<'_, P, Fact>,
    ) {
        let Some(place) = place else { return };
        self.orders += 1;
        let slot = &mut self.slots[place];
        slot.order(instance, self.orders);
        let (instance, runs) = (slot.node, instance.is_some());
        turn.note(Fact::Deployment(DeploymentFact::Ordered { instance, runs }));
        self.give_order(place, turn);
    }

    pub(super) fn give_order(&self, place: usize, turn: &mut Turn<'_, P, Fact>) {
        let DeploymentNodeConfig { name, service, orders, .. } = &*self.config;
        let slot = &self.slots[place];
        let method = if slot.instance.is_some() { orders.start } else { orders.stop };
        let request = Request {
            service: *service,
            method,
            client: *name,
            key: slot.order,
            amount: 0,
            payload: None,
        };
        let tag = tag(slot.order, place as u64);
        turn.call(slot.node, Body::Request(request), Some(ORDER_TIMEOUT), tag);
    }

    /// The candidate shall have another share of the traffic.
    pub(super) fn weigh(&mut self, percent: u32, turn: &mut Turn<'_, P, Fact>) {
        self.orders += 1;
        self.split = Split { percent, order: self.orders, is_pending: true };
        turn.note(Fact::Deployment(DeploymentFact::Weighted { percent }));
        self.split_traffic(turn);
    }

    pub(super) fn split_traffic(&self, turn: &mut Turn<'_, P, Fact>) {
        let DeploymentNodeConfig { service, subset, orders, registry, .. } = &*self.config;
        let Some(registry) = registry else { return };
        let request = Request {
            service: *service,
            method: orders.split,
            client: *subset,
            key: self.split.order,
            amount: i64::from(self.split.percent),
            payload: None,
        };
        let tag = tag(self.split.order, REGISTRY);
        turn.call(*registry, Body::Request(request), Some(ORDER_TIMEOUT), tag);
    }
}
