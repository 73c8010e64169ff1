//! What must hold while one version takes the place of another.

mod capacity;
mod ends;
mod no_call_to_stopped;
mod traffic_share;

pub use capacity::RolloutCapacity;
pub use ends::{DeploymentEnds, Outcome};
pub use no_call_to_stopped::NoCallToStopped;
pub use traffic_share::TrafficShare;
