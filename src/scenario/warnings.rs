//! What makes sense and is hardly what was meant: rules that never hold, options that nobody asks for.

mod claims;
mod steps;
mod times;

use std::sync::Arc;

use brownout_models::Profile;
use brownout_models::contract::NodeId;
use brownout_models::policy::dispatch::{DedupWindow, Groups};
use brownout_models::policy::{
    BalancerOptions, BulkheadOptions, DispatcherOptions, Limit, OutlierOptions,
};

use super::check::Check;
use super::diagnostic::{Diagnostic, Screen, render};
use super::file::{NodeFile, ScenarioFile};
use super::source::{Path, Source};
use crate::layout::{Fault, FaultRule, LinkSet, NodeSet};

/// The warnings about a scenario.
#[derive(Clone, Debug)]
pub struct Warnings {
    source: Arc<Source>,
    diagnostics: Vec<Diagnostic>,
}

impl Warnings {
    pub(super) fn new(source: &Source, diagnostics: Vec<Diagnostic>) -> Self {
        Self { source: Arc::new(source.clone()), diagnostics }
    }

    /// Each of them, in the order of the file.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The text that they are about.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// The warnings as a person reads them; nothing when there are none.
    #[must_use]
    pub fn render(&self, screen: impl Into<Screen>) -> String {
        render(&self.source, &self.diagnostics, screen)
    }
}

impl Check<'_> {
    /// Looks through a scenario that makes sense.
    pub(super) fn warn(&mut self, file: &ScenarioFile, faults: &[FaultRule]) {
        self.find_dead_rules(faults);
        self.find_durable(faults);
        let is_forgetful = |node: &NodeFile| match node {
            NodeFile::Broker(options) => {
                options.resolve(Profile::Guide).dedup_window == DedupWindow::Off
            }
            NodeFile::Registry(_)
            | NodeFile::Gateway(_)
            | NodeFile::Service(_)
            | NodeFile::Sidecar(_)
            | NodeFile::Saga(_)
            | NodeFile::Composition(_)
            | NodeFile::Deployment(_)
            | NodeFile::Clients(_)
            | NodeFile::Drill(_)
            | NodeFile::Own(_) => false,
        };
        let forgets = file.nodes.values().any(is_forgetful);
        for (name, node) in &file.nodes {
            let path = Path::root().field("nodes").key(name);
            self.find_idle_choices(&path, node);
            self.find_lonely_zone(&path, file, node);
            if let NodeFile::Service(service) = node {
                self.find_idle_bound(&path.field("bulkhead"), &service.bulkhead);
                for (method, steps) in &service.handlers {
                    let path = path.field("handlers").key(method);
                    self.look_through(&path, steps, forgets);
                    self.find_idle_flushes(&path, name, steps);
                }
            } else if let NodeFile::Clients(clients) = node {
                self.look_through(&path.field("script"), &clients.script, forgets);
                self.find_late_arrivals(&path.field("arrivals"), clients.arrivals, file.horizon);
            } else if let NodeFile::Gateway(gateway) = node {
                self.find_lost_routes(&path, gateway);
                self.find_idle_bound(&path.field("bulkhead"), &gateway.bulkhead);
            } else if let NodeFile::Broker(broker) = node {
                self.find_idle_groups(&path, broker);
                self.find_late_redrives(&path, broker, file.horizon);
            } else if let NodeFile::Deployment(deployment) = node {
                self.find_late_words(&path, deployment, file.horizon);
                self.find_lost_handlers(&path.field("candidate"), deployment, file);
            }
        }
        self.find_idle_weights(file);
        self.find_idle_claims(file);
        self.warnings.sort_by_key(|warning| warning.place.start);
    }

    /// Where groups are ignored, everybody gets everything.
    fn find_idle_groups(&mut self, path: &Path, broker: &DispatcherOptions) {
        if broker.resolve(Profile::Guide).groups == Groups::Compete {
            return;
        }
        for (index, subscription) in broker.subscriptions.iter().enumerate() {
            let Some(group) = &subscription.group else { continue };
            let path = path.field("subscriptions").index(index).field("group");
            let message =
                format!("the group `{group}` means nothing: every member gets everything");
            let warning = Diagnostic::warning(self.source.nearest(&path), message, "expected none");
            let help = "say `groups: Compete` of the broker, or leave the group out";
            self.warnings.push(warning.with_help(help));
        }
    }

    /// A log that is flushed at once loses nothing.
    fn find_durable(&mut self, faults: &[FaultRule]) {
        for (index, rule) in faults.iter().enumerate() {
            let Fault::Unflushed(nodes) = &rule.what else { continue };
            let flushes = |(number, place): (u32, &crate::layout::Place)| {
                nodes.holds(NodeId(number)) && self.flushes.contains_key(&place.store)
            };
            if (0..).zip(&self.places).any(flushes) {
                continue;
            }
            let place = self.source.nearest(&Path::root().field("faults").index(index));
            let message = "this fault never strikes: every log here is flushed at once";
            let label = "expected a service, broker or saga with a `flush`";
            let help = "say how long it takes to flush, `flush: \"200ms\"`, or remove the fault";
            self.warnings.push(Diagnostic::warning(place, message, label).with_help(help));
        }
    }

    /// The first rule that fits holds: one that an earlier one covers never does.
    fn find_dead_rules(&mut self, faults: &[FaultRule]) {
        let nodes = self.places.len();
        for (index, rule) in faults.iter().enumerate() {
            let covers = |earlier: &FaultRule| covers(&earlier.what, &rule.what, nodes);
            let Some(earlier) = faults[..index].iter().position(covers) else { continue };
            let path = |index| Path::root().field("faults").index(index);
            let (place, line) =
                (self.source.nearest(&path(index)), self.source.nearest(&path(earlier)).line);
            let message = "this fault never strikes: an earlier one of its kind covers all of it";
            let help = "the first that fits holds: write what is special before what is general";
            let warning = Diagnostic::warning(place, message, format!("covered by line {line}"));
            self.warnings.push(warning.with_help(help));
        }
    }

    /// A limit that adapts is bounded by what calls tell.
    fn find_idle_bound(&mut self, path: &Path, options: &BulkheadOptions) {
        let is_fixed = options.resolve(Profile::Guide).limit == Limit::Fixed;
        if is_fixed || options.max_concurrent.is_none() {
            return;
        }
        let place = self.source.nearest(&path.field("max_concurrent"));
        let message = "this bounds nothing: the limit is one that adapts";
        let help = "leave it out, and bound the limit itself: `max_limit`";
        let warning = Diagnostic::warning(place, message, "expected none beside such a `limit`");
        self.warnings.push(warning.with_help(help));
    }

    /// Where every call goes through a sidecar, the sidecar chooses.
    fn find_idle_choices(&mut self, path: &Path, node: &NodeFile) {
        let (sidecar, balancer, outlier) = match node {
            NodeFile::Service(file) => (&file.sidecar, &file.balancer, &file.outlier),
            NodeFile::Saga(file) => (&file.sidecar, &file.balancer, &file.outlier),
            NodeFile::Composition(file) => (&file.sidecar, &file.balancer, &file.outlier),
            NodeFile::Registry(_)
            | NodeFile::Gateway(_)
            | NodeFile::Sidecar(_)
            | NodeFile::Broker(_)
            | NodeFile::Deployment(_)
            | NodeFile::Clients(_)
            | NodeFile::Drill(_)
            | NodeFile::Own(_) => return,
        };
        let written = [
            ("balancer", *balancer != BalancerOptions::default()),
            ("outlier", *outlier != OutlierOptions::default()),
        ];
        for (field, _) in written.into_iter().filter(|(_, it)| sidecar.is_some() && *it) {
            let place = self.source.nearest(&path.field(field));
            let message = format!("this `{field}` is never asked: calls go through the sidecar");
            let help = format!("write it within `sidecar: (..)`: `sidecar: ({field}: (..))`");
            let warning = Diagnostic::warning(place, message, "expected none beside a sidecar");
            self.warnings.push(warning.with_help(help));
        }
    }
}

/// Whether a rule fits wherever another one does.
fn covers(earlier: &Fault, later: &Fault, nodes: usize) -> bool {
    match (earlier, later) {
        (Fault::Lose(wide), Fault::Lose(narrow))
        | (Fault::Duplicate(wide), Fault::Duplicate(narrow))
        | (Fault::Delay(wide, _), Fault::Delay(narrow, _)) => holds_links(wide, narrow, nodes),
        (Fault::Partition(wide, ..), Fault::Partition(narrow, ..)) => {
            holds_links(wide, narrow, nodes)
        }
        (Fault::Crash(wide, _), Fault::Crash(narrow, _))
        | (Fault::Pause(wide, _), Fault::Pause(narrow, _))
        | (Fault::Slow(wide, ..), Fault::Slow(narrow, ..))
        | (Fault::Silence(wide), Fault::Silence(narrow))
        | (Fault::Skew(wide, ..), Fault::Skew(narrow, ..))
        | (Fault::Drift(wide, ..), Fault::Drift(narrow, ..))
        | (Fault::Successor(wide), Fault::Successor(narrow))
        | (Fault::Unflushed(wide), Fault::Unflushed(narrow))
        | (Fault::Tie(wide), Fault::Tie(narrow)) => holds_nodes(wide, narrow, nodes),
        (Fault::Machine(wide, name), Fault::Machine(narrow, other)) => {
            name == other && holds_nodes(wide, narrow, nodes)
        }
        (
            Fault::Lose(_)
            | Fault::Duplicate(_)
            | Fault::Delay(..)
            | Fault::Crash(..)
            | Fault::Partition(..)
            | Fault::Pause(..)
            | Fault::Slow(..)
            | Fault::Silence(_)
            | Fault::Skew(..)
            | Fault::Drift(..)
            | Fault::Successor(_)
            | Fault::Unflushed(_)
            | Fault::Tie(_)
            | Fault::Machine(..),
            _,
        ) => false,
    }
}

fn holds_nodes(wide: &NodeSet, narrow: &NodeSet, nodes: usize) -> bool {
    let mut members = (0..u32::try_from(nodes).unwrap_or(u32::MAX)).map(NodeId);
    members.all(|node| !narrow.holds(node) || wide.holds(node))
}

fn holds_links(wide: &LinkSet, narrow: &LinkSet, nodes: usize) -> bool {
    let holds_kind = |(name, reply): &(_, Option<bool>)| {
        wide.only.iter().any(|(known, which)| known == name && (which.is_none() || which == reply))
    };
    holds_nodes(&wide.from, &narrow.from, nodes)
        && holds_nodes(&wide.to, &narrow.to, nodes)
        && (wide.only.is_empty() || (!narrow.only.is_empty() && narrow.only.iter().all(holds_kind)))
}
