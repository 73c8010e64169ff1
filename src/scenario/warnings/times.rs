//! What would come when the run is over.

use brownout_models::Span;
use brownout_models::policy::DispatcherOptions;

use crate::scenario::check::Check;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::file::{ArrivalsFile, DeploymentFile};
use crate::scenario::source::Path;

impl Check<'_> {
    /// Nothing happens later than the horizon.
    pub(super) fn find_late_words(&mut self, path: &Path, file: &DeploymentFile, horizon: Span) {
        if file.at > horizon {
            self.too_late(&path.field("at"), "the deployment never begins", horizon);
        }
        let words = file.operator.iter().map(|word| word.at);
        self.find_late(&path.field("operator"), words, horizon);
    }

    /// The same of what a person says to the broker.
    pub(super) fn find_late_redrives(
        &mut self,
        path: &Path,
        broker: &DispatcherOptions,
        horizon: Span,
    ) {
        let words = broker.operator.iter().map(|word| word.at);
        self.find_late(&path.field("operator"), words, horizon);
    }

    fn find_late(&mut self, path: &Path, words: impl Iterator<Item = Span>, horizon: Span) {
        for (index, _) in words.enumerate().filter(|(_, at)| *at > horizon) {
            self.too_late(&path.index(index).field("at"), "nobody hears this word", horizon);
        }
    }

    fn too_late(&mut self, path: &Path, what: &str, horizon: Span) {
        let message = format!("{what}: the run is over at its horizon, {horizon}");
        let label = format!("expected {horizon} or earlier");
        let warning = Diagnostic::warning(self.source.nearest(path), message, label);
        self.warnings.push(warning.with_help("move it, or make the `horizon` longer"));
    }

    /// Who would arrive later than the horizon never does.
    pub(super) fn find_late_arrivals(
        &mut self,
        path: &Path,
        arrivals: ArrivalsFile,
        horizon: Span,
    ) {
        let (at, what) = match arrivals {
            ArrivalsFile::Once => return,
            ArrivalsFile::Every { period, count } => {
                let last = u128::from(period.as_nanos()) * u128::from(count.saturating_sub(1));
                if last <= u128::from(horizon.as_nanos()) {
                    return;
                }
                let come = horizon.as_nanos() / period.as_nanos().max(1) + 1;
                (path.field("count"), format!("only {come} of {count} ever arrive"))
            }
            ArrivalsFile::Poisson { during, .. } if during <= horizon => return,
            ArrivalsFile::Poisson { .. } => {
                (path.field("during"), "nobody arrives behind the horizon".to_owned())
            }
        };
        let place = self.source.nearest(&at);
        let message = format!("{what}: the run is over at its horizon, {horizon}");
        let label = "expected arrivals within the horizon";
        let help = "write less, or make the `horizon` longer";
        self.warnings.push(Diagnostic::warning(place, message, label).with_help(help));
    }
}
