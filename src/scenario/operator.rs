//! What a person says to a deployment.

use brownout_models::Span;
use brownout_models::policy::OperatorWord;

use super::check::Check;
use super::file::{DeploymentFile, StrategyFile};
use super::source::Path;

impl Check<'_> {
    /// The words in order of time; none before the deployment begins, and none about scaling.
    pub(super) fn operator(
        &mut self,
        path: &Path,
        file: &DeploymentFile,
    ) -> Vec<(Span, OperatorWord)> {
        let path = path.field("operator");
        if let (StrategyFile::Scaling(_), false) = (&file.strategy, file.operator.is_empty()) {
            let message = "nobody decides about scaling";
            let help = "remove it: a scaler has no pauses, and nowhere to turn back to";
            self.problem(&path, message, "expected nothing here", help);
        }
        let help = "let the deployment begin before anybody speaks";
        let mut earliest = (file.at, "the deployment begins", help);
        for (index, word) in file.operator.iter().enumerate() {
            let (since, what, help) = earliest;
            if word.at < since {
                let at = path.index(index).field("at");
                let message = format!("{what} at {since} only");
                self.problem(&at, message, format!("expected {since} or later"), help);
            }
            let help = "write the words in the order in which they are said";
            earliest = (since.max(word.at), "the word before it is said", help);
        }
        file.operator.iter().map(|word| (word.at, word.says)).collect()
    }
}
