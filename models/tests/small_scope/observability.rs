//! Logs and series: all that a small platform can hold.

use brownout_models::policy::{
    Instrument, Level, LogEntry, LogQuery, Observability, ObservabilityConfig,
};
use brownout_models::{Capacity, Name, Span, Time};
use indexmap::IndexMap;

use crate::states;

fn late() -> [Time; 2] {
    [Time::ZERO, Time::ZERO + Span::from_secs(3_600)]
}

/// Room for two lines, from WARN on: none, one or two lines, each a warning or an error: 1 + 2 + 4.
/// A line of DEBUG changes nothing.
#[test]
fn a_log_for_two_lines_has_seven_states() {
    let config = ObservabilityConfig {
        logs_max: Capacity::AtMost(2),
        log_level: Level::Warn,
        ..ObservabilityConfig::hardened()
    };
    for at in late() {
        let platform = Observability::<u64>::new(config.clone());
        let fingerprint = |platform: &Observability<u64>| {
            let lines = platform.query(&LogQuery::default());
            let lines: Vec<_> = lines.map(|(_, entry)| entry.level).collect();
            ron::to_string(&lines).unwrap()
        };
        let next = |platform: &Observability<u64>| {
            let line = |level| {
                let (trace, message) = (String::new(), String::new());
                let mut next = platform.clone();
                next.take_in(LogEntry { at, level, service: Name(0), trace, message });
                next
            };
            [Level::Debug, Level::Warn, Level::Error].map(line).into()
        };
        assert_eq!(states(platform, fingerprint, next).len(), 7);
    }
}

/// Three label sets and room for two. In the order of their first value: nothing, 3 single ones, and
/// 6 pairs, of which either is the latest: 12. A third set goes to the overflow, and from then on any
/// of the three can be the latest: 18. Together 1 + 3 + 12 + 18.
#[test]
fn a_metric_of_two_series_has_34_states() {
    let cardinality = Capacity::AtMost(2);
    let config = ObservabilityConfig { cardinality, ..ObservabilityConfig::hardened() };
    assert_eq!(count(&config), [34, 34]);
}

/// OB-2: in the guide a metric is the label set that came last, or nothing: 1 + 3.
#[test]
fn a_metric_of_the_guide_has_four_states() {
    assert_eq!(count(&ObservabilityConfig::guide()), [4, 4]);
}

fn count(config: &ObservabilityConfig) -> [usize; 2] {
    late().map(|at| {
        let fingerprint = |platform: &Observability<u64>| {
            let tags = |metric: &brownout_models::policy::Metric<u64>| metric.tags.clone();
            let series: Vec<_> = platform.series(Name(0)).map(tags).collect();
            ron::to_string(&(series, platform.metric(Name(0)).map(tags))).unwrap()
        };
        let next = |platform: &Observability<u64>| {
            let write = |host: &str| {
                let tags = IndexMap::from([("host".to_owned(), host.to_owned())]);
                let mut next = platform.clone();
                next.measure(at, Name(0), Instrument::Gauge, 1, tags);
                next
            };
            ["a", "b", "c"].map(write).into()
        };
        states(Observability::new(config.clone()), fingerprint, next).len()
    })
}
