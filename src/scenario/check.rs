//! Everything wrong in meaning, collected: a file is refused once, with all its mistakes.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use brownout_models::contract::NodeId;
use brownout_models::machine::ZoneMap;
use brownout_models::policy::{Asked, Router};
use brownout_models::{Map, Mistake, Name, Names, Span};
use indexmap::IndexMap;

use super::deployment::ManagedService;
use super::diagnostic::{Diagnostic, did_you_mean};
use super::places::is_node_name;
use super::source::{Path, Place as FilePlace, Source};
use crate::layout::Place;

/// What is known while a scenario is checked.
#[derive(Debug)]
pub(super) struct Check<'a> {
    pub(super) source: &'a Source,
    pub(super) problems: Vec<Diagnostic>,
    /// What is wrong already: other values stand in these places, which mean nothing.
    wrong: &'a [Diagnostic],
    /// What is no mistake, and hardly meant.
    pub(super) warnings: Vec<Diagnostic>,
    pub(super) names: Names,
    /// What `nodes` declares, by name.
    pub(super) groups: IndexMap<String, Group>,
    pub(super) places: Vec<Place>,
    pub(super) registry: Option<NodeId>,
    /// Whether the registry answers as instances that register again expect it.
    pub(super) registry_is_hardened: bool,
    pub(super) broker: Option<NodeId>,
    /// Services whose instances a deployment starts and stops, by name.
    pub(super) managed: IndexMap<String, ManagedService>,
    /// Every sidecar, and whether it knows whom its calls are for, whatever they say.
    pub(super) sidecars: BTreeMap<NodeId, bool>,
    /// Whom the calls of these sidecars are for, whatever they say.
    pub(super) upstreams: BTreeMap<NodeId, String>,
    /// How long databases take to flush what is written, by their index.
    pub(super) flushes: Map<u32, Span>,
    /// Who is in which zone, where a balancer asks.
    pub(super) zones: Option<Arc<ZoneMap>>,
    /// The weight of each node, where some differ.
    pub(super) weights: Option<Arc<[u32]>>,
    /// Tables that some handler writes.
    pub(super) tables: Vec<String>,
    /// Topics that somebody subscribes to.
    pub(super) topics: Vec<String>,
    /// Methods, paths and topics: whatever a message can ask for.
    pub(super) messages: Vec<String>,
}

/// One entry of `nodes`, as others refer to it.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) kind: GroupKind,
    /// Its machines, sidecars not among them.
    pub(super) nodes: Vec<NodeId>,
    /// The sidecar beside each of them.
    pub(super) sidecars: Vec<NodeId>,
    /// Whether it can be found through the registry.
    pub(super) is_registered: bool,
    /// What it can be asked for; `None` when it does not say.
    pub(super) methods: Option<Vec<String>>,
    /// Which of its routes a request takes, at a gateway.
    pub(super) routes: Option<Router<usize>>,
}

impl Group {
    /// Whether it can be asked for this, as far as it says.
    pub(super) fn takes(&self, method: &str) -> bool {
        match (&self.routes, &self.methods) {
            (Some(routes), _) => routes.find(Asked::of_line(method)).is_some(),
            (None, Some(methods)) => methods.iter().any(|known| known == method),
            (None, None) => true,
        }
    }
}

/// What an entry of `nodes` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupKind {
    Registry,
    Gateway,
    Service,
    Sidecar,
    Broker,
    Saga,
    Composition,
    Deployment,
    Clients,
    Drill,
    Own,
}

impl GroupKind {
    /// Whether work begins there.
    pub(super) const fn starts_work(self) -> bool {
        matches!(self, Self::Clients | Self::Drill)
    }
}

impl<'a> Check<'a> {
    pub(super) fn new(source: &'a Source, wrong: &'a [Diagnostic]) -> Self {
        Self {
            source,
            problems: Vec::new(),
            wrong,
            warnings: Vec::new(),
            names: Names::new(),
            groups: IndexMap::new(),
            places: Vec::new(),
            registry: None,
            registry_is_hardened: false,
            broker: None,
            managed: IndexMap::new(),
            sidecars: BTreeMap::new(),
            upstreams: BTreeMap::new(),
            flushes: Map::default(),
            zones: None,
            weights: None,
            tables: Vec::new(),
            topics: Vec::new(),
            messages: Vec::new(),
        }
    }

    /// Notes a mistake in the value at `path`.
    pub(super) fn problem(
        &mut self,
        path: &Path,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        let place = self.source.nearest(path);
        self.note(place, message, label, help);
    }

    /// Notes a mistake in the key or the field name at `path`.
    pub(super) fn problem_with_key(
        &mut self,
        path: &Path,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        let place = self.source.find_key(path).unwrap_or_else(|| self.source.nearest(path));
        self.note(place, message, label, help);
    }

    /// Notes the mistakes in the options of a machine.
    pub(super) fn mistakes(&mut self, path: &Path, mistakes: Vec<Mistake>) {
        for Mistake { option, message, expected, help, beside } in mistakes {
            let of = |option: &String| {
                option.split('.').fold(path.clone(), |path, field| path.field(field))
            };
            let mut written = std::iter::once(&option).chain(&beside).map(of);
            let path = written.find(|path| self.source.find(path).is_some());
            self.problem(&path.unwrap_or_else(|| of(&option)), message, expected, help);
        }
    }

    /// Notes a mistake at a place; the same one again is no news.
    pub(super) fn note(
        &mut self,
        place: FilePlace,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        let problem = Diagnostic::new(place, message, label).with_help(help);
        if !self.problems.contains(&problem) && !self.is_wrong_at(place) {
            self.problems.push(problem);
        }
    }

    /// Whether the value at a path is known to be wrong.
    pub(super) fn is_wrong(&self, path: &Path) -> bool {
        self.source.find(path).is_some_and(|place| self.is_wrong_at(place))
    }

    fn is_wrong_at(&self, place: FilePlace) -> bool {
        self.wrong.iter().any(|wrong| wrong.place == place)
    }

    /// A name that no node bears, at a place in the file.
    pub(super) fn unknown_node(&mut self, place: FilePlace, name: &str) {
        let places = self.places.iter().map(|place| &place.name);
        // A name that is refused is no remedy.
        let known = self.groups.keys().chain(places).map(String::as_str);
        let guess = did_you_mean(name, known.filter(|known| is_node_name(known))).map(asked);
        let entries = self.groups.keys().filter(|entry| is_node_name(entry));
        let entries: Vec<String> = entries.cloned().collect();
        let help = guess.unwrap_or_else(|| remedy(name, &entries, "declare it in `nodes` first"));
        let message = format!("there is no service or node `{name}`");
        self.note(place, message, "expected a name from `nodes`", help);
    }

    /// A number outside of its range.
    pub(super) fn in_range(
        &mut self,
        path: &Path,
        (what, value): (&str, impl Into<i128>),
        range: RangeInclusive<i128>,
        help: &str,
    ) {
        let value = value.into();
        if !range.contains(&value) {
            let (least, most) = range.into_inner();
            let expected = if most == i128::MAX {
                format!("expected {least} or more")
            } else {
                format!("expected a number from {least} to {most}")
            };
            self.problem(path, format!("{what} cannot be {value}"), expected, help);
        }
    }

    /// A number that must be at least 1.
    pub(super) fn at_least_one(&mut self, path: &Path, what: (&str, impl Into<i128>), help: &str) {
        self.in_range(path, what, 1..=i128::MAX, help);
    }

    /// A timeout that leaves no time.
    pub(super) fn not_zero_timeout(&mut self, path: &Path, what: &str, timeout: Option<Span>) {
        let help = "leave it out to wait for ever";
        self.not_zero(path, what, timeout, help);
    }

    /// A span that must not be zero.
    pub(super) fn not_zero(&mut self, path: &Path, what: &str, span: Option<Span>, help: &str) {
        if span == Some(Span::ZERO) {
            self.problem(path, format!("{what} is zero"), "expected a span longer than 0s", help);
        }
    }

    pub(super) fn name(&mut self, text: &str) -> Name {
        self.names.intern(text)
    }

    /// The node of this name.
    pub(super) fn node(&self, name: &str) -> Option<NodeId> {
        let at = self.places.iter().position(|place| place.name == name)?;
        u32::try_from(at).ok().map(NodeId)
    }

    /// The single node of this name, be it of an entry or of an instance.
    pub(super) fn single_node(&mut self, path: &Path, name: &str) -> Option<NodeId> {
        if let Some(node) = self.node(name) {
            return Some(node);
        }
        match self.groups.get(name).map(|group| group.nodes.as_slice()) {
            Some([node]) => Some(*node),
            Some(_) => {
                let message = format!("`{name}` has several instances");
                let help = format!("name one of them, like `{name}-1`");
                self.problem(path, message, "expected a single node", help);
                None
            }
            None => {
                self.unknown_node(self.source.nearest(path), name);
                None
            }
        }
    }
}

/// What to do about a name that is none of those that are known.
pub(super) fn remedy(name: &str, known: &[String], otherwise: &str) -> String {
    /// Longer lists help nobody.
    const LISTED_MAX: usize = 12;
    if let Some(guess) = did_you_mean(name, known.iter().map(String::as_str)) {
        return asked(guess);
    }
    let words: Vec<_> = known.iter().map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [only] => format!("use {only}, or {otherwise}"),
        [_, ..] if words.len() <= LISTED_MAX => {
            format!("use one of {}, or {otherwise}", words.join(", "))
        }
        _ => otherwise.to_owned(),
    }
}

fn asked(guess: &str) -> String {
    format!("did you mean `{guess}`?")
}
