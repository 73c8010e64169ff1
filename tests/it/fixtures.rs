//! The scenarios that other tests run: every fixture, and small ones written in place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use brownout::kernel::What;
use brownout::{Kinds, Run, Scenario};

/// The scenarios of `fixtures`, by stem.
pub(crate) fn all() -> Vec<(String, Scenario)> {
    paths().into_iter().map(|path| (stem(&path), Scenario::load(&path).unwrap())).collect()
}

/// The files of `fixtures`, in alphabetical order.
pub(crate) fn paths() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "ron")).collect();
    paths.sort();
    paths
}

pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// A scenario written in place.
pub(crate) fn scenario(text: &str) -> Scenario {
    Scenario::parse("test.ron", text, &Kinds::new()).unwrap_or_else(|error| panic!("{error}"))
}

/// A till that is asked again when it is silent, so that a lost reply doubles a payment: so many payments,
/// and these odds of a loss.
pub(crate) fn till(payments: u32, odds: &str) -> String {
    format!(
        r#"(
    version: 1,
    nodes: {{
        "till": Service(registered: false, handlers: {{ "pay": [Work("5ms"), Write(table: "paid")] }}),
        "proxy": Sidecar(attempt_timeout: "100ms", upstream: "till-1"),
        "shopper": Clients(
            arrivals: Every(period: "1s", count: {payments}),
            script: [Call(to: "proxy", method: "pay", timeout: "5s")],
        ),
    }},
    faults: [Lose(odds: "{odds}")],
    properties: [OncePerKey(name: "paid once", table: "paid")],
)"#
    )
}

/// What happened to each flow, by name: when, where and what, in names. Facts are left out: they
/// bear business keys, which depend on the order of the file.
pub(crate) fn stories(run: &Run) -> BTreeMap<String, Vec<String>> {
    let layout = run.world().layout();
    let mut stories: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in run.entries() {
        let what = match &entry.what {
            What::Noted(_) => continue,
            What::Wrote { amount, value, .. } => format!("write {amount} {value}"),
            What::Unwrote { amount, value, .. } => format!("unwrite {amount} {value}"),
            What::Unflushed { transactions } => format!("unflushed {transactions}"),
            What::Skewed { by, is_back } => format!("skew {by} {is_back}"),
            What::Drifted { until } => format!("drift {until}"),
            What::Started { life } => format!("start {life}"),
            What::Woke { .. } => "wake".to_owned(),
            What::Crashed { after } => format!("crash {after:?}"),
            What::Paused { until } => format!("pause {until}"),
            What::Slowed { until } => format!("slow {until}"),
            What::Partitioned { to, until } => {
                format!("partition {} {until}", layout.node_name(*to))
            }
            What::Overtook { passed } => format!("overtake {passed}"),
            What::Expired { to } => format!("expire {}", layout.node_name(*to)),
            What::Answered { from, kind, failure } => {
                let failure = failure.map_or("", |failure| failure.words());
                format!("answer {} {} {failure}", layout.node_name(*from), layout.kind_text(*kind))
            }
            What::Delivered { from: other, kind }
            | What::Lost { to: other, kind }
            | What::Delayed { to: other, kind, .. }
            | What::Duplicated { to: other, kind }
            | What::Dropped { from: other, kind }
            | What::Refused { from: other, kind }
            | What::Stale { from: other, kind }
            | What::Inherited { from: other, kind } => format!(
                "{} {} {}",
                entry.what.kind(),
                layout.node_name(*other),
                layout.kind_text(*kind)
            ),
        };
        let line = format!("{} {} {what}", entry.at, layout.node_name(entry.node));
        stories.entry(run.world().flow_name(entry.flow)).or_default().push(line);
    }
    stories
}
