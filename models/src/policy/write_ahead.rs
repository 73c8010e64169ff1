//! How far a log is ahead of what is done upon it.

use serde::{Deserialize, Serialize};

/// What a record in a log must be before somebody acts upon it, or hears of it. It matters where a
/// log is flushed later than it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WriteAhead {
    /// Written: a crash of the host may take back what others know already. Kafka acknowledges so, as
    /// `flush.messages` is not set; its records are safe on other brokers, if at all.
    Written,
    /// Flushed: nobody knows what a crash takes back. RabbitMQ confirms a persistent message when it
    /// is on the disk; databases force their log before they commit (Mohan et al., "ARIES", 1992).
    Flushed,
}
