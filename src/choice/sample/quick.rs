//! The normal quantile and the exponential function from tables: what most of the weather asks for.
//!
//! The tables are computed once a process by the exact functions, in arithmetic that IEEE 754 fixes,
//! so they are the same on every platform.

use std::f64::consts::{LN_2, PI};
use std::sync::LazyLock;

use super::elementary::{exp, inverse_normal};
use super::float;

/// A third-degree polynomial, from the constant term up.
type Cubic = [f64; 4];

/// The high bits of the mantissa that number the pieces between two powers of two.
const PIECE_BITS: u32 = 5;
/// Below the bits that number a piece.
const PIECE_SHIFT: u32 = 52 - PIECE_BITS;
/// The octaves between the least word, 2^-49, and one half.
const OCTAVES: usize = 48;
/// 2^-49 as the bits of a double.
const LEAST: u64 = (1_023 - 49) << 52;
/// One as the bits of a double.
const ONE: u64 = 1_023 << 52;

/// For each piece the cubic that has the values and slopes of the quantile at both ends: joined
/// smoothly, so that a larger share never gives a smaller number.
static QUANTILES: LazyLock<Box<[Cubic]>> = LazyLock::new(|| {
    let pieces = (OCTAVES as u64) << PIECE_BITS;
    let end = |piece: u64| f64::from_bits(LEAST + (piece << PIECE_SHIFT));
    let cubic = |piece: u64| {
        let width = end(piece + 1) - end(piece);
        let slope = |z: f64| width * (2.0 * PI).sqrt() * exp(0.5 * z * z);
        let (low, high) = (inverse_normal(end(piece)), inverse_normal(end(piece + 1)));
        let (rise, first, last) = (high - low, slope(low), slope(high));
        [low, first, 3.0 * rise - 2.0 * first - last, first + last - 2.0 * rise]
    };
    (0..pieces).map(cubic).collect()
});

/// e to the power ln 2 / 64 times 0 to 63.
static POWERS: LazyLock<[f64; 64]> =
    LazyLock::new(|| std::array::from_fn(|n| exp(float(n as u64) * (LN_2 / 64.0))));

/// Like [`inverse_normal`], wrong by at most 1e-8, in an eighth of the time. `p` is between 2^-49
/// and 1 - 2^-49 and not one half.
#[inline]
pub(super) fn normal_quantile(p: f64) -> f64 {
    let tail = if p < 0.5 { p } else { 1.0 - p };
    let bits = tail.to_bits();
    let piece = usize::try_from((bits - LEAST) >> PIECE_SHIFT).unwrap_or(usize::MAX);
    let [a, b, c, d] = QUANTILES[piece];
    // How far it is into the piece, from 0 to 1: the rest of the mantissa.
    let x = f64::from_bits(ONE | (bits << PIECE_BITS) & (u64::MAX >> 12)) - 1.0;
    let z = a + x * (b + x * (c + x * d));
    if p < 0.5 { z } else { -z }
}

/// Like [`exp`] between -64 and 64, wrong by about one unit in the last place.
#[inline]
pub(super) fn power(x: f64) -> f64 {
    /// 64 / ln 2.
    const PER_STEP: f64 = 64.0 / LN_2;
    /// The upper 32 bits of ln 2 / 64, so that small multiples of it are exact.
    const STEP_HIGH: f64 = 0.6931471803691238 / 64.0;
    /// What [`STEP_HIGH`] leaves of ln 2 / 64.
    const STEP_LOW: f64 = 1.9082149292705877e-10 / 64.0;
    /// Adding 1.5 * 2^52 leaves the nearest whole number in the low bits of a double.
    const TO_WHOLE: f64 = 6_755_399_441_055_744.0;
    let shifted = x * PER_STEP + TO_WHOLE;
    let (bits, steps) = (shifted.to_bits(), shifted - TO_WHOLE);
    let rest = (x - steps * STEP_HIGH) - steps * STEP_LOW;
    let square = rest * rest;
    let series =
        rest + square * ((0.5 + rest * (1.0 / 6.0)) + square * (1.0 / 24.0 + rest * (1.0 / 120.0)));
    let start = POWERS[(bits & 63) as usize];
    // The whole part of the power of two stands above the six bits of the table.
    let scale = f64::from_bits(((bits << 46) & !(u64::MAX >> 12)).wrapping_add(ONE));
    (start + start * series) * scale
}
