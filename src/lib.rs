//! Brownout.

pub mod choice;
mod hash;
pub mod kernel;
pub mod layout;
pub mod system;

pub use brownout_models as models;
