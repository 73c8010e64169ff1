//! What the broker says of dead letters that are driven again.

use serde::Serialize;

use crate::Name;

/// Something that became true of dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum RedriveFact {
    /// A person told the broker to drive dead letters again.
    Told {
        /// How many go.
        redriven: u32,
        /// How many of those that were meant stay, as there is no room for them.
        left: u32,
    },
    /// A dead letter is driven again.
    Letter {
        /// The topic.
        topic: Name,
        /// The business key.
        key: u64,
        /// Which subscription it did not reach.
        subscription: u32,
    },
}
