//! Network and faults from their entries in the file.

use std::collections::BTreeSet;

use brownout_models::contract::{Distribution, NodeId};
use brownout_models::{Factor, Name, Ratio, Span};

use super::check::{Check, GroupKind, remedy};
use super::file::{FaultFile, NetworkFile};
use super::source::{Path, Place};
use crate::layout::{Fault, FaultRule, LatencyRule, LinkSet, NodeSet, RESTART_AFTER, SLOWNESS};

/// A clock is off by at most so many millionths: it goes half or one and a half times as fast.
const DRIFT_MOST: i32 = 500_000;

impl Check<'_> {
    /// How long messages travel: the links that differ come first.
    pub(super) fn latencies(&mut self, file: &NetworkFile) -> Vec<LatencyRule> {
        let path = Path::root().field("network");
        let mut rules = Vec::new();
        for (index, link) in file.links.iter().enumerate() {
            let path = path.field("links").index(index).field("on");
            if let Some((from, to)) = self.link(&path, &link.on) {
                let links = LinkSet { from, to, only: Vec::new() };
                rules.push(LatencyRule { links, latency: link.latency.0 });
            }
        }
        if let Some(latency) = &file.latency {
            rules.push(LatencyRule { links: LinkSet::ALL, latency: latency.0 });
        }
        rules
    }

    /// What may break.
    pub(super) fn faults(&mut self, files: &[FaultFile]) -> Vec<FaultRule> {
        let path = Path::root().field("faults");
        (0..).zip(files).filter_map(|(index, file)| self.fault(&path.index(index), file)).collect()
    }

    fn fault(&mut self, path: &Path, file: &FaultFile) -> Option<FaultRule> {
        let rule = |what: Fault, odds: Ratio| Some(FaultRule { what, odds });
        match file {
            FaultFile::Lose { odds, on, only } => {
                rule(Fault::Lose(self.links(path, on.as_deref(), only)?), *odds)
            }
            FaultFile::Duplicate { odds, on, only } => {
                rule(Fault::Duplicate(self.links(path, on.as_deref(), only)?), *odds)
            }
            FaultFile::Delay { odds, by, on, only } => {
                self.has_length(&path.field("by"), &by.0);
                rule(Fault::Delay(self.links(path, on.as_deref(), only)?, by.0), *odds)
            }
            FaultFile::Crash { odds, at, restart } => {
                let after = restart.unwrap_or(RESTART_AFTER);
                rule(Fault::Crash(self.nodes(path, at)?, after), *odds)
            }
            FaultFile::Pause { odds, at, lasting } => {
                self.has_length(&path.field("lasting"), &lasting.0);
                rule(Fault::Pause(self.nodes(path, at)?, lasting.0), *odds)
            }
            FaultFile::Partition { odds, on, ways, lasting } => {
                self.has_length(&path.field("lasting"), &lasting.0);
                let links = self.links(path, Some(on), &[])?;
                rule(Fault::Partition(links, lasting.0, *ways), *odds)
            }
            FaultFile::Slow { odds, at, by, lasting } => {
                self.has_length(&path.field("lasting"), &lasting.0);
                let factor = by.unwrap_or(SLOWNESS);
                if factor <= Factor::ONE {
                    let message = format!("`{factor}` times as long is not slow");
                    let help = "write how many times as long work takes, like `\"10\"`";
                    let expected = "expected a factor above `\"1\"`";
                    self.problem(&path.field("by"), message, expected, help);
                }
                rule(Fault::Slow(self.nodes(path, at)?, lasting.0, factor), *odds)
            }
            FaultFile::Skew { odds, at, by, ways } => {
                if by.0 == Distribution::Constant(Span::ZERO) {
                    let help =
                        "write by how much, like `\"5s\"`; `ways` says whether ahead or back";
                    let message = "a clock that is set by no time stays as it is";
                    self.problem(
                        &path.field("by"),
                        message,
                        "expected a span longer than 0s",
                        help,
                    );
                }
                rule(Fault::Skew(self.nodes(path, at)?, by.0, *ways), *odds)
            }
            FaultFile::Drift { odds, at, ppm, lasting } => {
                self.has_length(&path.field("lasting"), &lasting.0);
                let is_off = *ppm != 0 && (-DRIFT_MOST..=DRIFT_MOST).contains(ppm);
                if !is_off {
                    let message = format!("a clock that goes {ppm} millionths too fast");
                    let expected =
                        format!("expected up to {DRIFT_MOST} or down to -{DRIFT_MOST}, not 0");
                    let help = "quartz is off by 100 or less, virtual machines by more";
                    self.problem(&path.field("ppm"), message, expected, help);
                }
                rule(Fault::Drift(self.nodes(path, at)?, lasting.0, *ppm), *odds)
            }
            FaultFile::Successor { odds, at } => {
                rule(Fault::Successor(self.nodes(path, at)?), *odds)
            }
            FaultFile::Unflushed { odds, at } => {
                rule(Fault::Unflushed(self.nodes(path, at)?), *odds)
            }
            FaultFile::Silence { odds, at } => rule(Fault::Silence(self.nodes(path, at)?), *odds),
            FaultFile::Fail { odds, at } => {
                rule(Fault::Machine(self.nodes(path, at)?, "fail".to_owned()), *odds)
            }
            FaultFile::RefuseWrite { odds, at } => {
                rule(Fault::Machine(self.nodes(path, at)?, "write".to_owned()), *odds)
            }
            FaultFile::Tie { odds, at } => rule(Fault::Tie(self.nodes(path, at)?), *odds),
            FaultFile::Own { what, odds, at } => {
                rule(Fault::Machine(self.nodes(path, at)?, what.clone()), *odds)
            }
        }
    }

    fn has_length(&mut self, path: &Path, length: &Distribution) {
        if *length == Distribution::Constant(Span::ZERO) {
            let help = "remove the fault, or set its odds to `0%` to keep it for later";
            let message = "a fault that lasts no time is none";
            self.problem(path, message, "expected a span longer than 0s", help);
        }
    }

    fn links(&mut self, path: &Path, on: Option<&str>, only: &[String]) -> Option<LinkSet> {
        let ends = self.link(&path.field("on"), on.unwrap_or("*>*"));
        let mut kinds = Vec::new();
        for (index, kind) in only.iter().enumerate() {
            kinds.extend(self.kind(&path.field("only").index(index), kind));
        }
        let (from, to) = ends?;
        Some(LinkSet { from, to, only: kinds })
    }

    /// A kind of message: `charge` is the request only, `charge reply` the answer to it.
    fn kind(&mut self, path: &Path, kind: &str) -> Option<(Name, Option<bool>)> {
        let (name, reply) = kind.strip_suffix(" reply").map_or((kind, false), |name| (name, true));
        let is_said = self.messages.iter().any(|known| known == name);
        // Nobody knows what machines of the user's own may say, only which names they asked for.
        let may_be_said = self.groups.values().any(|group| group.kind == GroupKind::Own)
            && self.names.find(name).is_some();
        if is_said || may_be_said {
            return Some((self.name(name), Some(reply)));
        }
        let otherwise = "name a method, a path, a topic or an operation of the registry";
        let suffix = if reply { " reply" } else { "" };
        let known: Vec<_> = self.messages.iter().map(|word| format!("{word}{suffix}")).collect();
        let help = remedy(kind, &known, otherwise);
        let message = format!("no message is called `{name}`");
        let label = "expected what somebody asks for, alone or with ` reply` behind it";
        self.problem(path, message, label, help);
        None
    }

    /// Both ends of links like `order>payment` or `*>registry`.
    fn link(&mut self, path: &Path, on: &str) -> Option<(NodeSet, NodeSet)> {
        let help = "write sender and receiver, like `order>payment` or `*>registry`";
        let Some((from, to)) = on.split_once('>') else {
            let message = format!("`{on}` is not a link");
            self.problem(path, message, "expected `sender>receiver`", help);
            return None;
        };
        let (from, to) = (from.trim(), to.trim());
        if from.is_empty() || to.is_empty() || to.contains('>') {
            let message = format!("`{on}` does not have two ends");
            self.problem(path, message, "expected `sender>receiver`", help);
            return None;
        }
        let place = self.source.nearest(path);
        let (first, last) = (self.source.first_in(place, from), self.source.last_in(place, to));
        let (from, to) = (self.end_of_link(first, from), self.end_of_link(last, to));
        Some((from?, to?))
    }

    fn end_of_link(&mut self, place: Place, name: &str) -> Option<NodeSet> {
        if name == "*" {
            return Some(NodeSet::All);
        }
        self.members(place, name).map(NodeSet::Some)
    }

    /// The nodes of these names; all but the clients where none is named.
    fn nodes(&mut self, path: &Path, at: &[String]) -> Option<NodeSet> {
        if at.is_empty() {
            let nodes = self.groups.values().filter(|group| group.kind != GroupKind::Clients);
            let nodes = nodes.flat_map(|group| group.nodes.iter().chain(&group.sidecars).copied());
            return Some(NodeSet::Some(nodes.collect()));
        }
        let mut nodes = BTreeSet::new();
        for (index, name) in at.iter().enumerate() {
            let path = path.field("at").index(index);
            nodes.extend(self.members(self.source.nearest(&path), name).unwrap_or_default());
            if self.groups.get(name).is_some_and(|group| group.kind == GroupKind::Clients) {
                let message =
                    format!("`{name}` stands for the outside world, which does not break");
                let help = "name services or nodes; leave `at` out for all of them";
                self.problem(&path, message, "expected a service or a node", help);
            }
        }
        Some(NodeSet::Some(nodes))
    }

    fn members(&mut self, place: Place, name: &str) -> Option<BTreeSet<NodeId>> {
        if let Some(group) = self.groups.get(name) {
            return Some(group.nodes.iter().chain(&group.sidecars).copied().collect());
        }
        if let Some(node) = self.node(name) {
            return Some(BTreeSet::from([node]));
        }
        self.unknown_node(place, name);
        None
    }
}
