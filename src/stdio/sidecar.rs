//! `sidecar`: scripted calls with retries, metrics and spans.

use brownout_models::policy::{
    CallMetrics, Retry, RetryConfig, RetryNext, SpanRecord, SpanTable, SpanTicket,
};
use brownout_models::{Names, Time};

use super::agenda::Agenda;
use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::script::Script;
use super::vocabulary::{Answer, Completion, Events, SpanView, Trouble, Verdict};

/// A sidecar and the calls it intercepts.
#[derive(Clone, Debug)]
pub(super) struct SidecarDesk {
    names: Names,
    config: RetryConfig,
    metrics: CallMetrics,
    spans: SpanTable,
    calls: Agenda<(Call, Due)>,
}

/// A call under way.
#[derive(Clone, Debug)]
struct Call {
    request: u64,
    span: SpanTicket,
    started: Time,
    attempts: Vec<u64>,
    retry: Retry,
    script: Script,
}

/// What a call waits for.
#[derive(Clone, Debug, Copy)]
enum Due {
    /// Its attempt ends.
    End { ok: bool },
    /// Its backoff is over.
    Attempt,
}

/// A request to the sidecar.
pub(super) enum SidecarRequest {
    Call { trace: String, operation: String, script: Script },
    Metrics,
    Spans,
}

impl SidecarDesk {
    pub(super) fn new(config: RetryConfig) -> Self {
        Self {
            names: Names::new(),
            config,
            metrics: CallMetrics::default(),
            spans: SpanTable::default(),
            calls: Agenda::default(),
        }
    }

    /// Takes a call on until it has to wait or ends.
    fn go_on(&mut self, now: Time, mut call: Call, mut due: Due, events: &mut Events) {
        loop {
            due = match due {
                Due::Attempt => {
                    call.attempts.push(now.as_nanos());
                    let invocation = call.script.invoke();
                    let end = Due::End { ok: invocation.ok };
                    if !invocation.takes.is_zero() {
                        return self.calls.set(now + invocation.takes, (call, end));
                    }
                    end
                }
                Due::End { ok } => match call.retry.ended(ok) {
                    RetryNext::Again { after } if after.is_zero() => Due::Attempt,
                    RetryNext::Again { after } => {
                        return self.calls.set(now + after, (call, Due::Attempt));
                    }
                    RetryNext::Succeeded => return self.end(now, call, Ok(()), events),
                    RetryNext::Failed => {
                        return self.end(now, call, Err(Trouble::scripted()), events);
                    }
                },
            };
        }
    }

    fn end(&mut self, now: Time, call: Call, outcome: Result<(), Trouble>, events: &mut Events) {
        self.metrics.ended(now.since(call.started), outcome.is_ok());
        self.spans.end(now, call.span);
        let completion = Completion::Intercepted {
            started: call.started.as_nanos(),
            attempts: call.attempts,
            verdict: Verdict::of(outcome),
        };
        events.complete(now, call.request, completion);
    }

    fn span(&self, span: &SpanRecord) -> SpanView {
        SpanView {
            trace: self.names.text(span.trace).to_owned(),
            operation: self.names.text(span.operation).to_owned(),
            start: span.start.as_nanos(),
            end: span.end.map(Time::as_nanos),
        }
    }
}

impl Desk for SidecarDesk {
    type Request = SidecarRequest;

    fn read(operation: &str, fields: &mut Fields) -> Result<SidecarRequest, Bad> {
        Ok(match operation {
            "call" => SidecarRequest::Call {
                trace: fields.text("trace")?,
                operation: fields.text("operation")?,
                script: Script::of_field(fields, "script")?,
            },
            "metrics" => SidecarRequest::Metrics,
            "spans" => SidecarRequest::Spans,
            _ => {
                let known = ["call", "metrics", "spans", "advance"];
                return Err(unknown_operation(operation, &known));
            }
        })
    }

    fn due(&self) -> Option<Time> {
        self.calls.due()
    }

    fn wake(&mut self, now: Time, events: &mut Events) {
        if let Some((call, due)) = self.calls.pop() {
            self.go_on(now, call, due, events);
        }
    }

    fn take(
        &mut self,
        now: Time,
        number: u64,
        request: SidecarRequest,
        events: &mut Events,
    ) -> Result<Answer, Bad> {
        Ok(match request {
            SidecarRequest::Call { trace, operation, script } => {
                let (trace, operation) = (self.names.intern(&trace), self.names.intern(&operation));
                self.metrics.started();
                let call = Call {
                    request: number,
                    span: self.spans.begin(now, trace, operation),
                    started: now,
                    attempts: Vec::new(),
                    retry: Retry::new(self.config),
                    script,
                };
                self.go_on(now, call, Due::Attempt, events);
                Answer::PENDING
            }
            SidecarRequest::Metrics => Answer::Metrics {
                requests: self.metrics.requests(),
                errors: self.metrics.errors(),
                error_rate: self.metrics.error_rate(),
                average_latency: self.metrics.average_latency().as_nanos(),
            },
            SidecarRequest::Spans => {
                Answer::Spans { spans: self.spans.iter().map(|span| self.span(span)).collect() }
            }
        })
    }

    fn is_pending(&self) -> bool {
        !self.calls.is_empty()
    }
}
