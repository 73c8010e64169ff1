//! The breaker's defects by id: the shortest sequence that shows each in the guide, and the option
//! that removes it, alone.

use brownout_models::policy::{
    Boundary, Breaker, BreakerConfig, BreakerState, CallResult, FailureClass, HalfOpenEntry,
    HalfOpening, Interval, LateResults, Look, OpenSince, Override, Permit, ProbeDeadline, Probes,
    Transition, Trip, Verdict,
};
use brownout_models::{Ratio, Span, Time};

/// Two failures open it, for ten seconds; everything else as in the guide.
fn guide() -> BreakerConfig {
    let open_timeout = Span::from_secs(10);
    BreakerConfig { failure_threshold: 2, open_timeout, ..BreakerConfig::guide() }
}

fn at(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

fn just_after(seconds: u64) -> Time {
    at(seconds) + Span::from_nanos(1)
}

/// A breaker that two failures opened at 0.
fn open(config: BreakerConfig) -> Breaker {
    let mut breaker = Breaker::new(config);
    breaker.failure(at(0));
    assert_eq!(breaker.failure(at(0)).len(), 1);
    breaker
}

/// How many of a hundred are admitted just after the wait.
fn probes_of(config: BreakerConfig) -> usize {
    let mut breaker = open(config);
    (0..100).filter(|_| breaker.allow(just_after(10)).is_admitted()).count()
}

fn permit(breaker: &mut Breaker, now: Time) -> Permit {
    breaker.allow(now).outcome.unwrap()
}

#[test]
fn cb_1_half_open_admits_everyone_or_as_many_as_it_has_permits() {
    assert_eq!(probes_of(guide()), 100);
    let probes = Probes::Permits(2);
    assert_eq!(probes_of(BreakerConfig { probes, ..guide() }), 2);
    let probes = Probes::Permits(50);
    assert_eq!(probes_of(BreakerConfig { probes, ..guide() }), 3, "three successes close it");
    let verdict = Verdict::Rate;
    assert_eq!(probes_of(BreakerConfig { probes, verdict, ..guide() }), 50);
}

#[test]
fn cb_2_a_look_before_a_failed_probe_half_opens_or_is_looked_at_again() {
    let act_after_failed_probe = |half_open_entry| {
        let mut breaker = open(BreakerConfig { half_open_entry, ..guide() });
        let look = breaker.look(just_after(10));
        assert_eq!(look, Look::HalfOpens);
        breaker.allow(just_after(10));
        breaker.failure(just_after(10));
        let admission = breaker.act(just_after(10), look);
        (admission.is_admitted(), breaker.state())
    };
    assert_eq!(act_after_failed_probe(HalfOpenEntry::Unchecked), (true, BreakerState::HalfOpen));
    assert_eq!(act_after_failed_probe(HalfOpenEntry::Rechecked), (false, BreakerState::Open));
}

#[test]
fn cb_3_four_failures_in_five_never_open_it_and_five_in_five_days_do() {
    let five = BreakerConfig::guide();
    let window = BreakerConfig {
        trip: Trip::CountWindow,
        window_calls: 10,
        minimum_calls: 10,
        ..five.clone()
    };
    let opens_under = |config: &BreakerConfig| {
        let mut breaker = Breaker::new(config.clone());
        let outcomes = (0..100).map(|call| {
            let transitions =
                if call % 5 == 4 { breaker.success(at(0)) } else { breaker.failure(at(0)) };
            transitions.len()
        });
        outcomes.sum::<usize>() > 0
    };
    assert!(!opens_under(&five));
    assert!(opens_under(&window));
    let opens_in_days = |config: &BreakerConfig| {
        let mut breaker = Breaker::new(config.clone());
        (0..5).any(|day| !breaker.failure(at(86_400 * day)).is_empty())
    };
    assert!(opens_in_days(&five));
    let count_interval = Interval::Every(Span::from_secs(60));
    assert!(!opens_in_days(&BreakerConfig { count_interval, ..five.clone() }));
    let minimum_calls = 5;
    let windowed = BreakerConfig { trip: Trip::TimeWindow, minimum_calls, ..five };
    assert!(!opens_in_days(&windowed));
}

#[test]
fn cb_4_and_11_a_straggler_extends_the_wait_or_does_not() {
    let opens_at_11_after_a_straggler = |open_since| {
        let mut breaker = open(BreakerConfig { open_since, ..guide() });
        breaker.failure(at(9));
        breaker.allow(at(11)).is_admitted()
    };
    assert!(!opens_at_11_after_a_straggler(OpenSince::LastFailure));
    assert!(opens_at_11_after_a_straggler(OpenSince::Opening));
    let mut dropping =
        Breaker::new(BreakerConfig { late_results: LateResults::Dropped, ..guide() });
    let straggler = permit(&mut dropping, at(0));
    dropping.failure(at(0));
    dropping.failure(at(0));
    assert_eq!(dropping.record(at(9), straggler, CallResult::FAILED), []);
    assert!(dropping.allow(at(11)).is_admitted(), "a dropped failure extends nothing");
}

#[test]
fn cb_5_an_open_breaker_announces_its_opening_again_or_once() {
    let again = Transition { from: BreakerState::Closed, to: BreakerState::Open };
    assert_eq!(open(guide()).failure(at(1)), [again]);
    assert_eq!(open(BreakerConfig { repeat_opening: false, ..guide() }).failure(at(1)), []);
}

#[test]
fn cb_6_stale_successes_close_it_or_are_dropped() {
    let state_after_stale_successes = |late_results| {
        let mut breaker = Breaker::new(BreakerConfig { late_results, ..guide() });
        let stale: Vec<Permit> = (0..3).map(|_| permit(&mut breaker, at(0))).collect();
        breaker.failure(at(0));
        breaker.failure(at(0));
        assert!(breaker.allow(just_after(10)).is_admitted());
        for permit in stale {
            breaker.record(just_after(10), permit, CallResult::Success);
        }
        breaker.state()
    };
    assert_eq!(state_after_stale_successes(LateResults::Counted), BreakerState::Closed);
    assert_eq!(state_after_stale_successes(LateResults::Dropped), BreakerState::HalfOpen);
}

#[test]
fn cb_7_probes_left_over_from_half_open_open_the_closed_breaker_or_are_dropped() {
    let state_after_leftovers = |late_results| {
        let mut breaker = open(BreakerConfig { late_results, ..guide() });
        let probes: Vec<Permit> = (0..5).map(|_| permit(&mut breaker, just_after(10))).collect();
        for (number, probe) in probes.into_iter().enumerate() {
            let result = if number < 3 { CallResult::Success } else { CallResult::FAILED };
            breaker.record(just_after(10), probe, result);
        }
        breaker.state()
    };
    assert_eq!(state_after_leftovers(LateResults::Counted), BreakerState::Open);
    assert_eq!(state_after_leftovers(LateResults::Dropped), BreakerState::Closed);
}

#[test]
fn cb_8_a_lost_probe_keeps_its_permit_for_ever_or_until_its_deadline() {
    let state_a_day_after_a_lost_probe = |probe_deadline| {
        let probes = Probes::Permits(1);
        let mut breaker = open(BreakerConfig { probes, probe_deadline, ..guide() });
        permit(&mut breaker, just_after(10));
        (breaker.allow(at(86_400)).is_admitted(), breaker.state())
    };
    let never = state_a_day_after_a_lost_probe(ProbeDeadline::Never);
    assert_eq!(never, (false, BreakerState::HalfOpen), "shut for good");
    let after = state_a_day_after_a_lost_probe(ProbeDeadline::After(Span::from_secs(60)));
    assert_eq!(after, (true, BreakerState::HalfOpen), "it opened, waited and probes again");
}

#[test]
fn cb_8_an_abandoned_probe_gives_its_permit_back() {
    let mut breaker = open(BreakerConfig { probes: Probes::Permits(1), ..guide() });
    let probe = permit(&mut breaker, just_after(10));
    assert!(!breaker.allow(just_after(10)).is_admitted());
    assert_eq!(breaker.record(just_after(10), probe, CallResult::Abandoned), []);
    assert!(breaker.allow(just_after(10)).is_admitted());
}

#[test]
fn cb_9_at_its_deadline_it_is_still_open_or_open_no_more() {
    let admits_at_its_deadline =
        |boundary| open(BreakerConfig { boundary, ..guide() }).allow(at(10)).is_admitted();
    assert!(!admits_at_its_deadline(Boundary::Exclusive));
    assert!(admits_at_its_deadline(Boundary::Inclusive));
}

#[test]
fn cb_10_a_breaker_that_nobody_asks_says_open_for_ever_or_half_opens_by_itself() {
    let mut lazy = open(guide());
    assert_eq!((lazy.due(), lazy.wake(at(3_600))), (None, None));
    assert_eq!(lazy.state(), BreakerState::Open);
    let mut automatic = open(BreakerConfig { half_opening: HalfOpening::Automatic, ..guide() });
    assert_eq!(automatic.due(), Some(just_after(10)));
    let half_opened = Transition { from: BreakerState::Open, to: BreakerState::HalfOpen };
    assert_eq!(automatic.wake(at(10)), None);
    assert_eq!(automatic.wake(just_after(10)), Some(half_opened));
    assert_eq!((automatic.due(), automatic.wake(at(3_600))), (None, None));
}

#[test]
fn cb_11_breakers_that_opened_together_probe_together_or_are_spread() {
    let first_probes = |open_jitter| {
        let config = BreakerConfig { open_jitter, ..guide() };
        let deadlines = (0..10_u64).map(|number| {
            let mut breaker = open(config.clone());
            breaker.jitter(number * (u64::MAX / 10));
            breaker.allow(at(0)).outcome.unwrap_err().retry_after.unwrap()
        });
        deadlines.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(first_probes(Ratio::ZERO).len(), 1);
    let spread = first_probes(Ratio::ONE_FIFTH);
    assert_eq!(spread.len(), 10);
    assert!(spread.iter().all(|span| (10..12).contains(&(span.as_nanos() / 1_000_000_000))));
}

#[test]
fn cb_11_each_opening_from_half_open_waits_longer_and_a_close_starts_over() {
    let (open_multiplier, open_timeout_max) = (3, Span::from_secs(50));
    let mut breaker = open(BreakerConfig { open_multiplier, open_timeout_max, ..guide() });
    let mut now = at(0);
    for seconds in [10, 30, 50, 50] {
        let refusal = breaker.allow(now).outcome.unwrap_err();
        assert_eq!(refusal.retry_after, Some(Span::from_nanos(seconds * 1_000_000_000 + 1)));
        now += Span::from_nanos(seconds * 1_000_000_000 + 1);
        assert!(breaker.allow(now).is_admitted());
        breaker.failure(now);
    }
    now += Span::from_secs(51);
    breaker.allow(now);
    (0..3).for_each(|_| drop(breaker.success(now)));
    assert_eq!(breaker.state(), BreakerState::Closed);
    (0..2).for_each(|_| drop(breaker.failure(now)));
    let refusal = breaker.allow(now).outcome.unwrap_err();
    assert_eq!(refusal.retry_after, Some(Span::from_nanos(10_000_000_001)));
}

#[test]
fn cb_12_a_threshold_below_one_is_a_mistake_that_the_guide_takes() {
    let config = BreakerConfig { failure_threshold: 0, ..guide() };
    assert_eq!(config.mistakes()[0].option, "failure_threshold");
    assert_eq!(Breaker::new(config).failure(at(0)).len(), 1);
    assert_eq!((guide().mistakes(), BreakerConfig::hardened().mistakes()), (vec![], vec![]));
}

#[test]
fn cb_13_the_order_of_completions_decides_or_does_not() {
    let opens = |trip, success_at: usize| {
        let (failure_threshold, window_calls, minimum_calls) = (3, 4, 4);
        let config = BreakerConfig { failure_threshold, window_calls, minimum_calls, ..guide() };
        let mut breaker = Breaker::new(BreakerConfig { trip, ..config });
        for call in 0..4 {
            let result = if call == success_at { CallResult::Success } else { CallResult::FAILED };
            breaker.unasked(at(0), result);
        }
        breaker.state() == BreakerState::Open
    };
    // Three failures and a success, which completes first, second, third or last.
    let verdicts = |trip| [0, 1, 2, 3].map(|success_at| opens(trip, success_at));
    assert_eq!(verdicts(Trip::Consecutive), [true, false, false, true]);
    assert_eq!(verdicts(Trip::CountWindow), [true; 4]);
    assert_eq!(verdicts(Trip::TimeWindow), [true; 4]);
}

#[test]
fn cb_14_a_success_while_open_leaves_it_open() {
    for config in [guide(), BreakerConfig { trip: Trip::Consecutive, ..BreakerConfig::hardened() }]
    {
        let mut breaker = open(BreakerConfig { failure_threshold: 2, ..config });
        assert_eq!(breaker.success(at(1)), []);
        assert_eq!(breaker.state(), BreakerState::Open);
    }
}

#[test]
fn cb_15_slow_calls_open_it_where_their_share_counts() {
    let opens_by_slow_calls = |trip| {
        let (window_calls, minimum_calls) = (2, 2);
        let config = BreakerConfig { trip, window_calls, minimum_calls, ..guide() };
        let mut breaker = Breaker::new(config);
        let permits = [permit(&mut breaker, at(0)), permit(&mut breaker, at(0))];
        for permit in permits {
            breaker.record(just_after(60), permit, CallResult::Success);
        }
        breaker.state() == BreakerState::Open
    };
    assert!(!opens_by_slow_calls(Trip::Consecutive));
    assert!(opens_by_slow_calls(Trip::CountWindow));
}

#[test]
fn cb_15_an_isolated_breaker_admits_nobody_and_a_disabled_one_everybody() {
    let mut breaker = Breaker::new(guide());
    let opened = Transition { from: BreakerState::Closed, to: BreakerState::Open };
    assert_eq!(breaker.force(at(0), Override::Open), [opened]);
    assert!(!breaker.allow(at(86_400)).is_admitted());
    breaker.force(at(86_400), Override::Disabled);
    for _ in 0..10 {
        breaker.failure(at(86_400));
    }
    assert!(breaker.allow(at(86_400)).is_admitted());
    assert_eq!(breaker.force(at(86_400), Override::Closed), [], "it was closed");
    breaker.failure(at(86_400));
    assert_eq!(breaker.failure(at(86_400)).len(), 1, "and counts again");
}

#[test]
fn gw_9_an_ignored_class_is_neither_success_nor_failure() {
    let ignored = vec![FailureClass::Discovery];
    for (config, opens) in [(guide(), true), (BreakerConfig { ignored, ..guide() }, false)] {
        let mut breaker = Breaker::new(config);
        breaker.unasked(at(0), CallResult::FAILED);
        breaker.unasked(at(0), CallResult::Failure(FailureClass::Discovery));
        assert_eq!(breaker.state() == BreakerState::Open, opens);
        breaker.unasked(at(0), CallResult::FAILED);
        assert_eq!(breaker.state(), BreakerState::Open, "it did not break the row either");
    }
}

#[test]
fn every_impossible_value_is_a_mistake_with_a_remedy() {
    let good = BreakerConfig::hardened;
    let wrong = [
        ("window_calls", BreakerConfig { window_calls: 0, ..good() }),
        ("minimum_calls", BreakerConfig { minimum_calls: 0, ..good() }),
        ("failure_rate", BreakerConfig { failure_rate: Ratio::ZERO, ..good() }),
        ("slow_call_rate", BreakerConfig { slow_call_rate: Ratio::ZERO, ..good() }),
        ("open_multiplier", BreakerConfig { open_multiplier: 0, ..good() }),
        ("success_threshold", BreakerConfig { success_threshold: 0, ..good() }),
        ("probes", BreakerConfig { probes: Probes::Permits(0), ..good() }),
        ("probe_deadline", BreakerConfig { probes: Probes::Unlimited, ..good() }),
        (
            "probe_deadline",
            BreakerConfig { probe_deadline: ProbeDeadline::After(Span::ZERO), ..good() },
        ),
        ("count_interval", BreakerConfig { count_interval: Interval::Every(Span::ZERO), ..good() }),
        ("window_bucket", BreakerConfig { window_bucket: Span::ZERO, ..good() }),
        ("window_span", BreakerConfig { window_span: Span::ZERO, ..good() }),
        (
            "window_span",
            BreakerConfig {
                trip: Trip::TimeWindow,
                window_span: Span::from_millis(1_500),
                ..good()
            },
        ),
        (
            "open_timeout_max",
            BreakerConfig { open_multiplier: 2, open_timeout_max: Span::from_secs(59), ..good() },
        ),
    ];
    for (option, config) in wrong {
        let mistakes = config.mistakes();
        assert_eq!(mistakes.len(), 1, "{option}: {mistakes:?}");
        assert_eq!(mistakes[0].option, option);
        assert!(!mistakes[0].help.is_empty() && !mistakes[0].expected.is_empty());
    }
}

#[test]
fn a_longest_wait_is_a_mistake_only_below_the_first_of_waits_that_grow() {
    let config = |open_multiplier, open_timeout_max| {
        let config = BreakerConfig { open_multiplier, open_timeout_max, ..guide() };
        config.mistakes().len()
    };
    let (shorter, same, longer) = (Span::from_secs(9), Span::from_secs(10), Span::from_secs(11));
    assert_eq!([shorter, same, longer].map(|longest| config(2, longest)), [1, 0, 0]);
    assert_eq!([shorter, same, longer].map(|longest| config(1, longest)), [0, 0, 0]);
}

#[test]
fn an_interval_goes_on_at_its_end_where_the_end_is_exclusive() {
    // The failure at 20 is the last of the second interval, or the first of the third.
    let opens = |boundary| {
        let count_interval = Interval::Every(Span::from_secs(10));
        let mut breaker = Breaker::new(BreakerConfig { count_interval, boundary, ..guide() });
        breaker.failure(at(20));
        !breaker.failure(at(25)).is_empty()
    };
    assert_eq!([Boundary::Exclusive, Boundary::Inclusive].map(opens), [false, true]);
}
