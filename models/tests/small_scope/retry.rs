//! One call: all that can become of it, and of the budget that pays for it.

use brownout_models::policy::{
    BackoffConfig, BudgetConfig, Deadline, FailureKind, GivenUp, Jitter, Retry, RetryBudget,
    RetryConfig, RetryNext, Start, Terms,
};
use brownout_models::{Span, Time, Timeout};
use serde::Serialize;

use crate::states;

#[derive(Clone, Debug)]
struct Call {
    budget: RetryBudget,
    retry: Retry,
    now: Time,
    phase: Phase,
}

#[derive(Clone, Debug, Serialize)]
enum Phase {
    /// The next attempt starts.
    Due,
    /// An attempt is under way.
    UnderWay { timeout: Option<Span> },
    /// It ended well, or badly and why.
    Over(Option<GivenUp>),
}

impl Call {
    fn begin(config: &RetryConfig, now: Time, deadline: Span) -> Self {
        let mut budget = RetryBudget::new(config.budget.clone());
        let terms = Terms { deadline: now + deadline, idempotent: true };
        let retry = Retry::begin(config, &mut budget, now, terms);
        Self { budget, retry, now, phase: Phase::Due }
    }

    fn started(&self, config: &RetryConfig) -> Self {
        let mut next = self.clone();
        next.phase = match next.retry.start(config, &mut next.budget, next.now) {
            Start::Go(attempt) => Phase::UnderWay { timeout: attempt.timeout },
            Start::GiveUp(why) => Phase::Over(Some(why)),
            Start::Hold => unreachable!("one attempt at a time"),
        };
        next
    }

    /// The attempt ends after a while, and the next one, if any, is due at once.
    fn ended(&self, config: &RetryConfig, takes: Span, end: Result<(), FailureKind>) -> Self {
        let mut next = self.clone();
        next.now += takes;
        let (budget, result) = (&mut next.budget, end.map_err(Into::into));
        let what = next.retry.ended(config, budget, next.now, result, |waits| waits.calm);
        next.phase = match what {
            RetryNext::Again { after } => {
                next.now += after;
                Phase::Due
            }
            RetryNext::Succeeded => Phase::Over(None),
            RetryNext::Failed(why) => Phase::Over(Some(why)),
            RetryNext::Waiting => unreachable!("one attempt at a time"),
        };
        next
    }

    /// Of a call that is over, what is left is the budget and the verdict.
    fn fingerprint(&self) -> String {
        let tokens = self.budget.tokens_thousandths();
        let left = match self.retry.deadline() {
            Time::NEVER => None,
            deadline => Some(deadline.since(self.now)),
        };
        let standing = match self.phase {
            Phase::Over(_) => None,
            Phase::Due | Phase::UnderWay { .. } => Some((
                self.retry.started(),
                self.budget.lends(self.now, brownout_models::policy::Spent::OnTimeout),
                left,
            )),
        };
        ron::to_string(&(tokens, &self.phase, standing, self.loan())).unwrap()
    }

    /// What a success would bring back.
    fn loan(&self) -> Option<u64> {
        if let Phase::Over(_) = self.phase {
            return None;
        }
        let mut budget = self.budget.clone();
        let before = budget.tokens_thousandths()?;
        let config = RetryConfig::hardened();
        self.retry.clone().ended(&config, &mut budget, self.now, Ok(()), |waits| waits.calm);
        Some(budget.tokens_thousandths()? - before)
    }
}

/// Three attempts paid for by the quota of AWS, with no time limit. Before and during the first
/// attempt there is one state each. A failure costs 5 tokens, a timeout 10: before and during the
/// second attempt there are two states each, and before and during the third four: 490 (5 and 5), 485
/// (5 and 10, or 10 and 5, which differ in what a success brings back) and 480. Over: successes leave
/// 500, 495 or 490 tokens, three states; permanent failures 500, 495, 490, 485 or 480, five; and those
/// that use up their attempts 490, 485 or 480, three. Together 1 + 1 + 2 + 2 + 4 + 4 + 3 + 5 + 3.
#[test]
fn a_call_of_three_attempts_has_25_states() {
    let config = RetryConfig {
        attempt_timeout: Timeout::Never,
        total_timeout: Timeout::Never,
        deadline: Deadline::Ignored,
        backoff: BackoffConfig { jitter: Jitter::Off, ..BackoffConfig::hardened() },
        ..RetryConfig::hardened()
    };
    let next = |call: &Call| match call.phase {
        Phase::Due => vec![call.started(&config)],
        Phase::UnderWay { .. } => [
            Ok(()),
            Err(FailureKind::Transient),
            Err(FailureKind::TimedOut),
            Err(FailureKind::Permanent),
        ]
        .into_iter()
        .map(|end| call.ended(&config, Span::ZERO, end))
        .collect(),
        Phase::Over(_) => Vec::new(),
    };
    for starts in [Time::ZERO, Time::ZERO + Span::from_secs(3_600)] {
        let call = Call::begin(&config, starts, Span::MAX);
        assert_eq!(states(call, Call::fingerprint, next).len(), 25);
    }
}

/// Waits of 2, 4, 4 .. ns, attempts of 0 ns up to their time of 3 ns, and a deadline 12 ns away, with
/// nobody counting attempts or tokens: at every state the call ends by its deadline, and no attempt
/// starts at it or later, whenever time starts. Due and under way there is one state for each number
/// of attempts and time left: the first at 12; the second after 2 to 5 ns, 10 to 7 left; the third
/// after 4 to 7 more, 6 down to 1, where 0 is too late; the fourth after 4 more at least, 2 or 1 left.
/// That is 1 + 4 + 6 + 2, of each twice. It ends well, or for want of time.
#[test]
fn a_call_never_outlasts_its_deadline() {
    let config = RetryConfig {
        max_attempts: u32::MAX,
        attempt_timeout: Timeout::After(Span::from_nanos(3)),
        total_timeout: Timeout::Never,
        budget: BudgetConfig::Unlimited,
        backoff: BackoffConfig {
            base: Span::from_nanos(2),
            cap: Timeout::After(Span::from_nanos(4)),
            jitter: Jitter::Off,
            ..BackoffConfig::hardened()
        },
        ..RetryConfig::hardened()
    };
    let deadline = Span::from_nanos(12);
    let next = |call: &Call| match call.phase {
        Phase::Due => {
            assert!(call.now < call.retry.deadline(), "{call:?}");
            vec![call.started(&config)]
        }
        Phase::UnderWay { timeout } => {
            let timeout = timeout.unwrap();
            assert!(call.now + timeout <= call.retry.deadline(), "{call:?}");
            let takes = |nanos| Span::from_nanos(nanos);
            let failure = |nanos| (takes(nanos), Err(FailureKind::Transient));
            let mut ends: Vec<_> = (0..timeout.as_nanos()).map(failure).collect();
            ends.push((timeout, Err(FailureKind::TimedOut)));
            ends.push((Span::ZERO, Ok(())));
            ends.into_iter().map(|(takes, end)| call.ended(&config, takes, end)).collect()
        }
        Phase::Over(_) => Vec::new(),
    };
    for starts in [Time::ZERO, Time::ZERO + Span::from_secs(3_600)] {
        let call = Call::begin(&config, starts, deadline);
        assert_eq!(states(call, Call::fingerprint, next).len(), 28);
    }
}
