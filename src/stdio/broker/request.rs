//! What a broker is asked for.

use serde_json::value::RawValue;

use super::super::fields::{Bad, Fields, unknown_operation};
use super::super::script::Script;

/// What travels: any JSON, which comes back exactly as it was given.
pub(super) type Payload = Box<RawValue>;

/// A request to the broker.
pub(in crate::stdio) enum BrokerRequest {
    Subscribe {
        topic: String,
        subscriber: String,
        group: Option<String>,
        script: Script,
    },
    Unsubscribe {
        topic: String,
        subscriber: String,
    },
    Publish {
        topic: String,
        payload: Payload,
        key: Option<String>,
        id: Option<String>,
        confirm: bool,
    },
    DeadLetters,
    Redrive {
        subscriber: Option<String>,
    },
    Purge {
        subscriber: Option<String>,
    },
    Backlog,
    Crash,
}

const OPERATIONS: [&str; 9] = [
    "subscribe",
    "unsubscribe",
    "publish",
    "dead_letters",
    "redrive",
    "purge",
    "backlog",
    "crash",
    "advance",
];

impl BrokerRequest {
    pub(super) fn read(operation: &str, fields: &mut Fields) -> Result<Self, Bad> {
        Ok(match operation {
            "subscribe" => Self::Subscribe {
                topic: fields.text("topic")?,
                subscriber: fields.text("subscriber")?,
                group: fields.optional_text("group")?,
                script: Script::with_rejections(fields, "script")?,
            },
            "unsubscribe" => Self::Unsubscribe {
                topic: fields.text("topic")?,
                subscriber: fields.text("subscriber")?,
            },
            "publish" => Self::Publish {
                topic: fields.text("topic")?,
                payload: fields.raw("payload")?,
                key: fields.optional_text("key")?,
                id: fields.optional_text("id")?,
                confirm: fields.has("confirm") && fields.boolean("confirm")?,
            },
            "dead_letters" => Self::DeadLetters,
            "redrive" => Self::Redrive { subscriber: fields.optional_text("subscriber")? },
            "purge" => Self::Purge { subscriber: fields.optional_text("subscriber")? },
            "backlog" => Self::Backlog,
            "crash" => Self::Crash,
            _ => return Err(unknown_operation(operation, &OPERATIONS)),
        })
    }
}
