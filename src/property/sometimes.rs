//! What should be reached by some run, or the campaign has no teeth.

use brownout_models::Fact;

use super::{Ending, Observer};
use crate::kernel::{Entry, What};
use crate::layout::Layout;

/// Sometimes a client's piece of work succeeds.
#[derive(Clone, Debug, Default)]
pub struct SometimesSucceeds {
    looked: u64,
    reached: bool,
}

impl Observer for SometimesSucceeds {
    fn see(&mut self, entry: &Entry<Fact>, _: &Layout) -> Result<(), String> {
        if let What::Noted(Fact::Ended { failure, .. }) = entry.what {
            self.looked += 1;
            self.reached |= failure.is_none();
        }
        Ok(())
    }

    fn end(&mut self, _: &Ending<'_>) -> Result<(), String> {
        Ok(())
    }

    fn reached(&self) -> Option<bool> {
        Some(self.reached)
    }

    fn looked(&self) -> u64 {
        self.looked
    }

    fn copy(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }
}
