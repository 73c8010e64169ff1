//! Draws a span from a distribution.

use brownout_models::Span;
use brownout_models::contract::Distribution;

use super::sample::{self, LogNormals, Sigma};

/// The tables that draws need, and where in them the next one probably finds its own.
pub(crate) struct Tables<'a> {
    pub(crate) log_normals: &'a mut LogNormals,
    pub(crate) hint: &'a mut u32,
}

/// The span that `word` stands for, where a fault has struck, which is rare.
#[cold]
pub(crate) fn span_of_fault(word: u64, distribution: &Distribution, tables: Tables<'_>) -> Span {
    span(word, distribution, tables)
}

/// The span that `word` stands for.
#[inline(always)]
pub(crate) fn span(word: u64, distribution: &Distribution, tables: Tables<'_>) -> Span {
    match distribution {
        Distribution::Constant(span) => *span,
        Distribution::Uniform { min, max } => sample::uniform(word, *min, *max),
        Distribution::Exponential { mean } => sample::exponential(word, *mean),
        Distribution::LogNormal { median, sigma_millionths } => {
            let sigma = Sigma::from_millionths(*sigma_millionths);
            tables.log_normals.sample(tables.hint, word, *median, sigma)
        }
    }
}
