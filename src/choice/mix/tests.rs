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
/// Chi-square with 255 degrees of freedom exceeds 386 with a probability of 2.1e-7 for even bins;
/// this file looks at some 200 sets of bins, so that a sound function passes with 99.99 %.
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
    for (name, first, second) in [
        ("", 0xa023_69f9_eb62_b1b7, 0xaf21_3223_b4af_f0f2),
        ("a", 0xa5d9_71d7_14bb_c257, 0x1ba1_c5d5_0b01_f6f2),
        ("orders>payment charge lose", 0x5ae4_3036_81ff_69d4, 0x6056_04f8_5e23_1161),
        ("exactly thirty-two bytes of name", 0x3540_f87e_d2ed_0e3b, 0x4ef3_eb41_42ee_51bf),
        ("a name of more than one block of bytes", 0xca3a_2595_1345_20c0, 0x1431_17bd_e9e3_7674),
    ] {
        assert_eq!(SiteKey::constant(name), SiteKey(first, second), "{name:?}");
    }
    for (seed, key, site) in [
        (
            0,
            [
                0xd2c5_9c23_0336_9b37,
                0x115d_7486_016a_e3b9,
                0x65aa_7736_6bdf_69fd,
                0x351d_a030_fed0_cf20,
            ],
            [0xc0da_d172_e1d8_6dac, 0x0855_1691_3e03_b341],
        ),
        (
            1,
            [
                0xbf7b_00ee_0efe_f28a,
                0xbe61_8b55_0039_fe8c,
                0xb980_67ab_7760_d29a,
                0x1f01_b0f7_ebea_f67f,
            ],
            [0xa11f_0e54_9893_094e, 0x9f60_a938_7711_2bbe],
        ),
        (
            42,
            [
                0x62a8_6421_9b79_79ca,
                0xc2db_daaa_1a90_b5a3,
                0x7e22_9cf9_5a92_bdeb,
                0xaf3e_6866_895a_8555,
            ],
            [0x302f_c71d_3bcf_8cfe, 0x5a92_2b72_bf42_5efa],
        ),
        (
            u64::MAX,
            [
                0xe727_5a99_47f0_032b,
                0x9ffa_a25d_59dd_afd6,
                0xa299_f466_bfe4_93ed,
                0xdc6f_917c_2b34_4695,
            ],
            [0xe18e_ab37_20d1_7aae, 0x8efe_da1d_f2c7_92bb],
        ),
    ] {
        let run = RunKey::from_seed(seed);
        assert_eq!([run.0, run.1, run.2, run.3], key, "{seed}");
        assert_eq!(run.site(SiteKey(1, 2)), SiteKey(site[0], site[1]), "{seed}");
    }
    let key = SiteKey(0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210);
    let zero = SiteKey(0, 0);
    let full = SiteKey(u64::MAX, u64::MAX);
    for (key, flow, count, at_site, as_flow) in [
        (zero, 0, 0, 0x4087_4dcb_3d09_86c3, 0xb6f3_459e_f9a3_c9eb),
        (zero, 0, 1, 0x6ce3_d29a_1eb2_9140, 0x37e9_20df_9055_e527),
        (zero, 1, 0, 0x00ba_5d8b_2f27_6297, 0xa4d7_a185_2af5_5a43),
        (key, 0, 0, 0xc7db_8f2c_421a_db20, 0xebca_ce57_166a_0f18),
        (key, 0, 1, 0xea97_426a_6986_b257, 0x5024_536c_89ac_5ece),
        (key, 0, 2, 0x9e6b_d6b0_abfd_e730, 0x7980_0531_ebeb_014e),
        (key, 1, 0, 0x2ac4_7f2e_f6f6_de29, 0x0e7a_4c60_6df6_c536),
        (key, 2, 0, 0x4c21_15a9_aadd_5f5f, 0xf544_1c42_2ef4_2211),
        (key, 17, 2, 0xc34e_b0ae_5a38_51cf, 0x855a_d81d_4a9d_5bd3),
        (key, u64::MAX, u32::MAX, 0x041e_b543_c671_cb3d, 0x7a8b_a212_aa51_a464),
        (full, 0, 0, 0x8203_c554_43bb_62f6, 0xd3d9_b0b0_a101_310d),
        (full, u64::MAX, u32::MAX, 0x4d04_4a68_72d4_049e, 0x118e_3f96_a08d_4171),
    ] {
        assert_eq!(word(key, flow, count), at_site, "{key:?} {flow} {count}");
        assert_eq!(flow_key(key, count, flow), as_flow, "{key:?} {flow} {count}");
    }
}

#[test]
fn names_of_any_length_have_their_own_constants() {
    let long = "x".repeat(200);
    let mut constants: Vec<_> =
        (0..=200).map(|length| SiteKey::constant(&long[..length])).collect();
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
        let other =
            if bit < 64 { SiteKey(a ^ 1 << bit, b) } else { SiteKey(a, b ^ 1 << (bit - 64)) };
        (word(SiteKey(a, b), flow, count(n)), word(other, flow, count(n)))
    });
    assert_avalanche("seed", 64, |[a, b, flow, n, seed], bit| {
        let at = |seed| word(RunKey::from_seed(seed).site(SiteKey(a, b)), flow, count(n));
        (at(seed), at(seed ^ 1 << bit))
    });
    assert_avalanche("constant", 128, |[a, b, c, d, n], bit| {
        let other =
            if bit < 64 { SiteKey(a ^ 1 << bit, b) } else { SiteKey(a, b ^ 1 << (bit - 64)) };
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
        let pairs = |n: u32| {
            (f(n) >> 60) << 60 | (f(n + 1) >> 60) << 56 | f(n) >> 60 | (f(n + 1) & 15) << 4
        };
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
fn an_operand_of_zero_forgets_nothing_but_itself() {
    // The keys that cancel the constants, so that the first product is zero whatever the other
    // operand is. A site has such a flow once in 2^64.
    let cancelled: [fn(u32) -> u64; 2] =
        [|n| word(SiteKey(FLOW, 0), 0, n), |n| word(SiteKey(0, COUNT), u64::from(n), 0)];
    for f in cancelled {
        let mut words: Vec<_> = (0..4_096).map(f).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), 4_096);
    }
}

#[test]
fn different_sites_have_unrelated_words() {
    let run = RunKey::from_seed(3);
    let (a, b) = (run.site(SiteKey::constant("a")), run.site(SiteKey::constant("b")));
    assert_even((0..1 << 17).map(|n| word(a, n, 0) ^ word(b, n, 0)), "two sites");
    let zero = RunKey(0, 0, 0, 0).site(SiteKey(0, 0));
    assert!(zero.0 != 0 && zero.1 != 0 && zero.0 != zero.1);
}
