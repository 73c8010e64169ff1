//! Lines of log: which are kept, and which are found.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{LevelMatch, LogOrder, ObservabilityConfig};
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
    /// When it happened.
    pub at: Time,
    /// How much it matters.
    pub level: Level,
    /// Who logged it.
    pub service: Name,
    /// For which trace.
    pub trace: String,
    /// The text.
    pub message: String,
}

/// Which lines are asked for; whatever is left out may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Of this service.
    pub service: Option<Name>,
    /// Of this level, or at least of it.
    pub level: Option<Level>,
    /// Of this trace.
    pub trace: Option<String>,
    /// Of this instant or later.
    pub from: Option<Time>,
    /// Before this instant.
    pub until: Option<Time>,
}

impl LogQuery {
    fn finds(&self, entry: &LogEntry, levels: LevelMatch) -> bool {
        let of_level = |level| match levels {
            LevelMatch::Exact => entry.level == level,
            LevelMatch::Minimum => entry.level >= level,
        };
        self.service.is_none_or(|service| entry.service == service)
            && self.level.is_none_or(of_level)
            && self.trace.as_ref().is_none_or(|trace| entry.trace == *trace)
            && self.from.is_none_or(|from| entry.at >= from)
            && self.until.is_none_or(|until| entry.at < until)
    }
}

/// All lines that are kept, in the order in which they arrived.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Logs {
    lines: VecDeque<(usize, LogEntry)>,
    arrived: usize,
    /// Made room for later ones.
    evicted: u64,
    /// Below the least level.
    refused: u64,
}

impl Logs {
    pub(super) fn take_in(&mut self, config: &ObservabilityConfig, entry: LogEntry) {
        let number = self.arrived;
        self.arrived = self.arrived.saturating_add(1);
        if entry.level < config.log_level {
            self.refused = self.refused.saturating_add(1);
            return;
        }
        if !config.logs_max.has_room_beside(self.lines.len()) {
            self.lines.pop_front();
            self.evicted = self.evicted.saturating_add(1);
        }
        self.lines.push_back((number, entry));
    }

    pub(super) fn find(
        &self,
        config: &ObservabilityConfig,
        query: &LogQuery,
    ) -> Vec<(usize, &LogEntry)> {
        let lines = self.lines.iter().map(|(number, entry)| (*number, entry));
        let mut found: Vec<_> =
            lines.filter(|(_, entry)| query.finds(entry, config.level_match)).collect();
        match config.log_order {
            LogOrder::Arrival => {}
            LogOrder::EventTime => found.sort_by_key(|(number, entry)| (entry.at, *number)),
        }
        found
    }

    pub(super) const fn dropped(&self) -> (u64, u64) {
        (self.evicted, self.refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Capacity;
    use crate::policy::{Observability, ObservabilityConfig};

    fn entry(at: u64, level: Level, trace: &str) -> LogEntry {
        let (at, trace, message) = (Time::from_nanos(at), trace.to_owned(), String::new());
        LogEntry { at, level, service: Name(0), trace, message }
    }

    fn numbers(platform: &Observability<()>, query: &LogQuery) -> Vec<usize> {
        platform.query(query).map(|(number, _)| number).collect()
    }

    #[test]
    fn the_guides_levels_and_services_match_exactly_and_numbers_count_all_lines() {
        let mut platform = Observability::<()>::default();
        for (service, level) in [(0, Level::Warn), (1, Level::Error), (0, Level::Error)] {
            platform.log(Time::ZERO, Name(service), "t", "m", level);
        }
        let of = |service: Option<u32>, level| {
            let query = LogQuery { service: service.map(Name), level, ..LogQuery::default() };
            numbers(&platform, &query)
        };
        assert_eq!(of(Some(0), None), [0, 2]);
        assert_eq!(of(None, Some(Level::Error)), [1, 2]);
        assert_eq!(of(Some(0), Some(Level::Error)), [2]);
        assert_eq!(of(None, Some(Level::Debug)), []);
        assert_eq!(of(None, Some(Level::Warn)), [0], "an error is no warning (OB-5)");
    }

    #[test]
    fn a_hardened_query_finds_lines_by_any_field_in_the_order_of_their_time() {
        let mut platform = Observability::<()>::new(ObservabilityConfig::hardened());
        for line in [
            entry(30, Level::Error, "a"),
            entry(10, Level::Warn, "b"),
            entry(20, Level::Debug, "a"),
            entry(10, Level::Info, "a"),
        ] {
            platform.take_in(line);
        }
        assert_eq!(
            numbers(&platform, &LogQuery::default()),
            [1, 3, 0],
            "2 is below the least level"
        );
        let warn = LogQuery { level: Some(Level::Warn), ..LogQuery::default() };
        assert_eq!(numbers(&platform, &warn), [1, 0]);
        let trace = LogQuery { trace: Some("a".to_owned()), ..LogQuery::default() };
        assert_eq!(numbers(&platform, &trace), [3, 0]);
        let range = |from, until| LogQuery {
            from: Some(Time::from_nanos(from)),
            until: Some(Time::from_nanos(until)),
            ..LogQuery::default()
        };
        assert_eq!(numbers(&platform, &range(10, 30)), [1, 3]);
        assert_eq!(numbers(&platform, &range(11, 31)), [0]);
        assert_eq!(platform.lines_dropped(), (0, 1));
    }

    #[test]
    fn the_line_that_arrived_first_makes_room() {
        let logs_max = Capacity::AtMost(2);
        let config = ObservabilityConfig { logs_max, ..ObservabilityConfig::hardened() };
        let mut platform = Observability::<()>::new(config);
        for at in [3, 1, 2] {
            platform.take_in(entry(at, Level::Error, "t"));
        }
        assert_eq!(numbers(&platform, &LogQuery::default()), [1, 2]);
        assert_eq!(platform.lines_dropped(), (1, 0));
    }
}
