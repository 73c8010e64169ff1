//! Series of metrics: what tells them apart, and how values add up.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Identity, ObservabilityConfig, Values};
use crate::{Name, Time};

/// A value that can be measured.
pub trait Measure: Sized {
    /// Whether it is a number that means something: neither infinite nor none at all.
    fn is_finite(&self) -> bool;

    /// Whether a counter may be increased by it.
    fn is_increment(&self) -> bool;

    /// The two together; `None` where that is no number any more.
    fn plus(&self, other: &Self) -> Option<Self>;
}

impl Measure for u64 {
    fn is_finite(&self) -> bool {
        true
    }

    fn is_increment(&self) -> bool {
        true
    }

    fn plus(&self, other: &Self) -> Option<Self> {
        self.checked_add(*other)
    }
}

/// What a metric measures with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Instrument {
    /// The latest value counts.
    Gauge,
    /// Values add up, and none is negative.
    Counter,
    /// Values add up and are counted.
    Histogram,
}

/// A series of a metric as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Metric<V> {
    /// What it is measured with.
    pub instrument: Instrument,
    /// The latest value; of a counter and a histogram the sum.
    pub value: V,
    /// How many values there were.
    pub count: u64,
    /// When the last one was recorded.
    pub at: Time,
    /// Its labels; in the guide those of the last value, which identify nothing.
    pub tags: IndexMap<String, String>,
}

/// What became of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Recorded {
    /// It is in its series.
    Kept,
    /// Its metric has as many series as it may: it is in the one for all that is beyond.
    Overflowed,
    /// It is not finite.
    NotFinite,
    /// A counter does not fall.
    Negative,
    /// The sum is no number any more.
    TooLarge,
    /// The metric is measured with another instrument.
    OtherInstrument,
}

/// The label of the series for everything beyond the limit, as OpenTelemetry has it.
const OVERFLOW: (&str, &str) = ("otel.metric.overflow", "true");

/// All series by metric.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Catalogue<V> {
    metrics: IndexMap<Name, Family<V>>,
}

/// The series of one metric.
#[derive(Clone, Debug, Serialize)]
struct Family<V> {
    series: Vec<Metric<V>>,
    /// Where the series of a set of labels is, whatever their order.
    places: BTreeMap<Labels, usize>,
    overflow: Option<Metric<V>>,
    /// The series of the last value; the overflow where it is none of them.
    latest: usize,
}

/// Labels in the order of their keys.
type Labels = Vec<(String, String)>;

fn sorted(tags: &IndexMap<String, String>) -> Labels {
    let mut labels: Labels = tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    labels.sort();
    labels
}

impl<V> Default for Catalogue<V> {
    fn default() -> Self {
        Self { metrics: IndexMap::new() }
    }
}

impl<V> Catalogue<V> {
    pub(super) fn latest(&self, name: Name) -> Option<&Metric<V>> {
        let family = self.metrics.get(&name)?;
        family.series.get(family.latest).or(family.overflow.as_ref())
    }

    pub(super) fn of(&self, name: Name) -> impl Iterator<Item = &Metric<V>> {
        let families = self.metrics.get(&name).into_iter();
        families.flat_map(|family| family.series.iter().chain(&family.overflow))
    }

    pub(super) fn labelled(
        &self,
        name: Name,
        tags: &IndexMap<String, String>,
    ) -> Option<&Metric<V>> {
        let family = self.metrics.get(&name)?;
        let place = family.places.get(&sorted(tags));
        let overflow = family.overflow.as_ref().filter(|overflow| overflow.tags == *tags);
        place.and_then(|place| family.series.get(*place)).or(overflow)
    }
}

impl<V: Measure> Catalogue<V> {
    pub(super) fn measure(
        &mut self,
        config: &ObservabilityConfig,
        (at, name, instrument): (Time, Name, Instrument),
        value: V,
        tags: IndexMap<String, String>,
    ) -> Recorded {
        if config.values == Values::Checked {
            if !value.is_finite() {
                return Recorded::NotFinite;
            }
            if instrument == Instrument::Counter && !value.is_increment() {
                return Recorded::Negative;
            }
        }
        let metric = Metric { instrument, value, count: 1, at, tags };
        let labels = sorted(&metric.tags);
        let family = match self.metrics.get_mut(&name) {
            Some(family) if config.series == Identity::NameAndLabels => family,
            // In the guide whatever is recorded replaces what was there.
            Some(_) | None => {
                self.metrics.insert(name, Family::of(metric, labels));
                return Recorded::Kept;
            }
        };
        if family.series.first().is_some_and(|first| first.instrument != instrument) {
            return Recorded::OtherInstrument;
        }
        let room = config.cardinality.has_room_beside(family.series.len());
        match family.places.get(&labels).copied() {
            Some(place) => {
                let added = add(&mut family.series[place], metric);
                if added == Recorded::Kept {
                    family.latest = place;
                }
                added
            }
            None if room => {
                family.latest = family.series.len();
                family.places.insert(labels, family.latest);
                family.series.push(metric);
                Recorded::Kept
            }
            None => family.overflow(metric),
        }
    }
}

impl<V> Family<V> {
    /// The family of a first series.
    fn of(metric: Metric<V>, labels: Labels) -> Self {
        let places = BTreeMap::from([(labels, 0)]);
        Self { series: vec![metric], places, overflow: None, latest: 0 }
    }
}

impl<V: Measure> Family<V> {
    /// Adds to the series of everything beyond the limit.
    fn overflow(&mut self, metric: Metric<V>) -> Recorded {
        let (label, value) = OVERFLOW;
        let tags = IndexMap::from([(label.to_owned(), value.to_owned())]);
        let metric = Metric { tags, ..metric };
        let added = match &mut self.overflow {
            Some(overflow) => add(overflow, metric),
            None => {
                self.overflow = Some(metric);
                Recorded::Kept
            }
        };
        if added != Recorded::Kept {
            return added;
        }
        self.latest = usize::MAX;
        Recorded::Overflowed
    }
}

/// Takes a value into a series.
fn add<V: Measure>(series: &mut Metric<V>, next: Metric<V>) -> Recorded {
    let value = match series.instrument {
        Instrument::Gauge => next.value,
        Instrument::Counter | Instrument::Histogram => match series.value.plus(&next.value) {
            Some(sum) => sum,
            None => return Recorded::TooLarge,
        },
    };
    series.value = value;
    series.count = series.count.saturating_add(1);
    series.at = next.at;
    Recorded::Kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Capacity;
    use crate::policy::Observability;

    fn host(host: &str) -> IndexMap<String, String> {
        IndexMap::from([("host".to_owned(), host.to_owned())])
    }

    fn values(platform: &Observability<u64>) -> Vec<(u64, u64)> {
        platform.series(Name(0)).map(|series| (series.value, series.count)).collect()
    }

    #[test]
    fn in_the_guide_the_last_write_wins_whatever_its_tags() {
        let mut platform = Observability::default();
        platform.record(Time::ZERO, Name(0), 1, host("a"));
        platform.measure(Time::from_nanos(1), Name(0), Instrument::Counter, 2, host("b"));
        let last = platform.metric(Name(0)).unwrap();
        assert_eq!((last.value, last.at, last.count), (2, Time::from_nanos(1), 1));
        assert_eq!(last.tags, host("b"));
        assert_eq!(platform.series(Name(0)).count(), 1);
        assert_eq!(platform.metric(Name(1)), None);
    }

    #[test]
    fn hardened_label_sets_are_series_whatever_the_order_of_labels() {
        let mut platform = Observability::new(ObservabilityConfig::hardened());
        let both = |first: (&str, &str), second: (&str, &str)| {
            let pair = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
            IndexMap::from([pair(first), pair(second)])
        };
        let one_way = both(("host", "a"), ("zone", "z"));
        let other_way = both(("zone", "z"), ("host", "a"));
        for (value, tags) in [(1, host("a")), (2, host("b")), (3, one_way), (4, other_way)] {
            assert_eq!(platform.record(Time::ZERO, Name(0), value, tags), Recorded::Kept);
        }
        assert_eq!(values(&platform), [(1, 1), (2, 1), (4, 2)]);
        assert_eq!(platform.labelled(Name(0), &host("b")).map(|series| series.value), Some(2));
        assert_eq!(platform.metric(Name(0)).map(|series| series.value), Some(4));
        platform.record(Time::ZERO, Name(0), 5, host("a"));
        assert_eq!(platform.metric(Name(0)).map(|series| series.value), Some(5));
    }

    #[test]
    fn counters_and_histograms_add_up_and_a_gauge_is_its_last_value() {
        for (instrument, value) in
            [(Instrument::Gauge, 2), (Instrument::Counter, 7), (Instrument::Histogram, 7)]
        {
            let mut platform = Observability::new(ObservabilityConfig::hardened());
            for value in [5, 2] {
                platform.measure(Time::ZERO, Name(0), instrument, value, host("a"));
            }
            assert_eq!(values(&platform), [(value, 2)]);
            let other = if instrument == Instrument::Gauge {
                Instrument::Counter
            } else {
                Instrument::Gauge
            };
            let recorded = platform.measure(Time::ZERO, Name(0), other, 1, host("b"));
            assert_eq!(recorded, Recorded::OtherInstrument);
            assert_eq!(values(&platform), [(value, 2)]);
        }
    }

    #[test]
    fn beyond_the_limit_everything_is_one_series() {
        let cardinality = Capacity::AtMost(2);
        let config = ObservabilityConfig { cardinality, ..ObservabilityConfig::hardened() };
        let mut platform = Observability::new(config);
        let mut count = |label: &str, value| {
            platform.measure(Time::ZERO, Name(0), Instrument::Counter, value, host(label))
        };
        let recorded = ["a", "b", "c", "d", "a"].map(|label| count(label, 1));
        let (kept, beyond) = (Recorded::Kept, Recorded::Overflowed);
        assert_eq!(recorded, [kept, kept, beyond, beyond, kept]);
        assert_eq!(count("e", u64::MAX), Recorded::TooLarge);
        assert_eq!(values(&platform), [(2, 2), (1, 1), (2, 2)]);
        let overflow = platform.series(Name(0)).last().unwrap();
        assert_eq!(overflow.tags.get("otel.metric.overflow").map(String::as_str), Some("true"));
        platform.measure(Time::ZERO, Name(0), Instrument::Counter, 1, host("e"));
        assert_eq!(platform.metric(Name(0)).map(|series| series.value), Some(3), "the overflow");
    }

    #[derive(Clone, Debug, PartialEq)]
    struct Reading(Option<i64>);

    impl Measure for Reading {
        fn is_finite(&self) -> bool {
            self.0.is_some()
        }

        fn is_increment(&self) -> bool {
            self.0.is_some_and(|value| value >= 0)
        }

        fn plus(&self, other: &Self) -> Option<Self> {
            Some(Self(self.0?.checked_add(other.0?)))
        }
    }

    #[test]
    fn only_a_checked_platform_refuses_what_means_nothing() {
        let (checked, anything) = (ObservabilityConfig::hardened(), ObservabilityConfig::guide());
        for (config, nan, negative) in [
            (checked, Recorded::NotFinite, Recorded::Negative),
            (anything, Recorded::Kept, Recorded::Kept),
        ] {
            let mut platform = Observability::new(config);
            let mut count = |value| {
                let value = Reading(value);
                platform.measure(Time::ZERO, Name(0), Instrument::Counter, value, host("a"))
            };
            assert_eq!(count(None), nan);
            assert_eq!(count(Some(-1)), negative);
            assert_eq!(count(Some(0)), Recorded::Kept);
        }
    }
}
