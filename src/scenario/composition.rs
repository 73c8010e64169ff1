//! API compositions from their entries in the file.

use std::sync::Arc;

use brownout_models::Profile;
use brownout_models::machine::{CompositionNode, CompositionNodeConfig, CompositionPart};

use super::check::{Check, Group};
use super::file::CompositionFile;
use super::source::Path;
use crate::system::Stock;

impl Check<'_> {
    pub(super) fn composition(
        &mut self,
        path: &Path,
        name: &str,
        file: &CompositionFile,
        group: &Group,
        machines: &mut Vec<Stock>,
    ) {
        if file.parts.is_empty() {
            let message = format!("the composition `{name}` has no parts");
            let help = "add `parts: [(name: .., to: .., method: ..)]`";
            self.problem(&path.field("parts"), message, "expected `parts` in here", help);
        }
        let via = group.sidecars.first().copied();
        let mut parts = Vec::new();
        for (index, part) in file.parts.iter().enumerate() {
            let path = path.field("parts").index(index);
            if file.parts[..index].iter().any(|earlier| earlier.name == part.name) {
                let message = format!("there is another part `{}`", part.name);
                let help = "rename one of the two: what is missing is told by name";
                self.problem(&path.field("name"), message, "expected a new name", help);
            }
            let (to, method) = (path.field("to"), path.field("method"));
            let target = self.target((&to, &part.to), (&method, &part.method), via);
            let (name, method) = (self.name(&part.name), self.name(&part.method));
            if let Some(target) = target {
                parts.push(CompositionPart { name, need: part.need, target, method });
            }
        }
        let composition = file.options().resolve(file.profile);
        self.mistakes(path, composition.mistakes());
        let name = self.name(name);
        let discovery = self.discovery(path, Profile::Guide, &file.balancer, &file.outlier);
        let config = CompositionNodeConfig { name, discovery, parts, composition };
        machines.push(Stock::Composition(CompositionNode::new(Arc::new(config))));
        if let Some(attempts) = &file.sidecar {
            machines.push(self.attempts(&path.field("sidecar"), attempts));
        }
    }
}
