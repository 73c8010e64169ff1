//! Hedged calls against a list of everything that is still to happen.

use brownout_models::policy::{
    AttemptFailure, BudgetConfig, ComeBack, FailureKind, GivenUp, Hedging, Pushback, Retry,
    RetryBudget, RetryConfig, RetryNext, Retryable, Start, Terms,
};
use brownout_models::{Span, Time};
use proptest::prelude::*;

use super::config;
use super::retry::{Course, Invocation, invocation};

/// What a hedged call does, from a list of everything that is still to happen.
fn hedged_by_hand(delay: u64, max_attempts: usize, script: &[Invocation]) -> Course {
    let (mut attempts, mut ends): (Vec<u64>, Vec<(u64, usize)>) = (Vec::new(), Vec::new());
    let mut next_start = Some(0);
    loop {
        let end = ends.iter().copied().min();
        // At one instant what was set first comes first: a start is set before the end of what it
        // starts, and an end beside another start was set with its own attempt.
        let start_first = match (next_start, end) {
            (Some(start), Some((end, place))) => {
                start < end || (start == end && attempts[place] + delay > start)
            }
            (start, _) => start.is_some(),
        };
        if start_first {
            let start = next_start.take().unwrap();
            let (takes, _) = script.get(attempts.len()).copied().unwrap_or((0, Ok(())));
            ends.push((start + takes, attempts.len()));
            attempts.push(start);
            next_start = (attempts.len() < max_attempts).then_some(start + delay);
            continue;
        }
        let (now, place) = end.unwrap();
        ends.retain(|end| *end != (now, place));
        match script.get(place).copied().unwrap_or((0, Ok(()))).1 {
            Ok(()) => return (attempts, now, Ok(())),
            Err(failure) if failure.kind == FailureKind::Permanent => {
                return (attempts, now, Err(GivenUp::NotRetryable));
            }
            Err(_) if attempts.len() < max_attempts => next_start = Some(now),
            Err(_) if ends.is_empty() => return (attempts, now, Err(GivenUp::Exhausted)),
            Err(_) => {}
        }
    }
}

fn hedged(config: &RetryConfig, script: &[Invocation]) -> Course {
    let mut budget = RetryBudget::new(config.budget.clone());
    let mut retry = Retry::begin(config, &mut budget, Time::ZERO, Terms::default());
    let (mut attempts, mut ends): (Vec<u64>, Vec<(Time, usize)>) = (Vec::new(), Vec::new());
    let mut due = Some(Time::ZERO);
    loop {
        let end = ends.iter().copied().min();
        let delay = match config.hedging {
            Hedging::After(delay) => delay.as_nanos(),
            Hedging::Off => unreachable!("hedges are what this is about"),
        };
        let start_first = match (due, end) {
            (Some(start), Some((end, place))) => {
                start < end || (start == end && attempts[place] + delay > start.as_nanos())
            }
            (start, _) => start.is_some(),
        };
        if start_first {
            let now = due.take().unwrap();
            let Start::Go(attempt) = retry.start(config, &mut budget, now) else {
                panic!("a hedge was due")
            };
            let (takes, _) = script.get(attempts.len()).copied().unwrap_or((0, Ok(())));
            ends.push((now + Span::from_nanos(takes), attempts.len()));
            attempts.push(now.as_nanos());
            due = attempt.hedge.map(|delay| now + delay);
            continue;
        }
        let (now, place) = end.unwrap();
        ends.retain(|end| *end != (now, place));
        let result = script.get(place).copied().unwrap_or((0, Ok(()))).1;
        let next = retry.ended(config, &mut budget, now, result, |_| panic!("hedges do not wait"));
        match next {
            RetryNext::Again { after } => due = Some(now + after),
            RetryNext::Waiting => {}
            RetryNext::Succeeded => return (attempts, now.as_nanos(), Ok(())),
            RetryNext::Failed(why) => return (attempts, now.as_nanos(), Err(why)),
        }
    }
}

fn hedging(max_attempts: u32, delay: u64) -> RetryConfig {
    RetryConfig {
        max_attempts,
        hedging: Hedging::After(Span::from_nanos(delay)),
        retryable: Retryable::Transient,
        ..RetryConfig::guide()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_hedged_call_is_the_one_of_the_list_of_events(
        max_attempts in 2..5_u32,
        delay in 1..15_u64,
        script in prop::collection::vec(invocation(), 0..6),
    ) {
        let config = hedging(max_attempts, delay);
        let expected = hedged_by_hand(delay, max_attempts as usize, &script);
        prop_assert_eq!(hedged(&config, &script), expected);
    }
}

#[test]
fn hedge_k_starts_after_k_delays_of_silence() {
    let silent = vec![(1_000, Ok(())); 4];
    let (attempts, end, result) = hedged(&hedging(4, 25), &silent);
    assert_eq!((attempts, end, result), (vec![0, 25, 50, 75], 1_000, Ok(())));
}

#[test]
fn a_call_that_must_not_be_done_twice_is_not_hedged() {
    let config = hedging(3, 25);
    let mut budget = RetryBudget::new(config.budget.clone());
    let terms = Terms { deadline: Time::NEVER, idempotent: false };
    let mut retry = Retry::begin(&config, &mut budget, Time::ZERO, terms);
    let Start::Go(attempt) = retry.start(&config, &mut budget, Time::ZERO) else { panic!() };
    assert_eq!(attempt.hedge, None);
}

#[test]
fn a_hedge_that_nobody_pays_for_or_wants_leaves_the_others_alone() {
    let throttle = BudgetConfig::Throttle { tokens: 2, token_ratio: "1".parse().unwrap() };
    let config = RetryConfig { budget: throttle, ..hedging(4, 25) };
    let mut budget = RetryBudget::new(config.budget.clone());
    let mut retry = Retry::begin(&config, &mut budget, Time::ZERO, Terms::default());
    let now = Time::from_nanos(50);
    for number in 1..=3 {
        let Start::Go(attempt) = retry.start(&config, &mut budget, now) else { panic!() };
        assert_eq!(attempt.number, number);
    }
    budget.failed(now);
    assert_eq!(retry.start(&config, &mut budget, now), Start::Hold, "half of the tokens is left");
    budget.end(now, None, true);
    let stop = AttemptFailure { kind: FailureKind::Transient, pushback: Some(ComeBack::Never) };
    let honoured = RetryConfig { pushback: Pushback::Honoured, ..config };
    let mut end = |result| retry.ended(&honoured, &mut budget, now, result, |waits| waits.calm);
    assert_eq!(end(Err(stop)), RetryNext::Waiting);
    assert_eq!(end(Err(FailureKind::Transient.into())), RetryNext::Waiting);
    assert_eq!(end(Err(stop)), RetryNext::Failed(GivenUp::Pushback));
}

#[test]
fn a_retry_is_under_way_in_the_place_of_the_one_before() {
    let config = RetryConfig { max_attempts: 4, ..RetryConfig::guide() };
    let mut budget = RetryBudget::new(BudgetConfig::Unlimited);
    let mut retry = Retry::begin(&config, &mut budget, Time::ZERO, Terms::default());
    assert_eq!(budget.under_way(), (1, 0));
    for number in 1..=3 {
        assert!(matches!(retry.start(&config, &mut budget, Time::ZERO), Start::Go(_)));
        let failed = Err(FailureKind::Transient.into());
        let next = retry.ended(&config, &mut budget, Time::ZERO, failed, |waits| waits.calm);
        assert!(matches!(next, RetryNext::Again { .. }));
        assert_eq!(budget.under_way(), (1, 1), "after {number} attempts");
    }
    retry.start(&config, &mut budget, Time::ZERO);
    retry.ended(&config, &mut budget, Time::ZERO, Ok(()), |waits| waits.calm);
    assert_eq!(budget.under_way(), (0, 0));
}

#[test]
fn a_retry_beside_others_is_one_more_under_way() {
    let config = hedging(4, 25);
    let mut budget = RetryBudget::new(BudgetConfig::Unlimited);
    let mut retry = Retry::begin(&config, &mut budget, Time::ZERO, Terms::default());
    for retries in 0..2 {
        assert!(matches!(retry.start(&config, &mut budget, Time::ZERO), Start::Go(_)));
        assert_eq!(budget.under_way(), (1, retries));
    }
    let failed = Err(FailureKind::Transient.into());
    let next = retry.ended(&config, &mut budget, Time::ZERO, failed, |waits| waits.calm);
    assert_eq!(next, RetryNext::Again { after: Span::ZERO });
    assert_eq!(budget.under_way(), (1, 2), "the hedge is paid for, and so is the retry");
}
