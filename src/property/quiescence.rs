//! The run comes to rest.

use brownout_models::Fact;

use super::{Ending, Observer};
use crate::kernel::{End, Entry};
use crate::layout::Layout;

/// In the end nothing was left to do: the run ended before its horizon and without going in circles.
#[derive(Clone, Debug, Default)]
pub struct Quiescence {
    looked: u64,
}

impl Observer for Quiescence {
    fn see(&mut self, _: &Entry<Fact>, _: &Layout) -> Result<(), String> {
        self.looked += 1;
        Ok(())
    }

    fn end(&mut self, ending: &Ending<'_>) -> Result<(), String> {
        let at = ending.at;
        match ending.end {
            End::Quiet | End::Stopped => Ok(()),
            End::Horizon => Err(format!("at {at}, the horizon, there was still something to do")),
            End::Steps => Err(format!("at {at} the bound on steps was reached")),
            End::Stuck => Err(format!("the system goes in circles at {at} and time stands still")),
        }
    }

    fn looked(&self) -> u64 {
        self.looked
    }

    fn copy(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }
}
