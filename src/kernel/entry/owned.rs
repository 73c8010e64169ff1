//! Which facts own memory.

use std::any::Any;
use std::mem;

use brownout_models::Fact;
use brownout_models::fact::{DeploymentFact, RedriveFact, WaitingFact};

/// Whether something has to be given back when the fact is forgotten.
#[inline(always)]
pub(in crate::kernel) fn owns_memory<F: 'static>(fact: &F) -> bool {
    match (fact as &dyn Any).downcast_ref::<Fact>() {
        Some(fact) => of_fact(fact),
        None => mem::needs_drop::<F>(),
    }
}

/// A fact with a field that owns memory is one of the first ones; else its memory is lost.
#[inline(always)]
const fn of_fact(fact: &Fact) -> bool {
    const {
        assert!(!mem::needs_drop::<(DeploymentFact, RedriveFact, WaitingFact)>());
    }
    match fact {
        Fact::Drilled { .. } | Fact::Own(_) => true,
        Fact::Asked { .. }
        | Fact::Ended { .. }
        | Fact::Registered { .. }
        | Fact::Unhealthy { .. }
        | Fact::Revived { .. }
        | Fact::Deregistered { .. }
        | Fact::Picked { .. }
        | Fact::Admitted { .. }
        | Fact::Limited { .. }
        | Fact::Broken { .. }
        | Fact::Breaker { .. }
        | Fact::Began { .. }
        | Fact::Queued { .. }
        | Fact::Overloaded { .. }
        | Fact::Finished { .. }
        | Fact::AlreadyThere { .. }
        | Fact::Attempt { .. }
        | Fact::Called { .. }
        | Fact::Publishing { .. }
        | Fact::Published { .. }
        | Fact::Delivering { .. }
        | Fact::Acknowledged { .. }
        | Fact::DeadLettered { .. }
        | Fact::Unwanted { .. }
        | Fact::SagaBegan { .. }
        | Fact::SagaStep { .. }
        | Fact::SagaEnded { .. }
        | Fact::SagaFailed { .. }
        | Fact::SagaStuck { .. }
        | Fact::SagaResumed { .. }
        | Fact::SagaJoined { .. }
        | Fact::PartMissing { .. }
        | Fact::Composed { .. }
        | Fact::GaveUp { .. }
        | Fact::Abandoned { .. }
        | Fact::Evicted { .. }
        | Fact::Ejected { .. }
        | Fact::Readmitted { .. }
        | Fact::InstanceBreaker { .. }
        | Fact::BulkheadFull { .. }
        | Fact::Deployment(..)
        | Fact::Conflicted { .. }
        | Fact::GatewayFull { .. }
        | Fact::PushedBack { .. }
        | Fact::WriteRefused { .. }
        | Fact::Waiting(..)
        | Fact::Redrive(..) => false,
    }
}
