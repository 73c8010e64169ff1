//! The lines of a trace: a mark, the time, the node, the verb, the detail and, at the right margin,
//! the piece of work.
//!
//! Times are seconds to the microsecond, cut off; everything else stands in full, and what is too
//! long for its column runs over.

use std::fmt::Write as _;

use brownout_models::{Fact, Time};

use super::{Styles, Words};
use crate::kernel::{Entry, World};
use crate::system::Stock;

/// The column of nodes is as wide as the longest name, within reason.
const NODE_WIDTH_MAX: usize = 24;

/// Lays out entries in fixed columns.
#[derive(Clone, Copy, Debug)]
pub struct TraceText<'a> {
    words: Words<'a>,
    styles: Styles,
    time_width: usize,
    node_width: usize,
    flows: bool,
    marked: Option<u64>,
}

impl<'a> TraceText<'a> {
    /// Lays out what happened in a world.
    #[must_use]
    pub fn new(world: &'a World<Stock>, styles: Styles) -> Self {
        let names = world.layout().nodes.iter().map(|place| place.name.chars().count());
        let node_width = names.max().unwrap_or(0).min(NODE_WIDTH_MAX);
        let time_width = seconds(world.now()).len();
        Self { words: Words::new(world), styles, time_width, node_width, flows: true, marked: None }
    }

    /// Leaves the pieces of work out: there is only one.
    #[must_use]
    pub const fn without_flows(self) -> Self {
        Self { flows: false, ..self }
    }

    /// Marks the entry that showed the violation.
    #[must_use]
    pub const fn marking(self, seq: Option<u64>) -> Self {
        Self { marked: seq, ..self }
    }

    /// The line of an entry, without its end. Faults are marked with `!`, the violation with `>`.
    #[must_use]
    pub fn line(&self, entry: &Entry<Fact>) -> String {
        let mark = if self.marked == Some(entry.seq) {
            '>'
        } else if entry.what.is_fault() {
            '!'
        } else {
            ' '
        };
        let (styles, verb) = (&self.styles, entry.what.kind());
        let style = if mark == '>' { styles.fault } else { styles.of(&entry.what) };
        let (time, node) = (seconds(entry.at), self.words.node(entry.node));
        let detail = self.words.what(entry);
        let Self { time_width, node_width, .. } = *self;
        let (mark, verb) = (format!("{mark} "), format!("{verb:9} "));
        let node = format!("  {node:node_width$}  ");
        let dim = styles.dim;
        let mut line = format!("{style}{mark}{style:#}{dim}{time:>time_width$}{dim:#}{node}");
        let _ = write!(line, "{style}{verb}{detail}{style:#}");
        if self.flows {
            let flow = self.words.flow(entry.flow);
            let texts = [&*mark, &*node, &*verb, &*detail, &*flow].map(|text| text.chars().count());
            let taken = time_width + texts.iter().sum::<usize>();
            let gap = " ".repeat(styles.columns.saturating_sub(taken).max(2));
            let _ = write!(line, "{gap}{dim}{flow}{dim:#}");
        }
        line
    }
}

/// The time in seconds, to the microsecond, cut off.
pub(super) fn seconds(time: Time) -> String {
    let micros = shown(time) / 1_000;
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// The time as far as it is shown, in nanoseconds.
pub(super) const fn shown(time: Time) -> u64 {
    time.as_nanos() / 1_000 * 1_000
}
