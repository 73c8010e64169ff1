//! Pure state machines of microservice resilience.

pub mod contract;
pub mod name;
pub mod ratio;
pub mod time;

pub use name::{Name, Names};
pub use ratio::Ratio;
pub use time::{Span, Time};
