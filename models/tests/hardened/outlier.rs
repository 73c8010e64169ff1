//! Outlier detection against a reference that lives through every interval, in plain numbers.

#![expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "the reference draws the root that the policy avoids, of small numbers"
)]

use brownout_models::policy::outlier::{
    ConsecutiveFailures, FailurePercentage, Outlier, OutlierConfig, SuccessRate, Verdict,
};
use brownout_models::{Name, Ratio, Span, Time};
use proptest::prelude::*;

use super::config;

const SECOND: u64 = 1_000_000_000;

/// Everything that happened, host by host.
#[derive(Clone, Default)]
struct Host {
    id: u32,
    calls: Vec<bool>,
    /// Failures since the last success or ejection.
    run: u32,
    out: Option<u64>,
    times: u64,
}

struct Hosts {
    config: OutlierConfig,
    hosts: Vec<Host>,
    tick: u64,
}

impl Hosts {
    fn eject(&mut self, now: u64, id: u32, verdicts: &mut Vec<Verdict>) {
        let out = self.hosts.iter().filter(|host| host.out.is_some()).count() as f64;
        let share = self.config.max_ejection_percent;
        let share = f64::from(share.num()) / f64::from(share.den());
        if out / self.hosts.len() as f64 >= share {
            return;
        }
        let (base, most) = (self.config.base_ejection_time, self.config.max_ejection_time);
        let times_max = most.as_nanos().div_ceil(base.as_nanos());
        let host = self.hosts.iter_mut().find(|host| host.id == id).unwrap();
        host.out = Some(now);
        host.times = (host.times + 1).min(times_max);
        let until = Some(Time::from_nanos(now + end(host, base, most)));
        verdicts.push(Verdict { at: Time::from_nanos(now), host: Name(id), ejected_until: until });
    }

    fn record(&mut self, now: u64, id: u32, ok: bool) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        let Some(host) = self.hosts.iter_mut().find(|host| host.id == id) else { return verdicts };
        if host.out.is_some() {
            return verdicts;
        }
        host.calls.push(ok);
        host.run = if ok { 0 } else { host.run + 1 };
        if ConsecutiveFailures::AtLeast(host.run) == self.config.consecutive_failures && !ok {
            host.run = 0;
            self.eject(now, id, &mut verdicts);
        }
        verdicts
    }

    fn low(&self) -> Vec<u32> {
        let SuccessRate::StdevFactor(factor) = self.config.success_rate else { return Vec::new() };
        let volume = self.config.success_rate_request_volume as usize;
        let rates: Vec<(u32, f64)> = self
            .hosts
            .iter()
            .filter(|host| host.out.is_none() && host.calls.len() >= volume)
            .map(|host| {
                let good = host.calls.iter().filter(|ok| **ok).count();
                (host.id, (good * 1_000_000 / host.calls.len()) as f64)
            })
            .collect();
        if rates.len() < self.config.success_rate_minimum_hosts as usize {
            return Vec::new();
        }
        let count = rates.len() as f64;
        let mean = rates.iter().map(|(_, rate)| rate).sum::<f64>() / count;
        let square = rates.iter().map(|(_, rate)| (rate - mean) * (rate - mean)).sum::<f64>();
        let limit = mean - f64::from(factor) / 1_000.0 * (square / count).sqrt();
        // Rates are whole millionths: what is nearer than that is equal.
        rates.iter().filter(|(_, rate)| *rate < limit - 1e-6).map(|(id, _)| *id).collect()
    }

    fn failing(&self) -> Vec<u32> {
        let FailurePercentage::AtLeast(share) = self.config.failure_percentage else {
            return Vec::new();
        };
        let volume = self.config.failure_percentage_request_volume as usize;
        let known = self.hosts.iter().filter(|host| host.out.is_none());
        let known: Vec<_> = known.filter(|host| host.calls.len() >= volume).collect();
        if known.len() < self.config.failure_percentage_minimum_hosts as usize {
            return Vec::new();
        }
        let is_high = |host: &&&Host| {
            let bad = host.calls.iter().filter(|ok| !**ok).count();
            bad * share.den() as usize >= host.calls.len() * share.num() as usize
        };
        known.iter().filter(is_high).map(|host| host.id).collect()
    }

    fn advance(&mut self, now: u64) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        while self.tick <= now {
            let tick = self.tick;
            let (low, failing) = (self.low(), self.failing());
            for id in low.into_iter().chain(failing) {
                if self.hosts.iter().any(|host| host.id == id && host.out.is_none()) {
                    self.eject(tick, id, &mut verdicts);
                }
            }
            let (base, most) = (self.config.base_ejection_time, self.config.max_ejection_time);
            for host in &mut self.hosts {
                host.calls.clear();
                match host.out {
                    None => host.times = host.times.saturating_sub(1),
                    Some(out) if out + end(host, base, most) <= tick => {
                        (host.out, host.run) = (None, 0);
                        let (at, host) = (Time::from_nanos(tick), Name(host.id));
                        verdicts.push(Verdict { at, host, ejected_until: None });
                    }
                    Some(_) => {}
                }
            }
            self.tick += self.config.interval.as_nanos();
        }
        verdicts
    }
}

fn end(host: &Host, base: Span, most: Span) -> u64 {
    (base.as_nanos() * host.times).min(most.as_nanos())
}

#[derive(Clone, Debug)]
enum Event {
    Calls(u32, Vec<bool>),
    Members(Vec<u32>),
}

fn event() -> impl Strategy<Value = Event> {
    let members = prop::sample::subsequence(vec![0_u32, 1, 2, 3, 4, 5], 3..=6);
    prop_oneof![
        8 => (0..6_u32, prop::collection::vec(prop::bool::weighted(0.5), 1..6))
            .prop_map(|(id, calls)| Event::Calls(id, calls)),
        1 => members.prop_map(Event::Members),
    ]
}

fn gap() -> impl Strategy<Value = u64> {
    let spans = vec![10, 30, 60, 90];
    let around = prop::sample::select(spans).prop_flat_map(|at| at * SECOND - 1..=at * SECOND + 1);
    prop_oneof![6 => Just(0), 1 => Just(1), 3 => around, 1 => 0..1_000 * SECOND]
}

fn any_config() -> impl Strategy<Value = OutlierConfig> {
    (1..4_u32, 0..2_500_u32, 2..4_u32, 1..10_u32, 1..100_u32, 0..8_u8).prop_map(
        |(consecutive, factor, minimum, percent, most, on)| {
            let mut config = OutlierConfig::guide();
            if on & 1 != 0 {
                config.consecutive_failures = ConsecutiveFailures::AtLeast(consecutive);
            }
            if on & 2 != 0 {
                config.success_rate = SuccessRate::StdevFactor(factor);
            }
            if on & 4 != 0 {
                config.failure_percentage =
                    FailurePercentage::AtLeast(Ratio::new(percent, 10).unwrap());
            }
            config.success_rate_minimum_hosts = minimum;
            config.failure_percentage_minimum_hosts = minimum;
            config.success_rate_request_volume = consecutive;
            config.failure_percentage_request_volume = consecutive;
            config.max_ejection_percent = Ratio::new(most, 100).unwrap();
            config.max_ejection_time = Span::from_secs(75);
            config
        },
    )
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn hosts_go_out_and_come_back_as_envoy_says(
        config in any_config(),
        events in prop::collection::vec((gap(), event()), 1..80),
    ) {
        let mut outlier = Outlier::new(config.clone());
        let all: Vec<_> = (0..6).map(Name).collect();
        outlier.show(Time::ZERO, &all);
        let hosts = (0..6).map(|id| Host { id, ..Host::default() }).collect();
        let tick = config.interval.as_nanos();
        let mut reference = Hosts { config, hosts, tick };
        let mut now = 0;
        for (gap, event) in events {
            let quiet = outlier.due().is_none_or(|due| due.as_nanos() > now + gap);
            now += gap;
            let at = Time::from_nanos(now);
            let verdicts = outlier.advance(at);
            prop_assert!(verdicts.is_empty() || !quiet, "nothing was due");
            prop_assert_eq!(verdicts, reference.advance(now));
            match event {
                Event::Calls(id, calls) => for ok in calls {
                    let verdict = outlier.record(at, Name(id), ok);
                    prop_assert_eq!(Vec::from_iter(verdict), reference.record(now, id, ok));
                },
                Event::Members(ids) => {
                    outlier.show(at, &ids.iter().copied().map(Name).collect::<Vec<_>>());
                    reference.hosts.retain(|host| ids.contains(&host.id));
                    for id in ids {
                        if !reference.hosts.iter().any(|host| host.id == id) {
                            reference.hosts.push(Host { id, ..Host::default() });
                        }
                    }
                }
            }
            let available: Vec<u32> = outlier.available().map(|host| host.0).collect();
            let still = reference.hosts.iter().filter(|host| host.out.is_none());
            prop_assert_eq!(available, still.map(|host| host.id).collect::<Vec<_>>());
            for host in &reference.hosts {
                prop_assert_eq!(outlier.is_ejected(Name(host.id)), host.out.is_some());
            }
        }
    }
}

fn at(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

fn watching(config: OutlierConfig, count: u32) -> Outlier {
    let mut outlier = Outlier::new(config);
    outlier.show(Time::ZERO, &(0..count).map(Name).collect::<Vec<_>>());
    outlier
}

fn fail(outlier: &mut Outlier, now: Time, host: u32, times: u32) -> Option<Verdict> {
    (0..times).filter_map(|_| outlier.record(now, Name(host), false)).last()
}

#[test]
fn gw_5_one_bad_host_of_many_is_out_after_five_failures_of_its_own() {
    let mut outlier = watching(OutlierConfig::hardened(), 3);
    for round in 0..5 {
        assert!(!outlier.is_ejected(Name(1)), "in round {round}");
        for host in 0..3 {
            outlier.record(at(0), Name(host), host != 1);
        }
    }
    assert_eq!(outlier.available().collect::<Vec<_>>(), [Name(0), Name(2)]);
    let mut guide = watching(OutlierConfig::guide(), 3);
    assert_eq!(fail(&mut guide, at(0), 1, 1_000), None, "broken: it gets its share for ever");
    guide.advance(at(100));
    assert_eq!(guide.available().count(), 3);
}

#[test]
fn a_host_is_out_for_longer_each_time_and_forgiven_with_each_clean_interval() {
    let mut outlier = watching(OutlierConfig::hardened(), 3);
    let mut now = 0;
    for times in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10] {
        let verdict = fail(&mut outlier, at(now), 0, 5).unwrap();
        now += 30 * times;
        assert_eq!(verdict.ejected_until, Some(at(now)));
        assert!(outlier.advance(Time::from_nanos(now * SECOND - 1)).is_empty());
        let back = Verdict { at: at(now), host: Name(0), ejected_until: None };
        assert_eq!(outlier.advance(at(now)), [back]);
    }
    // Four clean intervals forgive four times; a fifth ejection of ten is the seventh.
    outlier.advance(at(now + 40));
    let verdict = fail(&mut outlier, at(now + 40), 0, 5).unwrap();
    assert_eq!(verdict.ejected_until, Some(at(now + 40 + 210)));
}

#[test]
fn never_more_than_the_share_are_out_and_one_may_always_go() {
    for (count, most) in [(1, 1), (2, 1), (10, 1), (11, 2), (20, 2), (30, 3)] {
        let mut outlier = watching(OutlierConfig::hardened(), count);
        for host in 0..count {
            fail(&mut outlier, at(0), host, 5);
        }
        assert_eq!(count as usize - outlier.available().count(), most, "of {count}");
    }
}

/// Of n rates the worst is at most sqrt(n - 1) deviations below the mean: 1.73 with four hosts, 2 with
/// five. So 1.9 deviations need five hosts, which is Envoy's minimum.
#[test]
fn four_hosts_have_no_outlier_and_five_have() {
    for (count, ejected) in [(2, 0), (3, 0), (4, 0), (5, 1), (6, 1)] {
        let config = OutlierConfig {
            consecutive_failures: ConsecutiveFailures::Off,
            success_rate_minimum_hosts: 2,
            max_ejection_percent: Ratio::ONE,
            ..OutlierConfig::hardened()
        };
        let mut outlier = watching(config, count);
        for host in 0..count {
            for _ in 0..100 {
                outlier.record(at(0), Name(host), host != 0);
            }
        }
        assert_eq!(outlier.advance(at(10)).len(), ejected, "of {count}");
    }
}

#[test]
fn late_results_of_a_host_that_is_out_tell_nothing() {
    let mut outlier = watching(OutlierConfig::hardened(), 3);
    fail(&mut outlier, at(0), 0, 5);
    assert_eq!(fail(&mut outlier, at(29), 0, 100), None);
    assert_eq!(outlier.record(at(29), Name(9), false), None, "nor does a stranger");
    outlier.advance(at(30));
    assert_eq!(fail(&mut outlier, at(30), 0, 4), None, "it begins anew");
    assert!(fail(&mut outlier, at(30), 0, 1).is_some());
}

#[test]
fn an_idle_detector_wakes_for_nothing_and_keeps_its_beat() {
    let mut outlier = watching(OutlierConfig::hardened(), 3);
    assert_eq!(outlier.due(), None);
    outlier.advance(Time::from_nanos(u64::MAX / 2));
    outlier.record(Time::from_nanos(u64::MAX / 2), Name(0), true);
    let due = outlier.due().unwrap().as_nanos();
    assert!(due > u64::MAX / 2 && due.is_multiple_of(10 * SECOND));
    assert_eq!(outlier.advance(Time::NEVER), []);
    assert_eq!(outlier.config(), &OutlierConfig::hardened());
}

/// Of two hosts that differ the worse is one deviation below the mean, whatever the difference: that
/// is not more than one, and more than 0.999.
#[test]
fn a_host_at_the_very_limit_of_its_deviation_stays() {
    for (factor, failures, ejected) in
        [(999, 1, 1), (1_000, 1, 0), (1_000, 7, 0), (1_001, 7, 0), (999, 7, 1)]
    {
        let config = OutlierConfig {
            consecutive_failures: ConsecutiveFailures::Off,
            success_rate: SuccessRate::StdevFactor(factor),
            success_rate_minimum_hosts: 2,
            success_rate_request_volume: 10,
            max_ejection_percent: Ratio::ONE,
            ..OutlierConfig::hardened()
        };
        let mut outlier = watching(config, 2);
        for call in 0..10 {
            outlier.record(at(0), Name(0), call >= failures);
            outlier.record(at(0), Name(1), true);
        }
        assert_eq!(outlier.advance(at(10)).len(), ejected, "{factor} thousandths");
    }
}

#[test]
fn detectors_that_make_no_sense_are_mistakes() {
    let hardened = OutlierConfig::hardened;
    let options = |config: OutlierConfig| {
        config.mistakes().into_iter().map(|wrong| wrong.option).collect::<Vec<_>>()
    };
    assert!(options(hardened()).is_empty() && options(OutlierConfig::guide()).is_empty());
    let nothing = Span::ZERO;
    let at_least = ConsecutiveFailures::AtLeast;
    let a_share = FailurePercentage::AtLeast;
    let base = hardened().base_ejection_time;
    let short = Span::from_nanos(base.as_nanos() - 1);
    for (config, wrong) in [
        (OutlierConfig { interval: nothing, ..hardened() }, vec!["interval"]),
        (
            OutlierConfig { consecutive_failures: at_least(0), ..hardened() },
            vec!["consecutive_failures"],
        ),
        (OutlierConfig { consecutive_failures: at_least(1), ..hardened() }, vec![]),
        (
            OutlierConfig { failure_percentage: a_share(Ratio::ZERO), ..hardened() },
            vec!["failure_percentage"],
        ),
        (OutlierConfig { failure_percentage: a_share(Ratio::ONE), ..hardened() }, vec![]),
        (OutlierConfig { base_ejection_time: nothing, ..hardened() }, vec!["base_ejection_time"]),
        (OutlierConfig { max_ejection_time: base, ..hardened() }, vec![]),
        (OutlierConfig { max_ejection_time: short, ..hardened() }, vec!["max_ejection_time"]),
        (
            OutlierConfig { max_ejection_percent: Ratio::ZERO, ..hardened() },
            vec!["max_ejection_percent"],
        ),
    ] {
        assert_eq!(options(config.clone()), wrong, "{config:?}");
    }
}
