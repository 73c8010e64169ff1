//! How long things take: a distribution as data. Sampling is done by whoever answers choices.

use serde::Serialize;

use crate::Span;

/// How a span of time varies. Its calm value is what a run without weather uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Distribution {
    /// Always the same.
    Constant(Span),
    /// Every nanosecond from `min` to `max` is equally likely; calm is `min`.
    Uniform {
        /// The shortest span.
        min: Span,
        /// The longest span, included.
        max: Span,
    },
    /// Memoryless with this mean; calm is the mean.
    Exponential {
        /// The mean.
        mean: Span,
    },
    /// Its logarithm is normal: the usual shape of service times; calm is the median.
    LogNormal {
        /// Half of all spans are shorter.
        median: Span,
        /// Standard deviation of the natural logarithm, in millionths.
        sigma_millionths: u32,
    },
}

impl Distribution {
    /// What a run without weather uses.
    #[must_use]
    pub const fn calm(&self) -> Span {
        match self {
            Self::Constant(span) => *span,
            Self::Uniform { min, .. } => *min,
            Self::Exponential { mean } => *mean,
            Self::LogNormal { median, .. } => *median,
        }
    }

    /// The shortest and the longest span that it can take; [`Span::MAX`] where none is the longest.
    #[must_use]
    pub const fn range(&self) -> (Span, Span) {
        match self {
            Self::Constant(span) => (*span, *span),
            Self::Uniform { min, max } => (*min, *max),
            Self::Exponential { .. } | Self::LogNormal { .. } => (Span::ZERO, Span::MAX),
        }
    }

    /// Whether it can take only one value, so that nothing has to be chosen.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        match self {
            Self::Constant(_) => true,
            Self::Uniform { min, max } => min == max,
            Self::Exponential { mean } => mean.is_zero(),
            Self::LogNormal { median, sigma_millionths } => {
                median.is_zero() || *sigma_millionths == 0
            }
        }
    }
}

impl Default for Distribution {
    fn default() -> Self {
        Self::Constant(Span::ZERO)
    }
}
