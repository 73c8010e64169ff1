//! A run by the periods that its faults make: how it went before them, while they lasted, and when they
//! were gone. A system that stays bad without a fault shows in the last ones what keeps it so.
//!
//! What is *not* here: any judgement. Everything is counted from entries of the trace.

use std::fmt::Write as _;

use brownout_models::contract::NodeId;
use brownout_models::{Fact, Map, Span, Time};
use serde::Serialize;

use super::Styles;
use super::lines::wrapped;
use crate::kernel::{Entry, What};
use crate::run::Run;

/// In so many periods of one length the time is told from the last fault to the last arrival.
const AFTERWARDS: u64 = 3;

/// Faults that are entries of the trace; of the others nobody can say from there when they struck.
const SEEN: [&str; 10] = [
    "lose",
    "delay",
    "duplicate",
    "tie",
    "crash",
    "pause",
    "partition",
    "slow",
    "successor",
    "unflushed",
];

/// What happened from one time to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Period {
    /// Where it lies: `before`, `during`, `after`, or `no load` once nobody arrives any more.
    name: &'static str,
    from_ns: u64,
    until_ns: u64,
    /// Work that clients began.
    asked: u64,
    /// Work of clients that succeeded.
    succeeded: u64,
    /// Attempts of sidecars.
    attempts: u64,
    /// How many of them were not the first of their call.
    retries: u64,
    /// Requests that services took up.
    taken_up: u64,
    /// Answers that came when nobody awaited them any more.
    in_vain: u64,
    /// The longest queue of a service that a request was put into, with this request.
    waiting: u64,
    /// Where that is.
    #[serde(skip)]
    busiest: Option<NodeId>,
}

/// A run by periods; nothing where no fault struck, or where the trace does not say when one did. The
/// run must have kept its trace.
pub(crate) fn periods(run: &Run) -> Vec<Period> {
    let Some((first, over)) = trouble(run) else { return Vec::new() };
    let is_asked = |entry: &&Entry<Fact>| matches!(entry.what, What::Noted(Fact::Asked { .. }));
    let last =
        run.entries().filter(is_asked).map(|entry| entry.at).last().unwrap_or(over).max(over);
    let part = Span::from_millis(last.since(over).as_nanos() / 1_000_000 / AFTERWARDS);
    let mut bounds = vec![("before", Time::ZERO), ("during", first), ("after", over)];
    bounds.extend([("after", over + part), ("after", over + part + part), ("no load", last)]);
    let ends: Vec<Time> = bounds.iter().skip(1).map(|(_, at)| *at).chain([run.at]).collect();
    let mut periods: Vec<Period> = bounds
        .into_iter()
        .zip(ends)
        .map(|((name, from), until)| Period::new(name, from, until))
        .collect();
    // An entry at a boundary belongs to what follows, the last arrival to what it ends.
    for entry in run.entries() {
        let at = entry.at.as_nanos();
        let is_in = |period: &&mut Period| {
            period.from_ns <= at && (period.name != "no load" || period.from_ns < at)
        };
        if let Some(period) = periods.iter_mut().rev().find(is_in) {
            period.see(entry);
        }
    }
    periods.retain(|period| period.from_ns < period.until_ns);
    periods
}

/// When the first fault struck, and when the last was over.
fn trouble(run: &Run) -> Option<(Time, Time)> {
    // Weather that a plan writes down is none of them.
    let mut faults = run.applied.iter().filter(|answer| !answer.is_weather());
    if !faults.all(|fault| SEEN.contains(&fault.what.as_str())) {
        return None;
    }
    let mut over = Time::ZERO;
    let mut down: Map<NodeId, ()> = Map::default();
    for entry in run.entries() {
        let until = match entry.what {
            What::Paused { until } | What::Slowed { until } | What::Partitioned { until, .. } => {
                until
            }
            What::Delayed { by, .. } => entry.at + by,
            What::Crashed { .. } => {
                down.insert(entry.node, ());
                entry.at
            }
            What::Started { .. } if down.swap_remove(&entry.node).is_some() => entry.at,
            What::Lost { .. }
            | What::Duplicated { .. }
            | What::Overtook { .. }
            | What::Inherited { .. }
            | What::Unflushed { .. } => entry.at,
            What::Skewed { .. } | What::Drifted { .. } => return None,
            What::Started { .. }
            | What::Delivered { .. }
            | What::Woke { .. }
            | What::Answered { .. }
            | What::Expired { .. }
            | What::Dropped { .. }
            | What::Refused { .. }
            | What::Stale { .. }
            | What::Wrote { .. }
            | What::Unwrote { .. }
            | What::Noted(_) => continue,
        };
        over = over.max(until);
    }
    let first = run.entries().find(|entry| entry.what.is_fault())?.at;
    let over = if down.is_empty() { over.min(run.at) } else { run.at };
    Some((first, over.max(first)))
}

impl Period {
    const fn new(name: &'static str, from: Time, until: Time) -> Self {
        Self {
            name,
            from_ns: from.as_nanos(),
            until_ns: until.as_nanos(),
            asked: 0,
            succeeded: 0,
            attempts: 0,
            retries: 0,
            taken_up: 0,
            in_vain: 0,
            waiting: 0,
            busiest: None,
        }
    }

    fn see(&mut self, entry: &Entry<Fact>) {
        if let What::Stale { .. } = entry.what {
            self.in_vain += 1;
        }
        let What::Noted(fact) = &entry.what else { return };
        if let Fact::Asked { .. } = fact {
            self.asked += 1;
        } else if let Fact::Ended { failure: None, .. } = fact {
            self.succeeded += 1;
        } else if let Fact::Attempt { attempt, .. } = fact {
            self.attempts += 1;
            self.retries += u64::from(*attempt > 1);
        } else if let Fact::Began { .. } = fact {
            self.taken_up += 1;
        } else if let Fact::Queued { waiting, .. } = fact
            && u64::from(*waiting) > self.waiting
        {
            (self.waiting, self.busiest) = (u64::from(*waiting), Some(entry.node));
        }
    }

    /// How often something happened in a second, on average, to a tenth.
    fn rate(&self, many: u64) -> String {
        let length = u128::from(self.until_ns.saturating_sub(self.from_ns)).max(1);
        let tenths = (u128::from(many) * 10_000_000_000 + length / 2) / length;
        format!("{}.{}", tenths / 10, tenths % 10)
    }

    fn span(&self) -> String {
        let [from, until] = [self.from_ns, self.until_ns].map(Time::from_nanos);
        format!("{from}..{until}")
    }
}

/// The periods of a run as a table; nothing where there are none.
pub(crate) fn periods_table(run: &Run, styles: Styles) -> String {
    /// Of a column.
    const WIDE: usize = 5;
    let periods = periods(run);
    if periods.is_empty() {
        return String::new();
    }
    let strong = styles.strong;
    let mut text = format!("{strong}The load by periods{strong:#}, on average in a second:\n");
    let width = periods.iter().map(|period| period.span().len()).max().unwrap_or(0);
    let heads = ["asked", "done", "tried", "again", "begun", "vain", "queue"];
    let _ = write!(text, "{:width$}", "", width = width + 11);
    for head in heads {
        let _ = write!(text, "  {head:>WIDE$}");
    }
    text.push('\n');
    for period in &periods {
        let Period { asked, succeeded, attempts, retries, taken_up, in_vain, .. } = *period;
        let _ = write!(text, "  {:7}  {:width$}", period.name, period.span());
        let rates = [asked, succeeded, attempts, retries, taken_up, in_vain];
        let values = rates.map(|many| period.rate(many));
        let values = values.into_iter().chain([period.waiting.to_string()]);
        for value in values {
            let _ = write!(text, "  {value:>WIDE$}");
        }
        text.push('\n');
    }
    let busiest = periods.iter().max_by_key(|period| period.waiting).and_then(|it| it.busiest);
    let at = busiest.map_or_else(String::new, |node| {
        format!(", the longest of all at {}", run.world().layout().node_name(node))
    });
    let legend = format!(
        "asked, done: work that clients began, and that succeeded; tried, again: attempts of \
         sidecars, and those that were not the first at their call; begun: requests that services took \
         up; vain: answers that nobody awaited any more; queue: the longest that a request was put into{at}"
    );
    text.push_str(&wrapped(&legend, 2, styles.columns));
    text
}
