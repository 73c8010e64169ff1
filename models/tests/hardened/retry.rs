//! Calls against a plain loop, and the promises of both profiles.

use brownout_models::policy::{
    AttemptFailure, BackoffConfig, BudgetConfig, ComeBack, Deadline, FailureKind, GivenUp, Jitter,
    OwnRejections, Pushback, Retry, RetryBudget, RetryConfig, RetryNext, Retryable, Start, Terms,
};
use brownout_models::{Span, Time, Timeout};
use proptest::prelude::*;

use super::config;

/// How an invocation of the server goes.
pub(super) type Invocation = (u64, Result<(), AttemptFailure>);

/// The instants of the attempts, the instant of the end, and how it ended.
pub(super) type Course = (Vec<u64>, u64, Result<(), GivenUp>);

fn kind() -> impl Strategy<Value = FailureKind> {
    prop::sample::select(vec![
        FailureKind::OwnRejection,
        FailureKind::Refused,
        FailureKind::TimedOut,
        FailureKind::Lost,
        FailureKind::Transient,
        FailureKind::Transient,
        FailureKind::Transient,
        FailureKind::Permanent,
    ])
}

pub(super) fn invocation() -> impl Strategy<Value = Invocation> {
    let pushback = prop_oneof![
        6 => Just(None),
        1 => Just(Some(ComeBack::Never)),
        1 => (0..40_u64).prop_map(|nanos| Some(ComeBack::After(Span::from_nanos(nanos)))),
    ];
    let failure = (kind(), pushback).prop_map(|(kind, pushback)| AttemptFailure { kind, pushback });
    let result = prop_oneof![1 => Just(Ok(())), 5 => failure.prop_map(Err)];
    (prop_oneof![Just(0), Just(9), Just(10), Just(11), 0..30_u64], result)
}

fn timeout() -> impl Strategy<Value = Timeout> {
    let after = |nanos| Timeout::After(Span::from_nanos(nanos));
    prop_oneof![Just(Timeout::Never), (1..25_u64).prop_map(after), (25..99_u64).prop_map(after)]
}

fn retries() -> impl Strategy<Value = RetryConfig> {
    (
        1..5_u32,
        (timeout(), timeout()),
        prop::sample::select(vec![Deadline::Ignored, Deadline::Respected]),
        prop::sample::select(vec![Retryable::Everything, Retryable::Transient]),
        prop::sample::select(vec![OwnRejections::Retried, OwnRejections::Final]),
        prop::sample::select(vec![Pushback::Ignored, Pushback::Honoured]),
        prop::sample::select(vec![Jitter::Off, Jitter::Full, Jitter::Decorrelated]),
    )
        .prop_map(
            |(max_attempts, timeouts, deadline, retryable, own_rejections, pushback, jitter)| {
                let (attempt_timeout, total_timeout) = timeouts;
                let base = Span::from_nanos(10);
                let backoff = BackoffConfig { base, jitter, ..BackoffConfig::hardened() };
                RetryConfig {
                    max_attempts,
                    attempt_timeout,
                    total_timeout,
                    deadline,
                    retryable,
                    own_rejections,
                    pushback,
                    budget: BudgetConfig::Unlimited,
                    backoff,
                    ..RetryConfig::hardened()
                }
            },
        )
}

/// The loop that one would write by hand.
fn by_hand(config: &RetryConfig, terms: Terms, script: &[Invocation], words: &[u64]) -> Course {
    let never = u64::MAX;
    let nanos = |timeout: Timeout| timeout.span().map_or(never, Span::as_nanos);
    let callers =
        if config.deadline == Deadline::Respected { terms.deadline.as_nanos() } else { never };
    let deadline = nanos(config.total_timeout).min(callers);
    let (mut now, mut attempts, mut waits, mut previous) = (0_u64, Vec::new(), 0, Span::ZERO);
    let (mut script, mut words) = (script.iter(), words.iter());
    loop {
        if now >= deadline {
            return (attempts, now, Err(GivenUp::Deadline));
        }
        attempts.push(now);
        let (takes, result) = script.next().copied().unwrap_or((0, Ok(())));
        let left = nanos(config.attempt_timeout).min(deadline - now);
        now += takes.min(left);
        let result = if takes > left { Err(FailureKind::TimedOut.into()) } else { result };
        let Err(failure) = result else { return (attempts, now, Ok(())) };
        let ambiguous = matches!(failure.kind, FailureKind::TimedOut | FailureKind::Lost);
        let honoured = config.pushback == Pushback::Honoured;
        let pushback = failure.pushback.filter(|_| honoured);
        let own = failure.kind == FailureKind::OwnRejection;
        let objection = if own && config.own_rejections == OwnRejections::Final {
            Some(GivenUp::OwnRejection)
        } else if failure.kind == FailureKind::Permanent && config.retryable == Retryable::Transient
        {
            Some(GivenUp::NotRetryable)
        } else if ambiguous && !terms.idempotent {
            Some(GivenUp::NotIdempotent)
        } else if pushback == Some(ComeBack::Never) {
            Some(GivenUp::Pushback)
        } else if attempts.len() >= config.max_attempts as usize {
            Some(GivenUp::Exhausted)
        } else {
            None
        };
        if let Some(why) = objection {
            return (attempts, now, Err(why));
        }
        let wait = if let Some(ComeBack::After(span)) = pushback {
            (waits, previous) = (0, Span::ZERO);
            span
        } else {
            previous = config.backoff.waits(waits, previous).at(*words.next().unwrap());
            waits += 1;
            previous
        };
        if now + wait.as_nanos() >= deadline {
            return (attempts, now, Err(GivenUp::Deadline));
        }
        now += wait.as_nanos();
    }
}

/// The policy, driven one attempt after the other.
fn driven(config: &RetryConfig, terms: Terms, script: &[Invocation], words: &[u64]) -> Course {
    let mut budget = RetryBudget::new(config.budget.clone());
    let (mut now, mut attempts) = (Time::ZERO, Vec::new());
    let (mut script, mut words) = (script.iter(), words.iter());
    let mut retry = Retry::begin(config, &mut budget, now, terms);
    loop {
        let attempt = match retry.start(config, &mut budget, now) {
            Start::Go(attempt) => attempt,
            Start::GiveUp(why) => return (attempts, now.as_nanos(), Err(why)),
            Start::Hold => panic!("one attempt at a time"),
        };
        attempts.push(now.as_nanos());
        assert_eq!(attempt.number as usize, attempts.len());
        assert_eq!((attempt.hedge, retry.under_way()), (None, 1));
        let (takes, result) = script.next().copied().unwrap_or((0, Ok(())));
        let takes = Span::from_nanos(takes);
        let result = match attempt.timeout {
            Some(timeout) if takes > timeout => {
                now += timeout;
                Err(FailureKind::TimedOut.into())
            }
            _ => {
                now += takes;
                result
            }
        };
        let pick = |waits: brownout_models::policy::Waits| waits.at(*words.next().unwrap());
        match retry.ended(config, &mut budget, now, result, pick) {
            RetryNext::Again { after } => now += after,
            RetryNext::Succeeded => return (attempts, now.as_nanos(), Ok(())),
            RetryNext::Failed(why) => return (attempts, now.as_nanos(), Err(why)),
            RetryNext::Waiting => panic!("one attempt at a time"),
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_call_is_tried_as_in_the_loop_by_hand(
        config in retries(),
        deadline in prop_oneof![Just(u64::MAX), Just(0), 1..80_u64],
        idempotent in any::<bool>(),
        script in prop::collection::vec(invocation(), 0..6),
        words in prop::collection::vec(any::<u64>(), 6),
    ) {
        let terms = Terms { deadline: Time::from_nanos(deadline), idempotent };
        let course = driven(&config, terms, &script, &words);
        prop_assert_eq!(&course, &by_hand(&config, terms, &script, &words));
        let (attempts, end, _) = course;
        prop_assert!(attempts.len() <= config.max_attempts as usize, "SC-14");
        if config.deadline == Deadline::Respected {
            prop_assert!(end <= deadline, "X-6");
            prop_assert!(attempts.iter().all(|at| *at < deadline));
        }
    }

    /// SC-4, SC-15: hardened never repeats what is no use, or what may have been done already.
    #[test]
    fn a_hardened_call_ends_with_its_first_final_failure(
        script in prop::collection::vec(invocation(), 0..6),
    ) {
        let config = RetryConfig::hardened();
        let terms = Terms { deadline: Time::NEVER, idempotent: false };
        let (attempts, _, _) = driven(&config, terms, &script, &[0; 6]);
        let is_final = |invocation: &Invocation| match invocation.1 {
            Ok(()) => true,
            Err(AttemptFailure { kind, .. }) => {
                kind != FailureKind::Transient && kind != FailureKind::Refused
            }
        };
        let first = script.iter().position(is_final).unwrap_or(script.len());
        prop_assert!(attempts.len() <= first + 1);
    }
}

fn always(kind: FailureKind) -> Vec<Invocation> {
    vec![(10, Err(kind.into())); 9]
}

/// How many attempts a call makes that fails like this again and again.
fn attempts(config: &RetryConfig, kind: FailureKind, idempotent: bool) -> usize {
    let terms = Terms { deadline: Time::NEVER, idempotent };
    driven(config, terms, &always(kind), &[u64::MAX; 9]).0.len()
}

/// SC-4, SC-15: four attempts whatever the failure; each remedy alone mends its part.
#[test]
fn the_guide_tries_everything_four_times() {
    let guide = RetryConfig::guide();
    for kind in [
        FailureKind::OwnRejection,
        FailureKind::Refused,
        FailureKind::TimedOut,
        FailureKind::Lost,
        FailureKind::Transient,
        FailureKind::Permanent,
    ] {
        assert_eq!(attempts(&guide, kind, true), 4, "{kind:?}");
    }
    let retryable = RetryConfig { retryable: Retryable::Transient, ..guide.clone() };
    assert_eq!(attempts(&retryable, FailureKind::Permanent, true), 1);
    assert_eq!(attempts(&retryable, FailureKind::OwnRejection, true), 4);
    let own_rejections = RetryConfig { own_rejections: OwnRejections::Final, ..guide.clone() };
    assert_eq!(attempts(&own_rejections, FailureKind::OwnRejection, true), 1);
    assert_eq!(attempts(&guide, FailureKind::Lost, false), 1, "once it knows");
    assert_eq!(attempts(&guide, FailureKind::Refused, false), 4, "refused is not done");
}

/// SC-4: under the guide a caller that gave up long ago is still worked for.
#[test]
fn the_guide_goes_on_when_nobody_waits_any_more() {
    let terms = Terms { deadline: Time::from_nanos(100_000_020), idempotent: true };
    let script = always(FailureKind::Transient);
    let guide = RetryConfig::guide();
    assert_eq!(driven(&guide, terms, &script, &[0; 9]).1, 700_000_040);
    let mended = RetryConfig { deadline: Deadline::Respected, ..guide };
    let (attempts, end, result) = driven(&mended, terms, &script, &[0; 9]);
    assert_eq!((attempts.len(), end, result), (2, 100_000_020, Err(GivenUp::Deadline)));
}

#[test]
fn a_wait_may_not_even_reach_the_deadline() {
    let script = always(FailureKind::Transient);
    let call = |deadline| {
        let terms = Terms { deadline: Time::from_nanos(deadline), idempotent: true };
        let config = RetryConfig { deadline: Deadline::Respected, ..RetryConfig::guide() };
        driven(&config, terms, &script, &[0; 9]).0.len()
    };
    assert_eq!(call(100_000_010), 1);
    assert_eq!(call(100_000_011), 2);
    assert_eq!(call(0), 0, "nobody waits from the start");
}

/// SC-4: a thousand calls of the guide send four thousand; the quota sends a hundred more.
#[test]
fn the_guides_retries_multiply_the_load_without_bound() {
    let load = |config: &RetryConfig| {
        let mut budget = RetryBudget::new(config.budget.clone());
        let mut sent = 0;
        for _ in 0..1_000 {
            let mut retry = Retry::begin(config, &mut budget, Time::ZERO, Terms::default());
            loop {
                let started = retry.start(config, &mut budget, Time::ZERO);
                assert!(matches!(started, Start::Go(_)));
                sent += 1;
                let failure = Err(FailureKind::Transient.into());
                let next = retry.ended(config, &mut budget, Time::ZERO, failure, |waits| waits.min);
                if let RetryNext::Failed(_) = next {
                    break;
                }
            }
        }
        assert_eq!(budget.under_way(), (0, 0));
        sent
    };
    assert_eq!(load(&RetryConfig::guide()), 4_000);
    let quota = RetryConfig { budget: BudgetConfig::quota(), ..RetryConfig::guide() };
    assert_eq!(load(&quota), 1_100, "500 tokens pay for 100 retries");
    assert_eq!(load(&RetryConfig::hardened()), 1_100);
}
