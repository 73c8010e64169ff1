//! Network and faults from their entries in the file.

use std::collections::BTreeSet;

use brownout_models::contract::{Distribution, NodeId};
use brownout_models::{Name, Ratio, Span};

use super::check::{Check, GroupKind};
use super::file::{FaultFile, NetworkFile};
use super::source::Path;
use crate::layout::{Fault, FaultRule, LatencyRule, LinkSet, NodeSet, RESTART_AFTER};

impl Check<'_> {
    /// How long messages travel: the links that differ come first.
    pub(super) fn latencies(&mut self, file: &NetworkFile) -> Vec<LatencyRule> {
        let path = Path::root().field("network");
        let mut rules = Vec::new();
        for (index, link) in file.links.iter().enumerate() {
            let path = path.field("links").index(index).field("on");
            if let Some((from, to)) = self.link(&path, &link.on) {
                let links = LinkSet { from, to, only: Vec::new() };
                rules.push(LatencyRule { links, latency: link.latency.0.clone() });
            }
        }
        if let Some(latency) = &file.latency {
            rules.push(LatencyRule { links: LinkSet::ALL, latency: latency.0.clone() });
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
                rule(Fault::Delay(self.links(path, on.as_deref(), only)?, by.0.clone()), *odds)
            }
            FaultFile::Crash { odds, at, restart } => {
                let after = restart.unwrap_or(RESTART_AFTER);
                rule(Fault::Crash(self.nodes(path, at)?, after), *odds)
            }
            FaultFile::Pause { odds, at, lasting } => {
                self.has_length(&path.field("lasting"), &lasting.0);
                rule(Fault::Pause(self.nodes(path, at)?, lasting.0.clone()), *odds)
            }
            FaultFile::Silence { odds, at } => rule(Fault::Silence(self.nodes(path, at)?), *odds),
            FaultFile::Fail { odds, at } => {
                rule(Fault::Machine(self.nodes(path, at)?, "fail".to_owned()), *odds)
            }
            FaultFile::Tie { odds, at } => rule(Fault::Tie(self.nodes(path, at)?), *odds),
            FaultFile::Own { what, odds, at } => {
                rule(Fault::Machine(self.nodes(path, at)?, what.clone()), *odds)
            }
        }
    }

    fn has_length(&mut self, path: &Path, length: &Distribution) {
        if *length == Distribution::Constant(Span::ZERO) {
            self.problem(
                path,
                "a fault that lasts no time is none".to_owned(),
                "expected a span longer than 0s",
                None,
            );
        }
    }

    fn links(&mut self, path: &Path, on: Option<&str>, only: &[String]) -> Option<LinkSet> {
        let (from, to) = self.link(&path.field("on"), on.unwrap_or("*>*"))?;
        let mut kinds = Vec::new();
        for (index, kind) in only.iter().enumerate() {
            kinds.push(self.kind(&path.field("only").index(index), kind)?);
        }
        Some(LinkSet { from, to, only: kinds })
    }

    /// A kind of message: `charge` is the request only, `charge reply` the answer to it.
    fn kind(&mut self, path: &Path, kind: &str) -> Option<(Name, Option<bool>)> {
        let (name, reply) = kind.strip_suffix(" reply").map_or((kind, false), |name| (name, true));
        if let Some(name) = self.names.find(name) {
            return Some((name, Some(reply)));
        }
        let known: Vec<String> = self.names.iter().map(str::to_owned).collect();
        self.unknown(path, "message", name, &known);
        None
    }

    /// Both ends of links like `order>payment` or `*>registry`.
    fn link(&mut self, path: &Path, on: &str) -> Option<(NodeSet, NodeSet)> {
        let Some((from, to)) = on.split_once('>') else {
            let message = format!("`{on}` is not a link");
            let help = "write sender and receiver, like `order>payment` or `*>registry`".to_owned();
            self.problem(path, message, "expected `sender>receiver`", Some(help));
            return None;
        };
        let (from, to) = (self.end_of_link(path, from.trim()), self.end_of_link(path, to.trim()));
        Some((from?, to?))
    }

    fn end_of_link(&mut self, path: &Path, name: &str) -> Option<NodeSet> {
        if name == "*" {
            return Some(NodeSet::All);
        }
        self.members(path, name).map(NodeSet::Some)
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
            nodes.extend(self.members(&path, name)?);
            if self.groups.get(name).is_some_and(|group| group.kind == GroupKind::Clients) {
                let message =
                    format!("`{name}` stands for the outside world, which does not break");
                self.problem(&path, message, "expected a service or a node", None);
            }
        }
        Some(NodeSet::Some(nodes))
    }

    fn members(&mut self, path: &Path, name: &str) -> Option<BTreeSet<NodeId>> {
        if let Some(group) = self.groups.get(name) {
            return Some(group.nodes.iter().chain(&group.sidecars).copied().collect());
        }
        if let Some(node) = self.node(name) {
            return Some(BTreeSet::from([node]));
        }
        let known = self.known_nodes();
        self.unknown(path, "service or node", name, &known);
        None
    }
}
