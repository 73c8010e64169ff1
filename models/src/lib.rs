//! Pure state machines of microservice resilience.

pub mod contract;
pub mod fact;
pub mod machine;
pub mod name;
pub mod policy;
pub mod ratio;
pub mod time;

pub use fact::Fact;
pub use name::{Name, Names};
pub use ratio::Ratio;
pub use time::{Span, Time};
