//! Scenarios: what a file says, whether it makes sense, and the system that it means.
//!
//! In reading order: [`file`] is the format, `places` finds out which nodes there are, `build`
//! makes machines of them, `faults` and `properties` read the rest, `check` collects everything that
//! is wrong, and [`source`] and [`diagnostic`] say where.

mod build;
mod check;
pub mod diagnostic;
mod faults;
pub mod file;
mod load;
mod places;
mod properties;
pub mod source;

pub use load::{Scenario, ScenarioError};
