//! Claims about a circuit breaker.

use serde::Deserialize;

use super::{Account, Exchange};

/// What a circuit breaker must hold.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename = "BreakerClaim", deny_unknown_fields)]
pub enum BreakerClaim {
    /// Always: at most this many of the calls that were admitted while it was half-open wait for
    /// their outcome (CB-1).
    ProbesAreBounded(usize),
}

impl BreakerClaim {
    pub(super) fn account(self) -> Box<dyn Account> {
        match self {
            Self::ProbesAreBounded(most) => Box::new(Probes { most, waiting: 0 }),
        }
    }
}

/// Probes that wait for their outcome.
#[derive(Clone, Debug)]
struct Probes {
    most: usize,
    waiting: usize,
}

impl Account for Probes {
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        // Probes of an earlier half-open period are over when the breaker moves on.
        if exchange.events_of("transition").any(|event| event["from"] == "half_open") {
            self.waiting = 0;
        }
        let probe = exchange.result["state"] == "half_open";
        match exchange.op() {
            "allow" if probe && exchange.result["allowed"] == true => self.waiting += 1,
            "success" | "failure" if probe => self.waiting = self.waiting.saturating_sub(1),
            _ => {}
        }
        if self.waiting > self.most {
            let (waiting, most) = (self.waiting, self.most);
            return Err(format!("{waiting} probes are under way in half-open, {most} at most may"));
        }
        Ok(())
    }

    fn copy(&self) -> Box<dyn Account> {
        Box::new(self.clone())
    }
}
