//! The digest of a run: one number that two runs share exactly when the same things happened.
//!
//! The encoding is our own and fixed. Every value is a sequence of 64-bit words: numbers as they
//! are (signed ones in two's complement), enum variants by index, options as 0 or 1 and the value,
//! texts and sequences by length and content, structs field by field; only entries are packed more
//! tightly, see [`Entry::pack_into`](super::Entry::pack_into). Each word is folded into one of two
//! lanes by turns. Nothing else enters: no addresses, no type names, no platform widths.

use std::fmt;

use serde::{Serialize, Serializer, ser};

const FIRST: u64 = 0x9e37_79b9_7f4a_7c15;
const SECOND: u64 = 0xd6e8_feb8_6659_fd93;

/// A rolling digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    /// The lane of the next word comes first.
    lanes: [u64; 2],
    words: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Self::START
    }
}

impl Digest {
    /// The digest of nothing.
    pub(super) const START: Self = Self { lanes: [FIRST, SECOND], words: 0 };

    /// The digest of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in one word.
    #[inline]
    pub const fn word(&mut self, word: u64) {
        let [turn, other] = self.lanes;
        self.lanes = [other, (turn ^ word).wrapping_mul(FIRST).rotate_left(29) ^ word];
        self.words = self.words.wrapping_add(1);
    }

    /// Takes in any value that serde can take apart.
    #[inline]
    pub fn absorb(&mut self, value: &impl Serialize) {
        let _ = value.serialize(Words(self));
    }

    /// The number for what was taken in so far.
    #[must_use]
    pub fn value(&self) -> u64 {
        let even = (self.words & 1) as usize;
        let mut value = self.lanes[even] ^ self.lanes[even ^ 1].rotate_left(32) ^ self.words;
        value = (value ^ (value >> 32)).wrapping_mul(SECOND);
        value = (value ^ (value >> 29)).wrapping_mul(FIRST);
        value ^ (value >> 32)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.value())
    }
}

/// Feeds words to a digest.
struct Words<'a>(&'a mut Digest);

/// Never happens: there is nothing that words cannot say.
#[derive(Debug)]
struct Impossible;

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value refused to be serialised")
    }
}

impl std::error::Error for Impossible {}

impl ser::Error for Impossible {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

macro_rules! unsigned {
    ($($name:ident: $type:ty),*) => {
        $(#[inline] fn $name(self, v: $type) -> Result<(), Impossible> {
            self.0.word(u64::from(v));
            Ok(())
        })*
    };
}

macro_rules! signed {
    ($($name:ident: $type:ty),*) => {
        $(#[inline] fn $name(self, v: $type) -> Result<(), Impossible> {
            self.0.word(i64::from(v).cast_unsigned());
            Ok(())
        })*
    };
}

impl Serializer for Words<'_> {
    type Ok = ();
    type Error = Impossible;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    unsigned!(serialize_bool: bool, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_char: char);
    signed!(serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64);

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_f32(self, v: f32) -> Result<(), Impossible> {
        self.serialize_u32(v.to_bits())
    }

    fn serialize_f64(self, v: f64) -> Result<(), Impossible> {
        self.serialize_u64(v.to_bits())
    }

    fn serialize_str(self, v: &str) -> Result<(), Impossible> {
        self.serialize_bytes(v.as_bytes())
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<(), Impossible> {
        self.0.word(v.len() as u64);
        for chunk in v.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0.word(u64::from_le_bytes(word));
        }
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Impossible> {
        self.serialize_u64(0)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Impossible> {
        self.0.word(1);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Impossible> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Impossible> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
    ) -> Result<(), Impossible> {
        self.serialize_u32(index)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Impossible> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Impossible> {
        self.0.word(u64::from(index));
        value.serialize(self)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self, Impossible> {
        self.0.word(len.unwrap_or(usize::MAX) as u64);
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Impossible> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Impossible> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Impossible> {
        self.0.word(u64::from(index));
        Ok(self)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self, Impossible> {
        self.serialize_seq(len)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Impossible> {
        Ok(self)
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Impossible> {
        self.0.word(u64::from(index));
        Ok(self)
    }
}

macro_rules! compound {
    ($($trait:ident: $method:ident $(, $key:ident)?);* $(;)?) => {
        $(impl ser::$trait for Words<'_> {
            type Ok = ();
            type Error = Impossible;
            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, $($key: &'static str,)? value: &T) -> Result<(), Impossible> {
                $(let _ = $key;)?
                value.serialize(Words(self.0))
            }
            fn end(self) -> Result<(), Impossible> {
                Ok(())
            }
        })*
    };
}

compound! {
    SerializeSeq: serialize_element;
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
    SerializeStruct: serialize_field, key;
    SerializeStructVariant: serialize_field, key;
}

impl ser::SerializeMap for Words<'_> {
    type Ok = ();
    type Error = Impossible;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Impossible> {
        key.serialize(Words(self.0))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Impossible> {
        value.serialize(Words(self.0))
    }

    fn end(self) -> Result<(), Impossible> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &impl Serialize) -> u64 {
        let mut digest = Digest::new();
        digest.absorb(value);
        digest.value()
    }

    #[test]
    fn the_encoding_is_pinned() {
        assert_eq!(Digest::new().to_string(), "1e1be8497d46b4b1");
        assert_eq!(format!("{:016x}", of(&(1_u8, "brownout", Some(-1_i64)))), "95316418192a463a");
    }

    #[test]
    fn order_and_length_matter() {
        assert_ne!(of(&(1_u32, 2_u32)), of(&(2_u32, 1_u32)));
        assert_ne!(of(&vec![0_u32]), of(&vec![0_u32, 0]));
        assert_ne!(of(&""), of(&"\0"));
        assert_ne!(of(&None::<u8>), of(&Some(0_u8)));
    }
}
