//! The sidecar: it places the calls of its service, tries them again, and keeps metrics and spans.
//!
//! As in the guide, every error is tried again (SC-4) and one span covers all attempts (SC-2).

use std::sync::Arc;

use serde::Serialize;

use crate::contract::{
    Body, Context, Failure, Input, Machine, NodeId, Outcome, Request, Sender, Turn,
};
use crate::fact::Fact;
use crate::machine::{Dialer, Slab, Target};
use crate::policy::{CallMetrics, Retry, RetryConfig, RetryNext, SpanTable, SpanTicket};
use crate::{Span, Time};

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
    /// Where services are found.
    pub registry: Option<NodeId>,
    /// How often and how patiently it tries again.
    pub retry: RetryConfig,
    /// How long an attempt may take; the guide waits for ever.
    pub attempt_timeout: Option<Span>,
    /// The node that gets every call, where the sidecar stands in front of one.
    pub upstream: Option<NodeId>,
}

/// A sidecar.
#[derive(Clone, Debug, Serialize)]
pub struct SidecarNode<P> {
    config: Arc<SidecarConfig>,
    dialer: Dialer,
    metrics: CallMetrics,
    spans: SpanTable,
    pending: Slab<Pending<P>>,
}

/// A call under way.
#[derive(Clone, Debug, Serialize)]
struct Pending<P> {
    context: Context,
    from: Sender,
    request: Request<P>,
    began: Time,
    span: SpanTicket,
    attempt: u32,
    retry: Retry,
}

impl<P: Clone + std::fmt::Debug + Serialize> SidecarNode<P> {
    /// A sidecar that has seen no call.
    #[must_use]
    pub fn new(config: Arc<SidecarConfig>) -> Self {
        let dialer = Dialer::new(config.registry);
        let (metrics, spans) = (CallMetrics::default(), SpanTable::default());
        Self { config, dialer, metrics, spans, pending: Slab::default() }
    }

    /// What it counted.
    #[must_use]
    pub const fn metrics(&self) -> &CallMetrics {
        &self.metrics
    }

    fn intercept(&mut self, from: Sender, request: Request<P>, turn: &mut Turn<'_, P, Fact>) {
        let now = turn.now();
        let span = self.spans.begin(now, request.client, request.method);
        self.metrics.started();
        let retry = Retry::new(self.config.retry);
        let context = turn.context();
        let pending = Pending { context, from, request, began: now, span, attempt: 0, retry };
        let slot = self.pending.insert(pending);
        self.attempt(slot, turn);
    }

    fn attempt(&mut self, slot: u32, turn: &mut Turn<'_, P, Fact>) {
        let Some(pending) = self.pending.get_mut(slot) else { return };
        pending.attempt += 1;
        let Request { service, method, key, .. } = pending.request;
        turn.note(Fact::Attempt { service, method, key, attempt: pending.attempt });
        let target = Target { node: self.config.upstream, service };
        let timeout = self.config.attempt_timeout;
        if let Err(failure) = self.dialer.dial(turn, target, &pending.request, timeout, slot) {
            self.attempted(slot, Err(failure), turn);
        }
    }

    fn heard(&mut self, tag: u64, outcome: Outcome<P>, turn: &mut Turn<'_, P, Fact>) {
        let slot = Dialer::slot(tag);
        let Some(pending) = self.pending.get(slot) else { return };
        let target = Target { node: self.config.upstream, service: pending.request.service };
        let call = (target, &pending.request, self.config.attempt_timeout);
        if let Some(outcome) = self.dialer.heard(turn, tag, outcome, call) {
            self.attempted(slot, outcome, turn);
        }
    }

    fn attempted(&mut self, slot: u32, outcome: Outcome<P>, turn: &mut Turn<'_, P, Fact>) {
        let Some(pending) = self.pending.get_mut(slot) else { return };
        if let RetryNext::Again { after } = pending.retry.ended(outcome.is_ok()) {
            turn.set(Timer::Retry(slot), after);
            return;
        }
        let Some(pending) = self.pending.remove(slot) else { return };
        self.metrics.ended(turn.now().since(pending.began), outcome.is_ok());
        self.spans.end(turn.now(), pending.span);
        let Request { service, method, key, .. } = pending.request;
        let failure = outcome.as_ref().err().copied();
        turn.note(Fact::Called { service, method, key, failure });
        turn.reply(pending.from, method, outcome);
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
            Input::Start => {}
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
        *self = Self::new(Arc::clone(&self.config));
    }
}
