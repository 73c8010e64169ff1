//! Spans: what was called when, for whom, and as part of what.
//!
//! A span of the guide is known by the instant it starts, so that spans of one instant overwrite
//! each other (SC-7); it is part of nothing and has no status (SC-8); nothing is ever dropped (SC-9),
//! and the order of all of them is random (SC-11; here it is that of their start). `hardened` follows
//! OpenTelemetry: unique ids that are not zero, parents, a status, and a bound.
//! What is *not* here: what a trace is; its name comes and goes as given.
//!
//! ```
//! use brownout_models::policy::{SpanStart, SpanStatus, SpanTable, TelemetryConfig};
//! use brownout_models::{Name, Time};
//!
//! let mut spans = SpanTable::new(&TelemetryConfig::hardened(), 7);
//! let call = spans.begin(Time::ZERO, SpanStart::new(Name(0), Name(1)));
//! let attempt = SpanStart { parent: Some(call.id()), attempt: Some(1), ..SpanStart::new(Name(0), Name(1)) };
//! let attempt = spans.begin(Time::ZERO, attempt);
//! spans.end(Time::from_nanos(5), attempt, SpanStatus::Ok);
//! assert_eq!(spans.iter().filter(|span| span.parent == Some(call.id())).count(), 1);
//! ```

use std::collections::BTreeMap;

use serde::Serialize;

use crate::policy::telemetry::{Parents, SpanIds, TelemetryConfig};
use crate::{Capacity, Name, Time};

/// The id of a span: eight bytes, not all zero, shown in hexadecimal (W3C trace context).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct SpanId(pub u64);

impl std::fmt::Display for SpanId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What is known of a span when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanStart {
    /// The trace that it belongs to.
    pub trace: Name,
    /// What is called.
    pub operation: Name,
    /// The span that it is part of.
    pub parent: Option<SpanId>,
    /// Which attempt it is, where it is one.
    pub attempt: Option<u32>,
}

impl SpanStart {
    /// A span that is part of nothing.
    #[must_use]
    pub const fn new(trace: Name, operation: Name) -> Self {
        Self { trace, operation, parent: None, attempt: None }
    }
}

/// How a span ended, in OpenTelemetry's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SpanStatus {
    /// Nobody says: it is in progress, or what it was for did not matter any more.
    Unset,
    /// Badly.
    Error,
    /// Well.
    Ok,
}

/// One span as the table shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SpanRecord {
    /// Its id.
    pub id: SpanId,
    /// The span that it is part of.
    pub parent: Option<SpanId>,
    /// The trace it was started for.
    pub trace: Name,
    /// What was called.
    pub operation: Name,
    /// Which attempt it is, where it is one.
    pub attempt: Option<u32>,
    /// When it started.
    pub start: Time,
    /// Nothing while it is in progress.
    pub end: Option<Time>,
    /// How it ended.
    pub status: SpanStatus,
}

/// Names one started span, also after another overwrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SpanTicket {
    key: u64,
    number: u64,
    id: SpanId,
}

impl SpanTicket {
    /// The id of the span, for those that are part of it.
    #[must_use]
    pub const fn id(self) -> SpanId {
        self.id
    }
}

/// All spans that are kept, in the order of their start.
#[derive(Clone, Debug, Serialize)]
pub struct SpanTable {
    ids: SpanIds,
    parents: Parents,
    capacity: Capacity,
    origin: u32,
    spans: BTreeMap<u64, (u64, SpanRecord)>,
    begun: u64,
    dropped: u64,
}

impl SpanTable {
    /// An empty table; no two tables of one system have the same `origin`.
    #[must_use]
    pub fn new(config: &TelemetryConfig, origin: u32) -> Self {
        Self {
            ids: config.span_ids,
            parents: config.parents,
            capacity: config.spans_max,
            origin,
            spans: BTreeMap::new(),
            begun: 0,
            dropped: 0,
        }
    }

    /// Tells this table from the others of its system, before its first span.
    pub const fn set_origin(&mut self, origin: u32) {
        self.origin = origin;
    }

    /// Starts a span; with ids of the clock in the place of any other of the same instant.
    pub fn begin(&mut self, now: Time, start: SpanStart) -> SpanTicket {
        let number = self.begun;
        self.begun = self.begun.saturating_add(1);
        let (key, id) = match self.ids {
            SpanIds::Clock => (now.as_nanos(), now.as_nanos()),
            SpanIds::Unique => (number, mixed(u64::from(self.origin) + 1, number)),
        };
        let SpanStart { trace, operation, parent, attempt } = start;
        let parent = match self.parents {
            Parents::Kept => parent,
            Parents::Dropped => None,
        };
        let id = SpanId(id);
        let (end, status) = (None, SpanStatus::Unset);
        let record = SpanRecord { id, parent, trace, operation, attempt, start: now, end, status };
        if !self.capacity.has_room_beside(self.spans.len()) && !self.spans.contains_key(&key) {
            self.spans.pop_first();
            self.dropped = self.dropped.saturating_add(1);
        }
        self.spans.insert(key, (number, record));
        SpanTicket { key, number, id }
    }

    /// Ends a span; one that was overwritten or dropped ends unseen.
    pub fn end(&mut self, now: Time, ticket: SpanTicket, status: SpanStatus) {
        if let Some((number, record)) = self.spans.get_mut(&ticket.key)
            && *number == ticket.number
        {
            record.end = Some(now);
            if self.parents == Parents::Kept {
                record.status = status;
            }
        }
    }

    /// The spans that are left, in the order of their start.
    pub fn iter(&self) -> impl Iterator<Item = &SpanRecord> {
        self.spans.values().map(|(_, record)| record)
    }

    /// Spans that made room for others.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Forgets every span, but not how many there were: the ids of a new life are new. (In life they
    /// are random, and a restart does not repeat them either.)
    pub fn clear(&mut self) {
        self.spans.clear();
    }
}

/// A number that differs for every pair below 2^24 and 2^40, and is not zero: the finalizer of
/// `SplitMix64`, which is a bijection that keeps zero (Steele, Lea, Flood, 2014).
const fn mixed(origin: u64, number: u64) -> u64 {
    let mut id = (origin << 40) + (number & ((1 << 40) - 1));
    id = (id ^ (id >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    id = (id ^ (id >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    id ^ (id >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(trace: u32) -> SpanStart {
        SpanStart::new(Name(trace), Name(9))
    }

    #[test]
    fn the_guides_spans_of_one_instant_overwrite_each_other() {
        let mut table = SpanTable::new(&TelemetryConfig::guide(), 0);
        let first = table.begin(Time::ZERO, span(0));
        let second = table.begin(Time::ZERO, span(1));
        table.begin(Time::from_nanos(1), span(2));
        table.end(Time::from_nanos(5), first, SpanStatus::Ok);
        assert_eq!(table.iter().map(|span| span.trace).collect::<Vec<_>>(), [Name(1), Name(2)]);
        assert!(table.iter().all(|span| span.end.is_none()));
        table.end(Time::from_nanos(6), second, SpanStatus::Ok);
        let ends = table.iter().map(|span| span.end).collect::<Vec<_>>();
        assert_eq!(ends, [Some(Time::from_nanos(6)), None]);
        assert!(table.iter().all(|span| span.status == SpanStatus::Unset), "SC-8");
    }

    #[test]
    fn hardened_spans_of_one_instant_are_all_there_with_parents_and_status() {
        let mut table = SpanTable::new(&TelemetryConfig::hardened(), 0);
        let first = table.begin(Time::ZERO, span(0));
        let child = SpanStart { parent: Some(first.id()), attempt: Some(1), ..span(0) };
        let second = table.begin(Time::ZERO, child);
        table.end(Time::from_nanos(3), second, SpanStatus::Error);
        table.end(Time::from_nanos(4), first, SpanStatus::Ok);
        let spans: Vec<_> = table.iter().collect();
        assert_eq!(spans.len(), 2);
        assert_ne!(spans[0].id, spans[1].id);
        assert_eq!((spans[0].parent, spans[1].parent), (None, Some(first.id())));
        assert_eq!((spans[0].status, spans[1].status), (SpanStatus::Ok, SpanStatus::Error));
        assert_eq!(spans[1].attempt, Some(1));
    }

    #[test]
    fn the_oldest_span_makes_room_and_ends_unseen() {
        let config =
            TelemetryConfig { spans_max: Capacity::AtMost(2), ..TelemetryConfig::hardened() };
        let mut table = SpanTable::new(&config, 0);
        let tickets = [0, 1, 2].map(|trace| table.begin(Time::ZERO, span(trace)));
        table.end(Time::from_nanos(1), tickets[0], SpanStatus::Ok);
        assert_eq!(table.iter().map(|span| span.trace).collect::<Vec<_>>(), [Name(1), Name(2)]);
        assert!(table.iter().all(|span| span.end.is_none()));
        assert_eq!(table.dropped(), 1);
        let clock = TelemetryConfig { span_ids: SpanIds::Clock, ..config };
        let mut table = SpanTable::new(&clock, 0);
        for at in [0, 1, 1] {
            table.begin(Time::from_nanos(at), span(0));
        }
        assert_eq!(table.dropped(), 0, "what overwrites needs no room");
    }

    #[test]
    fn ids_are_unique_across_lives_and_tables_and_never_zero() {
        let mut ids = std::collections::BTreeSet::new();
        for origin in 0..4 {
            let mut table = SpanTable::new(&TelemetryConfig::hardened(), origin);
            for life in 0..2_u64 {
                for _ in 0..1_000 {
                    ids.insert(table.begin(Time::from_nanos(life), span(0)).id());
                }
                table.clear();
                assert_eq!(table.iter().count(), 0);
            }
        }
        assert_eq!(ids.len(), 8_000);
        assert!(!ids.contains(&SpanId(0)));
        assert_eq!(SpanId(10).to_string(), "000000000000000a");
    }

    /// The published generator adds a constant to its seed and mixes the sum: the first words from the
    /// seeds 0 and 1,234,567.
    #[test]
    fn the_mix_is_the_one_of_split_mix() {
        let first = |seed: u64| {
            let sum = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            mixed(sum >> 40, sum)
        };
        assert_eq!(first(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(first(1_234_567), 6_457_827_717_110_365_317);
    }
}
