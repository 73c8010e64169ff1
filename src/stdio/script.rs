//! Scripted handlers: how long each invocation takes and how it ends.

use std::collections::VecDeque;

use brownout_models::Span;
use serde_json::value::RawValue;

use super::fields::{Bad, Fields};

/// One invocation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Invocation {
    pub(super) takes: Span,
    pub(super) ok: bool,
    /// It was refused: nothing happened, and trying again will not help.
    pub(super) rejected: bool,
}

impl Invocation {
    /// What a handler without a script does: it succeeds at once.
    pub(super) const AT_ONCE: Self = Self { takes: Span::ZERO, ok: true, rejected: false };
}

/// A handler that behaves as told, and past the end of its script succeeds at once.
#[derive(Clone, Debug)]
pub(super) struct Script {
    left: VecDeque<Invocation>,
}

impl Script {
    /// Takes a script from a request.
    pub(super) fn of_field(fields: &mut Fields, field: &'static str) -> Result<Self, Bad> {
        Self::of_entries(&fields.array(field)?, field, false)
    }

    /// The same for handlers that can say that trying again will not help: `"rejected":true`.
    pub(super) fn with_rejections(fields: &mut Fields, field: &'static str) -> Result<Self, Bad> {
        Self::of_entries(&fields.array(field)?, field, true)
    }

    /// The same, or null.
    pub(super) fn of_optional_field(
        fields: &mut Fields,
        field: &'static str,
    ) -> Result<Option<Self>, Bad> {
        let raw = fields.raw(field)?;
        let entries: Option<Vec<Box<RawValue>>> = serde_json::from_str(raw.get())
            .map_err(|_| Bad(format!("field `{field}` must be an array or null")))?;
        entries.map(|entries| Self::of_entries(&entries, field, true)).transpose()
    }

    /// The next invocation, or none past the end.
    pub(super) fn next(&mut self) -> Option<Invocation> {
        self.left.pop_front()
    }

    /// The next invocation.
    pub(super) fn invoke(&mut self) -> Invocation {
        self.left.pop_front().unwrap_or(Invocation::AT_ONCE)
    }

    fn of_entries(entries: &[Box<RawValue>], field: &str, may_reject: bool) -> Result<Self, Bad> {
        let invocation = |entry: &RawValue| {
            let mut fields = Fields::of_value(entry, field)?;
            let takes = Span::from_nanos(fields.natural("takes")?);
            let ok = fields.boolean("ok")?;
            let rejected = may_reject && fields.has("rejected") && fields.boolean("rejected")?;
            if ok && rejected {
                return Err(Bad(format!("an entry of {field} cannot be `ok` and `rejected`")));
            }
            fields.end()?;
            Ok(Invocation { takes, ok, rejected })
        };
        Ok(Self { left: entries.iter().map(|entry| invocation(entry)).collect::<Result<_, _>>()? })
    }
}
