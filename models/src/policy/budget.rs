//! The retry budget: how many retries all calls of a client may make together.
//!
//! The guide has none, so that a layer of sidecars multiplies the load on whatever is failing by
//! its attempts, and layers multiply each other (SC-4). The budgets here are those of AWS standard
//! mode, gRPC (proposal A6), Finagle and tower, and Envoy.
//!
//! A call [begins](RetryBudget::begin), asks for each retry, and [ends](RetryBudget::end); what it
//! was lent for its last retry is a [`Loan`] that it brings back then.
//! What is *not* here: which failures are worth a retry; see [`Retry`](crate::policy::Retry).
//!
//! ```
//! use brownout_models::Time;
//! use brownout_models::policy::{BudgetConfig, RetryBudget, Spent};
//!
//! let mut budget = RetryBudget::new(BudgetConfig::Throttle {
//!     tokens: 4,
//!     token_ratio: "0.1".parse()?,
//! });
//! let now = Time::ZERO; // from your own clock
//! budget.begin(now);
//! budget.failed(now);
//! assert!(budget.lend(now, Spent::OnFailure).is_some(), "three of four tokens are more than half");
//! budget.failed(now);
//! assert!(budget.lend(now, Spent::OnFailure).is_none());
//! # Ok::<(), brownout_models::factor::FactorError>(())
//! ```

mod config;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use serde::Serialize;

use crate::{Span, Time};

pub use config::BudgetConfig;
use config::SLOTS;

/// What a retry follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Spent {
    /// The attempt failed.
    OnFailure,
    /// Nobody answered in time.
    OnTimeout,
}

/// The leave to make one retry, and what it cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[must_use = "the budget wants it back"]
pub struct Loan {
    cost: u32,
}

/// The retries that all calls of a client share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RetryBudget {
    config: BudgetConfig,
    /// Tokens of a quota; thousandths of tokens of a throttle.
    tokens: u64,
    /// Calls and retries of a share, by slot of its span.
    slots: VecDeque<Slot>,
    /// Calls under way.
    calls: u64,
    /// Retries under way.
    retries: u64,
}

/// What happened in a tenth of the span that a share looks back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Slot {
    number: u64,
    calls: u64,
    retries: u64,
}

impl RetryBudget {
    /// A full budget.
    #[must_use]
    pub fn new(config: BudgetConfig) -> Self {
        let tokens = match config {
            BudgetConfig::Quota { capacity, .. } => u64::from(capacity),
            BudgetConfig::Throttle { tokens, .. } => u64::from(tokens) * 1_000,
            BudgetConfig::Unlimited
            | BudgetConfig::Share { .. }
            | BudgetConfig::Concurrency { .. } => 0,
        };
        Self { config, tokens, slots: VecDeque::new(), calls: 0, retries: 0 }
    }

    /// A call begins.
    pub fn begin(&mut self, now: Time) {
        self.calls = self.calls.saturating_add(1);
        if let Some(slot) = self.slot(now) {
            slot.calls = slot.calls.saturating_add(1);
        }
    }

    /// An attempt failed in a way that is worth a retry, whether or not there will be one.
    pub const fn failed(&mut self, _now: Time) {
        if let BudgetConfig::Throttle { .. } = self.config {
            self.tokens = self.tokens.saturating_sub(1_000);
        }
    }

    /// Whether a retry would be lent now.
    #[must_use]
    pub fn lends(&self, now: Time, spent: Spent) -> bool {
        match &self.config {
            BudgetConfig::Unlimited => true,
            BudgetConfig::Quota { .. } => self.tokens >= u64::from(self.cost(spent)),
            BudgetConfig::Throttle { tokens, .. } => self.tokens * 2 > u64::from(*tokens) * 1_000,
            BudgetConfig::Share { percent, min_per_second, ttl } => {
                let oldest = slot_number(now, *ttl).saturating_sub(SLOTS - 1);
                let live = self.slots.iter().filter(|slot| slot.number >= oldest);
                let (calls, retries) = live.fold((0_u128, 0_u128), |(calls, retries), slot| {
                    (calls + u128::from(slot.calls), retries + u128::from(slot.retries))
                });
                // In units of a nanosecond's worth of a den-th of a retry, all of it exact.
                let den = u128::from(percent.den());
                let reserve = u128::from(*min_per_second) * u128::from(ttl.as_nanos()) * den;
                let earned = calls * u128::from(percent.num()) * NANOS;
                earned.saturating_add(reserve) >= (retries + 1) * den * NANOS
            }
            BudgetConfig::Concurrency { percent, min_retries } => {
                let allowed = self.calls * u64::from(percent.num()) / u64::from(percent.den());
                self.retries < allowed.max(u64::from(*min_retries))
            }
        }
    }

    /// Lends a retry, if there is one left.
    pub fn lend(&mut self, now: Time, spent: Spent) -> Option<Loan> {
        if !self.lends(now, spent) {
            return None;
        }
        let cost = self.cost(spent);
        if let BudgetConfig::Quota { .. } = self.config {
            self.tokens -= u64::from(cost);
        }
        if let Some(slot) = self.slot(now) {
            slot.retries = slot.retries.saturating_add(1);
        }
        self.retries = self.retries.saturating_add(1);
        Some(Loan { cost })
    }

    /// The retry that this was lent for has failed; what it cost is gone.
    pub fn spend(&mut self, loan: Loan) {
        let Loan { cost: _ } = loan;
        self.retries = self.retries.saturating_sub(1);
    }

    /// A call ends, with the loan of its last retry, if it had any.
    pub fn end(&mut self, _now: Time, loan: Option<Loan>, ok: bool) {
        self.calls = self.calls.saturating_sub(1);
        if loan.is_some() {
            self.retries = self.retries.saturating_sub(1);
        }
        if !ok {
            return;
        }
        match self.config {
            BudgetConfig::Quota { capacity, success_refund, .. } => {
                let refund = loan.map_or(success_refund, |loan| loan.cost);
                self.tokens = (self.tokens + u64::from(refund)).min(u64::from(capacity));
            }
            BudgetConfig::Throttle { tokens, token_ratio } => {
                let added = self.tokens + u64::from(token_ratio.as_thousandths());
                self.tokens = added.min(u64::from(tokens) * 1_000);
            }
            BudgetConfig::Unlimited
            | BudgetConfig::Share { .. }
            | BudgetConfig::Concurrency { .. } => {}
        }
    }

    /// Tokens left, in thousandths; nothing where the budget has none.
    #[must_use]
    pub const fn tokens_thousandths(&self) -> Option<u64> {
        match self.config {
            BudgetConfig::Quota { .. } => Some(self.tokens * 1_000),
            BudgetConfig::Throttle { .. } => Some(self.tokens),
            BudgetConfig::Unlimited
            | BudgetConfig::Share { .. }
            | BudgetConfig::Concurrency { .. } => None,
        }
    }

    /// Calls and retries under way.
    #[must_use]
    pub const fn under_way(&self) -> (u64, u64) {
        (self.calls, self.retries)
    }

    const fn cost(&self, spent: Spent) -> u32 {
        match (&self.config, spent) {
            (BudgetConfig::Quota { retry_cost, .. }, Spent::OnFailure) => *retry_cost,
            (BudgetConfig::Quota { timeout_cost, .. }, Spent::OnTimeout) => *timeout_cost,
            (
                BudgetConfig::Unlimited
                | BudgetConfig::Throttle { .. }
                | BudgetConfig::Share { .. }
                | BudgetConfig::Concurrency { .. },
                Spent::OnFailure | Spent::OnTimeout,
            ) => 0,
        }
    }

    /// The slot of this instant, where the budget is a share; older ones are forgotten.
    fn slot(&mut self, now: Time) -> Option<&mut Slot> {
        let BudgetConfig::Share { ttl, .. } = self.config else { return None };
        let number = slot_number(now, ttl);
        while self.slots.front().is_some_and(|slot| slot.number + SLOTS <= number) {
            self.slots.pop_front();
        }
        if self.slots.back().is_none_or(|slot| slot.number < number) {
            self.slots.push_back(Slot { number, calls: 0, retries: 0 });
        }
        self.slots.back_mut()
    }
}

/// Nanoseconds of a second.
const NANOS: u128 = 1_000_000_000;

fn slot_number(now: Time, ttl: Span) -> u64 {
    now.as_nanos() / (ttl.as_nanos() / SLOTS).max(1)
}
