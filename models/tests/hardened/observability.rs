//! Logs and series against plain lists of everything that came in.

use brownout_models::policy::{
    Identity, Instrument, Level, LevelMatch, LogEntry, LogOrder, LogQuery, Measure, Observability,
    ObservabilityConfig, Recorded, Values,
};
use brownout_models::{Capacity, Name, Time};
use indexmap::IndexMap;
use proptest::prelude::*;

use super::config;

/// A value that may be no number.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Reading(Option<i64>);

impl Measure for Reading {
    fn is_finite(&self) -> bool {
        self.0.is_some()
    }

    fn is_increment(&self) -> bool {
        self.0.is_some_and(|value| value >= 0)
    }

    fn plus(&self, other: &Self) -> Option<Self> {
        Some(Self(self.0.zip(other.0).map(|(a, b)| a + b)))
    }
}

fn level() -> impl Strategy<Value = Level> {
    prop::sample::select(vec![Level::Debug, Level::Info, Level::Warn, Level::Error])
}

fn platform() -> impl Strategy<Value = ObservabilityConfig> {
    let capacity = || prop_oneof![Just(Capacity::Unbounded), (1..6_u32).prop_map(Capacity::AtMost)];
    (
        prop::sample::select(vec![Identity::Name, Identity::NameAndLabels]),
        prop::sample::select(vec![Values::Anything, Values::Checked]),
        capacity(),
        capacity(),
        level(),
        prop::sample::select(vec![LevelMatch::Exact, LevelMatch::Minimum]),
        prop::sample::select(vec![LogOrder::Arrival, LogOrder::EventTime]),
    )
        .prop_map(
            |(series, values, cardinality, logs_max, log_level, level_match, log_order)| {
                ObservabilityConfig {
                    series,
                    cardinality,
                    values,
                    logs_max,
                    log_level,
                    level_match,
                    log_order,
                }
            },
        )
}

type Labels = IndexMap<String, String>;

/// Labels by a number: the same ones in two orders for 0 and 1.
fn labels(number: u8) -> IndexMap<String, String> {
    let pair = |key: &str, value: u8| (key.to_owned(), value.to_string());
    match number {
        0 => IndexMap::from([pair("a", 0), pair("b", 0)]),
        1 => IndexMap::from([pair("b", 0), pair("a", 0)]),
        number => IndexMap::from([pair("a", number)]),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_query_is_a_filter_over_the_lines_that_were_kept(
        config in platform(),
        lines in prop::collection::vec((0..9_u64, level(), 0..3_u32, 0..3_u8), 0..30),
        wanted in (
            prop::option::of(0..3_u32), prop::option::of(level()), prop::option::of(0..3_u8),
            prop::option::of(0..9_u64), prop::option::of(0..9_u64)),
    ) {
        let mut platform = Observability::<u64>::new(config.clone());
        for (at, level, service, trace) in &lines {
            platform.take_in(LogEntry {
                at: Time::from_nanos(*at),
                level: *level,
                service: Name(*service),
                trace: trace.to_string(),
                message: String::new(),
            });
        }
        let (service, level, trace, from, until) = wanted;
        let query = LogQuery {
            service: service.map(Name),
            level,
            trace: trace.map(|trace| trace.to_string()),
            from: from.map(Time::from_nanos),
            until: until.map(Time::from_nanos),
        };
        let numbered = lines.iter().enumerate();
        let mut kept: Vec<_> = numbered.filter(|(_, line)| line.1 >= config.log_level).collect();
        let below = lines.len() - kept.len();
        let beyond = match config.logs_max {
            Capacity::AtMost(most) => kept.len().saturating_sub(most as usize),
            Capacity::Unbounded => 0,
        };
        kept.drain(..beyond);
        let exact = config.level_match == LevelMatch::Exact;
        kept.retain(|(_, line)| {
            service.is_none_or(|service| line.2 == service)
                && level.is_none_or(|level| if exact { line.1 == level } else { line.1 >= level })
                && trace.is_none_or(|trace| line.3 == trace)
                && from.is_none_or(|from| from <= line.0)
                && until.is_none_or(|until| line.0 < until)
        });
        if config.log_order == LogOrder::EventTime {
            kept.sort_by_key(|(_, line)| line.0);
        }
        let found: Vec<_> = platform.query(&query).map(|(number, _)| number).collect();
        prop_assert_eq!(found, kept.iter().map(|(number, _)| *number).collect::<Vec<_>>());
        prop_assert_eq!(platform.lines_dropped(), (beyond as u64, below as u64));
    }

    /// OB-2, OB-9: the reference looks at all values of a series whenever it is asked.
    #[test]
    fn series_are_told_apart_by_their_labels_and_add_up(
        config in platform(),
        instrument in prop::sample::select(
            vec![Instrument::Gauge, Instrument::Counter, Instrument::Histogram]),
        values in prop::collection::vec((prop::option::weighted(0.9, -5..50_i64), 0..9_u8), 0..30),
    ) {
        let mut platform = Observability::new(config.clone());
        let mut series: Vec<(Labels, Vec<Option<i64>>)> = Vec::new();
        let mut beyond: Vec<Option<i64>> = Vec::new();
        for (value, label) in values {
            let tags = labels(label);
            let recorded =
                platform.measure(Time::ZERO, Name(0), instrument, Reading(value), tags.clone());
            let checked = config.values == Values::Checked;
            let full = match config.cardinality {
                Capacity::AtMost(most) => series.len() >= most as usize,
                Capacity::Unbounded => false,
            };
            let place = series.iter().position(|(known, _)| *known == tags);
            if checked && value.is_none() {
                prop_assert_eq!(recorded, Recorded::NotFinite);
            } else if checked && instrument == Instrument::Counter && value < Some(0) {
                prop_assert_eq!(recorded, Recorded::Negative);
            } else if config.series == Identity::Name {
                series = vec![(tags, vec![value])];
                prop_assert_eq!(recorded, Recorded::Kept);
            } else if let Some(place) = place {
                series[place].1.push(value);
                prop_assert_eq!(recorded, Recorded::Kept);
            } else if full {
                beyond.push(value);
                prop_assert_eq!(recorded, Recorded::Overflowed);
            } else {
                series.push((tags, vec![value]));
                prop_assert_eq!(recorded, Recorded::Kept);
            }
        }
        let standing = |values: &[Option<i64>]| match instrument {
            Instrument::Gauge => values.last().copied().flatten(),
            Instrument::Counter | Instrument::Histogram => values.iter().copied().sum(),
        };
        let mut expected: Vec<_> = series
            .iter()
            .map(|(tags, values)| (tags.clone(), standing(values), values.len() as u64))
            .collect();
        if !beyond.is_empty() {
            let overflow = ("otel.metric.overflow".to_owned(), "true".to_owned());
            let tags = IndexMap::from([overflow]);
            expected.push((tags, standing(&beyond), beyond.len() as u64));
        }
        let shown = platform.series(Name(0));
        let shown: Vec<_> =
            shown.map(|metric| (metric.tags.clone(), metric.value.0, metric.count)).collect();
        prop_assert_eq!(shown, expected);
        for (tags, values) in &series {
            let found = platform.labelled(Name(0), tags).map(|metric| metric.value.0);
            prop_assert_eq!(found, Some(standing(values)));
        }
    }
}

/// OB-2: `lat{a}` and `lat{b}` are one series, the last.
#[test]
fn the_guides_series_collide() {
    let read = |config| {
        let mut platform = Observability::<u64>::new(config);
        platform.record(Time::ZERO, Name(0), 1, labels(2));
        platform.record(Time::ZERO, Name(0), 2, labels(3));
        [2, 3].map(|label| platform.labelled(Name(0), &labels(label)).map(|metric| metric.value))
    };
    assert_eq!(read(ObservabilityConfig::guide()), [None, Some(2)]);
    assert_eq!(read(ObservabilityConfig::hardened()), [Some(1), Some(2)]);
}

/// The metric that takes what is beyond the limit goes by its own label, and by no other.
#[test]
fn what_is_beyond_the_limit_is_found_under_its_own_label_alone() {
    let config =
        ObservabilityConfig { cardinality: Capacity::AtMost(2), ..ObservabilityConfig::hardened() };
    let mut platform = Observability::<u64>::new(config);
    for label in 2..6 {
        platform.record(Time::ZERO, Name(0), u64::from(label), labels(label));
    }
    let read = |labels: &Labels| platform.labelled(Name(0), labels).map(|metric| metric.value);
    let known: Vec<_> = (2..6).map(|label| read(&labels(label))).collect();
    let overflow = platform.series(Name(0)).last().unwrap();
    assert_eq!(known[0], Some(2));
    assert_eq!(known[3], None, "it is one of several under the label of the overflow");
    assert_eq!(read(&overflow.tags), Some(overflow.value));
    assert_eq!(read(&labels(9)), None, "nobody measured that");
}

/// OB-4, OB-5, OB-8, OB-9: a late error is not a warning, and out of order; nothing is ever
/// forgotten; what is not a number is kept.
#[test]
fn the_guide_keeps_everything_and_finds_little() {
    let lines = |config: ObservabilityConfig| {
        let mut platform = Observability::<u64>::new(config);
        for number in 0..20_000_u64 {
            let (trace, message) = (number.to_string(), String::new());
            let at = Time::from_nanos(20_000 - number);
            let (level, service) = (Level::Error, Name(0));
            platform.take_in(LogEntry { at, level, service, trace, message });
        }
        let all: Vec<_> = platform.query(&LogQuery::default()).collect();
        let ordered = all.windows(2).all(|pair| pair[0].1.at <= pair[1].1.at);
        let warnings = LogQuery { level: Some(Level::Warn), ..LogQuery::default() };
        (all.len(), ordered, platform.query(&warnings).count())
    };
    assert_eq!(lines(ObservabilityConfig::guide()), (20_000, false, 0));
    assert_eq!(lines(ObservabilityConfig::hardened()), (10_000, true, 10_000));
    let kept = |config| {
        let mut platform = Observability::new(config);
        platform.record(Time::ZERO, Name(0), Reading(None), labels(0))
    };
    assert_eq!(kept(ObservabilityConfig::guide()), Recorded::Kept);
    assert_eq!(kept(ObservabilityConfig::hardened()), Recorded::NotFinite);
}
