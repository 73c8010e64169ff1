//! Log-normal spans from a table of their own: what most of the weather asks for.
//!
//! A table holds the logarithm's normal quantile and the exponential function in one, so that a sample
//! is one look-up and one polynomial. It is computed by the exact functions, in arithmetic that IEEE 754
//! fixes, so it is the same on every platform.

use std::f64::consts::PI;
use std::sync::{Arc, LazyLock};

use brownout_models::Span;

use super::elementary::{exp, inverse_normal};
use super::{MILLION, Sigma, float, span};

/// A log-normally distributed span: the common shape of service times and latencies.
///
/// A sample is wrong by at most 2e-8 of its length for spreads up to 1, and 2^32 words of each piece of
/// the table tell samples apart; between them and from piece to piece a larger word is never a smaller
/// span.
#[derive(Clone, Debug)]
pub struct LogNormal {
    median: Span,
    sigma: Sigma,
    /// The lower half of all words, then the upper half: each by octaves of the distance from its end,
    /// the nearest one first.
    pieces: Box<[Cubic]>,
}

/// A polynomial of the third degree, from the constant term up. Two lie in a line of the cache, none
/// across two.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Cubic([f64; 4]);

/// Bits of a word that are used.
const BITS: u32 = 48;
/// The high bits below the first one that number the pieces of an octave.
const PIECE_BITS: u32 = 5;
/// Pieces of half of all words.
const HALF: usize = (BITS as usize) << PIECE_BITS;
/// One as the bits of a double.
const ONE: u64 = 1_023 << 52;

/// Where pieces meet: a share of all words, its normal quantile, and how steeply that rises.
#[derive(Clone, Copy)]
struct Joint {
    share: f64,
    quantile: f64,
    slope: f64,
}

/// The joints up to one half.
static JOINTS: LazyLock<Box<[Joint]>> = LazyLock::new(|| {
    /// 2^-49 as the bits of a double.
    const LEAST: u64 = (1_023 - 49) << 52;
    let joint = |number: u64| {
        let share = f64::from_bits(LEAST + (number << (52 - PIECE_BITS)));
        let quantile = inverse_normal(share);
        let slope = (2.0 * PI).sqrt() * exp(0.5 * quantile * quantile);
        Joint { share, quantile, slope }
    };
    (0..=HALF as u64).map(joint).collect()
});

impl LogNormal {
    /// The distribution with this median and spread.
    #[must_use]
    pub fn new(median: Span, sigma: Sigma) -> Self {
        let mut pieces = Vec::with_capacity(2 * HALF);
        for side in [1.0, -1.0] {
            pieces
                .extend(half(float(median.as_nanos()), side * float(u64::from(sigma.0)) / MILLION));
        }
        Self { median, sigma, pieces: pieces.into_boxed_slice() }
    }

    /// The span that a word stands for.
    #[must_use]
    #[inline(always)]
    pub fn sample(&self, word: u64) -> Span {
        // The odd multiples of 2^-49 between 0 and 1 are equally spaced and symmetric around one half.
        let share = (word >> (64 - BITS)) << 1 | 1;
        let upper = share >> BITS;
        let tail = if upper == 0 { share } else { (2 << BITS) - share };
        let octave = (63 - tail.leading_zeros()) as usize;
        // What comes below the highest bit, from the top.
        let rest = (tail << tail.leading_zeros()) << 1;
        let piece = (rest >> (64 - PIECE_BITS)) as usize;
        let half = if upper == 0 { 0 } else { HALF };
        let Cubic([a, b, c, d]) = self.pieces[half + (octave << PIECE_BITS | piece)];
        // How far it is into the piece, from 0 to 1, in steps of 2^-32: neighbours differ by far more
        // than the sum below is rounded.
        let steps = (rest << PIECE_BITS) >> 32;
        let x = f64::from_bits(ONE | steps << 20) - 1.0;
        span(a + (x * b + (x * x) * (c + x * d)))
    }
}

/// The pieces of one half; `deviation` is negative in the upper one.
fn half(median: f64, deviation: f64) -> impl Iterator<Item = Cubic> {
    let value = move |joint: &Joint| {
        /// At the bounds a span has long become zero or saturated.
        const BOUND: f64 = 64.0;
        median * exp((deviation * joint.quantile).clamp(-BOUND, BOUND))
    };
    let values: Vec<f64> = JOINTS.iter().map(value).collect();
    JOINTS.windows(2).enumerate().map(move |(number, joints)| {
        let (low, rise) = (values[number], values[number + 1] - values[number]);
        let width = joints[1].share - joints[0].share;
        // Up to three times as steep as the way between its ends a cubic does not turn back.
        let bound = 3.0 * rise.abs();
        let slope = |joint: &Joint, value: f64| {
            (width * deviation * value * joint.slope).clamp(-bound, bound)
        };
        let (first, last) = (slope(&joints[0], low), slope(&joints[1], values[number + 1]));
        Cubic([low, first, 3.0 * rise - 2.0 * first - last, first + last - 2.0 * rise])
    })
}

/// The tables of the distributions that a run has met.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogNormals(Arc<Vec<LogNormal>>);

impl LogNormals {
    /// Draws from a distribution, which probably stands where the `hint` says.
    #[inline]
    pub(crate) fn sample(&mut self, hint: &mut u32, word: u64, median: Span, sigma: Sigma) -> Span {
        let is_it = |known: &&LogNormal| known.median == median && known.sigma == sigma;
        if let Some(known) = self.0.get(*hint as usize).filter(is_it) {
            return known.sample(word);
        }
        let place = self.place(median, sigma);
        *hint = u32::try_from(place).unwrap_or(u32::MAX);
        self.0[place].sample(word)
    }

    /// Draws from the distribution that stands at this [place](Self::place).
    #[inline(always)]
    pub(crate) fn sample_at(&self, place: usize, word: u64) -> Span {
        self.0[place].sample(word)
    }

    /// Where a distribution stands.
    #[cold]
    pub(crate) fn place(&mut self, median: Span, sigma: Sigma) -> usize {
        let is_it = |known: &LogNormal| known.median == median && known.sigma == sigma;
        self.0.iter().position(is_it).unwrap_or_else(|| {
            Arc::make_mut(&mut self.0).push(LogNormal::new(median, sigma));
            self.0.len() - 1
        })
    }
}
