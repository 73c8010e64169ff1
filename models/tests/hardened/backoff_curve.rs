//! Polly's decorrelated jitter against its formula in doubles, its medians, and its envelope.

#![expect(clippy::float_arithmetic, reason = "the formula is of real numbers, and stays in here")]
#![expect(clippy::cast_precision_loss, reason = "ten digits are enough")]

use brownout_models::policy::{BackoffConfig, Jitter};
use brownout_models::{Span, Timeout};
use proptest::prelude::*;

use super::config;

fn backoff(base: u64, cap: Timeout) -> BackoffConfig {
    let jitter = Jitter::DecorrelatedV2;
    BackoffConfig { jitter, base: Span::from_nanos(base), cap, ..BackoffConfig::hardened() }
}

/// Where the curve is at `t`, in bases.
fn curve(t: f64) -> f64 {
    t.exp2() * (4.0 * t).sqrt().tanh() / 1.4
}

/// The waits that these words draw, each with the range it is from.
fn waits(config: &BackoffConfig, words: &[u64]) -> Vec<[u64; 3]> {
    let mut previous = Span::ZERO;
    let draw = |(retry, word): (u32, &u64)| {
        let range = config.waits(retry, previous);
        let (wait, remembered) = config.taken(previous, range.at(*word));
        previous = remembered;
        [range.min, wait, range.max].map(Span::as_nanos)
    };
    (0..).zip(words).map(draw).collect()
}

proptest! {
    #![proptest_config(config())]

    /// As `GetRetryDelay` of Polly 8 has it, to a hundred-millionth of where the curve is.
    #[test]
    fn waits_are_the_steps_of_the_curve(
        base in 1..10_000_000_000_u64,
        cap in prop::option::of(0..40_000_000_000_u64),
        words in prop::collection::vec(any::<u64>(), 1..20),
    ) {
        let cap = cap.map_or(u64::MAX, |more| base + more);
        let config = backoff(base, Timeout::After(Span::from_nanos(cap)));
        let mut before = 0.0;
        for (retry, (word, [min, wait, max])) in words.iter().zip(waits(&config, &words)).enumerate() {
            let retry = retry as f64;
            let here = curve(retry + *word as f64 / 64.0_f64.exp2());
            let fine = 2.0 + base as f64 * (retry + 1.0).exp2() * 1e-8;
            let expected = ((here - before) * base as f64).min(cap as f64);
            prop_assert!((wait as f64 - expected).abs() <= fine, "{wait}, expected {expected}");
            let ends = [curve(retry), curve(retry + 1.0)].map(|end| (end - before) * base as f64);
            prop_assert!((min as f64 - ends[0]).abs() <= fine && (max as f64 - ends[1]).abs() <= fine);
            before = here;
        }
    }

    /// A larger word never means a shorter wait, and every wait is within its range.
    #[test]
    fn a_larger_word_is_a_longer_wait(
        base in prop_oneof![1..1_000_u64, Just(1_000_000_000)],
        retry in 0..30_u32,
        previous in 0..1_000_u64,
        words in prop::array::uniform2(any::<u64>()),
    ) {
        let range = backoff(base, Timeout::Never).waits(retry, Span::from_nanos(previous));
        let [less, more] = [words[0].min(words[1]), words[0].max(words[1])].map(|word| range.at(word));
        prop_assert!(range.min <= less && less <= more && more <= range.max);
        prop_assert!(range.min <= range.calm && range.calm <= range.max);
        prop_assert_eq!(range.at(0), range.min);
        prop_assert_eq!(range.within(Span::from_millis(500)), range.calm);
    }

    /// The `i`-th retry comes between `f(i)` and `f(i + 1)` after the first failure, whatever came before, and
    /// so no wait is above `f(i + 1) - f(i - 1)`, which grows with `i`.
    #[test]
    fn retries_stay_in_their_own_stretch_of_the_curve(
        words in prop::collection::vec(prop_oneof![Just(0), Just(u64::MAX), any::<u64>()], 1..20),
    ) {
        const BASE: f64 = 1e9;
        let config = backoff(1_000_000_000, Timeout::Never);
        let (mut sum, mut envelope) = (0.0, 0.0);
        for (retry, [_, wait, _]) in waits(&config, &words).into_iter().enumerate() {
            let (retry, fine) = (retry as f64, 2.0 + BASE * (retry as f64 + 1.0).exp2() * 1e-8);
            sum += wait as f64;
            let stretch = [curve(retry), curve(retry + 1.0)].map(|end| end * BASE);
            prop_assert!(stretch[0] - fine <= sum && sum <= stretch[1] + fine);
            let most = stretch[1] - curve((retry - 1.0).max(0.0)) * BASE;
            prop_assert!(most > envelope && wait as f64 <= most + fine);
            envelope = most;
        }
    }
}

/// `SplitMix64`.
fn words(seed: u64) -> impl Iterator<Item = u64> {
    (1_u64..).map(move |number| {
        let word = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    })
}

/// The medians of the formula, of all pairs of 400 times 400 numbers, lie between the order statistics of
/// 10,000 samples that hold a median in 999 of 1,000 cases: half of the samples, give or take 3.29 times half
/// the root of their number. From the third wait on they are 2, 4, 8 .. times the base, to one part in a
/// hundred; the first two are 0.9 and 1.14 times.
#[test]
fn medians_double_from_the_third_wait_on() {
    const SAMPLES: usize = 10_000;
    let config = backoff(1_000_000_000, Timeout::Never);
    let mut words = words(7);
    let mut samples = vec![Vec::new(); 6];
    for _ in 0..SAMPLES {
        let words: Vec<u64> = words.by_ref().take(samples.len()).collect();
        for (samples, [_, wait, _]) in samples.iter_mut().zip(waits(&config, &words)) {
            samples.push(wait as f64 / 1e9);
        }
    }
    let grid: Vec<f64> = (0..400).map(|place| (f64::from(place) + 0.5) / 400.0).collect();
    let mut medians = Vec::new();
    for (retry, samples) in (0..).zip(&mut samples) {
        let retry = f64::from(retry);
        let before: Vec<f64> = match retry {
            0.0 => vec![0.0],
            _ => grid.iter().map(|u| curve(retry - 1.0 + u)).collect(),
        };
        let here = grid.iter().map(|u| curve(retry + u));
        let mut theory: Vec<f64> =
            here.flat_map(|here| before.iter().map(move |before| here - before)).collect();
        theory.sort_by(f64::total_cmp);
        samples.sort_by(f64::total_cmp);
        let median = theory[theory.len() / 2];
        let half = 165; // 3.29 * sqrt(10,000) / 2, rounded up.
        let (low, high) = (samples[SAMPLES / 2 - half], samples[SAMPLES / 2 + half]);
        assert!(low <= median && median <= high, "{median} not in {low} to {high}");
        medians.push(median);
    }
    for (median, near) in medians.into_iter().zip([0.898, 1.139, 2.0, 4.0, 8.0, 16.0]) {
        assert!((median / near - 1.0).abs() < 0.01, "{median}");
    }
}

/// Where the curve leaves 64 bits, waits are the cap, or the longest span, and never none.
#[test]
fn a_curve_never_wraps() {
    for (cap, longest) in
        [(Timeout::Never, Span::MAX), (Timeout::After(Span::from_secs(20)), Span::from_secs(20))]
    {
        let config = backoff(1_000_000_000, cap);
        let mut previous = Span::ZERO;
        for retry in (0..80).chain([u32::MAX - 1, u32::MAX]) {
            let range = config.waits(retry, previous);
            let (wait, remembered) = config.taken(previous, range.at(1 << 63));
            assert!(remembered >= previous && !wait.is_zero());
            assert!(retry < 40 || wait == longest, "{wait} before {retry}");
            previous = remembered;
        }
    }
}
