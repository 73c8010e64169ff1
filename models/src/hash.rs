//! A map whose hash is fixed: the same in every process, and quick for the small numbers that keys are.
//!
//! Nothing iterates in the order of the hash: maps iterate in the order of insertion. The hash of the
//! standard library is drawn anew in every process, against attackers who choose the keys; here nobody
//! does.

use std::hash::{BuildHasher, Hasher};

use indexmap::{IndexMap, IndexSet};

/// A map that iterates in the order of insertion.
pub type Map<K, V> = IndexMap<K, V, FixedState>;

/// A set that iterates in the order of insertion.
pub type Set<K> = IndexSet<K, FixedState>;

/// Builds hashers that are the same in every process.
#[derive(Clone, Copy, Debug, Default)]
pub struct FixedState;

/// Multiplies and rotates: fast for a few small numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct FixedHasher(u64);

impl BuildHasher for FixedState {
    type Hasher = FixedHasher;

    #[inline]
    fn build_hasher(&self) -> FixedHasher {
        FixedHasher::default()
    }
}

impl Hasher for FixedHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        for byte in rest {
            self.write_u64(u64::from(*byte));
        }
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    #[inline]
    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    #[inline]
    fn write_u8(&mut self, word: u8) {
        self.write_u64(u64::from(word));
    }

    #[inline]
    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: impl std::hash::Hash) -> u64 {
        FixedState.hash_one(value)
    }

    #[test]
    fn the_hash_is_pinned_and_tells_keys_apart() {
        assert_eq!(of(0_u32), 0);
        assert_eq!(of(1_u32), 0x9e37_79b9_e17d_05ac);
        assert_ne!(of((1_u32, 2_u32)), of((2_u32, 1_u32)));
        assert_eq!([of(7_u8), of(7_usize), of(7_u64)], [of(7_u32); 3]);
        assert_ne!(of("inventory"), of("inventorz"));
        assert_ne!(of("a long name, and one"), of("a long name, and two"));
    }
}
