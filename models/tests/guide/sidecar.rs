//! Numbers and spans against the list of all calls, and retries against the guide's loop.

use brownout_models::policy::{
    BackoffConfig, CallMetrics, FailureKind, Retry, RetryBudget, RetryConfig, RetryNext, SpanStart,
    SpanStatus, SpanTable, Start, TelemetryConfig, Terms,
};
use brownout_models::{Name, Span, Time};
use proptest::prelude::*;

use super::config;

/// `%.2f%%` of errors of requests in integers, exact wherever the double is near no half.
fn rounded(errors: u64, requests: u64) -> Option<String> {
    let (scaled, rest) = (errors * 10_000 / requests, errors * 10_000 % requests);
    if rest * 2 == requests {
        return None;
    }
    let hundredths = scaled + u64::from(rest * 2 > requests);
    Some(format!("{}.{:02}%", hundredths / 100, hundredths % 100))
}

/// The instants of the attempts, and how the call ends, as the loop of the guide has it.
fn intercept(max_retries: u32, base: u64, script: &[(u64, bool)]) -> (Vec<u64>, u64, bool) {
    let (mut now, mut attempts, mut ok) = (0, Vec::new(), true);
    for attempt in 0..=max_retries {
        attempts.push(now);
        let takes;
        (takes, ok) = script.get(attempt as usize).copied().unwrap_or((0, true));
        now += takes;
        if ok {
            break;
        }
        if attempt < max_retries {
            now += base * (1 << attempt);
        }
    }
    (attempts, now, ok)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_call_is_retried_as_in_the_guides_loop(
        max_retries in 0..6_u32,
        base in 0..300_u64,
        script in prop::collection::vec((0..50_u64, prop::bool::weighted(0.3)), 0..8),
    ) {
        let base = Span::from_nanos(base);
        let backoff = BackoffConfig { base, ..BackoffConfig::guide() };
        let max_attempts = max_retries + 1;
        let config = RetryConfig { max_attempts, backoff, ..RetryConfig::guide() };
        let mut budget = RetryBudget::new(config.budget.clone());
        let (mut now, mut attempts, mut handler) = (Time::ZERO, Vec::new(), script.iter());
        let mut retry = Retry::begin(&config, &mut budget, now, Terms::default());
        let ok = loop {
            prop_assert!(matches!(retry.start(&config, &mut budget, now), Start::Go(_)));
            attempts.push(now.as_nanos());
            let (takes, ok) = handler.next().copied().unwrap_or((0, true));
            now += Span::from_nanos(takes);
            let result = if ok { Ok(()) } else { Err(FailureKind::Permanent.into()) };
            match retry.ended(&config, &mut budget, now, result, |waits| waits.at(u64::MAX)) {
                RetryNext::Again { after } => now += after,
                RetryNext::Succeeded => break true,
                RetryNext::Failed(_) => break false,
                RetryNext::Waiting => unreachable!("one attempt at a time"),
            }
        };
        let base = base.as_nanos();
        prop_assert_eq!((attempts, now.as_nanos(), ok), intercept(max_retries, base, &script));
    }

    #[test]
    fn numbers_are_those_of_the_calls(
        calls in prop::collection::vec((0..1_000_u64, any::<bool>(), any::<bool>()), 1..200),
    ) {
        let mut metrics = CallMetrics::new(&TelemetryConfig::guide());
        for (latency, ok, ended) in &calls {
            metrics.started();
            if *ended {
                metrics.ended(Span::from_nanos(*latency), Span::ZERO, *ok);
            }
        }
        let ended = || calls.iter().filter(|(_, _, ended)| *ended);
        let requests = u64::try_from(calls.len()).unwrap();
        let errors = u64::try_from(ended().filter(|(_, ok, _)| !ok).count()).unwrap();
        let latency: u64 = ended().map(|(latency, _, _)| latency).sum();
        prop_assert_eq!((metrics.requests(), metrics.errors()), (requests, errors));
        prop_assert_eq!(metrics.average_latency().as_nanos(), latency / requests);
        prop_assert_eq!(metrics.average_duration(), i64::try_from(latency / requests).unwrap());
        if let Some(rate) = rounded(errors, requests) {
            prop_assert_eq!(metrics.error_rate(), rate);
        }
    }

    /// The reference keeps every span and shows the last of each instant.
    #[test]
    fn the_last_span_of_an_instant_is_the_one_that_shows(
        events in prop::collection::vec((0..2_u64, 0..4_usize), 1..60),
    ) {
        let mut table = SpanTable::new(&TelemetryConfig::guide(), 0);
        let (mut all, mut now) = (Vec::new(), 0);
        for (step, event) in events {
            now += step;
            let at = Time::from_nanos(now);
            if event == 0 || all.is_empty() {
                let trace = Name(u32::try_from(all.len()).unwrap());
                all.push((table.begin(at, SpanStart::new(trace, Name(0))), trace, now, None));
            } else {
                let place = event * 7 % all.len();
                table.end(at, all[place].0, SpanStatus::Ok);
                all[place].3 = Some(at);
            }
        }
        let shown = table.iter().map(|span| (span.trace, span.start.as_nanos(), span.end));
        let last = all.iter().enumerate().filter(|(place, span)| {
            all[place + 1..].iter().all(|later| later.2 != span.2)
        });
        let last = last.map(|(_, (_, trace, start, end))| (*trace, *start, *end));
        prop_assert_eq!(shown.collect::<Vec<_>>(), last.collect::<Vec<_>>());
    }
}
