//! Runs that panic: which one it was. A machine of a user's own may break its promise not to.

use std::any::Any;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};

use crate::choice::Plan;

/// A machine panicked in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked {
    /// The plan of that run: it panics again.
    pub plan: Plan,
    /// What the panic said.
    pub message: String,
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a machine panicked with `{}` in a run of: {}", self.message, self.plan)
    }
}

impl std::error::Error for Panicked {}

/// Does some work on a run of this plan, and says which plan it was when a machine panics.
pub(super) fn guarded<T>(plan: &Plan, work: impl FnOnce() -> T) -> Result<T, Panicked> {
    // What the work was on is gone with it: nobody sees it half done.
    panic::catch_unwind(AssertUnwindSafe(work))
        .map_err(|panic| Panicked { plan: plan.clone(), message: words(&*panic) })
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
