//! What stock machines say: facts for traces, metrics and properties.
//! A fact is what one machine knows: observers compare facts, and ask no machine how it behaved.

mod deployment;
mod redrive;
mod waiting;

use serde::Serialize;

pub use deployment::{DeploymentFact, InstanceState};
pub use redrive::RedriveFact;
pub use waiting::WaitingFact;

use crate::contract::{Failure, NodeId};
use crate::policy::{BreakerState, GivenUp};
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
    /// Why a saga that did not commit turned back or got stuck.
    SagaFailed {
        /// The saga.
        saga: Name,
        /// The business key.
        key: u64,
        /// The step that failed, from 0.
        step: u32,
        /// How it failed.
        failure: Failure,
    },
    /// A saga can go neither forward nor back, and somebody has to look.
    SagaStuck {
        /// The saga.
        saga: Name,
        /// The business key.
        key: u64,
        /// The step where it stands, from 0.
        step: u32,
    },
    /// A saga goes on where its log says that it stood when its orchestrator crashed.
    SagaResumed {
        /// The saga.
        saga: Name,
        /// The business key.
        key: u64,
    },
    /// A request found its saga running or over already, and shares its outcome.
    SagaJoined {
        /// The saga.
        saga: Name,
        /// The business key.
        key: u64,
    },
    /// A composition had to do without a part.
    PartMissing {
        /// The composition.
        composition: Name,
        /// The part.
        part: Name,
        /// The business key.
        key: u64,
        /// Why; nothing where it was not waited for.
        failure: Option<Failure>,
    },
    /// A composition ended.
    Composed {
        /// The composition.
        composition: Name,
        /// The business key.
        key: u64,
        /// How many parts it has.
        parts: u32,
        /// How many of them are missing.
        missing: u32,
        /// Whether there is an answer, be it with gaps.
        ok: bool,
    },
    /// A stranger's machine says something, in its own words.
    Own(std::sync::Arc<str>),
    /// A sidecar does not try a call again, although attempts are left.
    GaveUp {
        /// The service.
        service: Name,
        /// The method.
        method: Name,
        /// The business key.
        key: u64,
        /// Why.
        why: GivenUp,
    },
    /// A sidecar does not wait for an attempt any more: another one decided the call.
    Abandoned {
        /// The service.
        service: Name,
        /// The method.
        method: Name,
        /// The business key.
        key: u64,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// The registry forgot an instance that it had given up long ago.
    Evicted {
        /// The service.
        service: Name,
        /// The instance.
        instance: NodeId,
    },
    /// A caller takes an instance out of its own list: too many calls to it failed.
    Ejected {
        /// The service.
        service: Name,
        /// The instance.
        instance: NodeId,
    },
    /// A caller takes an instance that it had ejected back into its list.
    Readmitted {
        /// The service.
        service: Name,
        /// The instance.
        instance: NodeId,
    },
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
    /// A bulkhead turned a request away: as many as may be are in hand.
    BulkheadFull {
        /// The method.
        method: Name,
        /// The business key.
        key: u64,
        /// How many are in hand.
        inside: u32,
    },
    /// Something about a deployment, or about an instance that one starts and stops.
    Deployment(DeploymentFact),
    /// A row changed since a job read it, and the job writes nothing.
    Conflicted {
        /// The table.
        table: Name,
        /// The key of the row.
        key: u64,
    },
    /// A gateway turned a request away: as many calls to the service as may be are under way.
    GatewayFull {
        /// The service.
        service: Name,
        /// The business key.
        key: u64,
        /// How many calls are under way.
        inside: u32,
    },
    /// A sidecar tries a call again when the server asked it to, and not after its own backoff.
    PushedBack {
        /// The service.
        service: Name,
        /// The method.
        method: Name,
        /// The business key.
        key: u64,
        /// How long it waits.
        after: Span,
    },
    /// A database refused a transaction, and nothing was written.
    WriteRefused {
        /// The table of its first row, or the method where it has none.
        table: Name,
        /// The key of that row.
        key: u64,
        /// Whether it is full, so that trying again will not help.
        is_full: bool,
    },
    /// Something about a request that waits at a gateway's bulkhead.
    Waiting(WaitingFact),
    /// Something about dead letters that are driven again.
    Redrive(RedriveFact),
}
