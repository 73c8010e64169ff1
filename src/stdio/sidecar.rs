//! `sidecar`: scripted calls with retries, metrics and spans.

mod request;

use brownout_models::policy::{
    AttemptFailure, AttemptView, CallMetrics, FailureKind, GivenUp, Retry, RetryBudget,
    RetryConfig, RetryNext, SidecarOptions, SpanRecord, SpanStart, SpanStatus, SpanTable,
    SpanTicket, Start, TelemetryConfig, Terms,
};
use brownout_models::{Mistake, Names, Profile, Span, Time};
use indexmap::IndexMap;

use super::agenda::Agenda;
use super::fields::{Bad, Fields};
use super::protocol::Desk;
use super::vocabulary::{
    Answer, Completion, Events, HistogramView, MoreMetrics, MoreOfSpan, SpanView, Trouble, Verdict,
};
use super::{Options, nobody_to_choose};
use request::{CallRequest, Handler, SidecarRequest};

/// How a sidecar behaves, and whether it says what only a hardened one knows.
#[derive(Clone, Debug)]
pub(super) struct SidecarDeskConfig {
    retry: RetryConfig,
    telemetry: TelemetryConfig,
    says_more: bool,
}

impl Options for SidecarOptions {
    type Config = SidecarDeskConfig;

    fn checked(&self, profile: Profile) -> (SidecarDeskConfig, Vec<Mistake>) {
        let (retry, mut mistakes) = self.retry(profile);
        mistakes.extend(nobody_to_choose(&self.balancer, &self.outlier));
        let telemetry = self.telemetry(profile);
        let says_more = self.profile.unwrap_or(profile) == Profile::Hardened;
        (SidecarDeskConfig { retry, telemetry, says_more }, mistakes)
    }
}

/// A sidecar and the calls it intercepts.
#[derive(Clone, Debug)]
pub(super) struct SidecarDesk {
    names: Names,
    config: SidecarDeskConfig,
    budget: RetryBudget,
    metrics: CallMetrics,
    spans: SpanTable,
    calls: IndexMap<u64, Call>,
    agenda: Agenda<(u64, Due)>,
}

/// A call under way.
#[derive(Clone, Debug)]
struct Call {
    span: SpanTicket,
    start: SpanStart,
    started: Time,
    backoff: Span,
    attempts: Vec<AttemptRun>,
    retry: Retry,
    handler: Handler,
}

/// An attempt of a call.
#[derive(Clone, Debug)]
struct AttemptRun {
    began: Time,
    span: Option<SpanTicket>,
    ended: bool,
}

/// What a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// The end of an attempt, counted from 0.
    End(usize, Result<(), AttemptFailure>),
    /// The end of a backoff, or of the wait before a hedge.
    Attempt,
}

impl SidecarDesk {
    pub(super) fn new(config: SidecarDeskConfig) -> Self {
        Self {
            names: Names::new(),
            budget: RetryBudget::new(config.retry.budget.clone()),
            metrics: CallMetrics::new(&config.telemetry),
            spans: SpanTable::new(&config.telemetry, 0),
            calls: IndexMap::new(),
            agenda: Agenda::default(),
            config,
        }
    }

    fn call(&mut self, now: Time, number: u64, request: CallRequest, events: &mut Events) {
        let CallRequest { trace, operation, handler, parent, deadline, idempotent } = request;
        let idempotent =
            idempotent.unwrap_or_else(|| self.config.retry.idempotent.covers(&operation));
        let (trace, operation) = (self.names.intern(&trace), self.names.intern(&operation));
        let start = SpanStart { parent, ..SpanStart::new(trace, operation) };
        let span = self.spans.begin(now, start);
        self.metrics.started();
        let terms = Terms { deadline: deadline.unwrap_or(Time::NEVER), idempotent };
        let call = Call {
            span,
            start: SpanStart { parent: Some(span.id()), ..start },
            started: now,
            backoff: Span::ZERO,
            attempts: Vec::new(),
            retry: Retry::begin(&self.config.retry, &mut self.budget, now, terms),
            handler,
        };
        self.calls.insert(number, call);
        self.go_on(now, number, Due::Attempt, events);
    }

    /// Takes a call on until it has to wait or ends.
    fn go_on(&mut self, now: Time, number: u64, mut due: Due, events: &mut Events) {
        loop {
            let next = match due {
                Due::Attempt => self.attempt(now, number, events),
                Due::End(attempt, result) => self.attempted(now, number, attempt, result, events),
            };
            match next {
                Some(next) => due = next,
                None => return,
            }
        }
    }

    /// Starts an attempt; its end, where that is at once.
    fn attempt(&mut self, now: Time, number: u64, events: &mut Events) -> Option<Due> {
        let call = self.calls.get_mut(&number)?;
        let attempt = match call.retry.start(&self.config.retry, &mut self.budget, now) {
            Start::Go(attempt) => attempt,
            Start::Hold => return None,
            Start::GiveUp(why) => {
                self.end(now, number, Err((FailureKind::TimedOut, why)), events);
                return None;
            }
        };
        self.metrics.attempt_started(attempt.number);
        let span = match self.config.telemetry.attempts {
            AttemptView::Measured => {
                let attempt = Some(attempt.number);
                Some(self.spans.begin(now, SpanStart { attempt, ..call.start }))
            }
            AttemptView::Hidden => None,
        };
        let place = call.attempts.len();
        call.attempts.push(AttemptRun { began: now, span, ended: false });
        let (takes, result) = call.handler.invoke(attempt.timeout);
        let end = Due::End(place, result);
        if let Some(delay) = attempt.hedge {
            self.agenda.set(now + delay, (number, Due::Attempt));
        }
        if takes.is_zero() {
            return Some(end);
        }
        self.agenda.set(now + takes, (number, end));
        None
    }

    /// An attempt ended; the next one, where it starts at once.
    fn attempted(
        &mut self,
        now: Time,
        number: u64,
        place: usize,
        result: Result<(), AttemptFailure>,
        events: &mut Events,
    ) -> Option<Due> {
        let call = self.calls.get_mut(&number)?;
        let attempt = &mut call.attempts[place];
        attempt.ended = true;
        self.metrics.attempt_ended(now.since(attempt.began), result.is_ok());
        if let Some(span) = attempt.span {
            let status = if result.is_ok() { SpanStatus::Ok } else { SpanStatus::Error };
            self.spans.end(now, span, status);
        }
        let (retry, handler) = (&mut call.retry, &mut call.handler);
        let (config, budget) = (&self.config.retry, &mut self.budget);
        let next = retry.ended(config, budget, now, result, |waits| handler.pick(waits));
        match next {
            RetryNext::Again { after } => {
                if call.retry.under_way() == 0 {
                    call.backoff = call.backoff + after;
                }
                self.agenda.retain(|timer| *timer != (number, Due::Attempt));
                if after.is_zero() {
                    return Some(Due::Attempt);
                }
                self.agenda.set(now + after, (number, Due::Attempt));
            }
            RetryNext::Waiting => {}
            RetryNext::Succeeded => self.end(now, number, Ok(()), events),
            RetryNext::Failed(why) => {
                let kind = result.err().map_or(FailureKind::Transient, |failure| failure.kind);
                self.end(now, number, Err((kind, why)), events);
            }
        }
        None
    }

    fn end(
        &mut self,
        now: Time,
        number: u64,
        outcome: Result<(), (FailureKind, GivenUp)>,
        events: &mut Events,
    ) {
        let Some(call) = self.calls.shift_remove(&number) else { return };
        self.agenda.retain(|(owner, _)| *owner != number);
        for attempt in call.attempts.iter().filter(|attempt| !attempt.ended) {
            if let Some(span) = attempt.span {
                self.spans.end(now, span, SpanStatus::Unset);
            }
        }
        self.metrics.ended(now.since(call.started), call.backoff, outcome.is_ok());
        let status = if outcome.is_ok() { SpanStatus::Ok } else { SpanStatus::Error };
        self.spans.end(now, call.span, status);
        let gave_up = outcome.err().map(|(_, why)| why).filter(|_| self.config.says_more);
        let completion = Completion::Intercepted {
            started: call.started.as_nanos(),
            attempts: call.attempts.iter().map(|attempt| attempt.began.as_nanos()).collect(),
            verdict: Verdict::of(outcome.map_err(|(kind, _)| trouble(kind))),
            gave_up,
        };
        events.complete(now, number, completion);
    }

    fn span(&self, span: &SpanRecord) -> SpanView {
        let more = self.config.says_more.then(|| MoreOfSpan {
            id: span.id.to_string(),
            parent: span.parent.map(|parent| parent.to_string()),
            status: span.status,
            attempt: span.attempt,
        });
        SpanView {
            trace: self.names.text(span.trace).to_owned(),
            operation: self.names.text(span.operation).to_owned(),
            start: span.start.as_nanos(),
            end: span.end.map(Time::as_nanos),
            more,
        }
    }

    fn numbers(&self) -> Answer {
        let metrics = &self.metrics;
        let (attempt_successes, attempt_failures) = metrics.attempt_latencies();
        let more = self.config.says_more.then(|| {
            Box::new(MoreMetrics {
                errors_per_million: metrics.errors_per_million(),
                in_flight: metrics.in_flight(),
                attempts: metrics.attempts(),
                resend_count: metrics.resends(),
                backoff: metrics.backoff().as_nanos(),
                budget_thousandths: self.budget.tokens_thousandths(),
                successes: HistogramView::of(metrics.successes()),
                failures: HistogramView::of(metrics.failures()),
                attempt_successes: HistogramView::of(attempt_successes),
                attempt_failures: HistogramView::of(attempt_failures),
            })
        });
        let average_latency = if self.config.says_more {
            i64::try_from(metrics.average_latency().as_nanos()).unwrap_or(i64::MAX)
        } else {
            metrics.average_duration()
        };
        Answer::Metrics {
            requests: metrics.requests(),
            errors: metrics.errors(),
            error_rate: metrics.error_rate(),
            average_latency,
            more,
        }
    }
}

/// The trouble that a call ended with, by why its last attempt failed.
fn trouble(kind: FailureKind) -> Trouble {
    match kind {
        FailureKind::Transient => Trouble::scripted(),
        FailureKind::TimedOut => Trouble::new("timed_out", "no answer in time"),
        FailureKind::Lost => Trouble::new("reset", "connection reset"),
        FailureKind::Refused => Trouble::new("overloaded", "refused before it began"),
        FailureKind::OwnRejection => Trouble::new("own_rejection", "refused on our own side"),
        FailureKind::Permanent => Trouble::new("rejected", "trying again will not help"),
    }
}

impl Desk for SidecarDesk {
    type Request = SidecarRequest;

    fn read(operation: &str, fields: &mut Fields) -> Result<SidecarRequest, Bad> {
        SidecarRequest::read(operation, fields)
    }

    fn due(&self) -> Option<Time> {
        self.agenda.due()
    }

    fn wake(&mut self, now: Time, events: &mut Events) {
        if let Some((number, due)) = self.agenda.pop() {
            self.go_on(now, number, due, events);
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
            SidecarRequest::Call(request) => {
                self.call(now, number, request, events);
                Answer::PENDING
            }
            SidecarRequest::Metrics => self.numbers(),
            SidecarRequest::Spans => Answer::Spans {
                spans: self.spans.iter().map(|span| self.span(span)).collect(),
                dropped: self.config.says_more.then(|| self.spans.dropped()),
            },
        })
    }

    fn is_pending(&self) -> bool {
        !self.calls.is_empty()
    }
}
