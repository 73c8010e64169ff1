//! Enough of the work succeeds.

use brownout_models::{Fact, Ratio};

use super::{Ending, Observer};
use crate::kernel::{Entry, What};
use crate::layout::Layout;

/// In the end at least this share of the work that clients began has succeeded; work that never ended
/// counts as failed.
#[derive(Clone, Debug)]
pub struct Availability {
    at_least: Ratio,
    asked: u64,
    succeeded: u64,
}

impl Availability {
    /// Watches all clients.
    #[must_use]
    pub const fn new(at_least: Ratio) -> Self {
        Self { at_least, asked: 0, succeeded: 0 }
    }
}

impl Observer for Availability {
    fn see(&mut self, entry: &Entry<Fact>, _: &Layout) -> Result<(), String> {
        if let What::Noted(Fact::Asked { .. }) = entry.what {
            self.asked += 1;
        } else if let What::Noted(Fact::Ended { failure: None, .. }) = entry.what {
            self.succeeded += 1;
        }
        Ok(())
    }

    fn end(&mut self, _: &Ending<'_>) -> Result<(), String> {
        let (num, den) = (u128::from(self.at_least.num()), u128::from(self.at_least.den()));
        if u128::from(self.succeeded) * den >= u128::from(self.asked) * num {
            return Ok(());
        }
        let (succeeded, asked, at_least) = (self.succeeded, self.asked, self.at_least);
        Err(format!("{succeeded} of {asked} pieces of work succeeded, less than {at_least}"))
    }

    fn looked(&self) -> u64 {
        self.asked
    }

    fn copy(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }
}
