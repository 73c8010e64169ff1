//! Pure state machines.
pub mod name;
pub mod time;
pub use name::{Name, Names};
pub use time::{Span, Time};
