//! The samplers keep their vectors, never decrease, and follow their distributions.
//!
//! Statistics run on fixed words, with bounds computed for a confidence of 99.9 %.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::choice::mix::{SiteKey, word};

const TRIALS: u32 = 40_000;
/// The 99.95th percentile of the normal distribution: two-sided, 99.9 % lie within.
const Z: f64 = 3.290_526_731_491_926;

fn words() -> impl Iterator<Item = u64> {
    let site = SiteKey::constant("words for statistics");
    (0..TRIALS).map(move |n| word(site, 0, n))
}

/// The normal distribution function, by Marsaglia's series ("Evaluating the Normal Distribution",
/// Journal of Statistical Software 11(4), 2004): another road than the quantile under test.
fn normal_distribution(z: f64) -> f64 {
    let (mut sum, mut term, mut n) = (z, z, 1.0_f64);
    while sum + term != sum {
        n += 2.0;
        term *= z * z / n;
        sum += term;
    }
    0.5 + sum * exp(-0.5 * z * z) / (2.0 * std::f64::consts::PI).sqrt()
}

/// Kolmogorov and Smirnov: the largest gap between the samples and their distribution function
/// stays below sqrt(ln(2 / 0.001) / 2) / sqrt(n). Discrete samples stay further below.
fn assert_distributed(what: &str, mut samples: Vec<u64>, distribution: impl Fn(u64) -> f64) {
    samples.sort_unstable();
    let n = f64::from(TRIALS);
    let gap_max = (ln(2000.0) / 2.0 / n).sqrt();
    let mut seen = 0_u64;
    for same in samples.chunk_by(|a, b| a == b) {
        seen += same.len() as u64;
        let gap = (float(seen) / n - distribution(same[0])).abs();
        assert!(gap < gap_max, "{what} at {}: off by {gap}, more than {gap_max}", same[0]);
    }
}

/// The mean lies within Z standard errors of what it should be.
fn assert_mean(what: &str, samples: &[u64], mean: f64, deviation: f64) {
    let n = f64::from(TRIALS);
    let found = samples.iter().map(|&sample| float(sample)).sum::<f64>() / n;
    let bound = Z * deviation / n.sqrt();
    assert!((found - mean).abs() < bound, "{what}: mean {found}, not {mean} within {bound}");
}

/// A share `p` of all samples lies at or below `quantile`, within Z standard errors.
fn assert_quantile(what: &str, samples: &[u64], p: f64, quantile: f64) {
    let n = f64::from(TRIALS);
    let below = samples.iter().filter(|&&sample| float(sample) <= quantile).count() as u64;
    let bound = Z * (n * p * (1.0 - p)).sqrt();
    assert!((float(below) - n * p).abs() < bound, "{what}: {below} below the quantile of {p}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the platform's functions judge ours")]
fn elementary_functions_agree_with_the_platform() {
    let close = |a: f64, b: f64| (a - b).abs() <= 3e-16 * b.abs();
    for n in 0..200_000_u32 {
        let x = f64::from(n) * 0.003_7 - 37.0;
        assert!(close(exp(x), x.exp()), "exp {x}: {} {}", exp(x), x.exp());
        let tiny = unit(word(SiteKey(1, 2), 3, n));
        for y in [tiny, exp(x), 1.0 + tiny, 1.0 - tiny / 1e6, f64::from(n + 1)] {
            assert!(close(ln(y), y.ln()), "ln {y}: {} {}", ln(y), y.ln());
        }
    }
    assert_eq!((exp(0.0), ln(1.0)), (1.0, 0.0));
    assert_eq!((exp(-709.0), exp(709.5)), (0.0, f64::INFINITY));
    assert!(close(exp(-708.0), (-708.0_f64).exp()) && close(exp(709.0), 709.0_f64.exp()));
}

#[test]
fn the_normal_quantile_undoes_the_distribution_function() {
    for word in words() {
        let p = unit(word);
        let back = normal_distribution(inverse_normal(p));
        assert!((back - p).abs() < 4e-15, "{p} came back as {back}");
        assert_eq!(inverse_normal(unit(!word)), -inverse_normal(p));
    }
    assert!((inverse_normal(0.99) - 2.3263478740408408).abs() < 1e-15);
    // The bounds of unit(), known from tables: the far tail works.
    assert!((inverse_normal(unit(0)) + 8.209_536_151_601_387).abs() < 1e-14);
}

#[test]
fn log_normal_spans_are_those_of_the_exact_functions() {
    for (sigma, error) in [(1_000, 1e-11), (250_000, 5e-9), (1_000_000, 2e-8), (2_000_000, 2e-7)] {
        let deviation = float(u64::from(sigma)) / 1e6;
        let median = Span::from_nanos(1 << 40);
        let table = LogNormal::new(median, Sigma::from_millionths(sigma));
        for (word, shift) in words().zip((0..48).cycle()) {
            for word in [word >> shift, !(word >> shift)] {
                let exponent = deviation * inverse_normal(share(word));
                let (exact, found) = (exponent, float(table.sample(word).as_nanos()));
                let exact = float(median.as_nanos()) * exp(exact);
                let off = (found - exact).abs() / exact.max(1e8);
                assert!(off <= error, "{word} at {sigma}: {found}, not {exact}, off by {off:e}");
            }
        }
    }
}

#[test]
fn log_normal_spans_rise_across_every_joint_of_their_table() {
    for sigma in [1, 1_000, 800_000, 30_000_000, u32::MAX] {
        for median in [Span::from_micros(1), Span::from_secs(1), Span::MAX] {
            let table = LogNormal::new(median, Sigma::from_millionths(sigma));
            for piece in 1..48_u64 << 5 {
                let joint = f64::from_bits(((1_023 - 49) << 52) + (piece << 47));
                for joint in [joint, 1.0 - joint] {
                    let first = whole(joint * 281_474_976_710_656.0).saturating_sub(20);
                    let mut last = Span::ZERO;
                    for word in (first..first + 40).filter(|word| *word < 1 << 48) {
                        let this = table.sample(word << 16);
                        assert!(last <= this, "at {joint} with {sigma}");
                        last = this;
                    }
                }
            }
        }
    }
}

#[test]
fn unit_is_never_an_end() {
    assert_eq!(unit(0), 1.0 / 9_007_199_254_740_992.0);
    assert_eq!(unit(u64::MAX), 1.0 - unit(0));
    assert!(unit(u64::MAX) < 1.0);
    assert_eq!(unit(1 << 63), 0.5 + unit(0));
}

#[test]
fn exponential_spans_follow_their_distribution() {
    let samples: Vec<_> =
        words().map(|word| exponential(word, Span::from_millis(20)).as_nanos()).collect();
    assert_mean("exponential", &samples, 2e7, 2e7);
    assert_quantile("exponential", &samples, 0.5, ln(2.0) * 2e7);
    assert_quantile("exponential", &samples, 0.99, ln(100.0) * 2e7);
    assert_distributed("exponential", samples, |nanos| 1.0 - exp(-float(nanos) / 2e7));
}

#[test]
fn log_normal_spans_follow_their_distribution() {
    let (median, p99) = (Span::from_millis(20), Span::from_millis(150));
    let sigma = Sigma::from_percentile(median, p99).unwrap();
    assert_eq!(sigma.to_string(), "0.866123");
    let s = float(u64::from(sigma.as_millionths())) / 1e6;
    let table = LogNormal::new(median, sigma);
    let samples: Vec<_> = words().map(|word| table.sample(word).as_nanos()).collect();
    let mean = 2e7 * exp(s * s / 2.0);
    assert_mean("log-normal", &samples, mean, mean * (exp(s * s) - 1.0).sqrt());
    assert_quantile("log-normal", &samples, 0.5, 2e7);
    assert_quantile("log-normal", &samples, 0.99, 1.5e8);
    assert_distributed("log-normal", samples, |nanos| {
        normal_distribution(ln(float(nanos) / 2e7) / s)
    });
}

#[test]
fn pareto_spans_follow_their_distribution() {
    let min = Span::from_millis(5);
    let samples: Vec<_> =
        words().map(|word| pareto(word, min, 1_500_000, Span::MAX).as_nanos()).collect();
    assert_quantile("pareto", &samples, 0.5, 5e6 * exp(ln(2.0) / 1.5));
    assert_distributed("pareto", samples, |nanos| 1.0 - exp(-1.5 * ln(float(nanos) / 5e6)));
}

#[test]
fn uniform_spans_follow_their_distribution() {
    let (min, max) = (Span::from_micros(3), Span::from_micros(7));
    let samples: Vec<_> = words().map(|word| uniform(word, min, max).as_nanos()).collect();
    assert_mean("uniform", &samples, 5e3, 4e3 / 12_f64.sqrt());
    assert_distributed("uniform", samples, |nanos| float(nanos - 2_999) / 4_001.0);
}

/// Poisson's distribution function summed from its largest term outwards, in another order and from
/// another start than the sampler.
fn poisson_distribution(mean: u32) -> Vec<f64> {
    let mode = mean as usize;
    let mean = f64::from(mean);
    // Means are below 40,000, so that the last term lies more than 12 deviations out.
    let mut terms = vec![0.0; mode * 2 + 48 + mode.min(2_400)];
    terms[mode] = 1.0;
    for k in (0..mode).rev() {
        terms[k] = terms[k + 1] * float(k as u64 + 1) / mean;
    }
    for k in mode + 1..terms.len() {
        terms[k] = terms[k - 1] * mean / float(k as u64);
    }
    let total: f64 = terms.iter().sum();
    let mut sum = 0.0;
    terms
        .iter()
        .map(|term| {
            sum += term / total;
            sum
        })
        .collect()
}

#[test]
fn poisson_counts_follow_their_distribution() {
    for mean in [1, 3, 40, 700, 701, 5_000] {
        let samples: Vec<_> =
            words().map(|word| u64::from(poisson(word, u64::from(mean) * 1_000_000))).collect();
        let what = format!("poisson of mean {mean}");
        let distribution = poisson_distribution(mean);
        assert_mean(&what, &samples, f64::from(mean), f64::from(mean).sqrt());
        assert_distributed(&what, samples, |count| distribution[usize::try_from(count).unwrap()]);
    }
}

#[test]
fn poisson_counts_are_exact_inversions() {
    for mean in [1, 40, 699, 700, 701, 1_000, 20_000] {
        let distribution = poisson_distribution(mean);
        for word in words().take(4_000) {
            let exact = distribution.partition_point(|&share| share < unit(word));
            let count = poisson(word, u64::from(mean) * 1_000_000) as usize;
            let edge = |count: usize| (distribution[count] - unit(word)).abs() < 1e-8;
            let excused = count.abs_diff(exact) == 1 && edge(exact.min(count));
            assert!(count == exact || excused, "mean {mean}: {count}, not {exact}");
        }
    }
}

#[test]
fn ends_saturate() {
    let second = Span::from_secs(1);
    assert_eq!(exponential(u64::MAX, Span::MAX), Span::MAX);
    assert_eq!(exponential(u64::MAX, Span::ZERO), Span::ZERO);
    assert_eq!(exponential(0, second), Span::ZERO);
    let widest = Sigma::from_millionths(u32::MAX);
    assert_eq!(LogNormal::new(second, Sigma::ZERO).sample(7), second);
    assert_eq!(LogNormal::new(second, widest).sample(u64::MAX), Span::MAX);
    assert_eq!(LogNormal::new(Span::MAX, widest).sample(0), Span::ZERO);
    assert_eq!(uniform(0, second, second), second);
    assert_eq!(uniform(u64::MAX, second, Span::ZERO), second);
    assert_eq!(uniform(u64::MAX, Span::ZERO, Span::MAX), Span::MAX);
    assert_eq!(pareto(0, second, 0, Span::from_secs(9)), Span::from_secs(9));
    assert_eq!(pareto(0, Span::ZERO, 0, Span::from_secs(9)), Span::ZERO);
    assert_eq!(poisson(u64::MAX, 0), 0);
    assert_eq!(poisson(0, u64::MAX), u32::MAX);
    assert_eq!(poisson(0, 5_000_000_000), 4_454);
    assert_eq!((index(u64::MAX, 3), index(u64::MAX, u32::MAX), index(5, 0)), (2, u32::MAX - 1, 0));
    assert_eq!(Sigma::from_percentile(second, Span::ZERO), None);
    assert_eq!(Sigma::from_percentile(Span::ZERO, second), None);
    assert_eq!(Sigma::from_percentile(second, second), Some(Sigma::ZERO));
}

#[test]
fn odds_and_weights_are_exact_shares_of_all_words() {
    for (word, odds, expected) in [
        (0, Ratio::ZERO, false),
        (u64::MAX, Ratio::ONE, true),
        (0, Ratio::new(1, u32::MAX).unwrap(), true),
        ((1 << 63) - 1, Ratio::new(1, 2).unwrap(), true),
        (1 << 63, Ratio::new(1, 2).unwrap(), false),
        (u64::MAX / 3, Ratio::new(1, 3).unwrap(), true),
        (u64::MAX / 3 + 1, Ratio::new(1, 3).unwrap(), false),
    ] {
        assert_eq!(flag(word, odds), expected, "{word} at {odds}");
    }
    for (num, den) in [(1, 1), (1, 2), (1, 3), (2, 3), (1, 100_000), (1, u32::MAX)] {
        let odds = Ratio::new(num, den).unwrap();
        let last = last_flagged(odds).expect("it may happen");
        assert!(flag(last, odds), "{last} at {odds}");
        assert!(last == u64::MAX || !flag(last + 1, odds), "{last} at {odds}");
    }
    assert_eq!(last_flagged(Ratio::ZERO), None);
    let quarter = u64::MAX / 4 + 1;
    for (word, position) in [(0, 1), (quarter - 1, 1), (quarter, 3), (u64::MAX, 3)] {
        assert_eq!(weighted(word, &[0, 1, 0, 3, 0]), position);
    }
    assert_eq!((weighted(0, &[0, 0]), weighted(u64::MAX, &[0, 0]), weighted(5, &[])), (0, 1, 0));
}

/// All answers to one word, as numbers that may not fall when the word rises.
fn answers(word: u64, a: u64, b: u64, small: u32, table: &LogNormal) -> [u64; 9] {
    let (min, max) = (Span::from_nanos(a.min(b)), Span::from_nanos(a.max(b)));
    let odds = Ratio::new(small.min(1_000), 1_000).unwrap();
    [
        unit(word).to_bits(),
        exponential(word, max).as_nanos(),
        table.sample(word).as_nanos(),
        uniform(word, min, max).as_nanos(),
        pareto(word, min, small, max).as_nanos(),
        u64::from(poisson(word, a % 2_000_000_000)),
        u64::from(!flag(word, odds)),
        u64::from(index(word, small)),
        weighted(word, &[small.into(), 0, 7, (small / 3).into()]) as u64,
    ]
}

/// The same cases in every run of the tests.
fn fixed() -> ProptestConfig {
    let (rng_seed, failure_persistence) = (RngSeed::Fixed(1), None);
    ProptestConfig { cases: 1_000, rng_seed, failure_persistence, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(fixed())]

    #[test]
    fn a_larger_word_is_never_a_smaller_answer(
        word: u64, step in 0..64_u32, a: u64, b: u64, shift in 0..64_u32, small: u32,
        small_shift in 0..32_u32,
    ) {
        let (a, b, small) = (a >> shift, b >> shift, small >> small_shift);
        let median = Span::from_nanos(a.min(b));
        let table = LogNormal::new(median, Sigma::from_millionths(small));
        let low = answers(word, a, b, small, &table);
        let high = answers(word.saturating_add(1 << step), a, b, small, &table);
        for (low, high) in low.into_iter().zip(high) {
            prop_assert!(low <= high);
        }
    }
}

#[test]
fn neighbours_on_the_grid_of_units_stay_in_order() {
    // One step of unit() is 2^12 words, of normal() 2^16. Seams of the approximations are among the
    // places looked at.
    let seams =
        [0.075, 0.925, 0.5, exp(-25.0), 1.0 - exp(-25.0), 0.25, std::f64::consts::FRAC_1_SQRT_2];
    let seams = seams.map(|p| whole(p * 4_503_599_627_370_496.0) << 12);
    let (a, b, small) = (u64::MAX / 50, 1_999_999_999, 250_000);
    let table = LogNormal::new(Span::from_nanos(b), Sigma::from_millionths(small));
    for start in seams.into_iter().chain(words().take(300)) {
        let start = start.saturating_sub(500 << 12).min(u64::MAX - (1_001 << 16));
        let mut last = (f64::NEG_INFINITY, f64::NEG_INFINITY, [0; 9]);
        for step in 0..1_000 {
            let word = start + (step << 12);
            let this = (
                normal(start + (step << 16)),
                -ln(unit(!word)),
                answers(word, a, b, small, &table),
            );
            assert!(last.0 < this.0 && last.1 < this.1, "{word}");
            assert!(last.2.iter().zip(this.2).all(|(&last, this)| last <= this), "{word}");
            last = this;
        }
    }
}

#[test]
fn vectors_are_pinned() {
    let mut words = vec![0, 1 << 12, 1 << 63, u64::MAX];
    words.extend((1..9).map(|n| 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(n)));
    let table = LogNormal::new(Span::from_secs(1_000), Sigma::from_millionths(800_000));
    let found: Vec<_> = words
        .iter()
        .map(|&word| {
            (
                exponential(word, Span::from_secs(1_000)).as_nanos(),
                table.sample(word).as_nanos(),
                pareto(word, Span::from_secs(1_000), 1_200_000, Span::MAX).as_nanos(),
                uniform(word, Span::from_millis(1), Span::from_millis(900)).as_nanos(),
                poisson(word, 2_500_000),
                poisson(word, 650_000_000),
                poisson(word, 1_000_000_000),
                index(word, 1_000),
            )
        })
        .collect();
    let pinned = [
        (0, 1843992302, 1000000000000, 1000000, 0, 452, 762, 0),
        (0, 1843992302, 1000000000000, 1000000, 0, 455, 762, 0),
        (693147180560, 1000000000004, 1781797436281, 450500000, 2, 650, 1000, 500),
        (36736800569677, 542301613132912, 18446744073709551615, 900000000, 25, 869, 1259, 999),
        (962423650119, 1271576040500, 2230040414568, 556612556, 3, 658, 1009, 618),
        (269276469559, 562588712603, 1251567865775, 213225112, 1, 632, 977, 236),
        (1924847300238, 2324143927693, 4973080250609, 768837668, 4, 677, 1033, 854),
        (638916518962, 945613504629, 1703066470728, 425450224, 2, 648, 998, 472),
        (94497448284, 342402818264, 1081931504152, 82062779, 1, 616, 958, 90),
        (1231700119678, 1550405077699, 2791046922253, 637675336, 3, 664, 1017, 708),
        (394878229275, 697494742742, 1389668446597, 294287891, 2, 638, 986, 326),
        (2887270950358, 3572785634924, 11090169943750, 849900448, 5, 691, 1051, 944),
    ];
    assert_eq!(found, pinned);
}
