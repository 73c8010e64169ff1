//! Weights: how much of the calls each instance of a service is to get.
//!
//! Balancers learn them beforehand, as from the entries of their configuration; which rules heed them
//! is the balancer's. What is *not* here: weights that change during a run, which a deployment sets.

use super::check::Check;
use super::diagnostic::Diagnostic;
use super::file::{NodeFile, ScenarioFile, ServiceFile};
use super::source::Path;
use super::zones::balancers;

/// The greatest weight of an instance: as HAProxy has it, and a ring of hashes stays small.
const WEIGHT_MAX: u32 = 256;

impl Check<'_> {
    /// Finds out what every instance weighs; nothing where all are alike.
    pub(super) fn find_weights(&mut self, file: &ScenarioFile) {
        let mut of = vec![1; self.places.len()];
        for (name, node) in &file.nodes {
            let NodeFile::Service(service) = node else { continue };
            let path = Path::root().field("nodes").key(name).field("weights");
            let Some(group) = self.groups.get(name).cloned() else { continue };
            self.check_weights(&path, service, group.is_registered);
            for (node, weight) in group.nodes.iter().zip(service.weights.iter().cycle()) {
                of[node.0 as usize] = *weight;
            }
        }
        if of.iter().any(|weight| *weight != 1) {
            self.weights = Some(of.into());
        }
    }

    /// Every weight is one that an instance can have, and there is an instance for it.
    fn check_weights(&mut self, path: &Path, service: &ServiceFile, is_found: bool) {
        for (index, weight) in service.weights.iter().enumerate() {
            if !(1..=WEIGHT_MAX).contains(weight) {
                let message = format!("an instance cannot weigh {weight}");
                let label = format!("expected a number from 1 to {WEIGHT_MAX}");
                let help = "weights are compared with each other: `weights: [3, 1]`";
                self.problem(&path.index(index), message, label, help);
            }
        }
        if service.weights.len() > service.instances as usize {
            let message = "there are more weights than instances";
            let label = format!("expected {} or fewer", service.instances);
            let help = "raise `instances`: the weights are given to them in turn";
            self.problem(&path.index(service.instances as usize), message, label, help);
        }
        if !is_found && !service.weights.is_empty() {
            let message = "nobody chooses among instances that are in no registry";
            let help = "remove the weights, or let the instances register at a `Registry`";
            self.problem(path, message, "expected none", help);
        }
    }

    /// Weights that no rule in the file heeds change nothing.
    pub(super) fn find_idle_weights(&mut self, file: &ScenarioFile) {
        let root = Path::root().field("nodes");
        let is_heeded = file.nodes.values().any(|node| {
            let balancers = balancers(&root, node);
            balancers.iter().any(|(_, it)| it.kind.is_some_and(|kind| kind.heeds_weights()))
        });
        if is_heeded {
            return;
        }
        for (name, node) in &file.nodes {
            let NodeFile::Service(service) = node else { continue };
            if service.weights.is_empty() {
                continue;
            }
            let place = self.source.nearest(&root.key(name).field("weights"));
            let message = format!("nobody heeds the weights of `{name}`");
            let help = "give those who call it a rule that does, `balancer: (kind: Weighted)`";
            let warning = Diagnostic::warning(place, message, "expected a rule that heeds them");
            self.warnings.push(warning.with_help(help));
        }
    }
}
