//! The message broker: one dispatcher for all topics, with retries and a dead-letter queue.

use std::sync::Arc;

use serde::Serialize;

use crate::contract::{
    Body, Context, Failure, Input, Machine, NodeId, Outcome, Request, Sender, Turn,
};
use crate::fact::Fact;
use crate::machine::{Dialer, Slab, Target};
use crate::policy::{Action, Dispatcher, DispatcherConfig, Published};
use crate::{Name, Span};

crate::timers! {
    /// What can be overdue in a broker.
    pub enum Timer {
        /// The next attempt for a subscription.
        Retry(u32),
    }
}

/// How a broker behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BrokerConfig {
    /// Where subscribers that are services are found.
    pub registry: Option<NodeId>,
    /// Buffer, attempts and backoff.
    pub dispatcher: DispatcherConfig,
    /// Who wants which topic, in order of subscription.
    pub subscriptions: Vec<Subscription>,
    /// How long a handler may take; the guide waits for ever (MB-9).
    pub ack_timeout: Option<Span>,
}

/// Who wants a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Subscription {
    /// The topic.
    pub topic: Name,
    /// The subscriber: every message goes to one of its instances.
    pub subscriber: Target,
}

/// A message broker.
#[derive(Clone, Debug, Serialize)]
pub struct BrokerNode<P> {
    config: Arc<BrokerConfig>,
    dispatcher: Dispatcher<Envelope<P>>,
    dialer: Dialer,
    /// Publishers that wait because the buffer is full.
    blocked: Slab<(Context, Sender, Name)>,
    /// The message that each subscription handles.
    handling: Vec<Option<Envelope<P>>>,
}

/// A message and on whose behalf it was published.
#[derive(Clone, Debug, Serialize)]
struct Envelope<P> {
    context: Context,
    request: Request<P>,
}

impl<P: Clone + std::fmt::Debug + Serialize> BrokerNode<P> {
    /// A broker without messages.
    #[must_use]
    pub fn new(config: Arc<BrokerConfig>) -> Self {
        let mut dispatcher = Dispatcher::new(config.dispatcher);
        for subscription in &config.subscriptions {
            dispatcher.subscribe(subscription.topic, subscription.subscriber.service);
        }
        let dialer = Dialer::new(config.registry);
        let handling = vec![None; config.subscriptions.len()];
        Self { config, dispatcher, dialer, blocked: Slab::default(), handling }
    }

    /// Who a subscription belongs to, by its number in facts.
    #[must_use]
    pub fn subscriber(&self, subscription: u32) -> Option<Name> {
        let subscription = self.config.subscriptions.get(subscription as usize)?;
        Some(subscription.subscriber.service)
    }

    fn publish(&mut self, from: Sender, request: Request<P>, turn: &mut Turn<'_, P, Fact>) {
        let (context, topic, key) = (turn.context(), request.method, request.key);
        turn.note(Fact::Published { topic, key });
        let publisher = self.blocked.insert((context, from, topic));
        let envelope = Envelope { context, request };
        let published = self.dispatcher.publish(turn.now(), topic, envelope, u64::from(publisher));
        if published == Published::Accepted {
            self.blocked.remove(publisher);
            turn.reply_done(from, topic);
        }
        self.dispatch(turn);
    }

    /// Does whatever can be done until something ends or wakes.
    fn dispatch(&mut self, turn: &mut Turn<'_, P, Fact>) {
        while let Some(action) = self.dispatcher.next_action() {
            match action {
                Action::Unblocked { publisher } => {
                    let publisher = u32::try_from(publisher).unwrap_or(u32::MAX);
                    if let Some((context, from, topic)) = self.blocked.remove(publisher) {
                        turn.on_behalf(context);
                        turn.reply_done(from, topic);
                    }
                }
                Action::Dropped { message } => {
                    turn.on_behalf(message.payload.context);
                    let key = message.payload.request.key;
                    turn.note(Fact::Unwanted { topic: message.topic, key });
                }
                Action::Attempt { subscription, attempt, message } => {
                    self.attempt(subscription, attempt, message.payload, turn);
                }
                Action::Backoff { subscription, until } => {
                    if let Some(Some(envelope)) = self.handling.get(subscription) {
                        turn.on_behalf(envelope.context);
                    }
                    let number = u32::try_from(subscription).unwrap_or(u32::MAX);
                    turn.set(Timer::Retry(number), until.since(turn.now()));
                }
                Action::DeadLettered { subscription, message } => {
                    turn.on_behalf(message.payload.context);
                    let (topic, key) = (message.topic, message.payload.request.key);
                    let subscription = u32::try_from(subscription).unwrap_or(u32::MAX);
                    turn.note(Fact::DeadLettered { topic, key, subscription });
                }
            }
        }
    }

    fn attempt(
        &mut self,
        subscription: usize,
        attempt: u32,
        envelope: Envelope<P>,
        turn: &mut Turn<'_, P, Fact>,
    ) {
        turn.on_behalf(envelope.context);
        let (topic, key) = (envelope.request.method, envelope.request.key);
        let number = u32::try_from(subscription).unwrap_or(u32::MAX);
        turn.note(Fact::Delivering { topic, key, subscription: number, attempt });
        let target = self.config.subscriptions[subscription].subscriber;
        let timeout = self.config.ack_timeout;
        let dialled = self.dialer.dial(turn, target, &envelope.request, timeout, number);
        self.handling[subscription] = Some(envelope);
        if dialled.is_err() {
            self.dispatcher.attempt_ended(turn.now(), subscription, false);
        }
    }

    fn heard(&mut self, tag: u64, outcome: Outcome<P>, turn: &mut Turn<'_, P, Fact>) {
        let number = Dialer::slot(tag);
        let subscription = number as usize;
        let Some(Some(envelope)) = self.handling.get(subscription) else { return };
        let target = self.config.subscriptions[subscription].subscriber;
        let call = (target, &envelope.request, self.config.ack_timeout);
        let Some(outcome) = self.dialer.heard(turn, tag, outcome, call) else { return };
        if outcome.is_ok() {
            let (topic, key) = (envelope.request.method, envelope.request.key);
            turn.note(Fact::Acknowledged { topic, key, subscription: number });
        }
        self.dispatcher.attempt_ended(turn.now(), subscription, outcome.is_ok());
        self.dispatch(turn);
    }
}

impl<P: Clone + std::fmt::Debug + Serialize> Machine for BrokerNode<P> {
    type Payload = P;
    type Timer = Timer;
    type Fact = Fact;

    const PHASES: &'static [&'static str] = &["idle", "dispatching", "full"];

    fn phase(&self) -> usize {
        match (self.dispatcher.is_idle(), self.blocked.is_empty()) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        }
    }

    fn step(&mut self, input: Input<P, Timer>, turn: &mut Turn<'_, P, Fact>) {
        match input {
            Input::Start => {}
            Input::Deliver { from, body: Body::Publish(request) } => {
                self.publish(from, request, turn);
            }
            Input::Deliver { from, body } => {
                turn.reply_failure(from, body.name(), Failure::UnknownMethod);
            }
            Input::Wake(Timer::Retry(subscription)) => {
                self.dispatcher.wake(subscription as usize);
                self.dispatch(turn);
            }
            Input::Reply { tag, outcome } => self.heard(tag, outcome, turn),
            Input::Expired { tag } => self.heard(tag, Err(Failure::TimedOut), turn),
        }
    }

    fn power_cut(&mut self) {
        *self = Self::new(Arc::clone(&self.config));
    }
}
