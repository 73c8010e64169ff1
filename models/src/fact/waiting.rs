//! What gateways say of requests that wait at their bulkheads.

use serde::Serialize;

use crate::{Name, Span};

/// Something that became true of a request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum WaitingFact {
    /// A request waits: as many calls to the service as may be are under way.
    Began {
        /// The service.
        service: Name,
        /// The business key.
        key: u64,
        /// How many wait, this one included.
        waiting: u32,
    },
    /// A request does not wait any more.
    Ended {
        /// The service.
        service: Name,
        /// The business key.
        key: u64,
        /// For how long it did.
        waited: Span,
        /// Whether it was let in; otherwise it has waited for as long as it may.
        is_in: bool,
    },
    /// A request that was admitted and gave up has its token back.
    Refunded {
        /// The client.
        client: Name,
        /// The route.
        route: Name,
        /// The route's limit a minute.
        limit: i64,
    },
}
