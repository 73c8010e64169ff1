//! Budgets against the whole history of what was asked, and the bounds that theory gives them.

use brownout_models::policy::{BudgetConfig, Loan, RetryBudget, Spent};
use brownout_models::{Factor, Ratio, Span, Time};
use proptest::prelude::*;

use super::config;

/// What can happen to a budget.
#[derive(Clone, Copy, Debug)]
enum Event {
    Begin,
    Fail { timed_out: bool },
    End { ok: bool },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(Event::Begin),
        4 => any::<bool>().prop_map(|timed_out| Event::Fail { timed_out }),
        2 => any::<bool>().prop_map(|ok| Event::End { ok }),
    ]
}

fn budget() -> impl Strategy<Value = BudgetConfig> {
    let percent = || (0..=4_u32).prop_map(|quarters| Ratio::new(quarters, 4).unwrap());
    prop_oneof![
        Just(BudgetConfig::Unlimited),
        (1..30_u32, 1..6_u32, 1..12_u32, 0..3_u32).prop_map(
            |(capacity, retry_cost, timeout_cost, success_refund)| BudgetConfig::Quota {
                capacity,
                retry_cost,
                timeout_cost,
                success_refund
            }
        ),
        (1..8_u32, 1..1_500_u32).prop_map(|(tokens, thousandths)| BudgetConfig::Throttle {
            tokens,
            token_ratio: Factor::from_thousandths(thousandths),
        }),
        (percent(), 0..2_u32).prop_map(|(percent, min_per_second)| BudgetConfig::Share {
            percent,
            min_per_second,
            ttl: Span::from_secs(2),
        }),
        (percent(), 0..3_u32)
            .prop_map(|(percent, min_retries)| BudgetConfig::Concurrency { percent, min_retries }),
    ]
}

/// Everything that ever happened, and nothing but that.
#[derive(Default)]
struct History {
    begun: Vec<u64>,
    ended: usize,
    lent: Vec<u64>,
    /// Changes of tokens, in thousandths, each cut to what there can be.
    changes: Vec<i64>,
    /// What the last retry of each call under way cost, oldest call first.
    calls: Vec<Option<u32>>,
}

impl History {
    fn tokens(&self, most: u32) -> i64 {
        let most = i64::from(most) * 1_000;
        self.changes.iter().fold(most, |tokens, change| (tokens + change).clamp(0, most))
    }

    fn allows(&self, config: &BudgetConfig, now: u64, cost: u32) -> bool {
        match config {
            BudgetConfig::Unlimited => true,
            BudgetConfig::Quota { capacity, .. } => {
                self.tokens(*capacity) >= i64::from(cost) * 1_000
            }
            BudgetConfig::Throttle { tokens, .. } => {
                self.tokens(*tokens) > i64::from(*tokens) * 500
            }
            BudgetConfig::Share { percent, min_per_second, ttl } => {
                let slot = |at: u64| at / (ttl.as_nanos() / 10);
                let lives = |at: &&u64| slot(now) - slot(**at) < 10;
                let begun = self.begun.iter().filter(lives).count() as u64;
                let lent = self.lent.iter().filter(lives).count() as u64;
                let reserve = u64::from(*min_per_second) * ttl.as_nanos() / 1_000_000_000;
                let (num, den) = (u64::from(percent.num()), u64::from(percent.den()));
                begun * num + reserve * den >= (lent + 1) * den
            }
            BudgetConfig::Concurrency { percent, min_retries } => {
                let calls = self.calls.len() as u64;
                let retries = self.calls.iter().flatten().count() as u64;
                let share = calls * u64::from(percent.num()) / u64::from(percent.den());
                retries < share.max(u64::from(*min_retries))
            }
        }
    }
}

proptest! {
    #![proptest_config(config())]

    /// Calls end and fail in the order in which they began.
    #[test]
    fn a_budget_lends_what_its_history_allows(
        config in budget(),
        events in prop::collection::vec(
            (prop_oneof![Just(0), Just(1), Just(199_999_999), Just(200_000_000), 0..2_000_000_000_u64],
             event()),
            1..60,
        ),
    ) {
        let mut budget = RetryBudget::new(config.clone());
        let (mut history, mut loans): (History, Vec<Option<Loan>>) = Default::default();
        let mut now = 0;
        for (step, event) in events {
            now += step;
            let at = Time::from_nanos(now);
            match event {
                Event::Begin => {
                    budget.begin(at);
                    loans.push(None);
                    history.begun.push(now);
                    history.calls.push(None);
                }
                Event::Fail { timed_out } if !loans.is_empty() => {
                    let spent = if timed_out { Spent::OnTimeout } else { Spent::OnFailure };
                    let cost = match (&config, timed_out) {
                        (BudgetConfig::Quota { timeout_cost, .. }, true) => *timeout_cost,
                        (BudgetConfig::Quota { retry_cost, .. }, false) => *retry_cost,
                        (_, _) => 0,
                    };
                    budget.failed(at);
                    if let BudgetConfig::Throttle { .. } = config {
                        history.changes.push(-1_000);
                    }
                    // The last retry of the oldest call has failed: it gives its place back first.
                    if let Some(loan) = loans[0].take() {
                        budget.spend(loan);
                        history.calls[0] = None;
                    }
                    let allowed = history.allows(&config, now, cost);
                    prop_assert_eq!(budget.lends(at, spent), allowed);
                    loans[0] = budget.lend(at, spent);
                    prop_assert_eq!(loans[0].is_some(), allowed);
                    if allowed {
                        history.lent.push(now);
                        history.calls[0] = Some(cost);
                        history.changes.push(-i64::from(cost) * 1_000);
                    }
                }
                Event::End { ok } if !loans.is_empty() => {
                    budget.end(at, loans.remove(0), ok);
                    let cost = history.calls.remove(0);
                    history.ended += 1;
                    if let BudgetConfig::Quota { success_refund, .. } = config && ok {
                        history.changes.push(i64::from(cost.unwrap_or(success_refund)) * 1_000);
                    }
                    if let BudgetConfig::Throttle { token_ratio, .. } = config && ok {
                        history.changes.push(i64::from(token_ratio.as_thousandths()));
                    }
                }
                Event::Fail { .. } | Event::End { .. } => {}
            }
            let retries = history.calls.iter().flatten().count() as u64;
            prop_assert_eq!(budget.under_way(), (history.calls.len() as u64, retries));
            let tokens = if let BudgetConfig::Quota { capacity: most, .. }
            | BudgetConfig::Throttle { tokens: most, .. } = config
            {
                Some(u64::try_from(history.tokens(most)).unwrap())
            } else {
                None
            };
            prop_assert_eq!(budget.tokens_thousandths(), tokens);
        }
    }
}
