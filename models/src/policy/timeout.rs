//! Timeouts that can be switched off.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Span;

/// How long to wait: `"30s"`, or `"never"` where the wait is never over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// As long as it takes.
    Never,
    /// This long.
    After(Span),
}

impl Timeout {
    /// The longest wait, if there is one.
    #[must_use]
    pub const fn span(self) -> Option<Span> {
        match self {
            Self::Never => None,
            Self::After(span) => Some(span),
        }
    }
}

impl Serialize for Timeout {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.span().unwrap_or(Span::MAX).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Timeout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Timeout;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a span of time like \"250ms\", or \"never\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timeout, E> {
                match text {
                    "never" => Ok(Timeout::Never),
                    span => span.parse().map(Timeout::After).map_err(E::custom),
                }
            }
        }
        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_a_span_or_never() {
        let read = |text: &str| ron::from_str::<Timeout>(text);
        assert_eq!(read("\"never\""), Ok(Timeout::Never));
        assert_eq!(read("\"30s\""), Ok(Timeout::After(Span::from_secs(30))));
        assert!(read("30").is_err() && read("\"30\"").is_err());
        for timeout in [Timeout::Never, Timeout::After(Span::from_millis(1_500))] {
            let text = ron::to_string(&timeout).unwrap();
            assert_eq!(read(&text), Ok(timeout), "{text}");
        }
    }
}
