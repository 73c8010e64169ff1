//! Everything wrong in meaning, collected: a file is refused once, with all its mistakes.

use brownout_models::contract::NodeId;
use brownout_models::{Name, Names, Span};
use indexmap::IndexMap;

use super::diagnostic::{Diagnostic, did_you_mean};
use super::file::Profile;
use super::source::{Path, Source};
use crate::layout::Place;

/// What is known while a scenario is checked.
#[derive(Debug)]
pub(super) struct Check<'a> {
    pub(super) source: &'a Source,
    pub(super) problems: Vec<Diagnostic>,
    pub(super) names: Names,
    /// What `nodes` declares, by name.
    pub(super) groups: IndexMap<String, Group>,
    pub(super) places: Vec<Place>,
    pub(super) registry: Option<NodeId>,
    pub(super) broker: Option<NodeId>,
    /// Tables that some handler writes, and topics that some handler handles.
    pub(super) tables: Vec<String>,
    pub(super) topics: Vec<String>,
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
    Clients,
    Own,
}

impl<'a> Check<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self {
            source,
            problems: Vec::new(),
            names: Names::new(),
            groups: IndexMap::new(),
            places: Vec::new(),
            registry: None,
            broker: None,
            tables: Vec::new(),
            topics: Vec::new(),
        }
    }

    /// Notes a mistake in the value at `path`.
    pub(super) fn problem(
        &mut self,
        path: &Path,
        message: String,
        label: &str,
        help: Option<String>,
    ) {
        let place = self.source.find(path).unwrap_or_else(|| self.source.nearest(path));
        self.note(Diagnostic { place, message, label: label.to_owned(), help });
    }

    /// Notes a mistake in the key or the field name at `path`.
    pub(super) fn problem_with_key(
        &mut self,
        path: &Path,
        message: String,
        label: &str,
        help: Option<String>,
    ) {
        let place = self.source.find_key(path).unwrap_or_else(|| self.source.nearest(path));
        self.note(Diagnostic { place, message, label: label.to_owned(), help });
    }

    fn note(&mut self, problem: Diagnostic) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// A name that nobody bears, with the one that may be meant.
    pub(super) fn unknown(&mut self, path: &Path, what: &str, name: &str, known: &[String]) {
        let help = did_you_mean(name, known.iter().map(String::as_str))
            .map(|word| format!("did you mean `{word}`?"))
            .or_else(|| {
                (!known.is_empty() && known.len() <= 12).then(|| {
                    let words: Vec<_> = known.iter().map(|word| format!("`{word}`")).collect();
                    format!("there is {}", words.join(", "))
                })
            });
        self.problem(path, format!("there is no {what} `{name}`"), "nobody bears this name", help);
    }

    /// A number that must be at least `least`.
    pub(super) fn at_least(&mut self, path: &Path, what: &str, value: u64, least: u64) {
        if value < least {
            self.problem(
                path,
                format!("{what} is {value}, and must be at least {least}"),
                &format!("expected {least} or more"),
                None,
            );
        }
    }

    /// A span that must not be zero.
    pub(super) fn not_zero(&mut self, path: &Path, what: &str, span: Option<Span>) {
        if span == Some(Span::ZERO) {
            let help = "leave the field out where there is no limit".to_owned();
            self.problem(
                path,
                format!("{what} is zero"),
                "expected a span longer than 0s",
                Some(help),
            );
        }
    }

    /// Only the guide's behaviour can be simulated yet.
    pub(super) fn guide_only(&mut self, path: &Path, what: &str, profile: Profile) {
        if profile == Profile::Hardened {
            let help = "write `profile: guide`".to_owned();
            let message = format!("{what} has no profile `hardened` yet");
            self.problem(&path.field("profile"), message, "not available", Some(help));
        }
    }

    pub(super) fn name(&mut self, text: &str) -> Name {
        self.names.intern(text)
    }

    /// Every name by which nodes can be called.
    pub(super) fn known_nodes(&self) -> Vec<String> {
        let places = self.places.iter().map(|place| place.name.clone());
        let mut known: Vec<String> = self.groups.keys().cloned().chain(places).collect();
        known.dedup();
        known
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
                let help = format!("name one of them, like `{name}-1`");
                let message = format!("`{name}` has several instances");
                self.problem(path, message, "expected a single node", Some(help));
                None
            }
            None => {
                let known = self.known_nodes();
                self.unknown(path, "node", name, &known);
                None
            }
        }
    }
}
