//! What a sidecar's retries, their backoff and their budget say of values that make no sense.

use brownout_models::policy::{BudgetConfig, GivenUp, Idempotent, SidecarOptions};
use brownout_models::{Capacity, Factor, Profile, Ratio, Span};

fn options(text: &str) -> SidecarOptions {
    ron::Options::default()
        .with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME)
        .from_str(text)
        .unwrap()
}

fn check(cases: &[(&str, &[&str])]) {
    for (text, wrong) in cases {
        let (_, mistakes) = options(text).retry(Profile::Guide);
        let found: Vec<_> = mistakes.iter().map(|mistake| mistake.option.as_str()).collect();
        assert_eq!(found, *wrong, "{text}");
    }
}

#[test]
fn attempts_and_timeouts_that_make_no_sense_are_mistakes() {
    check(&[
        ("()", &[]),
        ("(profile: hardened)", &[]),
        ("(max_attempts: 0)", &["max_attempts"]),
        ("(max_attempts: 1)", &[]),
        ("(max_retries: 0)", &[]),
        ("(max_retries: 3, max_attempts: 4)", &["max_retries"]),
        ("(attempt_timeout: \"0s\")", &["attempt_timeout"]),
        ("(total_timeout: \"0s\")", &["total_timeout"]),
        ("(attempt_timeout: \"2s\", total_timeout: \"1s\")", &["total_timeout"]),
        ("(attempt_timeout: \"2s\", total_timeout: \"2s\")", &[]),
        ("(attempt_timeout: \"2s\", total_timeout: \"3s\")", &[]),
        ("(attempt_timeout: \"never\", total_timeout: \"1s\")", &[]),
        ("(attempt_timeout: \"1s\", total_timeout: \"never\")", &[]),
        ("(hedging: After(\"1s\"), max_attempts: 1)", &["hedging"]),
        ("(hedging: After(\"1s\"), max_attempts: 2)", &[]),
        ("(hedging: Off, max_attempts: 1)", &[]),
    ]);
}

#[test]
fn waits_that_make_no_sense_are_mistakes_of_the_backoff() {
    check(&[
        ("(backoff: (multiplier: \"0.5\", overflow: Saturates))", &["backoff.multiplier"]),
        ("(backoff: (multiplier: \"1\"))", &[]),
        ("(backoff: (multiplier: \"1.5\"))", &["backoff.multiplier"]),
        ("(backoff: (multiplier: \"1.5\", overflow: Saturates))", &[]),
        ("(backoff: (multiplier: \"1.5\", shape: Linear))", &[]),
        ("(backoff: (base: \"2s\", cap: \"1s\"))", &["backoff.cap"]),
        ("(backoff: (base: \"2s\", cap: \"2s\"))", &[]),
        ("(backoff: (base: \"0s\", jitter: Full))", &["backoff.base"]),
        ("(backoff: (base: \"0s\", jitter: Off))", &[]),
        ("(backoff: (base: \"1s\", jitter: Full))", &[]),
    ]);
}

#[test]
fn a_budget_that_never_pays_or_never_ends_is_a_mistake() {
    check(&[
        ("(budget: Quota(retry_cost: 0))", &["budget"]),
        ("(budget: Quota(timeout_cost: 0))", &["budget"]),
        ("(budget: Quota(capacity: 9))", &["budget"]),
        ("(budget: Quota(capacity: 10))", &[]),
        ("(budget: Throttle(tokens: 0))", &["budget"]),
        ("(budget: Throttle(tokens: 1))", &[]),
        ("(budget: Throttle(tokens: 1000))", &[]),
        ("(budget: Throttle(tokens: 1001))", &["budget"]),
        ("(budget: Throttle(token_ratio: \"0\"))", &["budget"]),
        ("(budget: Throttle(token_ratio: \"0.001\"))", &[]),
        ("(budget: Share(ttl: \"9ns\"))", &["budget"]),
        ("(budget: Share(ttl: \"10ns\"))", &[]),
        ("(budget: Concurrency(percent: \"20%\"))", &[]),
    ]);
}

/// AWS standard mode, gRPC A6, Finagle and tower, Envoy.
#[test]
fn a_budget_has_the_numbers_of_its_model() {
    let budget = |text| options(text).retry(Profile::Guide).0.budget;
    let percent = Ratio::new(1, 5).unwrap();
    let quota =
        BudgetConfig::Quota { capacity: 500, retry_cost: 5, timeout_cost: 10, success_refund: 1 };
    let throttle =
        BudgetConfig::Throttle { tokens: 10, token_ratio: Factor::from_thousandths(100) };
    let share = BudgetConfig::Share { percent, min_per_second: 10, ttl: Span::from_secs(10) };
    assert_eq!(budget("(budget: Quota())"), quota);
    assert_eq!(budget("(budget: Throttle())"), throttle);
    assert_eq!(budget("(budget: Share())"), share);
    let concurrency = BudgetConfig::Concurrency { percent, min_retries: 3 };
    assert_eq!(budget("(budget: Concurrency())"), concurrency);
}

#[test]
fn retries_are_the_attempts_after_the_first() {
    let attempts = |text| options(text).retry(Profile::Guide).0.max_attempts;
    assert_eq!([attempts("(max_retries: 0)"), attempts("(max_retries: 3)")], [1, 4]);
    assert_eq!(attempts("(max_retries: 4294967295)"), u32::MAX);
}

#[test]
fn telemetry_takes_the_profile_of_its_sidecar() {
    let kept = |text| options(text).telemetry(Profile::Guide).spans_max;
    assert_eq!(kept("()"), Capacity::Unbounded);
    assert_eq!(kept("(profile: hardened)"), Capacity::AtMost(2_048));
    assert_eq!(kept("(profile: hardened, telemetry: (profile: guide))"), Capacity::Unbounded);
}

#[test]
fn only_the_methods_that_are_named_may_be_done_twice() {
    let some = Idempotent::Only(vec!["get".to_owned(), "put".to_owned()]);
    assert_eq!(["get", "put", "post"].map(|method| some.covers(method)), [true, true, false]);
    assert!(Idempotent::Every.covers("post"));
}

#[test]
fn every_reason_to_give_up_has_its_own_words() {
    let reasons = [
        GivenUp::Exhausted,
        GivenUp::NotRetryable,
        GivenUp::OwnRejection,
        GivenUp::NotIdempotent,
        GivenUp::Pushback,
        GivenUp::Budget,
        GivenUp::Deadline,
    ];
    let mut words = reasons.map(GivenUp::words).to_vec();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), reasons.len());
    assert!(words.iter().all(|words| words.contains(' ')));
}
