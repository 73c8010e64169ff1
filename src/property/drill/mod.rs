//! What a single machine must hold, judged by the transcript of its drill.
//!
//! A claim sees every request and response of the machine, as JSON of the stdio protocol, and keeps
//! its own account: it never asks the machine. Claims are grouped by the machine that they are
//! about, one file each; a scenario names one with `Drill(claim: Breaker(ProbesAreBounded(1)))`.
//!
//! To add a claim: a variant of the machine's enum, whose doc comment says what must hold, and an
//! account behind it. To add a machine: a file like `breaker.rs` and a variant of [`ClaimFile`].

mod breaker;
mod broker;

use std::fmt;

use brownout_models::{Fact, Time};
use serde::Deserialize;
use serde_json::Value;

pub use breaker::BreakerClaim;
pub use broker::BrokerClaim;

use super::{Ending, Observer};
use crate::drill::instant;
use crate::kernel::{Entry, What};
use crate::layout::Layout;

/// A claim about the machine under drill, by the kind of machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "Claim", deny_unknown_fields)]
pub enum ClaimFile {
    /// About a circuit breaker.
    Breaker(BreakerClaim),
    /// About a message broker.
    Broker(BrokerClaim),
}

impl ClaimFile {
    /// The machine that it is about, as `Drill(machine: ..)` names it.
    #[must_use]
    pub const fn machine(&self) -> &'static str {
        match self {
            Self::Breaker(_) => "breaker",
            Self::Broker(_) => "broker",
        }
    }

    /// Who keeps the account.
    pub(crate) fn account(&self) -> Box<dyn Account> {
        match self {
            Self::Breaker(claim) => claim.account(),
            Self::Broker(claim) => claim.account(),
        }
    }
}

/// One operation of a drill.
#[derive(Clone, Debug)]
pub struct Exchange<'a> {
    /// When it was asked; at the end of the drill, when everything pending was over.
    pub at: Time,
    /// The operation, as the drill calls it.
    pub operation: &'a str,
    /// What was asked: `exchange.request["op"]`.
    pub request: Value,
    /// The answer: `exchange.result["allowed"]`.
    pub result: Value,
    /// What happened since the last answer, each with its own `at`.
    pub events: Vec<Value>,
}

impl Exchange<'_> {
    /// The name of the request's operation, as the protocol calls it; empty at the end of the drill.
    #[must_use]
    pub fn op(&self) -> &str {
        self.request["op"].as_str().unwrap_or("")
    }

    /// The events of a type.
    pub fn events_of(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.events.iter().filter(move |event| event["type"] == kind)
    }
}

/// Keeps the account of a claim.
pub(crate) trait Account: fmt::Debug + Send + Sync {
    /// Sees what was asked and answered.
    ///
    /// # Errors
    /// The claim does not hold.
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String>;

    /// A copy.
    fn copy(&self) -> Box<dyn Account>;
}

/// Observes a drill for a claim.
#[derive(Debug)]
pub struct DrillClaim {
    account: Box<dyn Account>,
    looked: u64,
}

impl DrillClaim {
    /// The observer of a claim.
    #[must_use]
    pub fn new(claim: &ClaimFile) -> Self {
        Self { account: claim.account(), looked: 0 }
    }
}

impl Observer for DrillClaim {
    fn see(&mut self, entry: &Entry<Fact>, _: &Layout) -> Result<(), String> {
        let What::Noted(Fact::Drilled { operation, request, response }) = &entry.what else {
            return Ok(());
        };
        self.looked += 1;
        let mut response: Value = serde_json::from_str(response).unwrap_or_default();
        let events = response["events"].as_array_mut().map(std::mem::take).unwrap_or_default();
        self.account.see(&Exchange {
            at: instant(&response),
            operation,
            request: serde_json::from_str(request).unwrap_or_default(),
            result: response["result"].take(),
            events,
        })
    }

    fn end(&mut self, _: &Ending<'_>) -> Result<(), String> {
        Ok(())
    }

    fn looked(&self) -> u64 {
        self.looked
    }

    fn copy(&self) -> Box<dyn Observer> {
        Box::new(Self { account: self.account.copy(), looked: self.looked })
    }
}
