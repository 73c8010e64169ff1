//! Brownout.

pub mod choice;
pub mod cli;
mod hash;
pub mod kernel;
pub mod layout;
pub mod metrics;
pub mod property;
pub mod render;
pub mod run;
pub mod scenario;
pub mod stdio;
pub mod system;

pub use brownout_models as models;
pub use choice::{Deviation, Plan, Weather};
pub use kernel::{Digest, End, Entry, What};
pub use run::{Keep, Run};
pub use scenario::{Scenario, ScenarioError};
pub use system::Kinds;
