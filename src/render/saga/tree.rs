//! The tree of one saga: a line that says how it ended, and one for each of its acts, in columns.

use std::fmt::Write as _;

use anstyle::Style;
use brownout_models::Time;

use super::history::{Act, End, Execution, Tries};
use crate::kernel::World;
use crate::render::lines::counted;
use crate::render::summary::brief;
use crate::render::trace::seconds;
use crate::render::{Styles, Words};
use crate::system::Stock;

/// What a line has left of its columns: two of the tree, and the gaps between the others.
const GAP: usize = 2;

/// However long the rest of its line is, so much of a label stands.
const LABEL_WIDTH_MIN: usize = 12;

/// A line of a tree.
struct Row {
    label: String,
    outcome: &'static str,
    style: Style,
    at: Option<Time>,
    detail: String,
}

/// The tree of a saga, each line with its end. Times are those of the trace.
pub(super) fn tree(saga: &Execution, world: &World<Stock>, styles: Styles) -> String {
    let mut text = heading(saga, world, styles);
    let acts = saga.acts.iter().map(|act| row(saga, act, world, styles));
    let rows: Vec<Row> = acts.chain(under_way(saga, world)).collect();
    let widest = |part: fn(&Row) -> usize| rows.iter().map(part).max().unwrap_or(0);
    let outcome_width = widest(|row| row.outcome.chars().count());
    let time_width = widest(|row| row.at.map_or(0, |at| seconds(at).len()));
    let detail_width = widest(|row| row.detail.chars().count());
    let taken = 3 + GAP + outcome_width + GAP + time_width + GAP + detail_width;
    let label_width = widest(|row| row.label.chars().count())
        .min(styles.columns.saturating_sub(taken).max(LABEL_WIDTH_MIN));
    let (last, dim) = (rows.len().saturating_sub(1), styles.dim);
    for (number, row) in rows.iter().enumerate() {
        let branch = if number == last { "└─" } else { "├─" };
        let label = cut(&row.label, label_width);
        let Row { outcome, style, .. } = row;
        let _ = write!(text, "{dim}{branch}{dim:#} {label:label_width$}  ");
        let at = row.at.map(seconds).unwrap_or_default();
        let rest = match (at.is_empty(), row.detail.is_empty()) {
            (true, true) => String::new(),
            (false, true) => format!("{dim}{at:>time_width$}{dim:#}"),
            (_, false) => format!("{dim}{at:>time_width$}{dim:#}  {}", row.detail),
        };
        let _ = if rest.is_empty() {
            writeln!(text, "{style}{outcome}{style:#}")
        } else {
            writeln!(text, "{style}{outcome:outcome_width$}{style:#}  {rest}")
        };
    }
    text
}

/// What saga of what work it is, and what became of it; in two lines where one is too long.
fn heading(saga: &Execution, world: &World<Stock>, styles: Styles) -> String {
    let (name, work) = (Words::new(world).name(saga.saga), world.flow_name(saga.flow));
    let (strong, title) = (styles.strong, format!("saga {name} of {work}"));
    let after = |at: Time| brief(at.since(saga.began));
    let (style, words) = match saga.end {
        End::Committed(at) => (styles.good, format!("committed after {}", after(at))),
        End::Compensated(at) if saga.has_residue() => {
            (styles.fault, format!("says that it rolled back, after {}", after(at)))
        }
        End::Compensated(at) if !saga.has_undone() => {
            (styles.fact, format!("rolled back after {}, nothing undone", after(at)))
        }
        End::Compensated(at) => (styles.fact, format!("compensated after {}", after(at))),
        End::NeedsIntervention(at) => {
            (styles.fault, format!("needs intervention after {}", after(at)))
        }
        End::Lost(at) => (styles.fault, format!("lost in the crash at {}", seconds(at))),
        End::Unfinished => (styles.bad, "unfinished".to_owned()),
    };
    let width = title.chars().count() + 2 + words.chars().count();
    let gap = if width > styles.columns { "\n  " } else { " " };
    format!("{strong}{title}:{strong:#}{gap}{style}{words}{style:#}\n")
}

fn row(saga: &Execution, act: &Act, world: &World<Stock>, styles: Styles) -> Row {
    match act {
        Act::Step(tries) => tries_row(tries, world, styles),
        Act::Crashed { life, at } => Row {
            label: world.layout().node_name(saga.node).to_owned(),
            outcome: "crashed",
            style: styles.fault,
            at: Some(*at),
            detail: format!("in life {life}"),
        },
        Act::Resumed { life, at } => Row {
            label: world.layout().node_name(saga.node).to_owned(),
            outcome: "resumed",
            style: styles.fact,
            at: Some(*at),
            detail: format!("by life {life}"),
        },
        Act::Joined { requests, at } => Row {
            label: "asked again".to_owned(),
            outcome: "joined",
            style: styles.fact,
            at: Some(*at),
            detail: match requests {
                0 | 1 => String::new(),
                _ => counted(u64::from(*requests), "request", "requests"),
            },
        },
    }
}

fn tries_row(tries: &Tries, world: &World<Stock>, styles: Styles) -> Row {
    let label = label(tries.step, Words::new(world).name(tries.name));
    let (label, outcome, style) = match (tries.compensation, tries.failure) {
        (false, None) => (label, "done", styles.good),
        (false, Some(_)) => (label, "failed", styles.bad),
        (true, None) => (format!("undo {label}"), "compensated", styles.fact),
        (true, Some(_)) => (format!("undo {label}"), "failed", styles.fault),
    };
    let attempts = counted(u64::from(tries.attempts), "attempt", "attempts");
    let detail = match (tries.failure, tries.attempts) {
        (None, 0 | 1) => String::new(),
        (None, _) => attempts,
        (Some(failure), 0 | 1) => failure.words().to_owned(),
        (Some(failure), _) => format!("{}, {attempts}", failure.words()),
    };
    Row { label, outcome, style, at: Some(tries.at), detail }
}

/// The step under way, where its orchestrator has one of this number.
fn under_way(saga: &Execution, world: &World<Stock>) -> Option<Row> {
    let step = saga.under_way()?;
    let Some(Stock::Saga(orchestrator)) = world.machine(saga.node) else { return None };
    let name = orchestrator.step_at(step)?.name;
    let label = label(step, Words::new(world).name(name));
    let (style, at, detail) = (Style::new(), None, String::new());
    Some(Row { label, outcome: "under way", style, at, detail })
}

fn label(step: u32, name: &str) -> String {
    format!("{} {name}", step.saturating_add(1))
}

/// A text of at most so many columns; `..` stands for what is cut off.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(2)).chain("..".chars()).collect()
}
