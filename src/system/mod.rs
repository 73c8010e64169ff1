//! A whole system: stock machines, and a stranger's among them, as one kind of machine.

mod own;
mod stock;

pub use own::{At, Kinds, Opaque};
pub use stock::Stock;
