//! What stock machines say: facts for traces, metrics and properties.
//!
//! A fact is what one machine knows. Observers compare the facts of different machines; no machine
//! is asked whether it behaved.

use std::sync::Arc;

use serde::Serialize;

use crate::contract::{Failure, NodeId};
use crate::policy::BreakerState;
use crate::{Name, Span};

/// Something that became true at a stock machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Fact {
    /// A client began a piece of work.
    Asked {
        /// The business key.
        key: u64,
    },
    /// A client's piece of work ended.
    Ended {
        /// The business key.
        key: u64,
        /// Why it failed, if it did.
        failure: Option<Failure>,
        /// How long it took.
        latency: Span,
    },
    /// The registry knows an instance.
    Registered {
        /// The service.
        service: Name,
        /// The instance.
        instance: NodeId,
    },
    /// The registry gave an instance up.
    Unhealthy {
        /// The service.
        service: Name,
        /// The instance.
        instance: NodeId,
    },
    /// The registry heard from an instance that it had given up.
    Revived {
        /// The service.
        service: Name,
        /// The instance.
        instance: NodeId,
    },
    /// The registry forgot an instance that took its leave.
    Deregistered {
        /// The service.
        service: Name,
        /// The instance.
        instance: NodeId,
    },
    /// A balancer chose an instance.
    Picked {
        /// The service.
        service: Name,
        /// The instance.
        instance: NodeId,
        /// Of how many.
        of: u32,
    },
    /// A limiter let a request through.
    Admitted {
        /// Whose limit.
        client: Name,
        /// The route.
        route: Name,
        /// The limit of the route, in requests per minute.
        limit: i64,
    },
    /// A limiter turned a request away.
    Limited {
        /// Whose limit.
        client: Name,
        /// The route.
        route: Name,
        /// The limit of the route, in requests per minute.
        limit: i64,
    },
    /// A breaker turned a request away.
    Broken {
        /// The service.
        service: Name,
    },
    /// A breaker changed its state, or says so.
    Breaker {
        /// The service.
        service: Name,
        /// The state that it left.
        from: BreakerState,
        /// The state that it entered.
        to: BreakerState,
    },
    /// A service took a request up.
    Began {
        /// The method.
        method: Name,
        /// The business key.
        key: u64,
    },
    /// A service put a request aside: all workers are busy.
    Queued {
        /// The method.
        method: Name,
        /// The business key.
        key: u64,
        /// How many wait, this one included.
        waiting: u32,
    },
    /// A service turned a request away: its queue is full.
    Overloaded {
        /// The method.
        method: Name,
        /// The business key.
        key: u64,
    },
    /// A service is done with a request.
    Finished {
        /// The method.
        method: Name,
        /// The business key.
        key: u64,
        /// Why it failed, if it did.
        failure: Option<Failure>,
    },
    /// A write was left out: its row was there already.
    AlreadyThere {
        /// The table.
        table: Name,
        /// The key of the row.
        key: u64,
    },
    /// A sidecar started an attempt.
    Attempt {
        /// The service.
        service: Name,
        /// The method.
        method: Name,
        /// The business key.
        key: u64,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// A sidecar ended a call.
    Called {
        /// The service.
        service: Name,
        /// The method.
        method: Name,
        /// The business key.
        key: u64,
        /// Why the last attempt failed, if it did.
        failure: Option<Failure>,
    },
    /// A publisher put a message on a topic.
    Publishing {
        /// The topic.
        topic: Name,
        /// The business key.
        key: u64,
    },
    /// The broker took a message in.
    Published {
        /// The topic.
        topic: Name,
        /// The business key.
        key: u64,
    },
    /// The broker starts a delivery.
    Delivering {
        /// The topic.
        topic: Name,
        /// The business key.
        key: u64,
        /// Which subscription.
        subscription: u32,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// A subscriber acknowledged a message.
    Acknowledged {
        /// The topic.
        topic: Name,
        /// The business key.
        key: u64,
        /// Which subscription.
        subscription: u32,
    },
    /// The broker gave a message up.
    DeadLettered {
        /// The topic.
        topic: Name,
        /// The business key.
        key: u64,
        /// Which subscription it did not reach.
        subscription: u32,
    },
    /// The broker dropped a message: nobody subscribes.
    Unwanted {
        /// The topic.
        topic: Name,
        /// The business key.
        key: u64,
    },
    /// A saga began.
    SagaBegan {
        /// The saga.
        saga: Name,
        /// The business key.
        key: u64,
    },
    /// An action or a compensation of a saga ended.
    SagaStep {
        /// The saga.
        saga: Name,
        /// The business key.
        key: u64,
        /// Which step, from 0.
        step: u32,
        /// Its name.
        name: Name,
        /// Whether it was the compensation.
        compensation: bool,
        /// Why it failed, if it did.
        failure: Option<Failure>,
    },
    /// A saga ended.
    SagaEnded {
        /// The saga.
        saga: Name,
        /// The business key.
        key: u64,
        /// Whether every action succeeded.
        committed: bool,
    },
    /// A machine under drill was asked something.
    Drilled {
        /// The operation, by its name.
        operation: Box<str>,
        /// The request, as JSON.
        request: Box<str>,
        /// The response, as JSON.
        response: Box<str>,
    },
    /// A stranger's machine says something, in its own words.
    Own(Arc<str>),
    /// A breaker for one instance changed its state.
    InstanceBreaker {
        /// The service.
        service: Name,
        /// The instance.
        instance: NodeId,
        /// The state that it left.
        from: BreakerState,
        /// The state that it entered.
        to: BreakerState,
    },
}
