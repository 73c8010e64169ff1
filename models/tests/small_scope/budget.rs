//! Budgets: all that calls and failures can do to the tokens.

use brownout_models::policy::{BudgetConfig, Loan, RetryBudget, Spent};
use brownout_models::{Factor, Span, Time};

use crate::states;

#[derive(Clone)]
struct Client {
    budget: RetryBudget,
    now: Time,
    /// What is lent to the calls under way, oldest first.
    calls: Vec<Option<Loan>>,
}

impl Client {
    fn new(config: &BudgetConfig, now: Time) -> Self {
        Self { budget: RetryBudget::new(config.clone()), now, calls: Vec::new() }
    }

    fn begun(&self) -> Self {
        let mut next = self.clone();
        next.budget.begin(next.now);
        next.calls.push(None);
        next
    }

    /// The oldest call fails, and asks for a retry.
    fn failed(&self, spent: Spent) -> Self {
        let mut next = self.clone();
        next.budget.failed(next.now);
        if let Some(loan) = next.calls[0].take() {
            next.budget.spend(loan);
        }
        next.calls[0] = next.budget.lend(next.now, spent);
        next
    }

    fn ended(&self, ok: bool) -> Self {
        let mut next = self.clone();
        let loan = next.calls.remove(0);
        next.budget.end(next.now, loan, ok);
        next
    }

    fn later(&self, span: Span) -> Self {
        Self { now: self.now + span, ..self.clone() }
    }

    fn fingerprint(&self) -> String {
        let lends = [Spent::OnFailure, Spent::OnTimeout].map(|it| self.budget.lends(self.now, it));
        let (calls, tokens) = (&self.calls, self.budget.tokens_thousandths());
        ron::to_string(&(tokens, calls, lends, self.budget.under_way())).unwrap()
    }
}

fn count(config: &BudgetConfig, calls: usize, starts: Time) -> usize {
    let next = |client: &Client| {
        let mut next = Vec::new();
        if client.calls.len() < calls {
            next.push(client.begun());
        }
        if !client.calls.is_empty() {
            next.push(client.failed(Spent::OnFailure));
            next.push(client.failed(Spent::OnTimeout));
            next.push(client.ended(true));
            next.push(client.ended(false));
        }
        next
    };
    states(Client::new(config, starts), Client::fingerprint, next).len()
}

const HOUR: Span = Span::from_secs(3_600);

/// Tokens 2, ratio 0.5: the tokens are 0, 0.5, .., 2. Without a call under way, each of the five is
/// reached. With one, all five, unlent; and lent where, at the moment of lending, more than one token
/// was left after the failure took its own: at 1 (no: half), so only from 2 to .. 1.5 after a
/// failure at 2.5, which there is not. So nothing is ever lent: 5 + 5 states.
#[test]
fn a_throttle_of_two_tokens_never_lends() {
    let config = BudgetConfig::Throttle { tokens: 2, token_ratio: Factor::from_thousandths(500) };
    for starts in [Time::ZERO, Time::ZERO + HOUR] {
        assert_eq!(count(&config, 1, starts), 10);
    }
}

/// Tokens 3, ratio 1: whole tokens, 0 to 3, eight states without a loan. A failure at 3 leaves 2,
/// which is more than half, and lends; at 2 it leaves 1 and does not. With a loan there are 2 tokens,
/// always: one state more.
#[test]
fn a_throttle_of_three_tokens_lends_at_two() {
    let config = BudgetConfig::Throttle { tokens: 3, token_ratio: Factor::ONE };
    for starts in [Time::ZERO, Time::ZERO + HOUR] {
        assert_eq!(count(&config, 1, starts), 9);
    }
}

/// Two tokens, a retry costs one, a timeout two, a success refunds none. One call at a time: tokens
/// 0, 1, 2 idle and as many with a call that has no loan; with a loan of one, 1 or 0 are left; with a
/// loan of two, 0. That makes 3 + 3 + 2 + 1.
#[test]
fn a_quota_never_lends_what_it_has_not() {
    let config =
        BudgetConfig::Quota { capacity: 2, retry_cost: 1, timeout_cost: 2, success_refund: 0 };
    for starts in [Time::ZERO, Time::ZERO + HOUR] {
        assert_eq!(count(&config, 1, starts), 9);
    }
}

/// One retry may be under way, whatever happens, and two calls: none; one, lent or not; two, lent or
/// not, only the older ever being so here, or the younger once the older has ended: it is then alone.
/// So 1 + 2 + 2.
#[test]
fn a_concurrency_of_one_has_one_retry_under_way() {
    let config = BudgetConfig::Concurrency { percent: "0%".parse().unwrap(), min_retries: 1 };
    for starts in [Time::ZERO, Time::ZERO + HOUR] {
        assert_eq!(count(&config, 2, starts), 5);
    }
}

/// A share of one half over ten slots of a nanosecond, two calls and a retry that have been, each at
/// an age of 0 to 10 or more slots: what is lent depends on the ages alone, wherever time starts.
#[test]
fn a_share_depends_on_ages_alone() {
    let half = "50%".parse().unwrap();
    let ttl = Span::from_nanos(10);
    let config = BudgetConfig::Share { percent: half, min_per_second: 0, ttl };
    let answers = |starts: Time| {
        let mut answers = Vec::new();
        for (first, second, later) in
            (0..12).flat_map(|a| (0..12).flat_map(move |b| (0..12).map(move |c| (a, b, c))))
        {
            let steps = [first, second, later].map(Span::from_nanos);
            let client = Client::new(&config, starts).begun().later(steps[0]).begun();
            let mut client = client.later(steps[1]);
            let lent = client.budget.lend(client.now, Spent::OnFailure).is_some();
            let client = client.later(steps[2]);
            answers.push((lent, client.budget.lends(client.now, Spent::OnFailure)));
        }
        answers
    };
    let from_zero = answers(Time::ZERO);
    assert_eq!(from_zero, answers(Time::ZERO + HOUR));
    // The first call is too old to count where the two steps make ten or more; then there is half a
    // retry to lend, which is none. Of 144 pairs of steps, 1 + 2 + .. + 10 stay below ten.
    assert_eq!(from_zero.iter().filter(|(lent, _)| *lent).count(), 55 * 12);
    // After a retry nothing is left while it counts, and once it does not, neither do the calls.
    assert!(!from_zero.iter().any(|(lent, again)| *lent && *again));
}
