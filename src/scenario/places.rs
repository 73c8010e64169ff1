//! Which nodes there are: every instance of every service, and the sidecars beside them.

use brownout_models::contract::NodeId;

use super::check::{Check, Group, GroupKind};
use super::file::{NodeFile, ScenarioFile, StepFile};
use super::source::Path;
use crate::layout::Place;

/// How many instances a service may have.
const INSTANCES_MAX: u32 = 1_000;

impl Check<'_> {
    /// Finds a place for every machine, in the order of the file.
    pub(super) fn find_places(&mut self, file: &ScenarioFile) {
        let path = Path::root().field("nodes");
        for (first, second) in self.source.repeated_keys() {
            let name = self.source.slice(second).trim_matches('"').to_owned();
            let place = second;
            let label = format!("already in line {}", first.line);
            self.problems.push(super::diagnostic::Diagnostic {
                place,
                message: format!("`{name}` is there twice"),
                label,
                help: Some("names must differ; give one of them another".to_owned()),
            });
        }
        for (name, node) in &file.nodes {
            let path = path.key(name);
            self.check_node_name(&path, name);
            self.find_place(&path, name, node);
        }
        self.check_aliases(file);
        if file.nodes.is_empty() {
            let help = "declare at least a service and the clients that call it".to_owned();
            self.problem(
                &path,
                "a scenario without nodes does nothing".to_owned(),
                "expected nodes",
                Some(help),
            );
        } else if !self.groups.values().any(|group| group.kind == GroupKind::Clients) {
            let help = "add `\"client\": Clients(script: [..])`".to_owned();
            self.problem_with_key(
                &path,
                "nobody starts any work".to_owned(),
                "expected some `Clients`",
                Some(help),
            );
        }
    }

    fn check_node_name(&mut self, path: &Path, name: &str) {
        let is_fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
        if name.is_empty() || !name.chars().all(is_fine) {
            let help = "use letters, digits, `-`, `_` and `.`".to_owned();
            self.problem_with_key(
                path,
                format!("`{name}` is no name for a node"),
                "unusable in addresses",
                Some(help),
            );
        }
    }

    fn find_place(&mut self, path: &Path, name: &str, node: &NodeFile) {
        let (kind, aliases, instances, has_sidecar) = match node {
            NodeFile::Registry(file) => (GroupKind::Registry, &file.aliases, 1, false),
            NodeFile::Gateway(file) => (GroupKind::Gateway, &file.aliases, 1, false),
            NodeFile::Service(file) => {
                (GroupKind::Service, &file.aliases, file.instances, file.sidecar.is_some())
            }
            NodeFile::Sidecar(file) => (GroupKind::Sidecar, &file.aliases, 1, false),
            NodeFile::Broker(file) => (GroupKind::Broker, &file.aliases, 1, false),
            NodeFile::Saga(file) => (GroupKind::Saga, &file.aliases, 1, file.sidecar.is_some()),
            NodeFile::Clients(file) => (GroupKind::Clients, &file.aliases, 1, false),
            NodeFile::Own(file) => (GroupKind::Own, &file.aliases, 1, false),
        };
        let instances_path = path.field("instances");
        self.at_least(&instances_path, "the number of instances", u64::from(instances), 1);
        if instances > INSTANCES_MAX {
            let message = format!("{instances} instances are more than {INSTANCES_MAX}");
            self.problem(&instances_path, message, "expected a number from 1 to 1000", None);
        }
        let store = self.next_store();
        let mut group = Group {
            kind,
            nodes: Vec::new(),
            sidecars: Vec::new(),
            is_registered: matches!(node, NodeFile::Service(file) if file.registered),
            methods: methods(node),
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
            }
        }
        let first = group.nodes.first().copied();
        let (known, word) = match kind {
            GroupKind::Registry => (&mut self.registry, "registry"),
            GroupKind::Broker => (&mut self.broker, "broker"),
            GroupKind::Gateway
            | GroupKind::Service
            | GroupKind::Sidecar
            | GroupKind::Saga
            | GroupKind::Clients
            | GroupKind::Own => {
                self.groups.insert(name.to_owned(), group);
                return;
            }
        };
        if known.is_some() {
            let message = format!("`{name}` is a second {word}");
            self.problem_with_key(path, message, "expected only one", None);
        } else {
            *known = first;
        }
        self.groups.insert(name.to_owned(), group);
    }

    fn place(&mut self, path: &Path, place: Place) -> NodeId {
        if self.node(&place.name).is_some() {
            let message = format!("two nodes would be called `{}`", place.name);
            let help = "an instance is called after its service and a number".to_owned();
            self.problem_with_key(path, message, "clashes with another node", Some(help));
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

    /// A former name must not be the name of another node.
    fn check_aliases(&mut self, file: &ScenarioFile) {
        for (name, node) in &file.nodes {
            let aliases = match node {
                NodeFile::Registry(file) => &file.aliases,
                NodeFile::Gateway(file) => &file.aliases,
                NodeFile::Service(file) => &file.aliases,
                NodeFile::Sidecar(file) => &file.aliases,
                NodeFile::Broker(file) => &file.aliases,
                NodeFile::Saga(file) => &file.aliases,
                NodeFile::Clients(file) => &file.aliases,
                NodeFile::Own(file) => &file.aliases,
            };
            for (index, alias) in aliases.iter().enumerate() {
                if file.nodes.contains_key(alias) {
                    let path = Path::root().field("nodes").key(name).field("aliases").index(index);
                    let message = format!("`{alias}` is the name of another node");
                    self.problem(&path, message, "expected a name that is no longer in use", None);
                }
            }
        }
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
        | NodeFile::Clients(_)
        | NodeFile::Own(_) => None,
    }
}

/// The tables that the steps of a handler write, and the topics that a broker hands out.
pub(super) fn tables_of<'a>(steps: impl IntoIterator<Item = &'a StepFile>) -> Vec<String> {
    let mut tables = Vec::new();
    for step in steps {
        if let StepFile::Write { table, .. } = step
            && !tables.contains(table)
        {
            tables.push(table.clone());
        }
    }
    tables
}
