//! What a sidecar is asked for, and the handlers that its calls reach.

use std::collections::VecDeque;

use brownout_models::policy::{AttemptFailure, ComeBack, FailureKind, SpanId, Waits};
use brownout_models::{Span, Time};
use serde_json::value::RawValue;

use super::super::fields::{Bad, Fields, optional, unknown_operation};

/// A request to the sidecar.
pub(in crate::stdio) enum SidecarRequest {
    Call(CallRequest),
    Metrics,
    Spans,
}

/// A call, and what its caller says about it.
pub(in crate::stdio) struct CallRequest {
    pub(super) trace: String,
    pub(super) operation: String,
    pub(super) handler: Handler,
    pub(super) parent: Option<SpanId>,
    pub(super) deadline: Option<Time>,
    pub(super) idempotent: Option<bool>,
}

/// A scripted handler, and the words that its waits are drawn from.
#[derive(Clone, Debug)]
pub(super) struct Handler {
    invocations: VecDeque<Invocation>,
    words: VecDeque<u64>,
}

#[derive(Clone, Debug)]
struct Invocation {
    takes: Span,
    result: Result<(), AttemptFailure>,
}

impl SidecarRequest {
    pub(super) fn read(operation: &str, fields: &mut Fields) -> Result<Self, Bad> {
        Ok(match operation {
            "call" => Self::Call(CallRequest {
                trace: fields.text("trace")?,
                operation: fields.text("operation")?,
                handler: Handler::read(fields)?,
                parent: optional(fields, "parent", span_id)?,
                deadline: optional(fields, "deadline", |fields| {
                    fields.natural("deadline").map(Time::from_nanos)
                })?,
                idempotent: optional(fields, "idempotent", |fields| fields.boolean("idempotent"))?,
            }),
            "metrics" => Self::Metrics,
            "spans" => Self::Spans,
            _ => {
                let known = ["call", "metrics", "spans", "advance"];
                return Err(unknown_operation(operation, &known));
            }
        })
    }
}

fn span_id(fields: &mut Fields) -> Result<SpanId, Bad> {
    let text = fields.text("parent")?;
    let id = u64::from_str_radix(&text, 16).ok().filter(|id| *id != 0 && text.len() == 16);
    let bad = || Bad("field `parent` must be 16 hexadecimal digits, not all 0".to_owned());
    id.map(SpanId).ok_or_else(bad)
}

impl Handler {
    fn read(fields: &mut Fields) -> Result<Self, Bad> {
        let script = fields.array("script")?;
        let invocations =
            script.iter().map(|entry| Invocation::read(entry)).collect::<Result<_, _>>()?;
        let words = match optional(fields, "words", |fields| fields.array("words"))? {
            Some(words) => words.iter().map(|word| read_word(word)).collect::<Result<_, _>>()?,
            None => VecDeque::new(),
        };
        Ok(Self { invocations, words })
    }

    /// The next invocation, cut where its time is over; past the end of the script it succeeds at
    /// once.
    pub(super) fn invoke(&mut self, timeout: Option<Span>) -> (Span, Result<(), AttemptFailure>) {
        let Some(Invocation { takes, result }) = self.invocations.pop_front() else {
            return (Span::ZERO, Ok(()));
        };
        match timeout {
            Some(timeout) if takes > timeout => (timeout, Err(FailureKind::TimedOut.into())),
            _ => (takes, result),
        }
    }

    /// The wait that the next word means; without one, the calm wait.
    pub(super) fn pick(&mut self, waits: Waits) -> Span {
        self.words.pop_front().map_or(waits.calm, |word| waits.at(word))
    }
}

/// A random word: an integer of 63 bits, the largest that the protocol has, stands for one of 64.
fn read_word(word: &RawValue) -> Result<u64, Bad> {
    let word = word.get().parse::<u64>().ok().filter(|word| *word <= i64::MAX as u64);
    word.map(|word| word << 1)
        .ok_or_else(|| Bad("field `words` must be an array of integers below 2^63".to_owned()))
}

impl Invocation {
    fn read(entry: &RawValue) -> Result<Self, Bad> {
        let mut fields = Fields::of_value(entry, "script")?;
        let takes = Span::from_nanos(fields.natural("takes")?);
        let ok = fields.boolean("ok")?;
        let kind = optional(&mut fields, "failure", failure_kind)?;
        let pushback = optional(&mut fields, "pushback", |fields| fields.integer("pushback"))?;
        fields.end()?;
        if ok && (kind.is_some() || pushback.is_some()) {
            return Err(Bad("a step of a script that succeeds has no failure".to_owned()));
        }
        let pushback = pushback.map(|nanos| {
            u64::try_from(nanos)
                .map_or(ComeBack::Never, |nanos| ComeBack::After(Span::from_nanos(nanos)))
        });
        let failure = AttemptFailure { kind: kind.unwrap_or(FailureKind::Transient), pushback };
        Ok(Self { takes, result: if ok { Ok(()) } else { Err(failure) } })
    }
}

fn failure_kind(fields: &mut Fields) -> Result<FailureKind, Bad> {
    let text = fields.text("failure")?;
    kind_of(&text).ok_or_else(|| {
        Bad(format!(
            "field `failure` must be own_rejection, refused, timed_out, lost, transient or \
             permanent, not `{text}`"
        ))
    })
}

/// The kind of failure of this name.
pub(in crate::stdio) fn kind_of(text: &str) -> Option<FailureKind> {
    Some(match text {
        "own_rejection" => FailureKind::OwnRejection,
        "refused" => FailureKind::Refused,
        "timed_out" => FailureKind::TimedOut,
        "lost" => FailureKind::Lost,
        "transient" => FailureKind::Transient,
        "permanent" => FailureKind::Permanent,
        _ => return None,
    })
}
