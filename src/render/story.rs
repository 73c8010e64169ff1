//! How a violation came about: the last entries of the work that it was seen in.

use std::fmt::Write as _;

use brownout_models::Fact;

use super::{Styles, TraceText};
use crate::kernel::Entry;
use crate::run::Run;

/// At most this many lines, the last ones.
const LINES_MAX: usize = 40;

/// How a violation came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// A heading and the lines.
    pub text: String,
    /// The work that the violation was seen in; `None` when it was seen at the end of the run, and
    /// the lines are those of everything.
    pub flow: Option<String>,
    /// How many earlier entries were left out.
    pub earlier: usize,
}

/// The last entries of the work that a violation was seen in. The run must have kept its trace.
/// `None` when everything held.
#[must_use]
pub fn story(run: &Run, styles: Styles) -> Option<Story> {
    let violation = run.violation.as_ref()?;
    let flow = run.entries().find(|entry| Some(entry.seq) == violation.seq).map(|entry| entry.flow);
    let entries: Vec<&Entry<Fact>> =
        run.entries().filter(|entry| flow.is_none_or(|flow| entry.flow == flow)).collect();
    let earlier = entries.len().saturating_sub(LINES_MAX);
    let name = flow.map(|flow| run.world().flow_name(flow));
    let of = name.as_deref().unwrap_or("the run");
    let strong = styles.strong;
    let mut text = match earlier {
        0 => format!("{strong}Everything in {of}{strong:#}"),
        _ => format!("{strong}The last {LINES_MAX} of {} entries of {of}{strong:#}", entries.len()),
    };
    let legend = if flow.is_some() { ", > the violation" } else { "" };
    let _ = writeln!(text, " (! marks a fault{legend}):");
    let trace = TraceText::new(run.world(), styles).marking(violation.seq);
    let trace = if flow.is_some() { trace.without_flows() } else { trace };
    for entry in &entries[earlier..] {
        text.push_str(&trace.line(entry));
        text.push('\n');
    }
    Some(Story { text, flow: name, earlier })
}
