//! How a violation came about: the entries of the work that it was seen in, and of the work that was
//! struck by what led there.

use std::fmt::Write as _;

use brownout_models::Fact;
use brownout_models::contract::FlowId;
use indexmap::IndexSet;

use super::saga::last_trees;
use super::{Styles, TraceText};
use crate::kernel::Entry;
use crate::run::Run;

/// At most this many entries.
const LINES_MAX: usize = 40;

/// At most this many pieces of work are named.
const NAMED_MAX: usize = 3;

/// At most this many faults are shown that are not among the last entries: the last ones.
const FAULTS_MAX: usize = 5;

/// At most this many entries of the work that the violation is about are shown that are not among the
/// last ones: the last of them, which say how it ended.
const ABOUT_MAX: usize = 20;

/// So many entries before a fault are shown with it, and so many after it.
const AROUND: (usize, usize) = (1, 2);

/// How a violation came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// A heading and the lines.
    pub text: String,
    /// The only work that it is about; `None` when it is about several pieces, or about none.
    pub flow: Option<String>,
    /// How many entries were left out.
    pub omitted: usize,
    /// The sagas of the same work as trees, at most the last three, after an empty line; empty when
    /// there is none.
    pub sagas: String,
}

/// The entries of the work that a violation was seen in, or is about, and of the work that faults
/// struck: the last ones, and before them the first work's own and the faults. The run must have kept its trace. `None` when
/// everything held.
#[must_use]
pub fn story(run: &Run, styles: Styles) -> Option<Story> {
    let violation = run.violation.as_ref()?;
    let names = names(run);
    let flows = flows(run, &names);
    let entries: Vec<&Entry<Fact>> =
        run.entries().filter(|entry| flows.is_empty() || flows.contains(&entry.flow)).collect();
    let about = violation
        .flow_name(run.world())
        .and_then(|about| flows.iter().copied().find(|flow| run.world().flow_name(*flow) == about));
    let shown = shown(&entries, about);
    let omitted = entries.len() - shown.len();
    let is_tail = shown.first() == Some(&omitted);
    let named: Vec<&str> = names.iter().take(NAMED_MAX).map(String::as_str).collect();
    let of = match names.len() - named.len() {
        _ if names.is_empty() => "the run".to_owned(),
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    };
    let (strong, all, few) = (styles.strong, entries.len(), shown.len());
    let heading = match omitted {
        0 => format!("Everything in {of}"),
        _ if is_tail => format!("The last {few} of {all} entries of {of}"),
        _ => format!("{few} of {all} entries of {of}"),
    };
    let legend = if violation.seq.is_some() { ", > the violation" } else { "" };
    let mut text = format!("{strong}{heading}{strong:#} (! marks a fault{legend}):\n");
    let trace = TraceText::new(run.world(), styles).marking(violation.seq);
    let trace = if flows.len() == 1 { trace.without_flows() } else { trace };
    let mut next = if is_tail { omitted } else { 0 };
    for at in shown {
        if at != next {
            text.push_str("  ..\n");
        }
        next = at + 1;
        let _ = writeln!(text, "{}", trace.line(entries[at]));
    }
    let only = names.len() == 1;
    let sagas = last_trees(run, |flow| flows.is_empty() || flows.contains(&flow), styles);
    Some(Story { text, flow: names.into_iter().next().filter(|_| only), omitted, sagas })
}

/// The work to show, by name: first what the violation is about. Where faults strike by chance and
/// one struck that, the others are noise. Where it is about no piece of work and nothing struck, the
/// load that the plan says is needed.
fn names(run: &Run) -> IndexSet<String> {
    let about = run.violation.as_ref().and_then(|violation| violation.flow_name(run.world()));
    let struck = || run.applied.iter().map(|deviation| deviation.flow.clone());
    let is_explained = about.as_ref().is_some_and(|about| struck().any(|flow| flow == *about));
    let others = struck().filter(|_| !(run.plan.random_faults && is_explained));
    let names: IndexSet<String> = about.into_iter().chain(others).collect();
    if names.is_empty() { run.plan.load.iter().flatten().cloned().collect() } else { names }
}

/// The same as the trace has it.
fn flows(run: &Run, names: &IndexSet<String>) -> IndexSet<FlowId> {
    let started = u32::try_from(run.world().flows()).unwrap_or(u32::MAX);
    let all = (0..started).map(FlowId).filter(|_| !names.is_empty());
    all.filter(|flow| names.contains(&run.world().flow_name(*flow))).collect()
}

/// Which entries are shown: the last ones, and before them the last of the work that the violation is
/// about, and the last faults and what is around them.
fn shown(entries: &[&Entry<Fact>], about: Option<FlowId>) -> Vec<usize> {
    if entries.len() <= LINES_MAX {
        return (0..entries.len()).collect();
    }
    let (before, after) = AROUND;
    let around_most = FAULTS_MAX * (1 + before + after);
    let tail = entries.len() - LINES_MAX;
    // A fault among the entries that give way to earlier faults is one of those.
    let is_early = |at: &usize| *at < tail + around_most && entries[*at].what.is_fault();
    let early: Vec<usize> = (0..entries.len()).filter(is_early).collect();
    let is_about = |at: &usize| about == Some(entries[*at].flow);
    let own = (0..entries.len()).rev().filter(is_about).take(ABOUT_MAX);
    if early.iter().copied().chain(own.clone()).all(|at| at >= tail) {
        return (tail..entries.len()).collect();
    }
    let last = &early[early.len().saturating_sub(FAULTS_MAX)..];
    let mut shown: IndexSet<usize> = last
        .iter()
        .flat_map(|at| at.saturating_sub(before)..=(at + after).min(entries.len() - 1))
        .chain(own)
        .collect();
    for at in (0..entries.len()).rev() {
        if shown.len() >= LINES_MAX {
            break;
        }
        shown.insert(at);
    }
    shown.sort_unstable();
    shown.into_iter().collect()
}
