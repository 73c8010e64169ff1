//! The keyed mix: the random word that stands at an address of a run.
//!
//! A word is a function of (seed, site, flow, count) and of nothing else, so asking more, fewer or
//! in another order changes no other answer. Keys are made once, by ChaCha8; words are made all the
//! time, by two rounds of "multiply to 128 bits and fold", as in Wang Yi's wyhash and Nicolas De
//! Carli's rapidhash. The function here is our own and stays as it is: recorded runs depend on it,
//! and the tests pin its vectors. It is no cryptography. What is *not* here: what a word means (see
//! [`sample`](super::sample)).
//!
//! ```
//! use brownout::choice::mix::{RunKey, SiteKey, flow_key, word};
//!
//! let lose = SiteKey::constant("orders>payment charge lose");
//! let shopper = SiteKey::constant("shopper");
//! let site = RunKey::from_seed(42).site(lose);
//! let seventeenth = flow_key(shopper, 0, 17);
//! assert_eq!(word(site, seventeenth, 2), word(site, seventeenth, 2));
//! assert_ne!(word(site, seventeenth, 2), word(site, seventeenth, 3));
//! ```

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The key of a site: in all runs its constant, in one run what [`RunKey::site`] makes of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SiteKey(pub u64, pub u64);

/// The key of a run: what its seed stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunKey(pub u64, pub u64, pub u64, pub u64);

/// What keeps the keys of runs apart from the constants of names: the bytes beside the seed.
const RUN_LABEL: &[u8; 24] = b"brownout key of a run, 1";
/// The state from which names are absorbed.
const NAME_LABEL: &[u8; 32] = b"brownout constant of a name, v1.";

// The first 320 bits of the fraction of pi, as numbers with nothing up their sleeve. Only STEP must
// be odd: multiplied by it, different counts stay different and spread over all bits.
const FLOW: u64 = 0x243f_6a88_85a3_08d3;
const COUNT: u64 = 0x1319_8a2e_0370_7344;
const STEP: u64 = 0xa409_3822_299f_31d1;
const LOW: u64 = 0x082e_fa98_ec4e_6c89;
const HIGH: u64 = 0x4528_21e6_38d0_1377;

impl SiteKey {
    /// The constant of a name, the same in every run.
    ///
    /// The state is 32 bytes. It starts as a label with the name's length in bytes XORed into its
    /// first eight bytes (little-endian). Each block of 32 bytes of the name, the last one padded
    /// with zeros, is XORed into the state, and the state is replaced by the first 32 bytes that
    /// ChaCha8 makes of it as a key. The constant is the first two words that ChaCha8 then makes of
    /// the last state.
    #[must_use]
    pub fn constant(name: &str) -> Self {
        let mut state = *NAME_LABEL;
        absorb(&mut state, &(name.len() as u64).to_le_bytes());
        for block in name.as_bytes().chunks(32) {
            absorb(&mut state, block);
            ChaCha8Rng::from_seed(state).fill_bytes(&mut state);
        }
        let mut stream = ChaCha8Rng::from_seed(state);
        Self(stream.next_u64(), stream.next_u64())
    }
}

impl RunKey {
    /// The key of the run with this seed: the first four words that ChaCha8 makes of the seed
    /// (little-endian) followed by a label.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..].copy_from_slice(RUN_LABEL);
        let mut stream = ChaCha8Rng::from_seed(key);
        Self(stream.next_u64(), stream.next_u64(), stream.next_u64(), stream.next_u64())
    }

    /// The key of a site in this run, from the site's constant.
    #[must_use]
    pub const fn site(self, constant: SiteKey) -> SiteKey {
        let (low, high) = multiply(constant.0 ^ self.0 ^ FLOW, constant.1 ^ self.1 ^ COUNT);
        let (low, high) = (low ^ constant.1 ^ self.2, high ^ constant.0 ^ self.3);
        SiteKey(fold(low ^ LOW, high ^ HIGH), fold(low ^ HIGH, high.rotate_left(32) ^ LOW))
    }
}

/// The key of a flow: the `index`-th of a source in its `life`-th life, the same in every run.
#[must_use]
pub const fn flow_key(source_constant: SiteKey, life: u32, index: u64) -> u64 {
    // Lives are numbered from 0 like counts; their complement keeps the two uses apart.
    mix(source_constant, index, !(life as u64))
}

/// The random word at an address: the `count`-th choice of a flow at a site of a run.
#[must_use]
pub const fn word(site: SiteKey, flow: u64, count: u32) -> u64 {
    mix(site, flow, count as u64)
}

/// What the first words at a site have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct First(u64, u64);

/// The site as its first words need it.
pub(crate) const fn first(SiteKey(key, other): SiteKey) -> First {
    First(key ^ FLOW, STEP ^ other ^ COUNT)
}

/// The random word of the first choice of a flow at a site: [`word`] with a count of 1.
#[inline(always)]
pub(crate) const fn first_word(First(a, b): First, flow: u64) -> u64 {
    mixed(flow ^ a, b)
}

/// The word of a key, a flow and a count.
const fn mix(key: SiteKey, flow: u64, count: u64) -> u64 {
    mixed(flow ^ key.0 ^ FLOW, count.wrapping_mul(STEP) ^ key.1 ^ COUNT)
}

/// Two rounds of multiplying and folding.
const fn mixed(a: u64, b: u64) -> u64 {
    let (low, high) = multiply(a, b);
    // Both operands stay in play, so that a product of zero forgets only the one that is zero.
    fold(low ^ b ^ LOW, high ^ a ^ HIGH)
}

/// The product, as its lower and its upper half.
#[expect(clippy::cast_possible_truncation, reason = "the halves of the product are what is wanted")]
const fn multiply(a: u64, b: u64) -> (u64, u64) {
    let product = a as u128 * b as u128;
    (product as u64, (product >> 64) as u64)
}

/// The halves of the product, one XORed into the other.
const fn fold(a: u64, b: u64) -> u64 {
    let (low, high) = multiply(a, b);
    low ^ high
}

fn absorb(state: &mut [u8; 32], block: &[u8]) {
    for (byte, new) in state.iter_mut().zip(block) {
        *byte ^= new;
    }
}

#[cfg(test)]
mod tests;
