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
    /// What kind of fact, for notes.
    #[serde(skip_serializing_if = "Option::is_none")]
    fact: Option<String>,
    /// The fields of its kind.
    #[serde(flatten)]
    fields: Map<String, Value>,
    text: String,
    flow: String,
}

impl EntryReport {
    pub(super) fn new(entry: &Entry<Fact>, world: &World<Stock>) -> Self {
        let words = Words::new(world);
        let (fact, fields) = if let What::Noted(fact) = &entry.what {
            fact_fields(entry.node, fact, &words)
        } else {
            (None, fields(entry.node, &entry.what, &words))
        };
        let fields = if let Value::Object(fields) = fields { fields } else { Map::new() };
        Self {
            seq: entry.seq,
            cause: entry.cause,
            at_ns: entry.at.as_nanos(),
            node: words.node(entry.node).to_owned(),
            kind: entry.what.kind(),
            fact,
            fields,
            text: words.what(entry),
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
        | What::Inherited { from, kind }
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
        What::Partitioned { to, until } => {
            json!({ "to": words.node(*to), "until_ns": until.as_nanos() })
        }
        What::Paused { until } | What::Slowed { until } | What::Drifted { until } => {
            json!({ "until_ns": until.as_nanos() })
        }
        What::Skewed { by, is_back } => json!({ "by_ns": by.as_nanos(), "back": is_back }),
        What::Unflushed { transactions } => json!({ "transactions": transactions }),
        What::Wrote { table, key, amount, value } | What::Unwrote { table, key, amount, value } => {
            let mut fields = json!({
                "table": words.name(*table),
                "key": key.to_string(),
                "amount": amount,
                "value": value,
            });
            if let Some(record) = words.record(node, *table, *value) {
                fields["record"] = record.document();
            }
            fields
        }
        What::Noted(_) => Value::Null,
    }
}

/// The word for a fact and its own fields; a stranger's has its text.
fn fact_fields(node: NodeId, fact: &Fact, words: &Words<'_>) -> (Option<String>, Value) {
    let Ok(Value::Object(outer)) = serde_json::to_value(fact) else { return (None, Value::Null) };
    let Some((mut name, mut inner)) = outer.into_iter().next() else { return (None, Value::Null) };
    if let Fact::Waiting(_) | Fact::Deployment(_) | Fact::Redrive(_) = fact {
        let nested = inner.as_object().and_then(|nested| nested.iter().next());
        if let Some((last, fields)) = nested {
            (name, inner) = (format!("{name}{last}"), fields.clone());
        } else if let Some(last) = inner.as_str() {
            (name, inner) = (format!("{name}{last}"), json!({}));
        }
    }
    let fields = if let Value::Object(inner) = inner {
        let named = |(field, value)| fact_field(node, field, value, words);
        Value::Object(inner.into_iter().map(named).collect())
    } else {
        json!({ "own": inner })
    };
    (Some(snake_case(&name)), fields)
}

/// A field of a fact: its name says what kind of id it is. Keys are texts: they are too large for
/// the numbers of many readers.
fn fact_field(node: NodeId, field: String, value: Value, words: &Words<'_>) -> (String, Value) {
    let id = value.as_u64().and_then(|number| u32::try_from(number).ok());
    match (field.as_str(), id) {
        (
            "service" | "client" | "route" | "method" | "topic" | "table" | "saga" | "name"
            | "subset" | "composition" | "part",
            Some(id),
        ) => (field, words.name(Name(id)).into()),
        ("instance", Some(id)) => (field, words.node(NodeId(id)).into()),
        ("subscription", Some(id)) => ("subscriber".to_owned(), words.subscriber(node, id).into()),
        ("step", Some(step)) => (field, step.saturating_add(1).into()),
        ("key", _) => (field, value.to_string().into()),
        ("failure" | "from" | "to" | "state" | "word" | "why", _) => {
            let word = value.as_str().map(snake_case);
            (field, word.into())
        }
        ("latency" | "after" | "waited", _) => {
            let span = value.as_str().and_then(|text| text.parse::<Span>().ok());
            (format!("{field}_ns"), span.map(Span::as_nanos).into())
        }
        _ => (field, value),
    }
}

/// The word for a failure: `timed_out`.
pub(in crate::render) fn failure_word(failure: Failure) -> String {
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
