//! Zones: who is in which, and from where each service is called.
//!
//! Zone-aware balancers weigh the instances of a zone against the callers there, so both are looked
//! up in the file before any machine is built. What is *not* here: which zone a call goes to.

use std::collections::BTreeSet;
use std::sync::Arc;

use brownout_models::contract::NodeId;
use brownout_models::machine::ZoneMap;
use brownout_models::policy::{BalancerOptions, ZoneRouting};
use brownout_models::{Map, Name};
use indexmap::{IndexMap, IndexSet};

use super::check::{Check, remedy};
use super::diagnostic::Diagnostic;
use super::file::{NodeFile, ScenarioFile, StepFile};
use super::source::Path;

/// A call to a service, and what stands between.
type Call<'a> = (&'a str, Option<&'a str>);

impl Check<'_> {
    /// Finds out where everybody is; nothing where nobody asks.
    pub(super) fn find_zones(&mut self, file: &ScenarioFile) {
        let mut is_asked = false;
        for (name, node) in &file.nodes {
            let path = Path::root().field("nodes").key(name);
            self.check_zones(&path, node);
            for (path, balancer) in balancers(&path, node) {
                if balancer.zone_routing == Some(ZoneRouting::Aware) {
                    is_asked = true;
                    self.check_aware(&path.field("zone_routing"), file, name, node);
                }
            }
        }
        if !is_asked {
            return;
        }
        let mut of = vec![ZoneMap::NOWHERE; self.places.len()];
        for (name, node) in &file.nodes {
            let Some(group) = self.groups.get(name).cloned() else { continue };
            let zones = zones(node);
            for nodes in [&group.nodes, &group.sidecars] {
                for (node, zone) in nodes.iter().zip(zones.iter().cycle()) {
                    of[node.0 as usize] = self.name(zone);
                }
            }
        }
        let callers = self.callers(file, &of);
        self.zones = Some(Arc::new(ZoneMap { of, callers }));
    }

    /// The zones of all who call each service, node by node.
    fn callers(&mut self, file: &ScenarioFile, of: &[Name]) -> Map<Name, Vec<Name>> {
        let mut callers: IndexMap<&str, BTreeSet<NodeId>> = IndexMap::new();
        for (name, node) in &file.nodes {
            let Some(group) = self.groups.get(name) else { continue };
            let own = if group.sidecars.is_empty() { &group.nodes } else { &group.sidecars };
            for (service, via) in calls(node) {
                if !self.groups.get(service).is_some_and(|group| group.is_registered) {
                    continue;
                }
                let through = via.and_then(|via| self.groups.get(via));
                let nodes = through.map_or(own, |group| &group.nodes);
                callers.entry(service).or_default().extend(nodes);
            }
        }
        let zone = |node: NodeId| of.get(node.0 as usize).copied();
        let mut by_name = Map::default();
        for (service, nodes) in callers {
            by_name.insert(self.name(service), nodes.into_iter().filter_map(zone).collect());
        }
        by_name
    }

    /// Every zone of a service has an instance, and every zone has a name.
    fn check_zones(&mut self, path: &Path, node: &NodeFile) {
        let one = path.field("zone");
        let is_service = matches!(node, NodeFile::Service(_));
        let at = |index| if is_service { path.field("zones").index(index) } else { one.clone() };
        for (index, zone) in zones(node).iter().enumerate() {
            if zone.is_empty() {
                let help = "write a name like `\"eu-1\"`, or leave it out";
                self.problem(&at(index), "a zone without a name", "expected a name", help);
            }
        }
        let NodeFile::Service(service) = node else { return };
        if let Some(zone) = service.zones.get(service.instances as usize) {
            let message = format!("no instance is left for the zone `{zone}`");
            let label = format!("expected {} or fewer", service.instances);
            let help = "raise `instances`: the zones are given to them in turn";
            self.problem(&at(service.instances as usize), message, label, help);
        }
    }

    /// Whoever heeds zones is in one, and so are those whom it may call.
    fn check_aware(&mut self, path: &Path, file: &ScenarioFile, name: &str, node: &NodeFile) {
        if zones(node).is_empty() {
            let is_service = matches!(node, NodeFile::Service(_));
            let field = if is_service { "zones: [\"eu-1\", \"eu-2\"]" } else { "zone: \"eu-1\"" };
            let message = format!("`{name}` is in no zone");
            let help = format!("say where it is, `{field}`, or leave `zone_routing` out");
            self.problem(path, message, "expected `Off`", help);
        } else if !file.nodes.iter().any(|(other, node)| {
            other != name && matches!(node, NodeFile::Service(_)) && !zones(node).is_empty()
        }) {
            let help = "say `zones: [\"eu-1\", \"eu-2\"]` of the services that are called";
            self.problem(
                path,
                "no instance of another service is in any zone",
                "expected `Off`",
                help,
            );
        }
    }

    /// A zone that some caller is in, and no instance: calls from there are spread over all.
    pub(super) fn find_lonely_zone(&mut self, path: &Path, file: &ScenarioFile, node: &NodeFile) {
        let asked = balancers(path, node)
            .iter()
            .any(|(_, balancer)| balancer.zone_routing == Some(ZoneRouting::Aware));
        if !asked || matches!(node, NodeFile::Service(_)) {
            return;
        }
        let known: IndexSet<&String> = services(file).flatten().collect();
        let known: Vec<String> = known.into_iter().cloned().collect();
        for zone in zones(node).iter().filter(|zone| !known.contains(zone)) {
            let place = self.source.nearest(&path.field("zone"));
            let message = format!("no instance is in the zone `{zone}`: calls go anywhere");
            let help = remedy(zone, &known, "add it to the `zones` of a service");
            let warning = Diagnostic::warning(place, message, "expected a zone of a service");
            self.warnings.push(warning.with_help(help));
        }
    }
}

/// The zones of every service.
fn services(file: &ScenarioFile) -> impl Iterator<Item = &[String]> {
    file.nodes.values().filter(|node| matches!(node, NodeFile::Service(_))).map(zones)
}

/// The zones of a node, of its instances in turn.
fn zones(node: &NodeFile) -> &[String] {
    match node {
        NodeFile::Service(file) => &file.zones,
        NodeFile::Gateway(file) => file.zone.as_slice(),
        NodeFile::Sidecar(file) => file.zone.as_slice(),
        NodeFile::Broker(file) => file.zone.as_slice(),
        NodeFile::Saga(file) => file.zone.as_slice(),
        NodeFile::Composition(file) => file.zone.as_slice(),
        NodeFile::Clients(file) => file.zone.as_slice(),
        NodeFile::Registry(_) | NodeFile::Deployment(_) | NodeFile::Drill(_) | NodeFile::Own(_) => {
            &[]
        }
    }
}

/// The balancers of a node, its own and that of the sidecar beside it, and where they are written.
pub(super) fn balancers<'a>(path: &Path, node: &'a NodeFile) -> Vec<(Path, &'a BalancerOptions)> {
    let (own, sidecar) = match node {
        NodeFile::Service(file) => (&file.balancer, file.sidecar.as_ref()),
        NodeFile::Saga(file) => (&file.balancer, file.sidecar.as_ref()),
        NodeFile::Composition(file) => (&file.balancer, file.sidecar.as_ref()),
        NodeFile::Gateway(file) => (&file.balancer, None),
        NodeFile::Sidecar(file) => (&file.balancer, None),
        NodeFile::Broker(file) => (&file.balancer, None),
        NodeFile::Clients(file) => (&file.balancer, None),
        NodeFile::Registry(_) | NodeFile::Deployment(_) | NodeFile::Drill(_) | NodeFile::Own(_) => {
            return Vec::new();
        }
    };
    let beside = sidecar.map(|it| (path.field("sidecar").field("balancer"), &it.balancer));
    [(path.field("balancer"), own)].into_iter().chain(beside).collect()
}

/// Whom a node calls.
fn calls(node: &NodeFile) -> Vec<Call<'_>> {
    fn of_steps(steps: &[StepFile]) -> impl Iterator<Item = Call<'_>> {
        steps.iter().filter_map(|step| match step {
            StepFile::Call { to, via, .. } => Some((to.as_str(), via.as_deref())),
            StepFile::Work(_)
            | StepFile::Sleep(_)
            | StepFile::Publish { .. }
            | StepFile::Read { .. }
            | StepFile::Write(_)
            | StepFile::Transaction { .. }
            | StepFile::Flush
            | StepFile::Reply
            | StepFile::Fail(_) => None,
        })
    }
    match node {
        NodeFile::Service(file) => {
            file.handlers.values().flat_map(|steps| of_steps(steps)).collect()
        }
        NodeFile::Clients(file) => of_steps(&file.script).collect(),
        NodeFile::Gateway(file) => {
            file.routes.iter().map(|it| (it.service.as_str(), it.via.as_deref())).collect()
        }
        NodeFile::Saga(file) => {
            let compensations = file.steps.iter().filter_map(|step| step.compensation.as_ref());
            let actions = file.steps.iter().map(|step| &step.action).chain(compensations);
            actions.map(|action| (action.to.as_str(), None)).collect()
        }
        NodeFile::Composition(file) => {
            file.parts.iter().map(|part| (part.to.as_str(), None)).collect()
        }
        NodeFile::Broker(file) => {
            file.subscriptions.iter().map(|it| (it.subscriber.as_str(), None)).collect()
        }
        NodeFile::Registry(_)
        | NodeFile::Sidecar(_)
        | NodeFile::Deployment(_)
        | NodeFile::Drill(_)
        | NodeFile::Own(_) => Vec::new(),
    }
}
