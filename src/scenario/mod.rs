//! Scenarios: what a file says, whether it makes sense, and the system that it means.
//!
//! In reading order: [`file`](mod@file) is the format, `read` reads it, `load` goes through it,
//! `words` and `places` find out what can be named, `zones` where it is and `weights` how much of
//! the calls it gets; `build`, `saga`, `composition` and `deployment` make machines of the nodes,
//! `gateway` those with routes, `calls` connects them and `database` is what they read and write,
//! `drill` has those that are alone; `texts` asks whether texts can be shown; `faults` and `properties` read the rest, `check` collects
//! everything that is wrong, and [`source`] and [`diagnostic`] say where.
//! `warnings` says what makes sense and is hardly meant, `plan_names` asks whether a scenario knows
//! the names in a plan.

mod build;
mod calls;
mod check;
mod composition;
mod database;
mod deployment;
pub mod diagnostic;
mod drill;
mod faults;
pub mod file;
mod gateway;
mod load;
mod operator;
mod places;
mod plan_names;
mod properties;
mod read;
mod saga;
pub mod source;
mod texts;
mod warnings;
mod weights;
mod words;
mod zones;

pub use load::{Scenario, ScenarioError};
pub use warnings::Warnings;
