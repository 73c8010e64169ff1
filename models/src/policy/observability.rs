//! Central logs and metrics: everything is kept, little can be asked.
//!
//! Follows the guide's `ObservabilityPlatform` (lines 965-1036). A metric is its name: tags are
//! kept but tell nothing apart, and the last write wins without history (OB-2); logs are kept for
//! ever (OB-4) and found by exact service and exact level only, never by trace (OB-5).
//!
//! What is *not* here: the meaning of a value, which is the user's and comes back as given, and the
//! guide's lack of any lock (OB-1).
//!
//! ```
//! use brownout_models::policy::{Level, Observability};
//! use brownout_models::{Name, Time};
//!
//! let mut platform = Observability::<u64>::default();
//! platform.log(Time::ZERO, Name(0), "trace-1", "paid", Level::Warn);
//! assert_eq!(platform.query(Some(Name(0)), Some(Level::Error)).count(), 0, "WARN is not ERROR");
//! assert_eq!(platform.query(None, None).count(), 1);
//! ```

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{Name, Time};

/// How much a log entry matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// For who looks for a fault.
    Debug,
    /// The usual course.
    Info,
    /// Something to look after.
    Warn,
    /// Something failed.
    Error,
}

/// One line of log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// When it was logged.
    pub at: Time,
    /// How much it matters.
    pub level: Level,
    /// Who logged it.
    pub service: Name,
    /// For which trace; it cannot be asked for.
    pub trace: String,
    /// The text.
    pub message: String,
}

/// The last value of a metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Metric<V> {
    /// As given.
    pub value: V,
    /// When it was recorded.
    pub at: Time,
    /// As given with this value; they identify nothing.
    pub tags: IndexMap<String, String>,
}

/// All logs and metrics of a system.
#[derive(Clone, Debug, Serialize)]
pub struct Observability<V> {
    logs: Vec<LogEntry>,
    metrics: IndexMap<Name, Metric<V>>,
}

impl<V> Default for Observability<V> {
    fn default() -> Self {
        Self { logs: Vec::new(), metrics: IndexMap::new() }
    }
}

impl<V> Observability<V> {
    /// Keeps a line.
    pub fn log(&mut self, now: Time, service: Name, trace: &str, message: &str, level: Level) {
        let (trace, message) = (trace.to_owned(), message.to_owned());
        self.logs.push(LogEntry { at: now, level, service, trace, message });
    }

    /// The lines of exactly this service and level, each with its number; nothing means any.
    pub fn query(
        &self,
        service: Option<Name>,
        level: Option<Level>,
    ) -> impl Iterator<Item = (usize, &LogEntry)> {
        self.logs.iter().enumerate().filter(move |(_, entry)| {
            service.is_none_or(|service| entry.service == service)
                && level.is_none_or(|level| entry.level == level)
        })
    }

    /// Replaces the metric of this name, tags and all.
    pub fn record(&mut self, now: Time, name: Name, value: V, tags: IndexMap<String, String>) {
        self.metrics.insert(name, Metric { value, at: now, tags });
    }

    /// The last value of a metric; the guide itself cannot read one (OB-3).
    #[must_use]
    pub fn metric(&self, name: Name) -> Option<&Metric<V>> {
        self.metrics.get(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_services_match_exactly_and_numbers_count_all_lines() {
        let mut platform = Observability::<()>::default();
        for (service, level) in [(0, Level::Warn), (1, Level::Error), (0, Level::Error)] {
            platform.log(Time::ZERO, Name(service), "t", "m", level);
        }
        let numbers = |service, level| {
            platform.query(service, level).map(|(number, _)| number).collect::<Vec<_>>()
        };
        assert_eq!(numbers(Some(Name(0)), None), [0, 2]);
        assert_eq!(numbers(None, Some(Level::Error)), [1, 2]);
        assert_eq!(numbers(Some(Name(0)), Some(Level::Error)), [2]);
        assert_eq!(numbers(None, Some(Level::Debug)), []);
    }

    #[test]
    fn the_last_write_wins_whatever_its_tags() {
        let mut platform = Observability::default();
        let tags = |host: &str| IndexMap::from([("host".to_owned(), host.to_owned())]);
        platform.record(Time::ZERO, Name(0), 1, tags("a"));
        platform.record(Time::from_nanos(1), Name(0), 2, tags("b"));
        let last = Metric { value: 2, at: Time::from_nanos(1), tags: tags("b") };
        assert_eq!(platform.metric(Name(0)), Some(&last));
        assert_eq!(platform.metric(Name(1)), None);
    }
}
