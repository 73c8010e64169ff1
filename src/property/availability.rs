//! Enough of the work succeeds.

use brownout_models::{Fact, Ratio};

use super::unserved::Unserved;
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
    unserved: Unserved,
}

impl Availability {
    /// Watches all clients.
    #[must_use]
    pub fn new(at_least: Ratio) -> Self {
        Self { at_least, asked: 0, succeeded: 0, unserved: Unserved::default() }
    }
}

impl Observer for Availability {
    fn see(&mut self, entry: &Entry<Fact>, _: &Layout) -> Result<(), String> {
        if let What::Noted(Fact::Asked { key }) = entry.what {
            self.asked += 1;
            self.unserved.begin(key);
        } else if let What::Noted(Fact::Ended { key, failure, .. }) = entry.what {
            self.succeeded += u64::from(failure.is_none());
            self.unserved.end(key, failure.is_some());
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

    fn about(&self) -> Option<u64> {
        self.unserved.example()
    }

    fn is_about_load(&self) -> bool {
        true
    }

    fn copy(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }
}
