//! The breaker under any configuration against its naive reference.

use brownout_models::policy::{
    Boundary, Breaker, BreakerConfig, BreakerState, CallResult, FailureClass, HalfOpenEntry,
    HalfOpening, Interval, LateResults, Look, OpenSince, Override, Permit, ProbeDeadline, Probes,
    Trip, Verdict,
};
use brownout_models::{Ratio, Span, Time};
use proptest::prelude::*;

use super::naive_breaker::{Naive, nanos};
use super::{config, step};

/// What somebody does with a breaker.
#[derive(Clone, Debug)]
enum Act {
    /// To be admitted, at once or after an earlier look.
    Ask(Option<usize>),
    Look,
    Record(usize, CallResult),
    Unasked(CallResult),
    Force(Override),
    Jitter(u64),
    Wake,
}

fn result() -> impl Strategy<Value = CallResult> {
    prop_oneof![
        4 => Just(CallResult::Success),
        5 => Just(CallResult::FAILED),
        1 => Just(CallResult::Failure(FailureClass::Discovery)),
        1 => Just(CallResult::Abandoned),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => Just(Act::Ask(None)),
        1 => Just(Act::Look),
        1 => (0..4_usize).prop_map(|back| Act::Ask(Some(back))),
        // Mostly the newest permits, sometimes the same one twice.
        10 => (0..6_usize, result()).prop_map(|(back, result)| Act::Record(back, result)),
        3 => result().prop_map(Act::Unasked),
        1 => prop_oneof![Just(Override::Open), Just(Override::Closed), Just(Override::Disabled)]
            .prop_map(Act::Force),
        1 => any::<u64>().prop_map(Act::Jitter),
        1 => Just(Act::Wake),
    ]
}

prop_compose! {
    fn when_it_opens()(
        trip in prop_oneof![
            Just(Trip::Consecutive), Just(Trip::CountWindow), Just(Trip::TimeWindow)],
        failure_threshold in 0..4_i64,
        count_interval in prop_oneof![
            Just(Interval::Never), Just(Interval::Every(Span::from_nanos(20)))],
        (window_calls, minimum_calls) in (1..6_u32, 1..6_u32),
        (span, bucket) in prop_oneof![Just((40, 10)), Just((20, 20)), Just((3, 1))],
        failure_rate in prop_oneof![Just(Ratio::ONE_HALF), Just(Ratio::ONE), Just(Ratio::ONE_FIFTH)],
        slow_call_rate in prop_oneof![Just(Ratio::ONE), Just(Ratio::ONE_HALF)],
        slow in prop_oneof![Just(10_u64), Just(1_000_000)],
        ignored in prop_oneof![Just(vec![]), Just(vec![FailureClass::Discovery])],
        repeat_opening in any::<bool>(),
    ) -> BreakerConfig {
        BreakerConfig {
            trip, failure_threshold, count_interval, window_calls, minimum_calls, failure_rate,
            slow_call_rate, ignored, repeat_opening,
            window_span: Span::from_nanos(span),
            window_bucket: Span::from_nanos(bucket),
            slow_call_duration: Span::from_nanos(slow),
            ..BreakerConfig::guide()
        }
    }
}

prop_compose! {
    fn any_config()(
        when in when_it_opens(),
        open_timeout in prop_oneof![Just(0_u64), Just(10), Just(20)],
        open_since in prop_oneof![Just(OpenSince::LastFailure), Just(OpenSince::Opening)],
        boundary in prop_oneof![Just(Boundary::Exclusive), Just(Boundary::Inclusive)],
        open_multiplier in 1..3_u32,
        open_jitter in prop_oneof![Just(Ratio::ZERO), Just(Ratio::ONE_HALF)],
        half_opening in prop_oneof![Just(HalfOpening::Lazy), Just(HalfOpening::Automatic)],
        half_open_entry in prop_oneof![
            Just(HalfOpenEntry::Unchecked), Just(HalfOpenEntry::Rechecked)],
        probes in prop_oneof![Just(Probes::Unlimited), (1..4_u32).prop_map(Probes::Permits)],
        lost in prop_oneof![
            Just(ProbeDeadline::Never), Just(ProbeDeadline::After(Span::from_nanos(10)))],
        verdict in prop_oneof![Just(Verdict::FirstFailure), Just(Verdict::Rate)],
        success_threshold in 1..4_u32,
        late_results in prop_oneof![Just(LateResults::Counted), Just(LateResults::Dropped)],
    ) -> BreakerConfig {
        BreakerConfig {
            open_timeout: Span::from_nanos(open_timeout),
            open_timeout_max: Span::from_nanos(35),
            open_since, boundary, open_multiplier, open_jitter, half_opening, half_open_entry,
            probes, verdict, success_threshold, late_results,
            probe_deadline: if probes == Probes::Unlimited { ProbeDeadline::Never } else { lost },
            ..when
        }
    }
}

/// A breaker and its reference, what callers hold, and what was looked at.
struct Pair {
    breaker: Breaker,
    naive: Naive,
    held: Vec<(Permit, usize)>,
    looks: Vec<Look>,
}

impl Pair {
    fn go(&mut self, now: u64, act: Act) -> Result<(), TestCaseError> {
        let at = Time::from_nanos(now);
        let heard = match act {
            Act::Ask(back) => {
                self.naive.live(now);
                let seen = back.and_then(|back| self.looks.iter().rev().nth(back).copied());
                let admission = match seen {
                    Some(look) => self.breaker.act(at, look),
                    None => self.breaker.allow(at),
                };
                let unchecked = self.naive.config.half_open_entry == HalfOpenEntry::Unchecked;
                let look = seen.filter(|_| unchecked).unwrap_or_else(|| self.naive.look(now));
                let number = self.naive.enter(now, look);
                prop_assert_eq!(admission.is_admitted(), number.is_some());
                match admission.outcome {
                    Ok(permit) => self.held.extend(number.map(|number| (permit, number))),
                    Err(refusal) if self.naive.state == BreakerState::Open => {
                        let after = self.naive.open_end().saturating_sub(now);
                        let expected = self.naive.forced.is_none().then_some(after);
                        prop_assert_eq!(refusal.retry_after.map(nanos), expected);
                    }
                    Err(_) => {}
                }
                admission.transitions
            }
            Act::Look => {
                let heard = std::iter::from_fn(|| self.breaker.wake(at)).collect();
                self.naive.live(now);
                self.looks.push(self.breaker.look(at));
                prop_assert_eq!(self.looks.last().copied(), Some(self.naive.look(now)));
                heard
            }
            Act::Record(back, result) => {
                let Some((permit, number)) = self.held.iter().rev().nth(back).cloned() else {
                    return Ok(());
                };
                self.naive.record(now, number, result);
                self.breaker.record(at, permit, result)
            }
            Act::Unasked(result) => {
                self.naive.live(now);
                self.naive.count(now, result, false);
                self.breaker.unasked(at, result)
            }
            Act::Force(what) => {
                self.naive.live(now);
                let to = match what {
                    Override::Open => BreakerState::Open,
                    Override::Closed | Override::Disabled => BreakerState::Closed,
                };
                if self.naive.state != to {
                    self.naive.log.push((self.naive.state, to));
                }
                self.naive.go(now, to);
                self.naive.forced = (what != Override::Closed).then_some(what);
                self.breaker.force(at, what)
            }
            Act::Jitter(word) => {
                let heard = std::iter::from_fn(|| self.breaker.wake(at)).collect();
                self.naive.live(now);
                if self.naive.state == BreakerState::Open && self.naive.forced.is_none() {
                    let odds = self.naive.config.open_jitter;
                    let longest = self.naive.wait() * u64::from(odds.num()) / u64::from(odds.den());
                    let extra = u128::from(longest) * u128::from(word) / (1 << 64);
                    self.naive.jitter = u64::try_from(extra).unwrap();
                }
                self.breaker.jitter(word);
                heard
            }
            Act::Wake => {
                self.naive.live(now);
                std::iter::from_fn(|| self.breaker.wake(at)).collect()
            }
        };
        let heard: Vec<_> =
            heard.iter().map(|transition| (transition.from, transition.to)).collect();
        prop_assert_eq!(heard, std::mem::take(&mut self.naive.log));
        prop_assert_eq!(self.breaker.state(), self.naive.state);
        Ok(())
    }
}

/// Runs a breaker beside its reference and checks the invariants that a configuration promises.
fn compare(config: BreakerConfig, acts: Vec<(u64, Act)>) -> Result<(), TestCaseError> {
    let breaker = Breaker::new(config.clone());
    let naive = Naive::new(config.clone());
    let mut pair = Pair { breaker, naive, held: Vec::new(), looks: Vec::new() };
    let mut now = 0;
    for (step, act) in acts {
        now += step;
        pair.go(now, act)?;
        if let Probes::Permits(permits) = config.probes
            && config.half_open_entry == HalfOpenEntry::Rechecked
        {
            prop_assert!(pair.breaker.probes_under_way() <= permits as usize);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_breaker_is_what_its_whole_history_says(
        config in any_config(),
        acts in prop::collection::vec((step(), act()), 1..100),
    ) {
        compare(config, acts)?;
    }

    /// The hardened breaker itself, with smaller numbers.
    #[test]
    fn the_hardened_breaker_is_what_its_whole_history_says(
        acts in prop::collection::vec((step(), act()), 1..200),
    ) {
        compare(
            BreakerConfig {
                window_calls: 6,
                minimum_calls: 4,
                open_timeout: Span::from_nanos(20),
                probes: Probes::Permits(3),
                probe_deadline: ProbeDeadline::After(Span::from_nanos(10)),
                ..BreakerConfig::hardened()
            },
            acts,
        )?;
    }
}
