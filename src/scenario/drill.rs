//! Drills from their entries in the file.

use std::sync::Arc;

use brownout_models::{Span, Time};
use serde_json::{Map, Value};

use super::check::{Check, remedy};
use super::file::{DrillFile, NodeFile, ScenarioFile};
use super::source::Path;
use crate::drill::{DrillConfig, DrillNode, Operation, Settles};
use crate::property::drill::{ClaimFile, DrillClaim};
use crate::stdio::{StdioError, Subject};
use crate::system::Stock;

/// How many steps a drill may have.
const STEPS_MAX: u32 = 1_000;

impl Check<'_> {
    pub(super) fn drill(&mut self, path: &Path, file: &DrillFile) -> Option<Stock> {
        let range = 1..=i128::from(STEPS_MAX);
        let help = "write how many operations the longest sequence has";
        self.in_range(&path.field("steps"), ("the number of steps", file.steps), range, help);
        for (index, gap) in file.gaps.iter().enumerate() {
            let help = "leave it out: a step that waits for nothing is the calm answer";
            self.not_zero(&path.field("gaps").index(index), "the gap", Some(*gap), help);
        }
        let operations = self.operations(path, file);
        let subject = self.subject(path, file)?;
        for operation in &operations {
            self.is_understood(&path.field("operations").key(&operation.name), operation, &subject);
        }
        let config = DrillConfig {
            subject,
            operations,
            gap_names: file.gaps.iter().map(Span::to_string).collect(),
            gaps: file.gaps.clone(),
            steps: file.steps,
        };
        Some(Stock::Drill(Box::new(DrillNode::new(Arc::new(config)))))
    }

    /// The observer of a claim about some drill of the scenario.
    pub(super) fn drill_claim(
        &mut self,
        path: &Path,
        claim: &ClaimFile,
        file: &ScenarioFile,
    ) -> Option<DrillClaim> {
        let machine = claim.machine();
        let is_drilled = file
            .nodes
            .values()
            .any(|node| matches!(node, NodeFile::Drill(drill) if drill.machine == machine));
        if is_drilled {
            return Some(DrillClaim::new(claim));
        }
        let message = format!("no `{machine}` is under drill");
        let help = format!("add `\"{machine}\": Drill(machine: \"{machine}\", ..)` to `nodes`");
        self.problem(path, message, "expected a claim about a machine that is", help);
        None
    }

    fn subject(&mut self, path: &Path, file: &DrillFile) -> Option<Subject> {
        let config = file.config.as_ref().map(|config| config.get_ron());
        let error = match Subject::new(&file.machine, file.profile, config) {
            Ok(subject) => return Some(subject),
            Err(error) => error,
        };
        let (field, label, help) = match &error {
            StdioError::UnknownMachine { .. } => {
                ("machine", "expected a machine of `brownout model`", "see docs/stdio.md")
            }
            StdioError::Config { .. } => {
                ("config", "expected the machine's configuration", "see docs/stdio.md")
            }
            StdioError::UnknownProfile { .. } | StdioError::Io(_) => {
                ("profile", "expected `guide`", "leave the profile out")
            }
        };
        self.problem(&path.field(field), error.to_string(), label, help);
        None
    }

    fn operations(&mut self, path: &Path, file: &DrillFile) -> Vec<Operation> {
        let path = path.field("operations");
        if file.operations.is_empty() {
            let help = "add `\"ask\": (op: \"allow\")`, a request as in docs/stdio.md without `at`";
            self.problem(&path, "the drill has nothing to ask", "expected operations", help);
        }
        let names: Vec<String> = file.operations.keys().cloned().collect();
        let mut operations = Vec::new();
        for (name, request) in &file.operations {
            let path = path.key(name);
            let Ok(Value::Object(mut fields)) = serde_json::to_value(request) else {
                let help = "write the fields of a request, like `(op: \"allow\")`";
                self.problem(&path, "that is no request", "expected fields in parentheses", help);
                continue;
            };
            let settles = self.settles(&path, &mut fields, &names);
            if !matches!(fields.get("op"), Some(Value::String(_))) {
                let help = "add `op: \"..\"`, an operation of the machine";
                self.problem(&path, "the request has no `op`", "expected `op` in here", help);
            }
            operations.push(Operation { name: name.clone(), fields, settles });
        }
        operations
    }

    /// A request that an untouched machine does not understand is never understood.
    fn is_understood(&mut self, path: &Path, operation: &Operation, subject: &Subject) {
        let response = subject.clone().ask(&operation.at(Time::ZERO).to_string());
        let response: Value = serde_json::from_str(&response).unwrap_or_default();
        let error = &response["result"]["error"];
        if error["kind"] == "bad_request" {
            let message = error["message"].as_str().unwrap_or("the request is not understood");
            let label = "expected a request of the machine, without `at`";
            self.problem(path, message, label, "see docs/stdio.md for its operations");
        }
    }

    /// Takes `settles: "newest ask"` out of the fields of a request.
    fn settles(
        &mut self,
        path: &Path,
        fields: &mut Map<String, Value>,
        names: &[String],
    ) -> Option<Settles> {
        let text = fields.remove("settles")?;
        let text = text.as_str().unwrap_or("");
        let (which, operation) = text.split_once(' ').unwrap_or(("", text));
        let path = path.field("settles");
        let help = "write `oldest` or `newest` and the operation whose outcome this is";
        if !matches!(which, "oldest" | "newest") {
            let message = format!("`{text}` does not say what is settled");
            let label = "expected `oldest` or `newest`, a blank and an operation";
            self.problem(&path, message, label, help);
            return None;
        }
        let found = names.iter().position(|name| name == operation);
        if found.is_none() {
            let message = format!("there is no operation `{operation}`");
            let help = remedy(operation, names, "declare it in `operations` first");
            self.problem(&path, message, "expected an operation of this drill", help);
        }
        found.map(|operation| Settles { operation, newest: which == "newest" })
    }
}
