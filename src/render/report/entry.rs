//! An entry of the trace for machines: ids become names, times become nanoseconds.

use brownout_models::contract::{Failure, Kind, NodeId};
use brownout_models::{Fact, Name, Span};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::kernel::{Entry, What, World};
use crate::render::Words;
use crate::system::Stock;

/// One entry.
#[derive(Clone, Debug, Serialize)]
pub(super) struct EntryReport {
    seq: u64,
    cause: u64,
    at_ns: u64,
    node: String,
    kind: &'static str,
    /// The fields of its kind.
    #[serde(flatten)]
    fields: Map<String, Value>,
    text: String,
    flow: String,
}

impl EntryReport {
    pub(super) fn new(entry: &Entry<Fact>, world: &World<Stock>) -> Self {
        let words = Words::new(world);
        let fields = match fields(entry.node, &entry.what, &words) {
            Value::Object(fields) => fields,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Map::new(),
        };
        Self {
            seq: entry.seq,
            cause: entry.cause,
            at_ns: entry.at.as_nanos(),
            node: words.node(entry.node).to_owned(),
            kind: entry.what.kind(),
            fields,
            text: words.what(entry.node, &entry.what),
            flow: words.flow(entry.flow),
        }
    }
}

fn fields(node: NodeId, what: &What<Fact>, words: &Words<'_>) -> Value {
    let message = |kind: &Kind| words.kind(*kind);
    match what {
        What::Started { life } => json!({ "life": life }),
        What::Delivered { from, kind }
        | What::Dropped { from, kind }
        | What::Refused { from, kind }
        | What::Stale { from, kind } => {
            json!({ "from": words.node(*from), "message": message(kind) })
        }
        What::Woke { timer } => json!({ "timer": words.timer(node, *timer) }),
        What::Answered { from, kind, failure } => json!({
            "from": words.node(*from),
            "message": message(kind),
            "failure": failure.map(failure_word),
        }),
        What::Expired { to } => json!({ "to": words.node(*to) }),
        What::Lost { to, kind } | What::Duplicated { to, kind } => {
            json!({ "to": words.node(*to), "message": message(kind) })
        }
        What::Delayed { to, kind, by } => {
            json!({ "to": words.node(*to), "message": message(kind), "by_ns": by.as_nanos() })
        }
        What::Overtook { passed } => json!({ "passed": passed }),
        What::Crashed { after } => json!({ "after_effects": after }),
        What::Paused { until } => json!({ "until_ns": until.as_nanos() }),
        What::Wrote { table, key, amount, value } => json!({
            "table": words.name(*table),
            "key": key,
            "amount": amount,
            "value": value,
        }),
        What::Noted(fact) => fact_fields(fact, words),
    }
}

/// A fact under its name, with its own fields; a stranger's is its text.
fn fact_fields(fact: &Fact, words: &Words<'_>) -> Value {
    let Ok(Value::Object(outer)) = serde_json::to_value(fact) else { return Value::Null };
    let Some((name, inner)) = outer.into_iter().next() else { return Value::Null };
    let Value::Object(inner) = inner else { return json!({ "fact": name, "own": inner }) };
    let mut fields = Map::from_iter([("fact".to_owned(), Value::String(name))]);
    fields.extend(inner.into_iter().map(|(field, value)| fact_field(field, value, words)));
    Value::Object(fields)
}

/// A field of a fact: its name says what kind of id it is.
fn fact_field(field: String, value: Value, words: &Words<'_>) -> (String, Value) {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    match (field.as_str(), number) {
        (
            "service" | "client" | "route" | "method" | "topic" | "table" | "saga" | "name",
            Some(id),
        ) => (field, words.name(Name(id)).into()),
        ("instance", Some(id)) => (field, words.node(NodeId(id)).into()),
        ("failure" | "from" | "to", _) => {
            let word = value.as_str().map(snake_case);
            (field, word.into())
        }
        ("latency", _) => {
            let span = value.as_str().and_then(|text| text.parse::<Span>().ok());
            ("latency_ns".to_owned(), span.map(Span::as_nanos).into())
        }
        _ => (field, value),
    }
}

/// The word for a failure: `timed_out`.
pub(super) fn failure_word(failure: Failure) -> String {
    snake_case(&format!("{failure:?}"))
}

/// `TimedOut` as `timed_out`.
fn snake_case(name: &str) -> String {
    let mut word = String::with_capacity(name.len() + 2);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}
