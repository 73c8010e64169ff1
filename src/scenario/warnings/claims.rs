//! Properties with nothing to look at, and candidates that cannot do what they replace.

use brownout_models::Span;

use crate::scenario::check::{Check, GroupKind};
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::file::{DeploymentFile, NodeFile, PropertyFile, ScenarioFile, StrategyFile};
use crate::scenario::source::Path;

/// Why a property says nothing: where, what, what is expected, and what to do.
type Idle = (Path, String, &'static str, &'static str);

impl Check<'_> {
    pub(super) fn find_idle_claims(&mut self, file: &ScenarioFile) {
        for (index, property) in file.properties.iter().enumerate() {
            let path = Path::root().field("properties").index(index);
            let Some((path, message, label, help)) = self.idle(path, property, file) else {
                continue;
            };
            let warning = Diagnostic::warning(self.source.nearest(&path), message, label);
            self.warnings.push(warning.with_help(help));
        }
    }

    fn idle(&self, path: Path, property: &PropertyFile, file: &ScenarioFile) -> Option<Idle> {
        match property {
            PropertyFile::SagaTerminal { .. } => {
                self.without(path, GroupKind::Saga, "there is no saga here", "expected a `Saga`")
            }
            PropertyFile::BreakerPath { .. } => {
                let message = "there is no breaker here";
                self.without(
                    path,
                    GroupKind::Gateway,
                    message,
                    "expected a `Gateway`, which has some",
                )
            }
            PropertyFile::TokenEnvelope { .. } => {
                let message = "there is no limiter here";
                self.without(
                    path,
                    GroupKind::Gateway,
                    message,
                    "expected a `Gateway`, which has one",
                )
            }
            PropertyFile::EveryCallEnds { within: Some(within), .. } if *within >= file.horizon => {
                let message = format!("nothing takes longer: the run lasts {}", file.horizon);
                let help = "write a shorter span, or make the `horizon` longer";
                Some((path.field("within"), message, "expected less than the horizon", help))
            }
            PropertyFile::Recovers { within, .. } => {
                let heal_at = file.heal_at.unwrap_or(Span::ZERO);
                let first = heal_at.as_nanos().saturating_add(within.as_nanos());
                (first >= file.horizon.as_nanos()).then(|| {
                    let message = format!("no work begins so late: the run lasts {}", file.horizon);
                    let help = "heal earlier, write a shorter span, or make the `horizon` longer";
                    (path.field("within"), message, "expected an end within the horizon", help)
                })
            }
            PropertyFile::DeploymentEnds { deployment, .. } => {
                let is_scaling = |node: &NodeFile| match node {
                    NodeFile::Deployment(it) => matches!(it.strategy, StrategyFile::Scaling(_)),
                    NodeFile::Registry(_)
                    | NodeFile::Gateway(_)
                    | NodeFile::Service(_)
                    | NodeFile::Sidecar(_)
                    | NodeFile::Broker(_)
                    | NodeFile::Saga(_)
                    | NodeFile::Composition(_)
                    | NodeFile::Clients(_)
                    | NodeFile::Drill(_)
                    | NodeFile::Own(_) => false,
                };
                file.nodes.get(deployment).is_some_and(is_scaling).then(|| {
                    let message = format!("`{deployment}` scales a service, and never ends");
                    let help = "remove the property, or name a deployment of a new version";
                    (path.field("deployment"), message, "expected one that ends", help)
                })
            }
            PropertyFile::OncePerKey { .. }
            | PropertyFile::LedgerBalance { .. }
            | PropertyFile::MessageConservation { .. }
            | PropertyFile::EventPerRow { .. }
            | PropertyFile::RowPerEvent { .. }
            | PropertyFile::EveryCallEnds { .. }
            | PropertyFile::Availability { .. }
            | PropertyFile::TraceIsTree { .. }
            | PropertyFile::BalancerFairness { .. }
            | PropertyFile::Quiescence { .. }
            | PropertyFile::RolloutCapacity { .. }
            | PropertyFile::NoCallToStopped { .. }
            | PropertyFile::TrafficShare { .. }
            | PropertyFile::Drill { .. }
            | PropertyFile::SometimesSucceeds { .. } => None,
        }
    }

    /// A property about nodes of a kind, where there are none; machines of the user's own, and those
    /// under drill, may be anything.
    fn without(
        &self,
        path: Path,
        kind: GroupKind,
        message: &str,
        label: &'static str,
    ) -> Option<Idle> {
        let may_be =
            |other: GroupKind| other == kind || matches!(other, GroupKind::Own | GroupKind::Drill);
        if self.groups.values().any(|group| may_be(group.kind)) {
            return None;
        }
        let message = format!("this looks at nothing: {message}");
        Some((path, message, label, "add one to `nodes`, or remove the property"))
    }

    /// Whoever asks for what the version to come cannot do is turned away.
    pub(super) fn find_lost_handlers(
        &mut self,
        path: &Path,
        deployment: &DeploymentFile,
        file: &ScenarioFile,
    ) {
        let service = |name: &String| match file.nodes.get(name) {
            Some(NodeFile::Service(service)) => Some(service),
            Some(_) | None => None,
        };
        let Some(name) = &deployment.candidate else { return };
        let (Some(stable), Some(candidate)) = (service(&deployment.service), service(name)) else {
            return;
        };
        let lost = stable.handlers.keys().filter(|it| !candidate.handlers.contains_key(*it));
        let lost: Vec<String> = lost.map(|method| format!("`{method}`")).collect();
        if lost.is_empty() {
            return;
        }
        let place = self.source.nearest(path);
        let (lost, stable) = (lost.join(", "), &deployment.service);
        let message = format!("`{name}` has no handler for {lost}, and `{stable}` has");
        let label = format!("expected whatever `{stable}` can be asked for");
        let help = format!("add it to the handlers of `{name}`");
        self.warnings.push(Diagnostic::warning(place, message, label).with_help(help));
    }
}
