//! How a violation came about: the last entries of the work that it was seen in.

use std::fmt::Write as _;

use brownout_models::Fact;
use brownout_models::contract::FlowId;

use super::{Styles, TraceText};
use crate::kernel::Entry;
use crate::run::Run;

/// At most this many lines, the last ones.
const LINES_MAX: usize = 40;

/// At most this many pieces of work are named.
const NAMED_MAX: usize = 3;

/// How a violation came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// A heading and the lines.
    pub text: String,
    /// The work that the violation was seen in; `None` when it was seen at the end of the run.
    pub flow: Option<String>,
    /// How many earlier entries were left out.
    pub earlier: usize,
}

/// The last entries of the work that a violation was seen in; of the work that faults struck, when it
/// was seen at the end of the run. The run must have kept its trace. `None` when everything held.
#[must_use]
pub fn story(run: &Run, styles: Styles) -> Option<Story> {
    let violation = run.violation.as_ref()?;
    let flow = run.entries().find(|entry| Some(entry.seq) == violation.seq).map(|entry| entry.flow);
    let name = flow.map(|flow| run.world().flow_name(flow));
    let flows = flow.map_or_else(|| struck(run), |flow| vec![flow]);
    let entries: Vec<&Entry<Fact>> =
        run.entries().filter(|entry| flows.is_empty() || flows.contains(&entry.flow)).collect();
    let earlier = entries.len().saturating_sub(LINES_MAX);
    let names: Vec<String> =
        flows.iter().map(|flow| run.world().flow_name(*flow)).take(NAMED_MAX).collect();
    let of = match flows.len() - names.len() {
        _ if flows.is_empty() => "the run".to_owned(),
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    };
    let strong = styles.strong;
    let mut text = match earlier {
        0 => format!("{strong}Everything in {of}{strong:#}"),
        _ => format!("{strong}The last {LINES_MAX} of {} entries of {of}{strong:#}", entries.len()),
    };
    let legend = if flow.is_some() { ", > the violation" } else { "" };
    let _ = writeln!(text, " (! marks a fault{legend}):");
    let trace = TraceText::new(run.world(), styles).marking(violation.seq);
    let trace = if flows.len() == 1 { trace.without_flows() } else { trace };
    for entry in &entries[earlier..] {
        text.push_str(&trace.line(entry));
        text.push('\n');
    }
    Some(Story { text, flow: name, earlier })
}

/// The work that faults struck, in the order of striking.
fn struck(run: &Run) -> Vec<FlowId> {
    let mut flows = Vec::new();
    for deviation in &run.applied {
        let started = u32::try_from(run.world().flows()).unwrap_or(u32::MAX);
        let mut all = (0..started).map(FlowId);
        let found = all.find(|flow| run.world().flow_name(*flow) == deviation.flow);
        flows.extend(found.filter(|flow| !flows.contains(flow)));
    }
    flows
}
