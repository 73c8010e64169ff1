//! Every call ends: nobody waits for ever, and nobody longer than the deadline.

use brownout_models::Map;
use brownout_models::contract::FlowId;
use brownout_models::{Fact, Span, Time};

use super::{Ending, Observer};
use crate::kernel::{Entry, What};
use crate::layout::Layout;

/// In the end every piece of work that a client began has ended; always, none took longer than the
/// limit, if there is one, by the time of the world.
#[derive(Clone, Debug)]
pub struct EveryCallEnds {
    within: Option<Span>,
    /// The key of what is under way, and since when.
    open: Map<FlowId, (u64, Time)>,
    looked: u64,
}

impl EveryCallEnds {
    /// Watches all clients.
    #[must_use]
    pub fn new(within: Option<Span>) -> Self {
        Self { within, open: Map::default(), looked: 0 }
    }
}

impl Observer for EveryCallEnds {
    fn see(&mut self, entry: &Entry<Fact>, layout: &Layout) -> Result<(), String> {
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
                let key = layout.key_text(key);
                return Err(format!("the work of {key} took {latency}, more than {within}"));
            }
        }
        Ok(())
    }

    fn end(&mut self, ending: &Ending<'_>) -> Result<(), String> {
        let Some(key) = self.about() else { return Ok(()) };
        Err(format!("the work of {} never ended", ending.layout.key_text(key)))
    }

    fn looked(&self) -> u64 {
        self.looked
    }

    fn about(&self) -> Option<u64> {
        self.open.values().min().map(|(key, _)| *key)
    }

    fn copy(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }
}
