//! Where two runs part, and what each of them does from there.

use brownout_models::{Fact, Time};
use indexmap::IndexMap;

use super::lines::counted;
use super::{Styles, TraceText, Words};
use crate::kernel::Entry;
use crate::run::Run;

/// At most this many entries of each run are shown.
const LINES_MAX: usize = 16;

/// At most this many pieces of work are named.
const NAMED_MAX: usize = 3;

/// An entry in words that mean the same in another run, and in another scenario.
type Told<'a> = (Time, &'a str, &'static str, String, String);

fn told<'a>(words: &Words<'a>, entry: &Entry<Fact>) -> Told<'a> {
    let (node, flow) = (words.node(entry.node), words.flow(entry.flow));
    (entry.at, node, entry.what.kind(), words.what(entry), flow)
}

/// How many entries two runs share from their beginning; `None` when they share all of them. Both
/// must have kept their traces.
pub(crate) fn divergence(a: &Run, b: &Run) -> Option<usize> {
    let (words, others) = (Words::new(a.world()), Words::new(b.world()));
    let pairs = a.entries().zip(b.entries());
    let shared = pairs.take_while(|(one, other)| told(&words, one) == told(&others, other)).count();
    let is_all = a.entries().nth(shared).is_none() && b.entries().nth(shared).is_none();
    (!is_all).then_some(shared)
}

/// What a run does from the entry of this number on, in this piece of work or in all of them.
pub(crate) fn what_follows(run: &Run, at: usize, flow: Option<&str>, styles: Styles) -> String {
    let violated = run.violation.as_ref().and_then(|violation| violation.seq);
    let trace = TraceText::new(run.world(), styles).marking(violated);
    let trace = if flow.is_some() { trace.without_flows() } else { trace };
    let is_about =
        |entry: &&Entry<Fact>| flow.is_none_or(|flow| run.world().flow_name(entry.flow) == flow);
    let mut text = String::new();
    let mut following = run.entries().skip(at).filter(is_about);
    for entry in following.by_ref().take(LINES_MAX) {
        text.push_str(&trace.line(entry));
        text.push('\n');
    }
    let more = following.count() as u64;
    if text.is_empty() {
        text.push_str("  nothing more\n");
    } else if more > 0 {
        text.push_str(&format!("  .. and {}\n", counted(more, "entry more", "entries more")));
    }
    text
}

/// The piece of work in which a run does something at its entry of this number.
pub(crate) fn flow_at(run: &Run, at: usize) -> Option<String> {
    run.entries().nth(at).map(|entry| run.world().flow_name(entry.flow))
}

/// Which pieces of work go another way in two runs: how many, and the first of them.
pub(crate) fn parted(a: &Run, b: &Run) -> String {
    // One of them may have been stopped by its violation: what it would have done is not known.
    let until = a.at.min(b.at);
    let (stories, others) = (stories(a, until), stories(b, until));
    let differs = |name: &&String| stories.get(*name) != others.get(*name);
    let new = others.keys().filter(|name| !stories.contains_key(*name));
    let parted: Vec<&str> = stories.keys().filter(differs).chain(new).map(String::as_str).collect();
    let named = parted.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    let others = if parted.len() > NAMED_MAX { ", .." } else { "" };
    if parted.is_empty() {
        return format!("up to {until} every piece of work goes the same way");
    }
    let many = counted(parted.len() as u64, "piece of work goes", "pieces of work go");
    format!("up to {until} {many} another way: {named}{others}")
}

/// What happened to each piece of work before this time, and when.
fn stories(run: &Run, until: Time) -> IndexMap<String, Vec<(Time, String, String)>> {
    let words = Words::new(run.world());
    let mut stories: IndexMap<String, Vec<_>> = IndexMap::new();
    for entry in run.entries().filter(|entry| entry.at < until) {
        let (at, node, _, what, flow) = told(&words, entry);
        stories.entry(flow).or_default().push((at, node.to_owned(), what));
    }
    stories
}
