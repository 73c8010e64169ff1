//! The sidecar: it places the calls of its service, tries them again, and keeps metrics and spans.
//!
//! As in the guide, or as hardened: whatever differs is an option of its
//! [retries](crate::policy::RetryConfig) or of its [telemetry](crate::policy::TelemetryConfig). What
//! a wait between attempts is, within its jitter, is a choice whose calm answer is the wait without
//! jitter ([`Waits::calm`]). What is *not* here: cancelling an attempt at its server; whoever is
//! hedged works for nothing.

use std::num::NonZeroU64;
use std::sync::Arc;

use crate::hash::Set;
use serde::Serialize;

use crate::contract::{
    Body, Choice, Context, Failure, Input, Machine, NodeId, Outcome, Purpose, Request, Sender, Turn,
};
use crate::fact::Fact;
use crate::machine::{Dialer, Dialling, Discovery, Slab, Target};
use crate::policy::{
    AttemptFailure, AttemptView, CallMetrics, ComeBack, Deadline, FailureKind, GivenUp, Hedging,
    Parents, Pushback, Retry, RetryBudget, RetryConfig, RetryNext, SpanId, SpanStart, SpanStatus,
    SpanTable, SpanTicket, Start, TelemetryConfig, Terms, Waits,
};
use crate::{Name, Span, Time};

crate::timers! {
    /// What can be overdue in a sidecar.
    pub enum Timer {
        /// The next attempt of a call.
        Retry(u32),
    }
}

/// How a sidecar behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SidecarConfig {
    /// How services are found, and which instance of one is called.
    pub discovery: Discovery,
    /// How often and how patiently it tries again.
    pub retry: RetryConfig,
    /// The names of the methods that may be done twice; `None` for all of them.
    pub idempotent: Option<Set<Name>>,
    /// What it counts and traces.
    pub telemetry: TelemetryConfig,
    /// The node that gets every call, where the sidecar stands in front of one.
    pub upstream: Option<NodeId>,
}

/// A sidecar.
#[derive(Clone, Debug, Serialize)]
pub struct SidecarNode<P> {
    config: Arc<SidecarConfig>,
    dialer: Dialer,
    budget: RetryBudget,
    metrics: CallMetrics,
    spans: SpanTable,
    pending: Slab<Pending<P>>,
    attempts: Slab<AttemptUnderWay>,
}

/// A call under way.
#[derive(Clone, Debug, Serialize)]
struct Pending<P> {
    context: Context,
    from: Sender,
    request: Request<P>,
    began: Time,
    /// What it has waited between attempts.
    backoff: Span,
    span: SpanTicket,
    retry: Retry,
    /// Why the last attempt failed.
    failure: Option<Failure>,
    attempts: Vec<u32>,
}

/// An attempt under way. One that does not matter any more keeps its number until its answer comes
/// or its time is over, lest the answer be taken for another's.
#[derive(Clone, Debug, Serialize)]
struct AttemptUnderWay {
    call: Option<u32>,
    number: u32,
    began: Time,
    timeout: Option<Span>,
    span: Option<SpanTicket>,
}

/// How long a wait between attempts is, within its jitter.
const JITTER: Purpose = Purpose("jitter");

impl<P: Clone + std::fmt::Debug + Serialize> SidecarNode<P> {
    /// A sidecar that has seen no call.
    #[must_use]
    pub fn new(config: Arc<SidecarConfig>) -> Self {
        Self {
            dialer: Dialer::new(config.discovery.clone()),
            budget: RetryBudget::new(config.retry.budget.clone()),
            metrics: CallMetrics::new(&config.telemetry),
            spans: SpanTable::new(&config.telemetry, 0),
            pending: Slab::default(),
            attempts: Slab::default(),
            config,
        }
    }

    /// What it counted.
    #[must_use]
    pub const fn metrics(&self) -> &CallMetrics {
        &self.metrics
    }

    /// What it counts and traces.
    #[must_use]
    pub fn telemetry(&self) -> &TelemetryConfig {
        &self.config.telemetry
    }

    /// The spans that it keeps.
    #[must_use]
    pub const fn spans(&self) -> &SpanTable {
        &self.spans
    }

    /// What its retries are paid from.
    #[must_use]
    pub const fn budget(&self) -> &RetryBudget {
        &self.budget
    }

    fn intercept(&mut self, from: Sender, request: Request<P>, turn: &mut Turn<'_, P, Fact>) {
        let (now, context) = (turn.now(), turn.context());
        let start = SpanStart::new(request.client, request.method);
        let parent = context.span.map(|span| SpanId(span.get()));
        let span = self.spans.begin(now, SpanStart { parent, ..start });
        self.metrics.started();
        let idempotent = &self.config.idempotent;
        let terms = Terms {
            deadline: context.deadline,
            idempotent: idempotent.as_ref().is_none_or(|names| names.contains(&request.method)),
        };
        let retry = Retry::begin(&self.config.retry, &mut self.budget, now, terms);
        let slot = self.pending.insert(Pending {
            context,
            from,
            request,
            began: now,
            backoff: Span::ZERO,
            span,
            retry,
            failure: None,
            attempts: Vec::new(),
        });
        self.attempt(slot, turn);
    }

    /// Starts the next attempt of a call, unless it is over with it.
    fn attempt(&mut self, slot: u32, turn: &mut Turn<'_, P, Fact>) {
        let Some(pending) = self.pending.get_mut(slot) else { return };
        let now = turn.now();
        let attempt = match pending.retry.start(&self.config.retry, &mut self.budget, now) {
            Start::Go(attempt) => attempt,
            Start::Hold => return,
            Start::GiveUp(why) => {
                let failure = pending.failure.unwrap_or(Failure::TimedOut);
                return self.finish(slot, Err(failure), Some(why), turn);
            }
        };
        let Request { service, method, key, client, .. } = pending.request;
        let number = attempt.number;
        turn.note(Fact::Attempt { service, method, key, attempt: number });
        self.metrics.attempt_started(number);
        let parent = Some(pending.span.id());
        let start = SpanStart { parent, attempt: Some(number), ..SpanStart::new(client, method) };
        let span = match self.config.telemetry.attempts {
            AttemptView::Measured => Some(self.spans.begin(now, start)),
            AttemptView::Hidden => None,
        };
        let (call, timeout) = (Some(slot), attempt.timeout);
        let under_way = AttemptUnderWay { call, number, began: now, timeout, span };
        let place = self.attempts.insert(under_way);
        pending.attempts.push(place);
        if let Some(delay) = attempt.hedge {
            turn.set(Timer::Retry(slot), delay);
        }
        let deadline = pending.context.deadline.min(pending.retry.deadline());
        let innermost = span.unwrap_or(pending.span).id();
        let span = match self.config.telemetry.parents {
            Parents::Kept => NonZeroU64::new(innermost.0),
            Parents::Dropped => pending.context.span,
        };
        turn.on_behalf(Context { deadline, span, ..turn.context() });
        let target = Target { node: self.config.upstream, service };
        let request = &pending.request;
        let call = Dialling { target, method: request.method, request, timeout };
        if let Err(failure) = self.dialer.dial(turn, call, place) {
            self.attempted(place, Err(failure), turn);
        }
    }

    fn heard(&mut self, tag: u64, outcome: Outcome<P>, turn: &mut Turn<'_, P, Fact>) {
        let place = Dialer::slot(tag);
        let Some(attempt) = self.attempts.get(place) else { return };
        let Some(pending) = attempt.call.and_then(|slot| self.pending.get(slot)) else {
            self.attempts.remove(place);
            self.dialer.hang_up(turn, tag, &outcome);
            return;
        };
        let now = turn.now();
        let ends = match (attempt.timeout, self.config.retry.deadline) {
            (Some(timeout), Deadline::Respected) => attempt.began + timeout,
            // For discovery and for the call, each, as everywhere in a system of the guide.
            (Some(timeout), Deadline::Ignored) => now + timeout,
            (None, _) => Time::NEVER,
        };
        let ends = ends.min(pending.retry.deadline());
        let timeout = (ends != Time::NEVER).then(|| ends.since(now));
        let outcome = match outcome {
            Ok(_) if timeout == Some(Span::ZERO) => Err(Failure::TimedOut),
            outcome => outcome,
        };
        let target = Target { node: self.config.upstream, service: pending.request.service };
        let request = &pending.request;
        let call = Dialling { target, method: request.method, request, timeout };
        if let Some(outcome) = self.dialer.heard(turn, tag, outcome, call) {
            self.attempted(place, outcome, turn);
        }
    }

    fn attempted(&mut self, place: u32, outcome: Outcome<P>, turn: &mut Turn<'_, P, Fact>) {
        let Some(attempt) = self.attempts.remove(place) else { return };
        let Some(slot) = attempt.call else { return };
        let Some(pending) = self.pending.get_mut(slot) else { return };
        pending.attempts.retain(|other| *other != place);
        let Context { deadline, span, .. } = pending.context;
        turn.on_behalf(Context { deadline, span, ..turn.context() });
        let now = turn.now();
        self.metrics.attempt_ended(now.since(attempt.began), outcome.is_ok());
        if let Some(span) = attempt.span {
            self.spans.end(now, span, status(&outcome));
        }
        let result = match &outcome {
            Ok(_) => Ok(()),
            Err(failure) => {
                pending.failure = Some(*failure);
                let pushback = turn.retry_after().map(ComeBack::After);
                Err(AttemptFailure { kind: kind(*failure), pushback })
            }
        };
        let (retry, budget) = (&self.config.retry, &mut self.budget);
        let next = pending.retry.ended(retry, budget, now, result, |waits| pick(waits, turn));
        match next {
            RetryNext::Again { after } => {
                if self.config.retry.pushback == Pushback::Honoured && turn.retry_after().is_some()
                {
                    let Request { service, method, key, .. } = pending.request;
                    turn.note(Fact::PushedBack { service, method, key, after });
                }
                if pending.retry.under_way() == 0 {
                    pending.backoff = pending.backoff + after;
                }
                turn.set(Timer::Retry(slot), after);
            }
            RetryNext::Waiting => {}
            RetryNext::Succeeded => self.finish(slot, outcome, None, turn),
            RetryNext::Failed(why) => self.finish(slot, outcome, Some(why), turn),
        }
    }

    fn finish(
        &mut self,
        slot: u32,
        outcome: Outcome<P>,
        why: Option<GivenUp>,
        turn: &mut Turn<'_, P, Fact>,
    ) {
        let Some(pending) = self.pending.remove(slot) else { return };
        let now = turn.now();
        let Request { service, method, key, .. } = pending.request;
        for place in pending.attempts {
            let Some(attempt) = self.attempts.get_mut(place) else { continue };
            attempt.call = None;
            if let Some(span) = attempt.span {
                self.spans.end(now, span, SpanStatus::Unset);
            }
            turn.note(Fact::Abandoned { service, method, key, attempt: attempt.number });
        }
        if self.config.retry.hedging != Hedging::Off {
            turn.cancel(Timer::Retry(slot));
        }
        self.metrics.ended(now.since(pending.began), pending.backoff, outcome.is_ok());
        self.spans.end(now, pending.span, status(&outcome));
        let failure = outcome.as_ref().err().copied();
        if let Some(why) = why.filter(|why| *why != GivenUp::Exhausted) {
            turn.note(Fact::GaveUp { service, method, key, why });
        }
        turn.note(Fact::Called { service, method, key, failure });
        turn.pass_on(pending.from, method, outcome);
    }
}

/// Weather: which of the waits that the backoff leaves open.
fn pick<P>(waits: Waits, turn: &mut Turn<'_, P, Fact>) -> Span {
    if waits.min == waits.max {
        return waits.min;
    }
    let (width, calm) = waits.slot();
    waits.within(Span::from_nanos(turn.choose(JITTER, Choice::Within { width, calm })))
}

const fn status<P>(outcome: &Outcome<P>) -> SpanStatus {
    if outcome.is_ok() { SpanStatus::Ok } else { SpanStatus::Error }
}

/// What a failure says about trying again.
const fn kind(failure: Failure) -> FailureKind {
    match failure {
        Failure::RateLimited | Failure::BreakerOpen => FailureKind::OwnRejection,
        Failure::NoInstances | Failure::NoHealthyInstances | Failure::Overloaded => {
            FailureKind::Refused
        }
        Failure::TimedOut => FailureKind::TimedOut,
        Failure::Reset => FailureKind::Lost,
        Failure::Failed => FailureKind::Transient,
        Failure::RouteNotFound
        | Failure::Rejected
        | Failure::UnknownMethod
        | Failure::RolledBack
        | Failure::NeedsIntervention => FailureKind::Permanent,
    }
}

impl<P: Clone + std::fmt::Debug + Serialize> Machine for SidecarNode<P> {
    type Payload = P;
    type Timer = Timer;
    type Fact = Fact;

    const PHASES: &'static [&'static str] = &["idle", "calling"];

    fn phase(&self) -> usize {
        usize::from(!self.pending.is_empty())
    }

    fn step(&mut self, input: Input<P, Timer>, turn: &mut Turn<'_, P, Fact>) {
        match input {
            Input::Start => self.spans.set_origin(turn.me().0),
            Input::Deliver { from, body: Body::Request(request) } => {
                self.intercept(from, request, turn);
            }
            Input::Deliver { from, body } => {
                turn.reply_failure(from, body.name(), Failure::UnknownMethod);
            }
            Input::Wake(Timer::Retry(slot)) => self.attempt(slot, turn),
            Input::Reply { tag, outcome } => self.heard(tag, outcome, turn),
            Input::Expired { tag } => self.heard(tag, Err(Failure::TimedOut), turn),
        }
    }

    fn power_cut(&mut self) {
        let mut spans = self.spans.clone();
        spans.clear();
        *self = Self { spans, ..Self::new(Arc::clone(&self.config)) };
    }
}
