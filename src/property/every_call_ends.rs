//! Every call ends: nobody waits for ever, and nobody longer than the deadline.

use brownout_models::contract::FlowId;
use brownout_models::{Fact, Span, Time};
use indexmap::IndexMap;

use super::{Ending, Observer, key_text};
use crate::kernel::{Entry, What};
use crate::layout::Layout;

/// In the end every piece of work that a client began has ended; always, none took longer than the
/// limit, if there is one, by the time of the world.
#[derive(Clone, Debug)]
pub struct EveryCallEnds {
    within: Option<Span>,
    /// The key of what is under way, and since when.
    open: IndexMap<FlowId, (u64, Time)>,
    looked: u64,
}

impl EveryCallEnds {
    /// Watches all clients.
    #[must_use]
    pub fn new(within: Option<Span>) -> Self {
        Self { within, open: IndexMap::new(), looked: 0 }
    }
}

impl Observer for EveryCallEnds {
    fn see(&mut self, entry: &Entry<Fact>, _: &Layout) -> Result<(), String> {
        if let What::Noted(Fact::Asked { key }) = entry.what {
            self.looked += 1;
            self.open.insert(entry.flow, (key, entry.at));
        } else if let What::Noted(Fact::Ended { .. }) = entry.what
            && let Some((key, began)) = self.open.swap_remove(&entry.flow)
        {
            let latency = entry.at.since(began);
            if let Some(within) = self.within
                && latency > within
            {
                return Err(format!(
                    "the work of {} took {latency}, more than {within}",
                    key_text(key)
                ));
            }
        }
        Ok(())
    }

    fn end(&mut self, _: &Ending<'_>) -> Result<(), String> {
        self.open
            .values()
            .min()
            .map_or(Ok(()), |(key, _)| Err(format!("the work of {} never ended", key_text(*key))))
    }

    fn looked(&self) -> u64 {
        self.looked
    }

    fn copy(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }
}
