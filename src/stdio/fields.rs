//! Strict reading of request lines: every field known, present and of its type.
//!
//! What is *not* here: what the fields mean. Values are kept raw until a machine asks for them, so
//! that payloads and numbers come back exactly as they were given.

use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::error::suggestion;

/// The largest integer of the protocol.
const INTEGER_MAX: u64 = i64::MAX as u64;

/// Why a line is bad, in words.
#[derive(Debug)]
pub(super) struct Bad(pub(super) String);

/// A JSON object of which fields are taken one by one.
pub(super) struct Fields {
    left: IndexMap<String, Box<RawValue>>,
    /// Every field asked for, to name what was meant by an unknown one.
    known: Vec<&'static str>,
}

impl Fields {
    /// Reads a whole line.
    pub(super) fn of_line(line: &[u8]) -> Result<Self, Bad> {
        let left = serde_json::from_slice(line.trim_ascii_end())
            .map_err(|error| Bad(format!("the line is not a JSON object: {error}")))?;
        Ok(Self { left, known: Vec::new() })
    }

    /// Reads an object within a line; `what` names it.
    pub(super) fn of_value(value: &RawValue, what: &str) -> Result<Self, Bad> {
        let left = serde_json::from_str(value.get())
            .map_err(|_| Bad(format!("every entry of {what} must be an object")))?;
        Ok(Self { left, known: Vec::new() })
    }

    /// Any JSON value, as it was given.
    pub(super) fn raw(&mut self, field: &'static str) -> Result<Box<RawValue>, Bad> {
        self.known.push(field);
        self.left.shift_remove(field).ok_or_else(|| Bad(format!("field `{field}` is missing")))
    }

    /// A string.
    pub(super) fn text(&mut self, field: &'static str) -> Result<String, Bad> {
        self.typed(field, "a string")
    }

    /// Whether a field is there that may be left out.
    pub(super) fn has(&self, field: &str) -> bool {
        self.left.contains_key(field)
    }

    /// A string, or nothing where the field is left out.
    pub(super) fn optional_text(&mut self, field: &'static str) -> Result<Option<String>, Bad> {
        self.known.push(field);
        if self.has(field) { self.text(field).map(Some) } else { Ok(None) }
    }

    /// A boolean.
    pub(super) fn boolean(&mut self, field: &'static str) -> Result<bool, Bad> {
        self.typed(field, "true or false")
    }

    /// An integer from 0 to 2^63-1.
    pub(super) fn natural(&mut self, field: &'static str) -> Result<u64, Bad> {
        let what = "an integer from 0 to 2^63-1";
        let number = self.typed(field, what)?;
        if number > INTEGER_MAX {
            return Err(wrong(field, what));
        }
        Ok(number)
    }

    /// An integer from -2^63 to 2^63-1.
    pub(super) fn integer(&mut self, field: &'static str) -> Result<i64, Bad> {
        self.typed(field, "an integer up to 2^63-1")
    }

    /// A number of any size and precision, as it was given.
    pub(super) fn number(&mut self, field: &'static str) -> Result<Box<RawValue>, Bad> {
        let raw = self.raw(field)?;
        match raw.get().as_bytes().first() {
            Some(b'-' | b'0'..=b'9') => Ok(raw),
            _ => Err(wrong(field, "a number")),
        }
    }

    /// An object with a string in every field, in the order given.
    pub(super) fn texts(&mut self, field: &'static str) -> Result<IndexMap<String, String>, Bad> {
        self.typed(field, "an object of strings")
    }

    /// An array of anything.
    pub(super) fn array(&mut self, field: &'static str) -> Result<Vec<Box<RawValue>>, Bad> {
        self.typed(field, "an array")
    }

    /// Checks that no field is left over.
    pub(super) fn end(self) -> Result<(), Bad> {
        let Some(unknown) = self.left.keys().next() else { return Ok(()) };
        let hint = match suggestion(unknown, &self.known) {
            Some(known) => format!(", did you mean `{known}`?"),
            None => String::new(),
        };
        Err(Bad(format!("field `{unknown}` is unknown{hint}")))
    }

    fn typed<T: DeserializeOwned>(
        &mut self,
        field: &'static str,
        what: &'static str,
    ) -> Result<T, Bad> {
        let raw = self.raw(field)?;
        serde_json::from_str(raw.get()).map_err(|_| wrong(field, what))
    }
}

fn wrong(field: &str, what: &str) -> Bad {
    Bad(format!("field `{field}` must be {what}"))
}

/// For an operation that the machine does not have.
pub(super) fn unknown_operation(operation: &str, known: &[&str]) -> Bad {
    let hint = match suggestion(operation, known) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("operations: {}", known.join(", ")),
    };
    Bad(format!("there is no operation `{operation}`; {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &str) -> Fields {
        Fields::of_line(line.as_bytes()).unwrap()
    }

    #[test]
    fn only_objects_are_lines() {
        for line in ["", " ", "{", "[]", "1", "null", "\"a\"", "{} {}", "{a:1}", "{\"a\":}"] {
            assert!(Fields::of_line(line.as_bytes()).is_err(), "{line}");
        }
        assert!(Fields::of_line(b"{\"a\":\"\xff\"}").is_err(), "not UTF-8");
        assert!(Fields::of_line(b" {\"a\":1} \r").is_ok());
    }

    #[test]
    fn integers_end_at_two_to_the_63() {
        for (text, natural, integer) in [
            ("0", true, true),
            ("9223372036854775807", true, true),
            ("9223372036854775808", false, false),
            ("-1", false, true),
            ("-9223372036854775808", false, true),
            ("1.0", false, false),
            ("1e3", false, false),
            ("\"1\"", false, false),
            ("true", false, false),
            ("null", false, false),
        ] {
            let line = format!("{{\"n\":{text}}}");
            assert_eq!(fields(&line).natural("n").is_ok(), natural, "{text}");
            assert_eq!(fields(&line).integer("n").is_ok(), integer, "{text}");
        }
    }

    #[test]
    fn numbers_come_back_as_given() {
        for text in ["1", "-0.50", "1e400", "123456789012345678901234567890", "1.10"] {
            let number = fields(&format!("{{\"n\":{text}}}")).number("n").unwrap();
            assert_eq!(number.get(), text);
        }
        for text in ["\"1\"", "null", "true", "[1]", "{}"] {
            assert!(fields(&format!("{{\"n\":{text}}}")).number("n").is_err(), "{text}");
        }
    }

    #[test]
    fn a_field_left_over_is_named_with_what_was_meant() {
        let mut left_over = fields(r#"{"service":"a","sevrice":"b"}"#);
        left_over.text("service").unwrap();
        let Err(Bad(message)) = left_over.end() else { panic!("a field is left over") };
        assert_eq!(message, "field `sevrice` is unknown, did you mean `service`?");
    }
}
