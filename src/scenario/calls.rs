//! Who calls whom: targets, what stands between, and the steps that handlers and scripts take.

use brownout_models::contract::{Failure, NodeId};
use brownout_models::machine::{Program, Step, Target, Write};

use super::check::{Check, Group, GroupKind, remedy};
use super::file::{FailureFile, StepFile};
use super::source::Path;

impl Check<'_> {
    /// Who is meant by a call, and whether the call makes sense there.
    pub(super) fn target(
        &mut self,
        (to_path, to): (&Path, &str),
        (method_path, method): (&Path, &str),
        via: Option<NodeId>,
    ) -> Option<Target> {
        let node = self.node(to);
        let owner = node.and_then(|node| self.places.get(node.0 as usize));
        let name = owner.map_or_else(|| to.to_owned(), |place| place.group.clone());
        let Some(group) = self.groups.get(&name).cloned() else {
            self.unknown_node(self.source.nearest(to_path), to);
            return None;
        };
        if !self.answers_calls(to_path, to, &group, via) {
            return None;
        }
        self.is_answered(&name, (method_path, method), via);
        let service = self.name(&name);
        let can_be_found = group.is_registered && self.registry.is_some();
        if let Some(via) = via {
            // A sidecar without an upstream forgets which node was named, and asks the registry.
            if self.sidecars.get(&via) == Some(&false) && !(can_be_found && to == name) {
                self.lost_behind_sidecar(to_path, to, &name, &group);
            }
            return Some(Target { node: Some(via), service });
        }
        if node.is_some() {
            return Some(Target { node, service });
        }
        if can_be_found {
            return Some(Target { node: None, service });
        }
        if let [node] = group.nodes.as_slice() {
            return Some(Target { node: Some(*node), service });
        }
        let message = format!("`{to}` has several instances and no registry to find them");
        let help =
            format!("add a `Registry` and register the service, or name an instance: `{to}-1`");
        self.problem(to_path, message, "expected a single node", help);
        None
    }

    /// Whether somebody knows the method, be it behind a sidecar.
    fn is_answered(&mut self, to: &str, (path, method): (&Path, &str), via: Option<NodeId>) {
        let name = self.behind(to, via);
        let Some(group) = self.groups.get(&name).cloned() else { return };
        let is_sound = group.kind != GroupKind::Gateway || self.check_request_line(path, method);
        let Some(methods) = group.methods.as_ref().filter(|_| is_sound && !group.takes(method))
        else {
            return;
        };
        let (what, help) = if group.kind == GroupKind::Gateway {
            ("route", Self::route_remedy(&name, &group, methods, method))
        } else {
            let otherwise = format!("add it to the handlers of `{name}`");
            ("handler", remedy(method, methods, &otherwise))
        };
        let through = via.and_then(|via| self.places.get(via.0 as usize));
        let through = through.map_or(to, |place| &place.name);
        let behind = if name == to { String::new() } else { format!(", behind `{through}`,") };
        let message = format!("`{name}`{behind} has no {what} for `{method}`");
        self.problem(path, message, format!("expected a {what} of `{name}`"), help);
    }

    /// The entry that answers a call to another one: what stands behind its sidecars.
    fn behind(&self, to: &str, via: Option<NodeId>) -> String {
        let mut name = to.to_owned();
        let mut sidecar = via;
        // Sidecars that stand behind each other in a circle have nobody behind them.
        for _ in 0..=self.upstreams.len() {
            let own = |group: &Group| group.nodes.first().copied();
            let next = sidecar.take().or_else(|| self.groups.get(&name).and_then(own));
            let Some(upstream) = next.and_then(|node| self.upstreams.get(&node)) else { break };
            let node = self.node(upstream).and_then(|node| self.places.get(node.0 as usize));
            name = node.map_or(upstream, |place| &place.group).clone();
        }
        name
    }

    /// Some nodes are never asked for anything.
    fn answers_calls(&mut self, path: &Path, to: &str, group: &Group, via: Option<NodeId>) -> bool {
        let (message, help) = match group.kind {
            GroupKind::Clients => (
                format!("`{to}` stands for clients, and clients answer nobody"),
                "call a service, a gateway, a saga or a sidecar",
            ),
            GroupKind::Registry => (
                format!("`{to}` is a registry, and answers no calls"),
                "leave the call out: whoever calls a service asks the registry by itself",
            ),
            GroupKind::Drill => (
                format!("`{to}` is a drill, and answers no calls"),
                "declare a node of its own for the machine that is to be called",
            ),
            GroupKind::Deployment => (
                format!("`{to}` is a deployment, and answers no calls"),
                "call the service that it deploys",
            ),
            GroupKind::Broker => (
                format!("`{to}` is a broker, and answers no calls"),
                "hand it a message: `Publish(topic: ..)`",
            ),
            GroupKind::Sidecar
                if via.is_none()
                    && group.nodes.iter().any(|node| self.sidecars.get(node) == Some(&false)) =>
            {
                (
                    format!("nobody stands behind the sidecar `{to}`"),
                    "give the sidecar an `upstream`, or call the service and say `via` the sidecar",
                )
            }
            GroupKind::Gateway
            | GroupKind::Service
            | GroupKind::Sidecar
            | GroupKind::Saga
            | GroupKind::Composition
            | GroupKind::Own => return true,
        };
        self.problem(path, message, "expected somebody who answers", help);
        false
    }

    fn lost_behind_sidecar(&mut self, path: &Path, to: &str, name: &str, group: &Group) {
        let (message, help) = if group.kind == GroupKind::Service && to != name {
            (
                format!("a sidecar cannot call the single node `{to}`"),
                format!("call `{name}`, or use a sidecar whose `upstream` is `{to}`"),
            )
        } else if group.kind == GroupKind::Service {
            (
                format!("a sidecar cannot find `{to}`"),
                "add a `Registry` and register the service, or give the sidecar an `upstream`"
                    .to_owned(),
            )
        } else {
            (
                format!("a sidecar cannot find `{to}`, which is no service"),
                format!("use a sidecar whose `upstream` is `{to}`, or call it without one"),
            )
        };
        self.problem(path, message, "expected a service that is registered", help);
    }

    /// The node that stands between a caller and whom it calls. Where there is no such node the
    /// file is refused, and some id that nobody has lets the rest of the call be checked.
    pub(super) fn via(&mut self, path: &Path, via: &str) -> NodeId {
        const NOBODY: NodeId = NodeId(u32::MAX);
        let Some(node) = self.single_node(path, via) else { return NOBODY };
        let kind = self.groups.get(via).map(|group| group.kind);
        if self.sidecars.contains_key(&node) || kind == Some(GroupKind::Own) {
            return node;
        }
        let message = format!("`{via}` does not pass calls on");
        let help = "name a sidecar, or leave `via` out to call directly";
        self.problem(path, message, "expected a sidecar", help);
        NOBODY
    }

    /// A handler or a script of `owner`.
    pub(super) fn program(
        &mut self,
        path: &Path,
        owner: &str,
        steps: &[StepFile],
        sidecar: Option<NodeId>,
    ) -> Program {
        self.check_reads(path, steps);
        let steps = (0..)
            .zip(steps)
            .filter_map(|(index, step)| self.step(&path.index(index), owner, step, sidecar));
        Program { steps: steps.collect() }
    }

    /// A script runs where no database is and nobody waits for an answer.
    pub(super) fn check_script(&mut self, path: &Path, steps: &[StepFile]) {
        for (index, step) in (0..).zip(steps) {
            let path = path.index(index);
            match step {
                StepFile::Read { .. }
                | StepFile::Write { .. }
                | StepFile::Transaction { .. }
                | StepFile::Flush => {
                    let help = "read and write in a handler of a service, and call that";
                    let label = "expected a step of a client";
                    self.problem(&path, "clients have no database", label, help);
                }
                StepFile::Reply => {
                    let help = "leave it out: a script is over with its last step";
                    let label = "expected a step of a client";
                    self.problem(&path, "nobody waits for a client's reply", label, help);
                }
                StepFile::Work(_)
                | StepFile::Sleep(_)
                | StepFile::Call { .. }
                | StepFile::Publish { .. }
                | StepFile::Fail(_) => {}
            }
        }
    }

    fn step(
        &mut self,
        path: &Path,
        owner: &str,
        step: &StepFile,
        sidecar: Option<NodeId>,
    ) -> Option<Step> {
        Some(match step {
            StepFile::Work(duration) => Step::Work(duration.0),
            StepFile::Sleep(duration) => Step::Sleep(duration.0),
            StepFile::Call { to, method, timeout, may_fail, via } => {
                self.not_zero_timeout(&path.field("timeout"), "the timeout", *timeout);
                let via = match via {
                    Some(via) => Some(self.via(&path.field("via"), via)),
                    None => sidecar,
                };
                let (to_path, method_path) = (path.field("to"), path.field("method"));
                let target = self.target((&to_path, to), (&method_path, method), via)?;
                let method = self.name(method);
                Step::Call { target, method, timeout: *timeout, may_fail: *may_fail }
            }
            StepFile::Publish { topic, timeout, once } => {
                self.not_zero_timeout(&path.field("timeout"), "the timeout", *timeout);
                let broker = self.needs_broker(&path.field("topic"), topic)?;
                // No node and no topic has such a name, so no outbox numbers its messages under it.
                let once = once.then(|| self.name(&format!("{owner} {topic}")));
                Step::Publish { broker, topic: self.name(topic), timeout: *timeout, once }
            }
            StepFile::Read { table, row } => {
                Step::Read { table: self.name(table), row: self.row(row.as_deref()) }
            }
            StepFile::Write(write) => Step::Write(self.write(path, write)?),
            StepFile::Transaction { writes, inbox } => {
                let at = path.field("writes");
                if writes.is_empty() {
                    let help = "name the rows: `writes: [(table: ..), (table: ..)]`";
                    let label = "expected one write or more";
                    self.problem(&at, "the transaction writes nothing", label, help);
                }
                let writes: Option<Vec<Write>> = (0..)
                    .zip(writes)
                    .map(|(index, write)| self.write(&at.index(index), write))
                    .collect();
                Step::Transaction { writes: writes?, inbox: *inbox }
            }
            StepFile::Flush => Step::Flush,
            StepFile::Reply => Step::Reply,
            StepFile::Fail(FailureFile::Failed) => Step::Fail(Failure::Failed),
            StepFile::Fail(FailureFile::Rejected) => Step::Fail(Failure::Rejected),
        })
    }

    pub(super) fn needs_broker(&mut self, path: &Path, topic: &str) -> Option<NodeId> {
        if self.broker.is_none() {
            let message = format!("nobody takes messages for `{topic}`");
            let help =
                "add `\"broker\": Broker(subscriptions: [(topic: .., subscriber: ..)])` to `nodes`";
            self.problem(path, message, "expected a `Broker` in the scenario", help);
        }
        self.broker
    }
}
