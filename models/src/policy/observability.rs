//! Central logs and metrics: what is kept of them, and what can be asked.
//!
//! Follows the guide's `ObservabilityPlatform` (lines 965-1036). A metric is its name: tags are
//! kept but tell nothing apart, and the last write wins without history (OB-2); logs are kept for
//! ever (OB-4) and found by exact service and exact level only, never by trace (OB-5), in the order
//! in which they arrived (OB-8). `hardened` follows OpenTelemetry: distinct label sets are distinct
//! series, within a cardinality limit; counters never fall; logs have a minimum level and a bound,
//! come in the order of their own time, and are found by any field.
//!
//! What is *not* here: the guide's lack of any lock (OB-1), and what a value means: the user's type
//! says what can be added up (see [`Measure`]).
//!
//! ```
//! use brownout_models::policy::{
//!     Level, LogQuery, Observability, ObservabilityConfig, Recorded,
//! };
//! use brownout_models::{Name, Time};
//! use indexmap::IndexMap;
//!
//! let mut platform = Observability::<u64>::new(ObservabilityConfig::hardened());
//! platform.log(Time::ZERO, Name(0), "trace-1", "paid", Level::Error);
//! let at_least = |level| LogQuery { level: Some(level), ..LogQuery::default() };
//! assert_eq!(platform.query(&at_least(Level::Warn)).count(), 1, "an error is worse than a warning");
//! let tags = |host: &str| IndexMap::from([("host".to_owned(), host.to_owned())]);
//! platform.record(Time::ZERO, Name(1), 7, tags("a"));
//! platform.record(Time::ZERO, Name(1), 8, tags("b"));
//! assert_eq!(platform.series(Name(1)).count(), 2);
//! ```

mod logs;
mod series;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::profile::{Mistake, options};
use crate::{Capacity, Name, Time};

pub use logs::{Level, LogEntry, LogQuery};
pub use series::{Instrument, Measure, Metric, Recorded};

use logs::Logs;
use series::Catalogue;

options! {
    /// What is kept of logs and metrics, and how it is found.
    config ObservabilityConfig;
    /// A platform's configuration as it is written.
    options ObservabilityOptions as "Observability";
    {
        /// What a series of a metric is; its name in the guide (OB-2).
        series: Identity = Identity::Name, hardened Identity::NameAndLabels;
        /// Label sets kept of each metric; all in the guide, 2,000 hardened (OpenTelemetry). What is
        /// beyond goes to one series for all, labelled `otel.metric.overflow`.
        cardinality: Capacity = Capacity::Unbounded, hardened Capacity::AtMost(2_000);
        /// What becomes of values that are not finite, and of counters that fall; both are taken in
        /// the guide (OB-9).
        values: Values = Values::Anything, hardened Values::Checked;
        /// Lines kept; all in the guide (OB-4), hardened the latest 10,000.
        logs_max: Capacity = Capacity::Unbounded, hardened Capacity::AtMost(10_000);
        /// The least level that is kept; everything in the guide (OB-4), `INFO` hardened.
        log_level: Level = Level::Debug, hardened Level::Info;
        /// What a query for a level finds; that level alone in the guide (OB-5).
        level_match: LevelMatch = LevelMatch::Exact, hardened LevelMatch::Minimum;
        /// In which order lines are found; as they arrived in the guide (OB-8).
        log_order: LogOrder = LogOrder::Arrival, hardened LogOrder::EventTime;
    }
}

/// What a series of a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identity {
    /// Its name; whatever is recorded replaces what was there.
    Name,
    /// Its name and its labels, whatever their order.
    NameAndLabels,
}

/// Which values are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Values {
    /// All of them.
    Anything,
    /// Those that mean something: finite ones, and increments of a counter that are not negative.
    Checked,
}

/// What a query for a level finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LevelMatch {
    /// That level.
    Exact,
    /// That level and worse.
    Minimum,
}

/// In which order lines are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogOrder {
    /// As they arrived.
    Arrival,
    /// By their own time, and as they arrived within an instant.
    EventTime,
}

impl ObservabilityConfig {
    /// Everything that makes no sense.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        for (option, what, capacity) in [
            ("cardinality", "no series is kept", self.cardinality),
            ("logs_max", "no line is kept", self.logs_max),
        ] {
            if capacity == Capacity::AtMost(0) {
                let help = "write `Unbounded`, or how many there is room for";
                mistakes.push(Mistake::new(option, what, "expected 1 or more", help));
            }
        }
        mistakes
    }
}

/// All logs and metrics of a system.
#[derive(Clone, Debug, Serialize)]
pub struct Observability<V> {
    config: ObservabilityConfig,
    logs: Logs,
    metrics: Catalogue<V>,
}

impl<V> Default for Observability<V> {
    fn default() -> Self {
        Self::new(ObservabilityConfig::default())
    }
}

impl<V> Observability<V> {
    /// Nothing known yet.
    #[must_use]
    pub fn new(config: ObservabilityConfig) -> Self {
        Self { config, logs: Logs::default(), metrics: Catalogue::default() }
    }

    /// Takes in a line that is of this very instant.
    pub fn log(&mut self, now: Time, service: Name, trace: &str, message: &str, level: Level) {
        let (trace, message) = (trace.to_owned(), message.to_owned());
        self.take_in(LogEntry { at: now, level, service, trace, message });
    }

    /// Takes in a line of any time: a batch from elsewhere arrives late.
    pub fn take_in(&mut self, entry: LogEntry) {
        self.logs.take_in(&self.config, entry);
    }

    /// The lines that a query is about, each with its number; numbers count all lines that came in.
    pub fn query<'a>(
        &'a self,
        query: &LogQuery,
    ) -> impl Iterator<Item = (usize, &'a LogEntry)> + use<'a, V> {
        self.logs.find(&self.config, query).into_iter()
    }

    /// Lines that were kept and made room for others, and lines below the least level.
    #[must_use]
    pub const fn lines_dropped(&self) -> (u64, u64) {
        self.logs.dropped()
    }
}

impl<V: Measure> Observability<V> {
    /// Takes in the current value of something.
    pub fn record(
        &mut self,
        now: Time,
        name: Name,
        value: V,
        tags: IndexMap<String, String>,
    ) -> Recorded {
        self.measure(now, name, Instrument::Gauge, value, tags)
    }

    /// Takes in a measurement. The first of a metric says what kind of instrument it is.
    pub fn measure(
        &mut self,
        now: Time,
        name: Name,
        instrument: Instrument,
        value: V,
        tags: IndexMap<String, String>,
    ) -> Recorded {
        self.metrics.measure(&self.config, (now, name, instrument), value, tags)
    }

    /// What the guide's map would hold: the latest value of a metric, whatever its labels. The guide
    /// itself cannot read one (OB-3).
    #[must_use]
    pub fn metric(&self, name: Name) -> Option<&Metric<V>> {
        self.metrics.latest(name)
    }

    /// The series of a metric in the order of their first value, the overflow last.
    pub fn series(&self, name: Name) -> impl Iterator<Item = &Metric<V>> {
        self.metrics.of(name)
    }

    /// The series of exactly these labels.
    #[must_use]
    pub fn labelled(&self, name: Name, tags: &IndexMap<String, String>) -> Option<&Metric<V>> {
        self.metrics.labelled(name, tags)
    }
}
