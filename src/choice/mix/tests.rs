//! The mix keeps its vectors and shows no pattern that statistics could find.
//!
//! All bounds are computed for a fixed set of inputs, in whole numbers.

use super::*;

/// Words that look like nothing, for the inputs that a test does not vary.
fn noise(stream: u64) -> impl Iterator<Item = u64> {
    let mut state = stream;
    std::iter::repeat_with(move || {
        // SplitMix64: unrelated to the function under test.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// How often each output bit was set.
#[derive(Clone)]
struct Bits([u32; 64]);

impl Bits {
    fn new() -> Self {
        Self([0; 64])
    }

    fn add(&mut self, word: u64) {
        for (bit, count) in self.0.iter_mut().enumerate() {
            *count += u32::try_from(word >> bit & 1).unwrap();
        }
    }

    /// Every bit was set in half of `trials`, within six standard deviations of sqrt(trials) / 2.
    ///
    /// A fair bit leaves six deviations once in 5e8; this file looks at some 30,000 bits, so that a
    /// sound function passes with a probability above 99.99 %.
    fn assert_fair(&self, trials: u32, what: &str) {
        for (bit, &set) in self.0.iter().enumerate() {
            let twice_off = i64::from(set) * 2 - i64::from(trials);
            assert!(twice_off * twice_off <= 36 * i64::from(trials), "{what}: bit {bit}: {set}");
        }
    }
}

/// The words fall evenly into 256 bins, by each of several windows of eight bits.
///
/// Chi-square with 255 degrees of freedom exceeds 386 once in 5e7 for even bins (Wilson-Hilferty,
/// 5.33 deviations): 255 * (1 - 2/2295 + 5.33 * sqrt(2/2295))^3 is about 386.
fn assert_even(words: impl Iterator<Item = u64>, what: &str) {
    const WINDOWS: [u32; 6] = [0, 11, 24, 32, 45, 56];
    let mut bins = [[0_i64; 256]; WINDOWS.len()];
    let mut trials = 0;
    for word in words {
        trials += 1;
        for (bins, shift) in bins.iter_mut().zip(WINDOWS) {
            bins[usize::try_from(word >> shift & 255).unwrap()] += 1;
        }
    }
    // 256 * (observed - trials / 256)^2 summed, over trials, is chi-square times 256 / 256.
    for (bins, shift) in bins.iter().zip(WINDOWS) {
        let sum: i64 = bins.iter().map(|&seen| (256 * seen - trials).pow(2)).sum();
        assert!(sum <= 386 * 256 * trials, "{what}: window {shift}: {}", sum / (256 * trials));
    }
}

#[test]
fn vectors_are_pinned() {
    assert_eq!(SiteKey::constant(""), SiteKey(0, 0));
}

#[test]
fn names_of_any_length_have_their_own_constants() {
    let long = "x".repeat(200);
    let mut constants: Vec<_> = (0..=200).map(|length| SiteKey::constant(&long[..length])).collect();
    constants.push(SiteKey::constant("\0"));
    constants.push(SiteKey::constant("\0\0"));
    for (position, constant) in constants.iter().enumerate() {
        for other in &constants[..position] {
            assert!(constant.0 != other.0 && constant.1 != other.1);
        }
    }
}

#[test]
fn every_output_bit_is_set_half_of_the_time() {
    const TRIALS: u32 = 1 << 16;
    let mut by_flow = Bits::new();
    let mut by_count = Bits::new();
    let mut zero = Bits::new();
    let site = RunKey::from_seed(1).site(SiteKey::constant("a"));
    for n in 0..TRIALS {
        by_flow.add(word(site, u64::from(n), 0));
        by_count.add(word(site, 7, n));
        zero.add(word(SiteKey(0, 0), u64::from(n), 0));
    }
    by_flow.assert_fair(TRIALS, "flow");
    by_count.assert_fair(TRIALS, "count");
    zero.assert_fair(TRIALS, "zero key");
}

/// Flipping any of `inputs` bits flips every output bit in half of the trials.
fn assert_avalanche(what: &str, inputs: u32, f: impl Fn([u64; 5], u32) -> (u64, u64)) {
    const TRIALS: u32 = 4_096;
    for input in 0..inputs {
        let mut noise = noise(u64::from(input));
        let mut flips = Bits::new();
        for _ in 0..TRIALS {
            let random = std::array::from_fn(|_| noise.next().unwrap());
            let (plain, flipped) = f(random, input);
            flips.add(plain ^ flipped);
        }
        flips.assert_fair(TRIALS, &format!("{what}, input bit {input}"));
    }
}

#[test]
fn every_input_bit_flips_half_of_the_output() {
    let count = |random: u64| u32::try_from(random >> 58).unwrap();
    assert_avalanche("flow", 64, |[a, b, flow, n, _], bit| {
        let site = SiteKey(a, b);
        (word(site, flow, count(n)), word(site, flow ^ 1 << bit, count(n)))
    });
    assert_avalanche("count", 32, |[a, b, flow, n, _], bit| {
        let site = SiteKey(a, b);
        (word(site, flow, count(n)), word(site, flow, count(n) ^ 1 << bit))
    });
    assert_avalanche("site", 128, |[a, b, flow, n, _], bit| {
        let other = if bit < 64 { SiteKey(a ^ 1 << bit, b) } else { SiteKey(a, b ^ 1 << (bit - 64)) };
        (word(SiteKey(a, b), flow, count(n)), word(other, flow, count(n)))
    });
    assert_avalanche("seed", 64, |[a, b, flow, n, seed], bit| {
        let at = |seed| word(RunKey::from_seed(seed).site(SiteKey(a, b)), flow, count(n));
        (at(seed), at(seed ^ 1 << bit))
    });
    assert_avalanche("constant", 128, |[a, b, c, d, n], bit| {
        let other = if bit < 64 { SiteKey(a ^ 1 << bit, b) } else { SiteKey(a, b ^ 1 << (bit - 64)) };
        let run = RunKey(c, d, c.rotate_left(17), d.rotate_left(29));
        let (site, other) = (run.site(SiteKey(a, b)), run.site(other));
        let half = |site: SiteKey| if n & 1 == 0 { site.0 } else { site.1 };
        (half(site), half(other))
    });
    assert_avalanche("index and life", 96, |[a, b, index, life, _], bit| {
        let (source, life) = (SiteKey(a, b), u32::try_from(life >> 32).unwrap());
        let other = if bit < 64 {
            flow_key(source, life, index ^ 1 << bit)
        } else {
            flow_key(source, life ^ 1 << (bit - 64), index)
        };
        (flow_key(source, life, index), other)
    });
}

#[test]
fn neighbouring_addresses_have_unrelated_words() {
    const TRIALS: u32 = 1 << 17;
    let shopper = SiteKey::constant("shopper");
    let lose = SiteKey::constant("orders>payment charge lose");
    let site = RunKey::from_seed(42).site(lose);
    let by_count = |n: u32| word(site, flow_key(shopper, 0, 17), n);
    let by_flow = |n: u32| word(site, flow_key(shopper, 0, u64::from(n)), 0);
    let by_raw_flow = |n: u32| word(site, u64::from(n), 0);
    let by_life = |n: u32| word(site, flow_key(shopper, n, 0), 0);
    let by_seed =
        |n: u32| word(RunKey::from_seed(u64::from(n)).site(lose), flow_key(shopper, 0, 17), 0);
    let by_zero_key = |n: u32| word(SiteKey(0, 0), 0, n);
    let neighbours: [(&str, &dyn Fn(u32) -> u64); 6] = [
        ("count", &by_count),
        ("flow", &by_flow),
        ("raw flow", &by_raw_flow),
        ("life", &by_life),
        ("seed", &by_seed),
        ("zero key", &by_zero_key),
    ];
    for (what, f) in neighbours {
        assert_even((0..TRIALS).map(f), what);
        assert_even((0..TRIALS).map(|n| f(n) ^ f(n + 1)), &format!("{what}, XOR"));
        assert_even((0..TRIALS).map(|n| f(n + 1).wrapping_sub(f(n))), &format!("{what}, step"));
        // Sixteen joint bins of the upper four bits of neighbours, and of upper and lower bits.
        let pairs = |n: u32| (f(n) >> 60) << 60 | (f(n + 1) >> 60) << 56 | f(n) >> 60 | (f(n + 1) & 15) << 4;
        assert_even((0..TRIALS).map(|n| spread(pairs(n))), &format!("{what}, pair"));
        let second = |n: u32| f(n).wrapping_sub(f(n + 1).wrapping_mul(2)).wrapping_add(f(n + 2));
        assert_even((0..TRIALS).map(second), &format!("{what}, second difference"));
    }
}

/// The eight bits of a pair in every window.
fn spread(pair: u64) -> u64 {
    let (top, low) = (pair >> 56, pair & 255);
    top | low << 11 | top << 24 | low << 32 | top << 45 | low << 56
}

#[test]
fn different_sites_have_unrelated_words() {
    let run = RunKey::from_seed(3);
    let (a, b) = (run.site(SiteKey::constant("a")), run.site(SiteKey::constant("b")));
    assert_even((0..1 << 17).map(|n| word(a, n, 0) ^ word(b, n, 0)), "two sites");
    let zero = RunKey(0, 0, 0, 0).site(SiteKey(0, 0));
    assert!(zero.0 != 0 && zero.1 != 0 && zero.0 != zero.1);
}
