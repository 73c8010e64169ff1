//! Draws a span from a distribution.

use brownout_models::Span;
use brownout_models::contract::Distribution;

use super::sample::{self, Sigma};

/// The span that `word` stands for.
pub(crate) fn span(word: u64, distribution: &Distribution) -> Span {
    match distribution {
        Distribution::Constant(span) => *span,
        Distribution::Uniform { min, max } => sample::uniform(word, *min, *max),
        Distribution::Exponential { mean } => sample::exponential(word, *mean),
        Distribution::LogNormal { median, sigma_millionths } => {
            sample::log_normal(word, *median, Sigma::from_millionths(*sigma_millionths))
        }
    }
}
