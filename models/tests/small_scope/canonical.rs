//! A state as a list of numbers in which nothing is left that cannot matter: instants are ages, never
//! older than an age at which all is over, and ids are numbered in the order in which they appear.

use std::fmt;

use brownout_models::Time;
use serde::{Serialize, ser};

/// How a state is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Canon<'a> {
    pub(crate) now: Time,
    /// Ages beyond this are this.
    pub(crate) age_max: u64,
    /// Fields that cannot matter in this state.
    pub(crate) dead: &'a [&'static str],
    /// Fields that hold the id of something.
    pub(crate) ids: &'a [&'static str],
}

/// The numbers of a state.
pub(crate) fn canonical(state: &impl Serialize, canon: Canon<'_>) -> Vec<u128> {
    let mut form = Form { canon, field: "", out: Vec::new(), ids: Vec::new() };
    state.serialize(&mut form).expect("a state is a struct of plain values");
    form.out
}

struct Form<'a> {
    canon: Canon<'a>,
    field: &'static str,
    out: Vec<u128>,
    ids: Vec<u128>,
}

impl Form<'_> {
    fn push(&mut self, number: u128) -> Result<(), Never> {
        if !self.canon.ids.contains(&self.field) {
            self.out.push(number);
            return Ok(());
        }
        let place = self.ids.iter().position(|id| *id == number).unwrap_or(self.ids.len());
        if place == self.ids.len() {
            self.ids.push(number);
        }
        self.out.push(place as u128);
        Ok(())
    }

    fn named<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Never> {
        if self.canon.dead.contains(&key) {
            return Ok(());
        }
        self.field = key;
        value.serialize(&mut *self)
    }
}

#[derive(Debug)]
struct Never(String);

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Never {}

impl ser::Error for Never {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

macro_rules! numbers {
    ($($name:ident $Type:ty),*) => {$(
        fn $name(self, number: $Type) -> Result<(), Never> {
            self.push(u128::try_from(number).unwrap_or_else(|_| {
                // Two's complement: only equality matters.
                u128::MAX - u128::try_from(-1 - i128::try_from(number).unwrap()).unwrap()
            }))
        }
    )*};
}

macro_rules! refused {
    ($($name:ident $Type:ty),*) => {$(
        fn $name(self, _: $Type) -> Result<(), Never> {
            Err(Never(format!("{} holds what no state should", self.field)))
        }
    )*};
}

impl ser::Serializer for &mut Form<'_> {
    type Ok = ();
    type Error = Never;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    numbers! {
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64,
        serialize_i128 i128, serialize_u8 u8, serialize_u16 u16, serialize_u32 u32,
        serialize_u64 u64
    }
    refused! { serialize_f32 f32, serialize_f64 f64, serialize_bytes &[u8] }

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_u128(self, number: u128) -> Result<(), Never> {
        self.push(number)
    }

    fn serialize_bool(self, value: bool) -> Result<(), Never> {
        self.push(u128::from(value))
    }

    fn serialize_char(self, value: char) -> Result<(), Never> {
        self.push(u128::from(u32::from(value)))
    }

    fn serialize_str(self, text: &str) -> Result<(), Never> {
        self.out.push(text.len() as u128);
        self.out.extend(text.bytes().map(u128::from));
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Never> {
        self.out.push(0);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Never> {
        self.out.push(1);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Never> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Never> {
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
    ) -> Result<(), Never> {
        self.out.push(u128::from(index));
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        if name != "Time" {
            return value.serialize(self);
        }
        let mut instant = Form { canon: self.canon, field: "", out: Vec::new(), ids: Vec::new() };
        value.serialize(&mut instant)?;
        let age = u128::from(self.canon.now.as_nanos()).saturating_sub(instant.out[0]);
        self.out.push(age.min(u128::from(self.canon.age_max)));
        Ok(())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        self.out.push(u128::from(index));
        value.serialize(self)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self, Never> {
        self.out.push(len.unwrap_or(0) as u128);
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Never> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Never> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Never> {
        self.out.push(u128::from(index));
        Ok(self)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self, Never> {
        self.out.push(len.unwrap_or(0) as u128);
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Never> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Never> {
        self.out.push(u128::from(index));
        Ok(self)
    }
}

macro_rules! elements {
    ($($Trait:ident $name:ident),*) => {$(
        impl ser::$Trait for &mut Form<'_> {
            type Ok = ();
            type Error = Never;
            fn $name<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
                value.serialize(&mut **self)
            }
            fn end(self) -> Result<(), Never> {
                Ok(())
            }
        }
    )*};
}

elements! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
}

impl ser::SerializeMap for &mut Form<'_> {
    type Ok = ();
    type Error = Never;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Never> {
        key.serialize(&mut **self)
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
        value.serialize(&mut **self)
    }
    fn end(self) -> Result<(), Never> {
        Ok(())
    }
}

macro_rules! structs {
    ($($Trait:ident),*) => {$(
        impl ser::$Trait for &mut Form<'_> {
            type Ok = ();
            type Error = Never;
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Never> {
                self.named(key, value)
            }
            fn end(self) -> Result<(), Never> {
                Ok(())
            }
        }
    )*};
}

structs! { SerializeStruct, SerializeStructVariant }
