//! One hedged call: every order in which its attempts may start and end.

use brownout_models::policy::{
    BudgetConfig, FailureKind, GivenUp, Hedging, Retry, RetryBudget, RetryConfig, RetryNext, Start,
    Terms,
};
use brownout_models::{Span, Time, Timeout};

use super::canonical::{Canon, canonical};
use super::{STARTS, explore, nanos};

/// A hedge starts after this many nanoseconds of silence.
const DELAY: u64 = 2;

#[derive(Clone)]
struct Call {
    now: Time,
    retry: Retry,
    budget: RetryBudget,
    /// When the next attempt starts, if nothing ends before.
    hedge: Option<Time>,
    over: Option<Result<(), GivenUp>>,
}

impl Call {
    fn begin(config: &RetryConfig, now: Time) -> Self {
        let mut budget = RetryBudget::new(config.budget.clone());
        let retry = Retry::begin(config, &mut budget, now, Terms::default());
        Self { now, retry, budget, hedge: None, over: None }.started(config)
    }

    fn started(mut self, config: &RetryConfig) -> Self {
        let (before, others) = (self.retry.started(), self.retry.under_way());
        self.hedge = None;
        match self.retry.start(config, &mut self.budget, self.now) {
            Start::Go(attempt) => {
                assert_eq!((attempt.number, self.retry.under_way()), (before + 1, others + 1));
                assert_eq!(attempt.hedge.is_some(), attempt.number < config.max_attempts);
                self.hedge = attempt.hedge.map(|delay| self.now + delay);
            }
            Start::Hold => assert!(others > 0, "somebody else is to decide"),
            Start::GiveUp(why) => self.over = Some(Err(why)),
        }
        self
    }

    fn later(&self, config: &RetryConfig) -> Self {
        let mut next = self.clone();
        next.now += Span::from_nanos(1);
        if next.hedge == Some(next.now) { next.started(config) } else { next }
    }

    /// One of the attempts ends; it does not matter which.
    fn ended(&self, config: &RetryConfig, end: Result<(), FailureKind>) -> Self {
        let mut next = self.clone();
        let result = end.map_err(Into::into);
        let now = self.now;
        let what = next.retry.ended(config, &mut next.budget, now, result, |waits| waits.calm);
        match what {
            RetryNext::Again { after } => {
                assert_eq!(after, Span::ZERO, "a hedge that failed is followed at once");
                return next.started(config);
            }
            RetryNext::Waiting => assert!(next.retry.under_way() > 0, "somebody is to decide"),
            RetryNext::Succeeded => next.over = Some(Ok(())),
            RetryNext::Failed(why) => next.over = Some(Err(why)),
        }
        next
    }

    fn next(&self, config: &RetryConfig) -> Vec<Self> {
        if self.over.is_some() {
            return Vec::new();
        }
        let ends = [Ok(()), Err(FailureKind::Transient), Err(FailureKind::Permanent)];
        let ended = ends.into_iter().map(|end| self.ended(config, end));
        ended.chain([self.later(config)]).collect()
    }

    /// Of a call that is over, what is left is the verdict and the budget. Loans of an endless budget are
    /// worth nothing, and of one token there is one.
    fn key(&self) -> (Option<String>, Vec<u128>, Option<u64>, Option<u64>) {
        let canon = Canon { now: self.now, age_max: 0, dead: &["deadline", "loans"], ids: &[] };
        let tokens = self.budget.tokens_thousandths();
        match self.over {
            Some(over) => (Some(format!("{over:?}")), Vec::new(), None, tokens),
            None => {
                let hedge = self.hedge.map(|at| at.since(self.now).as_nanos());
                (None, canonical(&self.retry, canon), hedge, tokens)
            }
        }
    }
}

fn count(budget: &BudgetConfig) -> Vec<usize> {
    let config = RetryConfig {
        max_attempts: 3,
        attempt_timeout: Timeout::Never,
        total_timeout: Timeout::Never,
        hedging: Hedging::After(nanos(DELAY)),
        budget: budget.clone(),
        ..RetryConfig::hardened()
    };
    let starts = STARTS.into_iter().map(|(start, _)| Call::begin(&config, Time::from_nanos(start)));
    starts.map(|call| explore(call, Call::key, |call| call.next(&config)).0).collect()
}

/// The next hedge is 2 or 1 ns away as long as fewer than three attempts have started. One has, and is
/// under way: 2 states; two have, and both or one of them are: 2 * 2; three have, and three, two or one
/// are: 3. It is over with a success, used up, or with an error that does not go away: 3.
#[test]
fn a_call_of_up_to_three_hedges_has_12_states() {
    assert_eq!(count(&BudgetConfig::Unlimited), [2 + 4 + 3 + 3; 4]);
}

/// A quota for a single retry. One attempt is under way, and the hedge 2 or 1 ns away: 2 states. With
/// the second, both or one are under way, and the third is 2 or 1 ns away, or had no token, and was not
/// started: 2 * 3. It succeeds, and has its token; it has no token left; or it fails for good with the
/// token or without: 4.
#[test]
fn a_hedge_that_nobody_pays_for_leaves_12_states() {
    let budget =
        BudgetConfig::Quota { capacity: 1, retry_cost: 1, timeout_cost: 1, success_refund: 0 };
    assert_eq!(count(&budget), [2 + 6 + 4; 4]);
}
