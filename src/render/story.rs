//! How a violation came about: the last entries of the work that it was seen in.

use std::fmt::Write as _;

use brownout_models::Fact;
use brownout_models::contract::FlowId;

use super::{Styles, TraceText};
use crate::kernel::Entry;
use crate::run::Run;

/// At most this many lines, the last ones.
const LINES_MAX: usize = 40;

/// The last entries of the flow of a violation, or of everything when it was seen at the end of the
/// run. The run must have kept its trace. `None` when everything held.
///
/// Gives the text and the name of the flow.
#[must_use]
pub fn story(run: &Run, styles: Styles) -> Option<(String, Option<String>)> {
    let violation = run.violation.as_ref()?;
    let flow = run.entries().find(|entry| Some(entry.seq) == violation.seq).map(|entry| entry.flow);
    let entries: Vec<&Entry<Fact>> =
        run.entries().filter(|entry| flow.is_none_or(|flow| entry.flow == flow)).collect();
    let earlier = entries.len().saturating_sub(LINES_MAX);
    let name = flow.map(|flow: FlowId| run.world().flow_name(flow));
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
    Some((text, name))
}
