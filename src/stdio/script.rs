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
    /// It failed, and says that trying again will not help.
    pub(super) rejects: bool,
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

    /// The same for handlers that can say that trying again will not help: `"rejects":true`.
    pub(super) fn with_rejections(fields: &mut Fields, field: &'static str) -> Result<Self, Bad> {
        Self::of_entries(&fields.array(field)?, field, true)
    }

    /// Takes a script or null from a request.
    pub(super) fn of_optional_field(
        fields: &mut Fields,
        field: &'static str,
    ) -> Result<Option<Self>, Bad> {
        let raw = fields.raw(field)?;
        let entries: Option<Vec<Box<RawValue>>> = serde_json::from_str(raw.get())
            .map_err(|_| Bad(format!("field `{field}` must be an array or null")))?;
        entries.map(|entries| Self::of_entries(&entries, field, false)).transpose()
    }

    /// The next invocation.
    pub(super) fn invoke(&mut self) -> Invocation {
        self.left.pop_front().unwrap_or(Invocation { takes: Span::ZERO, ok: true, rejects: false })
    }

    fn of_entries(entries: &[Box<RawValue>], field: &str, may_reject: bool) -> Result<Self, Bad> {
        let invocation = |entry: &RawValue| {
            let mut fields = Fields::of_value(entry, field)?;
            let takes = Span::from_nanos(fields.natural("takes")?);
            let ok = fields.boolean("ok")?;
            let rejects = may_reject && fields.has("rejects") && fields.boolean("rejects")?;
            if ok && rejects {
                return Err(Bad(format!("an entry of {field} cannot be `ok` and reject")));
            }
            fields.end()?;
            Ok(Invocation { takes, ok, rejects })
        };
        Ok(Self { left: entries.iter().map(|entry| invocation(entry)).collect::<Result<_, _>>()? })
    }
}
