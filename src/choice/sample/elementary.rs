//! The elementary functions behind the samplers, in arithmetic that IEEE 754 fixes.
//!
//! [`ln`] and [`exp`] follow fdlibm's `e_log.c` and `e_exp.c`: "Copyright (C) 1993, 2004 by Sun
//! Microsystems, Inc. All rights reserved. Permission to use, copy, modify, and distribute this
//! software is freely granted, provided that this notice is preserved." [`inverse_normal`] is
//! Wichura's PPND16, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied
//! Statistics 37(3), 1988. Coefficients are listed from the constant term up.

use std::f64::consts::LOG2_E;

/// The upper 32 bits of ln 2, so that small multiples of it are exact.
const LN2_HIGH: f64 = 0.6931471803691238;
/// What [`LN2_HIGH`] leaves of ln 2.
const LN2_LOW: f64 = 1.9082149292705877e-10;
/// Adding 1.5 * 2^52 leaves the nearest whole number in the low bits of a double.
const TO_WHOLE: f64 = 6_755_399_441_055_744.0;
/// What is added to the exponent of a double before it is stored.
const BIAS: f64 = 1_023.0;

const LN: [f64; 7] = [
    0.6666666666666735,
    0.3999999999940942,
    0.2857142874366239,
    0.22222198432149784,
    0.1818357216161805,
    0.15313837699209373,
    0.14798198605116586,
];

const EXP: [f64; 5] = [
    0.16666666666666602,
    -0.0027777777777015593,
    6.613756321437934e-05,
    -1.6533902205465252e-06,
    4.1381367970572385e-08,
];

/// The natural logarithm of a positive, finite, normal number, wrong by less than one unit in the
/// last place.
#[must_use]
pub fn ln(x: f64) -> f64 {
    /// What rounds the exponent such that the mantissa lies between sqrt(1/2) and sqrt(2).
    const ROUND: u64 = 0x3ff0_0000_0000_0000 - SQRT_HALF;
    /// The upper half of sqrt(1/2) as a double.
    const SQRT_HALF: u64 = 0x3fe6_a09e_0000_0000;
    /// Setting the low bits of 2^52 adds a whole number to it.
    const FROM_WHOLE: u64 = 0x4330_0000_0000_0000;
    debug_assert!(x.is_normal() && x > 0.0, "logarithms are taken of positive numbers only");

    let bits = x.to_bits() + ROUND;
    let exponent = (f64::from_bits(FROM_WHOLE | bits >> 52) - f64::from_bits(FROM_WHOLE)) - BIAS;
    let f = f64::from_bits((bits & (u64::MAX >> 12)) + SQRT_HALF) - 1.0;
    let s = f / (2.0 + f);
    let square = s * s;
    let rest = square * polynomial(&LN, square);
    let half_square = 0.5 * f * f;
    s * (half_square + rest) + exponent * LN2_LOW - half_square + f + exponent * LN2_HIGH
}

/// e to the power `x`, wrong by less than one unit in the last place between -708 and 709; zero
/// below and infinity above.
#[must_use]
pub fn exp(x: f64) -> f64 {
    if x < -708.0 {
        return 0.0;
    }
    if x > 709.0 {
        return f64::INFINITY;
    }
    let exponent = (x * LOG2_E + TO_WHOLE) - TO_WHOLE;
    let high = x - exponent * LN2_HIGH;
    let low = exponent * LN2_LOW;
    let rest = high - low;
    let square = rest * rest;
    let c = rest - square * polynomial(&EXP, square);
    let mantissa = 1.0 + (rest * c / (2.0 - c) - low + high);
    // The biased exponent stands in the low bits of the sum and moves to where doubles keep it.
    let power = f64::from_bits((exponent + (TO_WHOLE + BIAS)).to_bits() << 52);
    mantissa * power
}

/// The number of standard deviations below which a share `p` of a normal distribution lies; `p` is
/// strictly between 0 and 1. The relative error is about 1e-16.
#[must_use]
pub fn inverse_normal(p: f64) -> f64 {
    let q = p - 0.5;
    if (-0.425..=0.425).contains(&q) {
        let r = 0.180625 - q * q;
        return q * (polynomial(&CENTRE.0, r) / polynomial(&CENTRE.1, r));
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-ln(tail)).sqrt();
    let ((above, below), r) = if r <= 5.0 { (&NEAR, r - 1.6) } else { (&FAR, r - 5.0) };
    let z = polynomial(above, r) / polynomial(below, r);
    if q < 0.0 { -z } else { z }
}

/// Horner's rule.
fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// Numerator and denominator of a rational approximation.
type Rational = ([f64; 8], [f64; 8]);

/// Between the 7.5th and the 92.5th percentile.
const CENTRE: Rational = (
    [
        3.3871328727963665,
        133.14166789178438,
        1971.5909503065513,
        13731.69376550946,
        45921.95393154987,
        67265.7709270087,
        33430.57558358813,
        2509.0809287301227,
    ],
    [
        1.0,
        42.31333070160091,
        687.1870074920579,
        5394.196021424751,
        21213.794301586597,
        39307.89580009271,
        28729.085735721943,
        5226.495278852854,
    ],
);

/// Further out, down to a tail of e^-25.
const NEAR: Rational = (
    [
        1.4234371107496835,
        4.630337846156546,
        5.769497221460691,
        3.6478483247632045,
        1.2704582524523684,
        0.2417807251774506,
        0.022723844989269184,
        0.0007745450142783414,
    ],
    [
        1.0,
        2.053191626637759,
        1.6763848301838038,
        0.6897673349851,
        0.14810397642748008,
        0.015198666563616457,
        0.0005475938084995345,
        1.0507500716444169e-09,
    ],
);

/// The rest.
const FAR: Rational = (
    [
        6.657904643501103,
        5.463784911164114,
        1.7848265399172913,
        0.29656057182850487,
        0.026532189526576124,
        0.0012426609473880784,
        2.7115555687434876e-05,
        2.0103343992922881e-07,
    ],
    [
        1.0,
        0.599832206555888,
        0.1369298809227358,
        0.014875361290850615,
        0.0007868691311456133,
        1.8463183175100548e-05,
        1.421511758316446e-07,
        2.0442631033899397e-15,
    ],
);
