//! Saga orchestrators from their entries in the file.

use std::sync::Arc;

use brownout_models::Profile;
use brownout_models::contract::NodeId;
use brownout_models::machine::{SagaAction, SagaNode, SagaNodeConfig, SagaStep, SagaTables};

use super::check::{Check, Group};
use super::file::{ActionFile, SagaFile, SagaStepFile};
use super::source::Path;
use crate::system::Stock;

impl Check<'_> {
    pub(super) fn saga(
        &mut self,
        path: &Path,
        name: &str,
        file: &SagaFile,
        group: &Group,
        machines: &mut Vec<Stock>,
    ) {
        if file.steps.is_empty() {
            let message = format!("the saga `{name}` has no steps");
            let help = "add `steps: [(name: .., action: (to: .., method: ..))]`";
            self.problem(&path.field("steps"), message, "expected `steps` in here", help);
        }
        let via = group.sidecars.first().copied();
        let mut steps = Vec::new();
        for (index, step) in file.steps.iter().enumerate() {
            let path = path.field("steps").index(index);
            steps.extend(self.saga_step(&path, step, via));
        }
        let saga = file.options().resolve(file.profile);
        self.needs_log(path, (file.flush, saga.is_logged()), "durability: Logged");
        let (text, name) = (name, self.name(name));
        // Only a log needs names of its own: they would move the numbers of all later ones.
        let tables = if saga.is_logged() {
            let inbox = self.name(&format!("{text}.inbox"));
            SagaTables { inbox, log: self.name(&format!("{text}.log")) }
        } else {
            SagaTables { inbox: name, log: name }
        };
        let discovery = self.discovery(path, Profile::Guide, &file.balancer, &file.outlier);
        let config = SagaNodeConfig { name, discovery, steps, saga, tables };
        let mut is_fine = true;
        for (step, mistake) in config.mistakes() {
            let path = step.map_or_else(|| path.clone(), |at| path.field("steps").index(at));
            self.mistakes(&path, vec![mistake]);
            is_fine = false;
        }
        if is_fine {
            machines.push(Stock::Saga(SagaNode::new(Arc::new(config))));
        }
        if let Some(attempts) = &file.sidecar {
            machines.push(self.attempts(&path.field("sidecar"), attempts));
        }
    }

    fn saga_step(
        &mut self,
        path: &Path,
        step: &SagaStepFile,
        via: Option<NodeId>,
    ) -> Option<SagaStep> {
        let action = self.action(&path.field("action"), &step.action, via);
        let compensation = step
            .compensation
            .as_ref()
            .and_then(|action| self.action(&path.field("compensation"), action, via));
        let name = self.name(&step.name);
        Some(SagaStep { name, kind: step.kind, action: action?, compensation })
    }

    fn action(
        &mut self,
        path: &Path,
        file: &ActionFile,
        via: Option<NodeId>,
    ) -> Option<SagaAction> {
        let (to, method) = (path.field("to"), path.field("method"));
        let target = self.target((&to, &file.to), (&method, &file.method), via)?;
        let method = self.name(&file.method);
        Some(SagaAction { target, method })
    }
}
