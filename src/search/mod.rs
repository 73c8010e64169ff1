//! Search: campaigns of random runs, shrinking, certificates, and the files that keep what was found.
//!
//! A campaign is parallel across runs and its report is the same for any number of workers: runs
//! are numbered, and everything is put together in the order of their numbers.

mod campaign;
mod certify;
mod explain;
mod minimise;
mod panicked;
mod regression;
mod shrink;

pub use campaign::{Campaign, CampaignReport, Finding};
pub use certify::{Certificate, Certifying, certify};
pub use explain::{Explanation, Part, explain};
pub use panicked::Panicked;
pub(crate) use regression::plan_text;
pub use regression::{Regression, RegressionError, Replay, ReplayOf};
pub use shrink::{LoadLeft, Shrunk, shrink};
