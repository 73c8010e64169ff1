//! Properties: what must hold, judged by observers that see every entry of the trace.
//!
//! An observer judges effects and what others say of a machine, not the machine's own word. Each
//! stock observer is a file of its own. A stranger's observer is one impl of [`Observer`].
//!
//! What is *not* here: whether a campaign reached what it should reach sometimes; the search knows.

mod availability;
mod balancer_fairness;
mod breaker_path;
mod conservation;
mod deployment;
pub mod drill;
mod event_per_row;
mod every_call_ends;
mod judge;
mod ledger_balance;
mod once_per_key;
mod quiescence;
mod recovers;
mod row_per_event;
mod saga_terminal;
mod sometimes;
mod token_envelope;
mod trace_is_tree;
mod unserved;

use std::fmt;

use brownout_models::contract::FlowId;
use brownout_models::{Fact, Name, Time};

use crate::kernel::{End, Entry};
use crate::layout::Layout;

pub use availability::Availability;
pub use balancer_fairness::BalancerFairness;
pub use breaker_path::BreakerPath;
pub use conservation::{MessageConservation, Subscribed};
pub use deployment::{DeploymentEnds, NoCallToStopped, Outcome, RolloutCapacity, TrafficShare};
pub use event_per_row::EventPerRow;
pub use every_call_ends::EveryCallEnds;
pub use judge::{Judge, Property, Violation};
pub use ledger_balance::{LedgerBalance, Per};
pub use once_per_key::OncePerKey;
pub use quiescence::Quiescence;
pub use recovers::Recovers;
pub use row_per_event::RowPerEvent;
pub use saga_terminal::SagaTerminal;
pub use sometimes::SometimesSucceeds;
pub use token_envelope::TokenEnvelope;
pub use trace_is_tree::TraceIsTree;

/// How a run ended, for what must hold in the end.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    /// Why it ended.
    pub end: End,
    /// When.
    pub at: Time,
    /// The names of everything.
    pub layout: &'a Layout,
}

/// Watches a run and says when something does not hold, in one sentence.
pub trait Observer: fmt::Debug + Send + Sync {
    /// Sees an entry.
    ///
    /// # Errors
    /// Something that must always hold does not.
    fn see(&mut self, entry: &Entry<Fact>, layout: &Layout) -> Result<(), String>;

    /// Sees the end of the run.
    ///
    /// # Errors
    /// Something that must hold in the end does not.
    fn end(&mut self, ending: &Ending<'_>) -> Result<(), String>;

    /// How often there was something to look at: a property that never was has no teeth.
    fn looked(&self) -> u64;

    /// Whether what must be reached sometimes was; `None` for what must always hold.
    fn reached(&self) -> Option<bool> {
        None
    }

    /// The business key that the violation is about which was seen at the end of the run, where it is
    /// about one: then its piece of work is shown.
    fn about(&self) -> Option<u64> {
        None
    }

    /// The piece of work that such a violation is about, where it is about no key.
    fn about_flow(&self) -> Option<FlowId> {
        None
    }

    /// Whether the property is about all the load together, a share of it for instance: then shrinking
    /// must not take load away.
    fn is_about_load(&self) -> bool {
        false
    }

    /// A copy, so that a world can be cloned with its observers.
    fn copy(&self) -> Box<dyn Observer>;
}

impl Clone for Box<dyn Observer> {
    fn clone(&self) -> Self {
        self.copy()
    }
}

/// A row stays at the end of its range when a sum goes beyond it: then its value says nothing any
/// more, and neither does a property that believes it.
fn in_range(layout: &Layout, table: Name, key: u64, value: i64) -> Result<(), String> {
    if value != i64::MAX && value != i64::MIN {
        return Ok(());
    }
    let (table, key) = (layout.names.text(table), layout.key_text(key));
    Err(format!("{table} of {key} has grown to {value}, the end of what a row can hold"))
}
