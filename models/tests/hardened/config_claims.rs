//! Where a number stops to make sense: the last value that is fine, and the first that is a mistake.

use brownout_models::policy::Backoff;
use brownout_models::policy::balancer::{Balancer, BalancerConfig, BalancerKind};
use brownout_models::policy::breaker::{Breaker, BreakerConfig, Probes, Trip};
use brownout_models::policy::deployment::{
    CanaryConfig, CanaryStep, LifecycleConfig, Portion, RollingConfig, ScalerConfig,
};
use brownout_models::policy::dispatch::{BackoffMax, Dispatcher, DispatcherConfig};
use brownout_models::policy::gateway::{Gateway, GatewayConfig};
use brownout_models::policy::limiter::LimiterConfig;
use brownout_models::policy::observability::ObservabilityConfig;
use brownout_models::policy::outlier::{
    ConsecutiveFailures, FailurePercentage, OutlierConfig, SuccessRate,
};
use brownout_models::policy::registry::{
    Eviction, ExpiryCap, Probing, RegistryConfig, SelfPreservation,
};
use brownout_models::{Capacity, Mistake, Ratio, Span};

const NONE: [&str; 0] = [];

fn options(mistakes: Vec<Mistake>) -> Vec<String> {
    mistakes.into_iter().map(|mistake| mistake.option).collect()
}

#[test]
fn a_table_has_a_prime_number_of_entries_up_to_the_largest_of_envoy() {
    let of = |table_size| {
        options(BalancerConfig { table_size, ..BalancerConfig::hardened() }.mistakes())
    };
    for size in [2, 3, 5, 7, 13, 65_537, 5_000_011] {
        assert_eq!(of(size), NONE, "{size}");
    }
    // 5,000,077 is the next prime.
    for size in [0, 1, 4, 9, 25, 35, 65_536, 5_000_009, 5_000_077] {
        assert_eq!(of(size), ["table_size"], "{size}");
    }
}

#[test]
fn a_breaker_may_open_at_the_first_failure_and_windows_of_time_have_whole_buckets() {
    let good = BreakerConfig::hardened;
    let millis = Span::from_millis;
    for (config, wrong) in [
        (BreakerConfig { failure_threshold: 1, ..good() }, &NONE[..]),
        (BreakerConfig { failure_threshold: 0, ..good() }, &["failure_threshold"]),
        (BreakerConfig { window_span: millis(1_500), trip: Trip::CountWindow, ..good() }, &[]),
        (BreakerConfig { window_span: millis(1_500), trip: Trip::Consecutive, ..good() }, &[]),
        (BreakerConfig { window_span: millis(2_000), trip: Trip::TimeWindow, ..good() }, &[]),
        (
            BreakerConfig { window_span: millis(1_500), trip: Trip::TimeWindow, ..good() },
            &["window_span"],
        ),
        (
            BreakerConfig { window_bucket: Span::ZERO, trip: Trip::TimeWindow, ..good() },
            &["window_bucket"],
        ),
    ] {
        assert_eq!(options(config.mistakes()), wrong, "{config:?}");
    }
}

#[test]
fn a_canary_rises_or_stays_up_to_all_of_the_traffic() {
    let of = |weights: &[u32]| {
        let steps = weights.iter().map(|weight| CanaryStep::SetWeight(*weight)).collect();
        CanaryConfig { steps, ..CanaryConfig::hardened() }.mistakes()
    };
    for weights in [&[0, 100][..], &[50, 50, 100, 100], &[1], &[]] {
        assert_eq!(of(weights), [], "{weights:?}");
    }
    for (weights, message) in [
        (&[101][..], "the weight cannot go from 0 to 101 percent"),
        (&[200], "the weight cannot go from 0 to 200 percent"),
        (&[50, 49, 51], "the weight cannot go from 50 to 49 percent"),
    ] {
        let mistakes = of(weights);
        assert_eq!(mistakes.len(), 1, "{weights:?}");
        assert_eq!(mistakes[0].message, message);
    }
}

#[test]
fn a_draining_instance_has_time_left_when_it_took_its_leave() {
    let good = LifecycleConfig::hardened;
    let delay = good().drain_delay;
    let longer = delay + Span::from_nanos(1);
    for (config, wrong) in [
        (good(), &NONE[..]),
        (LifecycleConfig::guide(), &[]),
        (LifecycleConfig { grace: longer, ..good() }, &[]),
        (LifecycleConfig { grace: delay, ..good() }, &["grace"]),
        (LifecycleConfig { grace: Span::ZERO, ..good() }, &["grace"]),
        (LifecycleConfig { probe_interval: Span::ZERO, ..good() }, &["probe_interval"]),
        (LifecycleConfig { probe_timeout: Span::ZERO, ..good() }, &["probe_timeout"]),
        (LifecycleConfig { probe_failures: 0, ..good() }, &["probe_failures"]),
        (LifecycleConfig { probe_failures: 1, ..good() }, &[]),
    ] {
        assert_eq!(options(config.mistakes()), wrong, "{config:?}");
    }
}

#[test]
fn portions_go_to_all_and_ranges_may_have_one_number() {
    let rolling = |percent| {
        let all = Portion::Percent(percent);
        let config =
            RollingConfig { max_surge: all, max_unavailable: all, ..RollingConfig::hardened() };
        options(config.mistakes())
    };
    assert_eq!(rolling(100), NONE);
    assert_eq!(rolling(101), ["max_surge", "max_unavailable"]);
    let scaler = |min_replicas, max_replicas| {
        let config = ScalerConfig { min_replicas, max_replicas, ..ScalerConfig::hardened() };
        options(config.mistakes())
    };
    assert_eq!([scaler(1, 1), scaler(10, 10), scaler(1, 2)], [NONE; 3]);
    assert_eq!([scaler(2, 1), scaler(0, 0), scaler(0, 1)], [["max_replicas"]; 3]);
}

#[test]
fn the_longest_wait_of_a_broker_may_be_its_first() {
    let backoff = Backoff { base: Span::from_millis(50) };
    let of = |nanos| {
        let backoff_max = BackoffMax::After(Span::from_nanos(nanos));
        options(
            DispatcherConfig { backoff, backoff_max, ..DispatcherConfig::hardened() }.mistakes(),
        )
    };
    assert_eq!(of(50_000_000), NONE);
    assert_eq!(of(49_999_999), ["backoff_max"]);
}

#[test]
fn a_registry_gives_somebody_up_and_listens_for_less_than_a_lease() {
    let good = || RegistryConfig {
        self_preservation: SelfPreservation::Below(Ratio::ONE_HALF),
        lease: Span::from_secs(10),
        fall: 3,
        renewal_window: Span::from_secs(20),
        ..RegistryConfig::hardened()
    };
    let below = |num, den| SelfPreservation::Below(Ratio::new(num, den).unwrap());
    let lasting = |nanos| Span::from_nanos(nanos);
    let off = SelfPreservation::Off;
    for (config, wrong) in [
        (good(), &NONE[..]),
        (RegistryConfig::hardened(), &[]),
        (RegistryConfig::guide(), &[]),
        (RegistryConfig { lease: Span::ZERO, self_preservation: off, ..good() }, &["lease"]),
        (RegistryConfig { sweep_every: Span::ZERO, ..good() }, &["sweep_every"]),
        (RegistryConfig { rise: 0, ..good() }, &["rise"]),
        (RegistryConfig { fall: 0, self_preservation: off, ..good() }, &["fall"]),
        (RegistryConfig { eviction: Eviction::After(Span::ZERO), ..good() }, &["eviction"]),
        (RegistryConfig { expiry_cap: ExpiryCap::AtMost(Ratio::ZERO), ..good() }, &["expiry_cap"]),
        (RegistryConfig { self_preservation: below(0, 1), ..good() }, &["self_preservation"]),
        (RegistryConfig { self_preservation: below(1, 1), ..good() }, &["self_preservation"]),
        (RegistryConfig { self_preservation: below(1, 100), ..good() }, &[]),
        (RegistryConfig { self_preservation: below(99, 100), ..good() }, &[]),
        (RegistryConfig { renewal_window: Span::ZERO, ..good() }, &["renewal_window"]),
        (RegistryConfig { renewal_window: lasting(1), ..good() }, &[]),
        (RegistryConfig { renewal_window: lasting(29_999_999_999), ..good() }, &[]),
        (RegistryConfig { renewal_window: lasting(30_000_000_000), ..good() }, &["renewal_window"]),
        (RegistryConfig { healthy_threshold: 0, probing: Probing::Off, ..good() }, &[]),
        (
            RegistryConfig { healthy_threshold: 0, probing: Probing::On, ..good() },
            &["healthy_threshold"],
        ),
        (
            RegistryConfig { unhealthy_threshold: 0, probing: Probing::On, ..good() },
            &["unhealthy_threshold"],
        ),
    ] {
        assert_eq!(options(config.mistakes()), wrong, "{config:?}");
    }
}

#[test]
fn a_platform_keeps_at_least_one_of_everything() {
    let good = ObservabilityConfig::hardened;
    let (none, one) = (Capacity::AtMost(0), Capacity::AtMost(1));
    for (config, wrong) in [
        (good(), &NONE[..]),
        (ObservabilityConfig::guide(), &[]),
        (ObservabilityConfig { cardinality: one, logs_max: one, ..good() }, &[]),
        (ObservabilityConfig { cardinality: none, ..good() }, &["cardinality"]),
        (ObservabilityConfig { logs_max: none, ..good() }, &["logs_max"]),
    ] {
        assert_eq!(options(config.mistakes()), wrong, "{config:?}");
    }
}

#[test]
fn any_detector_alone_switches_the_watch_on() {
    let off = OutlierConfig::guide;
    let consecutive_failures = ConsecutiveFailures::AtLeast(5);
    let success_rate = SuccessRate::StdevFactor(1_900);
    let failure_percentage = FailurePercentage::AtLeast(Ratio::ONE_HALF);
    assert!(!off().is_on() && OutlierConfig::hardened().is_on());
    for config in [
        OutlierConfig { consecutive_failures, ..off() },
        OutlierConfig { success_rate, ..off() },
        OutlierConfig { failure_percentage, ..off() },
    ] {
        assert!(config.is_on(), "{config:?}");
    }
}

#[test]
fn who_was_told_how_to_behave_says_so() {
    let kind = BalancerKind::Maglev;
    let balancer = BalancerConfig { kind, ..BalancerConfig::hardened() };
    assert_eq!(*Balancer::new(balancer.clone()).config(), balancer);
    let breaker = BreakerConfig { probes: Probes::Permits(7), ..BreakerConfig::hardened() };
    assert_eq!(*Breaker::new(breaker.clone()).config(), breaker);
    let dispatcher = DispatcherConfig { buffer: 7, ..DispatcherConfig::hardened() };
    assert_eq!(*Dispatcher::<()>::new(dispatcher.clone()).config(), dispatcher);
    let hardened = GatewayConfig::hardened();
    let gateway = Gateway::new(hardened.clone(), LimiterConfig::guide(), BreakerConfig::guide());
    assert_eq!(*gateway.config(), hardened);
}
