//! What a node with a bulkhead has in hand: the requests of a service, the calls of a gateway.

use crate::hash::Map;
use serde::Serialize;

use crate::Time;
use crate::contract::Failure;
use crate::policy::{Bulkhead, BulkheadConfig, Concurrency, Entrance, Limit, Sample};

/// A bulkhead, and since when each job is inside.
#[derive(Clone, Debug, Serialize)]
pub(super) struct InHand {
    bulkhead: Bulkhead,
    since: Map<u32, Time>,
}

impl InHand {
    /// Nothing where nobody is ever turned away.
    pub(super) fn new(config: &BulkheadConfig) -> Option<Self> {
        let is_open =
            config.limit == Limit::Fixed && config.max_concurrent == Concurrency::Unlimited;
        (!is_open).then(|| Self { bulkhead: Bulkhead::new(config.clone()), since: Map::default() })
    }

    /// The same for a service, where whoever finds it full does not wait for it: requests wait in the
    /// queue of the service, inside.
    pub(super) fn without_queue(config: &BulkheadConfig) -> Option<Self> {
        Self::new(&BulkheadConfig { max_waiting: 0, ..config.clone() })
    }

    /// A request wants in.
    ///
    /// # Errors
    /// It is full: how many are inside.
    pub(super) fn enter(&mut self, now: Time) -> Result<(), u32> {
        match self.bulkhead.enter(now) {
            Entrance::Entered => Ok(()),
            Entrance::Waits(_) | Entrance::Full => Err(self.bulkhead.inside()),
        }
    }

    /// The bulkhead, and who waits at it.
    pub(super) const fn bulkhead(&mut self) -> &mut Bulkhead {
        &mut self.bulkhead
    }

    /// A request that has been inside since then is a job now.
    pub(super) fn began(&mut self, slot: u32, since: Time) {
        self.since.insert(slot, since);
    }

    /// The job is over, and tells how long it took and whether somebody further on was overloaded.
    /// Returns the tickets of those who waited and are inside now.
    pub(super) fn finished(&mut self, slot: u32, now: Time, failure: Option<Failure>) -> Vec<u64> {
        let Some(since) = self.since.swap_remove(&slot) else { return Vec::new() };
        let is_dropped = failure.is_some_and(is_drop);
        self.bulkhead.finish(Sample { latency: now.since(since), is_dropped })
    }

    /// The job is over before it began, and tells nothing. Returns the ticket of whoever waited and is
    /// inside now.
    pub(super) fn left(&mut self, slot: u32) -> Vec<u64> {
        let since = self.since.swap_remove(&slot);
        since.and_then(|_| self.bulkhead.leave()).into_iter().collect()
    }
}

/// Whether a failure says that somebody further on had too much to do.
const fn is_drop(failure: Failure) -> bool {
    match failure {
        Failure::TimedOut | Failure::Overloaded => true,
        Failure::RateLimited
        | Failure::BreakerOpen
        | Failure::NoInstances
        | Failure::NoHealthyInstances
        | Failure::Reset
        | Failure::Failed
        | Failure::RouteNotFound
        | Failure::Rejected
        | Failure::UnknownMethod
        | Failure::RolledBack
        | Failure::NeedsIntervention => false,
    }
}
