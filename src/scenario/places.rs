//! Which nodes there are: every instance of every service, and the sidecars beside them.

use brownout_models::contract::NodeId;
use brownout_models::{Profile, Span};
use indexmap::IndexMap;

use super::check::{Check, Group, GroupKind};
use super::file::{NodeFile, ScenarioFile};
use super::gateway::routes;
use super::source::{Path, Place as FilePlace};
use crate::layout::Place;

/// How many instances a service may have.
const INSTANCES_MAX: u32 = 1_000;
/// How many entries `nodes` may have: the highest byte of a business key says who asked.
const ENTRIES_MAX: usize = 255;

impl Check<'_> {
    /// Finds a place for every machine, in the order of the file.
    pub(super) fn find_places(&mut self, file: &ScenarioFile) {
        let path = Path::root().field("nodes");
        for (earlier, later) in self.source.repeated_keys() {
            let name = self.source.slice(later).trim_matches('"').to_owned();
            let message = format!("`{name}` is there twice");
            let label = format!("already in line {}", earlier.line);
            self.note(later, message, label, "rename one of the two, or remove it");
        }
        if file.nodes.len() > ENTRIES_MAX {
            let message = format!("there are {} entries in `nodes`", file.nodes.len());
            let label = format!("expected {ENTRIES_MAX} or fewer");
            self.problem(&path, message, label, "let a service have several instances instead");
        }
        for (name, node) in &file.nodes {
            let path = path.key(name);
            self.check_node_name(self.source.find_key(&path), name);
            self.find_place(&path, name, node);
        }
        self.check_instances(file);
        self.check_aliases(file);
        if file.nodes.is_empty() {
            let message = "a scenario without nodes does nothing";
            let help = "declare at least a service and the clients that call it";
            self.problem(&path, message, "expected nodes", help);
        } else if !self.groups.values().any(|group| group.kind.starts_work()) {
            let help = "add `\"client\": Clients(script: [..])`";
            self.problem_with_key(&path, "nobody starts any work", "expected some `Clients`", help);
        }
    }

    /// A service must not bear the name of a node that is not its own: calls would reach that.
    fn check_instances(&mut self, file: &ScenarioFile) {
        let path = Path::root().field("nodes");
        let services = file.nodes.iter().filter(|(_, node)| matches!(node, NodeFile::Service(_)));
        for (name, _) in services {
            let is_other = |place: &&Place| place.name == *name && place.group != *name;
            let Some(owner) = self.places.iter().find(is_other).map(|it| it.group.clone()) else {
                continue;
            };
            let message = format!("`{name}` is the name of a node of `{owner}` as well");
            let label = format!("clashes with a node of `{owner}`");
            let help = format!("rename it: calls to `{name}` would reach that node of `{owner}`");
            self.problem_with_key(&path.key(name), message, label, help);
        }
    }

    fn check_node_name(&mut self, place: Option<FilePlace>, name: &str) {
        if !is_node_name(name) {
            let place = place.unwrap_or_else(|| self.source.nearest(&Path::root().field("nodes")));
            let message = format!("`{name}` is no name for a node");
            let label = "expected letters, digits, `-`, `_` and `.`";
            let help = "links and plans write names without quotes; choose another one";
            self.note(place, message, label, help);
        }
    }

    fn find_place(&mut self, path: &Path, name: &str, node: &NodeFile) {
        let aliases = aliases(node);
        let (kind, instances, has_sidecar) = match node {
            NodeFile::Registry(_) => (GroupKind::Registry, 1, false),
            NodeFile::Gateway(_) => (GroupKind::Gateway, 1, false),
            NodeFile::Service(file) => (GroupKind::Service, file.instances, file.sidecar.is_some()),
            NodeFile::Sidecar(_) => (GroupKind::Sidecar, 1, false),
            NodeFile::Broker(_) => (GroupKind::Broker, 1, false),
            NodeFile::Saga(file) => (GroupKind::Saga, 1, file.sidecar.is_some()),
            NodeFile::Composition(file) => (GroupKind::Composition, 1, file.sidecar.is_some()),
            NodeFile::Deployment(_) => (GroupKind::Deployment, 1, false),
            NodeFile::Clients(_) => (GroupKind::Clients, 1, false),
            NodeFile::Drill(_) => (GroupKind::Drill, 1, false),
            NodeFile::Own(_) => (GroupKind::Own, 1, false),
        };
        if let NodeFile::Registry(options) = node {
            self.registry_is_hardened = options.profile == Some(Profile::Hardened);
        }
        let range = 1..=i128::from(INSTANCES_MAX);
        let help = "write a number from this range; an instance has many `workers`";
        let number = ("the number of instances", instances);
        self.in_range(&path.field("instances"), number, range, help);
        let store = self.next_store();
        let flush = flush(node);
        let help = "leave it out for a log that is flushed at once";
        self.not_zero(&path.field("flush"), "the time until a flush", flush, help);
        self.flushes.extend(flush.map(|period| (store, period)));
        let mut group = Group {
            kind,
            nodes: Vec::new(),
            sidecars: Vec::new(),
            is_registered: matches!(node, NodeFile::Service(file) if file.registered),
            methods: methods(node),
            routes: if let NodeFile::Gateway(file) = node { Some(routes(file)) } else { None },
        };
        for instance in 1..=instances.min(INSTANCES_MAX) {
            let suffix =
                if kind == GroupKind::Service { format!("-{instance}") } else { String::new() };
            let host = self.next_host();
            let place = |own: &str| Place {
                name: format!("{name}{suffix}{own}"),
                aliases: aliases.iter().map(|alias| format!("{alias}{suffix}{own}")).collect(),
                group: name.to_owned(),
                host,
                store,
            };
            let machine = self.place(path, place(""));
            group.nodes.push(machine);
            if has_sidecar {
                let sidecar = self.place(path, place("-sidecar"));
                group.sidecars.push(sidecar);
                self.sidecars.insert(sidecar, false);
            }
        }
        let first = group.nodes.first().copied();
        if let (NodeFile::Sidecar(file), Some(sidecar)) = (node, first) {
            self.sidecars.insert(sidecar, file.upstream.is_some());
            self.upstreams.extend(file.upstream.clone().map(|upstream| (sidecar, upstream)));
        }
        let (known, word) = match kind {
            GroupKind::Registry => (&mut self.registry, "registry"),
            GroupKind::Broker => (&mut self.broker, "broker"),
            GroupKind::Gateway
            | GroupKind::Service
            | GroupKind::Sidecar
            | GroupKind::Saga
            | GroupKind::Composition
            | GroupKind::Deployment
            | GroupKind::Clients
            | GroupKind::Drill
            | GroupKind::Own => {
                self.groups.insert(name.to_owned(), group);
                return;
            }
        };
        if known.is_some() {
            let message = format!("`{name}` is a second {word}");
            let help = format!("remove one of them: every node uses the only {word} there is");
            self.problem_with_key(path, message, format!("expected one {word}"), help);
        } else {
            *known = first;
        }
        self.groups.insert(name.to_owned(), group);
    }

    fn place(&mut self, path: &Path, place: Place) -> NodeId {
        if let Some(known) = self.places.iter().find(|known| known.name == place.name) {
            let message = format!("two nodes would be called `{}`", place.name);
            let label = format!("clashes with a node of `{}`", known.group);
            let help = "instances bear the name of their service and a number, `-sidecar` stands \
                        beside them; rename one of the two";
            self.problem_with_key(path, message, label, help);
        }
        self.places.push(place);
        NodeId(u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX))
    }

    fn next_host(&self) -> u32 {
        self.places.last().map_or(0, |place| place.host + 1)
    }

    fn next_store(&self) -> u32 {
        self.places.last().map_or(0, |place| place.store + 1)
    }

    /// A former name must be no name in use, nor the former name of two nodes.
    fn check_aliases(&mut self, file: &ScenarioFile) {
        let mut former: IndexMap<&str, &str> = IndexMap::new();
        for (name, node) in &file.nodes {
            for (index, alias) in aliases(node).iter().enumerate() {
                let path = Path::root().field("nodes").key(name).field("aliases").index(index);
                self.check_node_name(self.source.find(&path), alias);
                let clash = if file.nodes.contains_key(alias) || self.names_a_node(name, index) {
                    Some(format!("`{alias}` is the name of a node"))
                } else {
                    let earlier = former.insert(alias, name);
                    earlier.map(|earlier| format!("`{alias}` is a former name of `{earlier}`"))
                };
                if let Some(message) = clash {
                    let help = "remove it: it says under which name old plans know this node";
                    self.problem(&path, message, "expected a name that nobody else has", help);
                }
            }
        }
    }

    /// Whether a former name of the entry, or of one of its instances, is the name of a node.
    fn names_a_node(&self, entry: &str, alias: usize) -> bool {
        let places = self.places.iter().filter(|place| place.group == entry);
        let mut former = places.filter_map(|place| place.aliases.get(alias));
        former.any(|former| self.node(former).is_some())
    }
}

/// Whether a node may be called so: links and plans write names without quotes.
pub(super) fn is_node_name(name: &str) -> bool {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
    !name.is_empty() && name.chars().all(is_fine)
}

/// The former names of an entry.
fn aliases(node: &NodeFile) -> &[String] {
    match node {
        NodeFile::Registry(file) => &file.aliases,
        NodeFile::Gateway(file) => &file.aliases,
        NodeFile::Service(file) => &file.aliases,
        NodeFile::Sidecar(file) => &file.aliases,
        NodeFile::Broker(file) => &file.aliases,
        NodeFile::Saga(file) => &file.aliases,
        NodeFile::Composition(file) => &file.aliases,
        NodeFile::Deployment(file) => &file.aliases,
        NodeFile::Clients(file) => &file.aliases,
        NodeFile::Drill(file) => &file.aliases,
        NodeFile::Own(file) => &file.aliases,
    }
}

/// What an entry can be asked for.
fn methods(node: &NodeFile) -> Option<Vec<String>> {
    match node {
        NodeFile::Gateway(file) => {
            Some(file.routes.iter().map(|route| route.path.clone()).collect())
        }
        NodeFile::Service(file) => Some(file.handlers.keys().cloned().collect()),
        NodeFile::Registry(_)
        | NodeFile::Sidecar(_)
        | NodeFile::Broker(_)
        | NodeFile::Saga(_)
        | NodeFile::Composition(_)
        | NodeFile::Deployment(_)
        | NodeFile::Clients(_)
        | NodeFile::Drill(_)
        | NodeFile::Own(_) => None,
    }
}

/// How long a node's log takes to be flushed; none that is flushed at once, or not there.
const fn flush(node: &NodeFile) -> Option<Span> {
    match node {
        NodeFile::Service(file) => file.flush,
        NodeFile::Broker(options) => options.flush,
        NodeFile::Saga(file) => file.flush,
        NodeFile::Registry(_)
        | NodeFile::Gateway(_)
        | NodeFile::Sidecar(_)
        | NodeFile::Composition(_)
        | NodeFile::Deployment(_)
        | NodeFile::Clients(_)
        | NodeFile::Drill(_)
        | NodeFile::Own(_) => None,
    }
}
