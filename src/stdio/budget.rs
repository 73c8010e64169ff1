//! `retry-budget`: what the retries of all calls together are paid from.

use brownout_models::policy::{BudgetConfig, Loan, RetryBudget, RetryConfig, Spent};
use brownout_models::{Mistake, Profile, Time};
use indexmap::IndexMap;
use serde::Deserialize;

use super::Options;
use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::vocabulary::{Answer, Events};

/// A budget as it is written; that of the profile's retries without it.
#[derive(Default, Deserialize)]
#[serde(rename = "RetryBudget", deny_unknown_fields, default)]
pub(super) struct BudgetOptions {
    profile: Option<Profile>,
    budget: Option<BudgetConfig>,
}

impl Options for BudgetOptions {
    type Config = BudgetConfig;

    fn checked(&self, profile: Profile) -> (BudgetConfig, Vec<Mistake>) {
        let of_profile = || RetryConfig::of(self.profile.unwrap_or(profile)).budget;
        let config = self.budget.clone().unwrap_or_else(of_profile);
        let mistakes = config.mistakes();
        (config, mistakes)
    }
}

/// A budget, and what it lent to the calls under way.
#[derive(Clone, Debug)]
pub(super) struct BudgetDesk {
    budget: RetryBudget,
    calls: IndexMap<String, Option<Loan>>,
}

/// A request to the budget.
pub(super) enum BudgetRequest {
    Begin(String),
    Retry(String, Spent),
    End(String, bool),
    State,
}

impl BudgetDesk {
    pub(super) fn new(config: BudgetConfig) -> Self {
        Self { budget: RetryBudget::new(config), calls: IndexMap::new() }
    }

    fn lent(&self, allowed: bool) -> Answer {
        let (calls, retries) = self.budget.under_way();
        let tokens_thousandths = self.budget.tokens_thousandths();
        Answer::Lent { allowed, tokens_thousandths, calls, retries }
    }
}

fn unknown(call: &str) -> Bad {
    Bad(format!("there is no call `{call}` under way"))
}

impl Desk for BudgetDesk {
    type Request = BudgetRequest;

    fn read(operation: &str, fields: &mut Fields) -> Result<BudgetRequest, Bad> {
        Ok(match operation {
            "begin" => BudgetRequest::Begin(fields.text("call")?),
            "retry" => {
                let call = fields.text("call")?;
                let timed_out = fields.has("timed_out") && fields.boolean("timed_out")?;
                let spent = if timed_out { Spent::OnTimeout } else { Spent::OnFailure };
                BudgetRequest::Retry(call, spent)
            }
            "end" => BudgetRequest::End(fields.text("call")?, fields.boolean("ok")?),
            "state" => BudgetRequest::State,
            _ => {
                let known = ["begin", "retry", "end", "state", "advance"];
                return Err(unknown_operation(operation, &known));
            }
        })
    }

    fn due(&self) -> Option<Time> {
        None
    }

    fn wake(&mut self, _now: Time, _events: &mut Events) {}

    fn take(
        &mut self,
        now: Time,
        _number: u64,
        request: BudgetRequest,
        _events: &mut Events,
    ) -> Result<Answer, Bad> {
        match request {
            BudgetRequest::Begin(call) => {
                if self.calls.contains_key(&call) {
                    return Err(Bad(format!("the call `{call}` is under way already")));
                }
                self.budget.begin(now);
                self.calls.insert(call, None);
                Ok(self.lent(true))
            }
            BudgetRequest::Retry(call, spent) => {
                let loan = self.calls.get_mut(&call).ok_or_else(|| unknown(&call))?;
                self.budget.failed(now);
                let lends = self.budget.lends(now, spent);
                if lends {
                    if let Some(last) = loan.take() {
                        self.budget.spend(last);
                    }
                    *loan = self.budget.lend(now, spent);
                }
                Ok(self.lent(lends))
            }
            BudgetRequest::End(call, ok) => {
                let loan = self.calls.shift_remove(&call).ok_or_else(|| unknown(&call))?;
                self.budget.end(now, loan, ok);
                Ok(self.lent(true))
            }
            BudgetRequest::State => Ok(self.lent(true)),
        }
    }

    fn is_pending(&self) -> bool {
        false
    }
}
