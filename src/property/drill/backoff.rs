//! Claims about a backoff.

use serde::Deserialize;

use super::{Account, Exchange};

/// What a backoff must hold.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename = "BackoffClaim", deny_unknown_fields)]
pub enum BackoffClaim {
    /// Always: the longest possible wait is at least that of the retry before (SC-6).
    WaitsDoNotShrink,
}

impl BackoffClaim {
    pub(super) fn account(self) -> Box<dyn Account> {
        match self {
            Self::WaitsDoNotShrink => Box::new(Growth { longest: 0 }),
        }
    }
}

/// The longest wait so far.
#[derive(Clone, Debug)]
struct Growth {
    longest: u64,
}

impl Account for Growth {
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        match exchange.op() {
            "reset" => self.longest = 0,
            "next" => {
                let (max, longest) = (exchange.result["max"].as_u64().unwrap_or(0), self.longest);
                if max < longest {
                    return Err(format!("a wait of at most {max} ns follows one of {longest} ns"));
                }
                self.longest = max;
            }
            _ => {}
        }
        Ok(())
    }

    fn copy(&self) -> Box<dyn Account> {
        Box::new(self.clone())
    }
}
