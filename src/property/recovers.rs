//! Recovery: once faults have ceased, work succeeds again within a while.

use brownout_models::{Fact, Ratio, Span, Time};

use super::unserved::Unserved;
use super::{Ending, Observer};
use crate::kernel::{Entry, What};
use crate::layout::Layout;

/// In the end, of the work that clients began later than a while after the faults ceased, at least
/// this share succeeded. What never ended has not. A system that a short trigger has put into a
/// state that it cannot leave by itself, a metastable failure, does not hold it.
#[derive(Clone, Debug)]
pub struct Recovers {
    within: Span,
    at_least: Ratio,
    /// Work of the judged period.
    unserved: Unserved,
    begun: u64,
    succeeded: u64,
}

impl Recovers {
    /// Within this time of the end of all faults, at least this share succeeds.
    #[must_use]
    pub fn new(within: Span, at_least: Ratio) -> Self {
        Self { within, at_least, unserved: Unserved::default(), begun: 0, succeeded: 0 }
    }
}

impl Observer for Recovers {
    fn see(&mut self, entry: &Entry<Fact>, layout: &Layout) -> Result<(), String> {
        if let What::Noted(Fact::Asked { key }) = &entry.what {
            let healed = layout.heal_at.unwrap_or(Time::ZERO);
            if entry.at > healed + self.within {
                self.begun += 1;
                self.unserved.begin(*key);
            }
        } else if let What::Noted(Fact::Ended { key, failure, .. }) = &entry.what
            && self.unserved.end(*key, failure.is_some())
            && failure.is_none()
        {
            self.succeeded += 1;
        }
        Ok(())
    }

    fn end(&mut self, ending: &Ending<'_>) -> Result<(), String> {
        let (begun, succeeded) = (u128::from(self.begun), u128::from(self.succeeded));
        if succeeded * u128::from(self.at_least.den()) >= begun * u128::from(self.at_least.num()) {
            return Ok(());
        }
        let healed = ending.layout.heal_at.unwrap_or(Time::ZERO);
        Err(format!(
            "{succeeded} of {begun} pieces of work that began later than {} after the last fault \
             could strike, at {}, succeeded; at least {} should",
            self.within,
            healed.since(Time::ZERO),
            self.at_least
        ))
    }

    fn looked(&self) -> u64 {
        self.begun
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
