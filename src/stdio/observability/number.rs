//! Numbers as they were written, which can be added up.

use brownout_models::policy::Measure;
use serde_json::value::RawValue;

/// A JSON number, handed back as it was given unless it was added to another.
#[derive(Clone, Debug)]
pub(in crate::stdio) struct Number(Box<RawValue>);

impl Number {
    pub(super) const fn of(raw: Box<RawValue>) -> Self {
        Self(raw)
    }

    pub(super) fn raw(&self) -> Box<RawValue> {
        self.0.clone()
    }

    fn integer(&self) -> Option<i64> {
        self.0.get().parse().ok()
    }

    fn double(&self) -> f64 {
        self.0.get().parse().unwrap_or(f64::NAN)
    }
}

impl Measure for Number {
    /// Whether a double can hold it: `1e400` is none.
    fn is_finite(&self) -> bool {
        self.double().is_finite()
    }

    fn is_increment(&self) -> bool {
        self.double() >= 0.0
    }

    /// Exact where both are integers of 64 bits, otherwise as doubles.
    #[expect(
        clippy::float_arithmetic,
        reason = "the user's own data, and one addition is exact IEEE"
    )]
    fn plus(&self, other: &Self) -> Option<Self> {
        let sum = match (self.integer(), other.integer()) {
            (Some(a), Some(b)) => a.checked_add(b)?.to_string(),
            _ => serde_json::Number::from_f64(self.double() + other.double())?.to_string(),
        };
        RawValue::from_string(sum).ok().map(Self)
    }
}
