//! The message broker: topics, subscriptions, retries and a dead-letter queue.
//!
//! What is durable is written before anybody is told: a publisher has its answer only when the
//! message is kept, and an acknowledged delivery is forgotten only when that is kept. So the power
//! may fail anywhere, and the worst is a delivery that comes again. Where its log is flushed only
//! later, the end of it may be lost with the power: the broker keeps the states before each change that
//! is not flushed, and its next life goes on from the one that is left.

mod operator;

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Serialize;

use crate::contract::{Body, Context, Failure, Input, Machine, Outcome, Request, Sender, Turn};
use crate::fact::Fact;
use crate::machine::{Dialer, Dialling, Discovery, Slab, Target};
use crate::policy::dispatch::Durability;
use crate::policy::{
    Action, AttemptEnd, DeliveryId, Dispatcher, DispatcherConfig, Message, Publication, Published,
    WriteAhead,
};
use crate::{Name, Span};

crate::timers! {
    /// What can be overdue in a broker.
    pub enum Timer {
        /// The next attempt of the delivery in a slot.
        Retry(u32),
        /// The next word of a person.
        Operator,
    }
}

/// How a broker behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BrokerConfig {
    /// How subscribers that are services are found, and which instance of one gets a message.
    pub discovery: Discovery,
    /// Everything but who subscribes. A handler's time counts for finding an instance and for the
    /// answer, each.
    pub dispatcher: DispatcherConfig,
    /// Who wants which topic, in order of subscription.
    pub subscriptions: Vec<Subscription>,
    /// When a person wants dead letters driven again, and of which subscriptions; in order of time.
    pub operator: Vec<(Span, Vec<usize>)>,
}

/// Who wants a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Subscription {
    /// The topic.
    pub topic: Name,
    /// The subscriber: every message goes to one of its instances, which are a consumer group.
    pub subscriber: Target,
    /// The consumer group that it shares the messages with, besides.
    pub group: Option<Name>,
}

/// A message broker.
#[derive(Clone, Debug, Serialize)]
pub struct BrokerNode<P> {
    config: Arc<BrokerConfig>,
    dispatcher: Dispatcher<Envelope<P>>,
    /// The subscription, as it was configured, of each that the dispatcher has.
    configured: Vec<usize>,
    /// The subscription that the dispatcher has of each that was configured.
    subscribed: Vec<usize>,
    dialer: Dialer,
    /// Publishers that wait because the buffer is full.
    blocked: Slab<(Context, Sender, Name)>,
    /// What each slot of the dispatcher handles.
    handling: Vec<Option<Handling<P>>>,
    /// What a loss of power may bring back, oldest first.
    earlier: VecDeque<Earlier<P>>,
    /// Words of a person so far, those that were lost with the power left out.
    told: usize,
    /// In whose name the next word is said.
    asked: Option<Context>,
}

/// The state before a change that is kept and not flushed.
#[derive(Clone, Debug, Serialize)]
struct Earlier<P> {
    /// How many changes had been kept.
    kept: u64,
    dispatcher: Dispatcher<Envelope<P>>,
}

/// A message and on whose behalf it was published.
#[derive(Clone, Debug, Serialize)]
struct Envelope<P> {
    context: Context,
    request: Request<P>,
}

/// An attempt, or the wait after it.
#[derive(Clone, Debug, Serialize)]
struct Handling<P> {
    delivery: DeliveryId,
    attempt: u32,
    /// As it was configured.
    subscription: usize,
    message: Arc<Message<Envelope<P>>>,
}

impl<P> Handling<P> {
    fn topic_and_key(&self) -> (Name, u64) {
        (self.message.topic, self.message.payload.request.key)
    }
}

impl<P: Clone + std::fmt::Debug + Serialize> BrokerNode<P> {
    /// A broker without messages.
    #[must_use]
    pub fn new(config: Arc<BrokerConfig>) -> Self {
        let mut dispatcher = Dispatcher::new(config.dispatcher.clone());
        let (mut configured, mut subscribed) = (Vec::new(), Vec::new());
        for (index, subscription) in config.subscriptions.iter().enumerate() {
            let subscriber = subscription.subscriber.service;
            let topic = subscription.topic;
            let number = match subscription.group {
                None => dispatcher.subscribe(topic, subscriber),
                Some(group) => dispatcher.subscribe_in(topic, subscriber, group),
            };
            subscribed.push(number.number());
            if number.number() == configured.len() {
                configured.push(index);
            }
        }
        let dialer = Dialer::new(config.discovery.clone());
        let (blocked, handling, earlier) = (Slab::default(), Vec::new(), VecDeque::new());
        Self {
            config,
            dispatcher,
            configured,
            subscribed,
            dialer,
            blocked,
            handling,
            earlier,
            told: 0,
            asked: None,
        }
    }

    /// Who a subscription belongs to, by its number in facts.
    #[must_use]
    pub fn subscriber(&self, subscription: u32) -> Option<Name> {
        let subscription = self.config.subscriptions.get(subscription as usize)?;
        Some(subscription.subscriber.service)
    }

    /// `message_id` tells the message from every other one.
    fn publish(
        &mut self,
        from: Sender,
        request: Request<P>,
        message_id: Option<(Name, u64)>,
        turn: &mut Turn<'_, P, Fact>,
    ) {
        if !self.kept(turn) {
            return;
        }
        let (context, topic, key) = (turn.context(), request.method, request.key);
        let publisher = self.blocked.insert((context, from, topic));
        let published = self.dispatcher.publish_with(
            turn.now(),
            Publication {
                topic,
                key: Some(key),
                message_id,
                payload: Envelope { context, request },
                publisher: u64::from(publisher),
            },
        );
        if published != Published::Blocked {
            self.blocked.remove(publisher);
        }
        match published {
            Published::Accepted => {
                self.make_sure(turn);
                turn.note(Fact::Published { topic, key });
                turn.reply_done(from, topic);
            }
            Published::Blocked => turn.note(Fact::Published { topic, key }),
            Published::Duplicate => {
                turn.note(Fact::AlreadyThere { table: topic, key });
                turn.reply_done(from, topic);
            }
            Published::Rejected => {
                turn.note(Fact::Overloaded { method: topic, key });
                turn.reply_failure(from, topic, Failure::Overloaded);
            }
            Published::Returned => {
                turn.note(Fact::Unwanted { topic, key });
                turn.reply_failure(from, topic, Failure::RouteNotFound);
            }
        }
        self.dispatch(turn);
    }

    /// Keeps what comes next, where the broker is durable; false when the power failed before it.
    fn kept(&mut self, turn: &mut Turn<'_, P, Fact>) -> bool {
        if self.config.dispatcher.durability == Durability::Memory {
            return true;
        }
        let before = (turn.kept(), turn.flushes_later().then(|| self.dispatcher.clone()));
        if !turn.keep() {
            return false;
        }
        if let (kept, Some(dispatcher)) = before {
            self.earlier.push_back(Earlier { kept, dispatcher });
            let flushed = self.earlier.len().saturating_sub(turn.unflushed());
            self.earlier.drain(..flushed);
        }
        true
    }

    /// Flushes what was kept before a publisher hears of it, where that is not durable at once.
    fn make_sure(&self, turn: &mut Turn<'_, P, Fact>) {
        let DispatcherConfig { durability, confirms, .. } = self.config.dispatcher;
        if durability == Durability::Durable
            && confirms == WriteAhead::Flushed
            && turn.flushes_later()
        {
            turn.flush();
        }
    }

    /// A life begins with what is left of the changes that were kept.
    fn recover(&mut self, turn: &mut Turn<'_, P, Fact>) {
        let kept = turn.kept();
        let lost = std::mem::take(&mut self.earlier).into_iter().find(|it| it.kept >= kept);
        if let Some(Earlier { dispatcher, .. }) = lost {
            let lost = std::mem::replace(&mut self.dispatcher, dispatcher);
            self.dispatcher.power_cut();
            self.bury_again(&lost, turn);
        }
    }

    /// Does whatever can be done until something ends or wakes, or the power fails.
    fn dispatch(&mut self, turn: &mut Turn<'_, P, Fact>) {
        while turn.has_power()
            && let Some(action) = self.dispatcher.next_action(turn.now())
        {
            match action {
                Action::Unblocked { publisher } => {
                    let publisher = u32::try_from(publisher).unwrap_or(u32::MAX);
                    if let Some((context, from, topic)) = self.blocked.remove(publisher) {
                        turn.on_behalf(context);
                        self.make_sure(turn);
                        turn.reply_done(from, topic);
                    }
                }
                Action::Dropped { message } => {
                    turn.on_behalf(message.payload.context);
                    let key = message.payload.request.key;
                    turn.note(Fact::Unwanted { topic: message.topic, key });
                }
                Action::Attempt { delivery, subscription, attempt, message, .. } => {
                    let subscription = self.configured[subscription];
                    self.attempt(Handling { delivery, attempt, subscription, message }, turn);
                }
                Action::Backoff { delivery, until } => {
                    if let Some(handling) = self.handled(delivery.slot) {
                        turn.on_behalf(handling.message.payload.context);
                    }
                    turn.set(Timer::Retry(delivery.slot), until.since(turn.now()));
                }
                Action::DeadLettered { letter } => {
                    let (topic, key, subscription) = self.act_for(&letter, turn);
                    turn.note(Fact::DeadLettered { topic, key, subscription });
                }
                // It was accounted for when it became a dead letter.
                Action::Evicted { .. } => {}
            }
        }
    }

    fn attempt(&mut self, handling: Handling<P>, turn: &mut Turn<'_, P, Fact>) {
        turn.on_behalf(handling.message.payload.context);
        let (topic, key) = handling.topic_and_key();
        let (delivery, attempt) = (handling.delivery, handling.attempt);
        let subscription = number(handling.subscription);
        turn.note(Fact::Delivering { topic, key, subscription, attempt });
        let target = self.config.subscriptions[handling.subscription].subscriber;
        let timeout = self.config.dispatcher.ack_wait_of(attempt);
        let request = &handling.message.payload.request;
        let call = Dialling { target, method: request.method, request, timeout };
        let dialled = self.dialer.dial(turn, call, delivery.slot);
        let slot = delivery.slot as usize;
        if self.handling.len() <= slot {
            self.handling.resize_with(slot + 1, || None);
        }
        self.handling[slot] = Some(handling);
        if dialled.is_err() {
            self.dispatcher.attempt_ended(turn.now(), delivery, attempt, AttemptEnd::Failed);
        }
    }

    fn heard(&mut self, tag: u64, outcome: Outcome<P>, turn: &mut Turn<'_, P, Fact>) {
        let slot = Dialer::slot(tag) as usize;
        let Some(Some(handling)) = self.handling.get(slot) else { return };
        let target = self.config.subscriptions[handling.subscription].subscriber;
        let timeout = self.config.dispatcher.ack_wait_of(handling.attempt);
        let request = &handling.message.payload.request;
        let call = Dialling { target, method: request.method, request, timeout };
        let Some(outcome) = self.dialer.heard(turn, tag, outcome, call) else { return };
        let (delivery, attempt) = (handling.delivery, handling.attempt);
        let (topic, key) = handling.topic_and_key();
        let subscription = number(handling.subscription);
        if !self.kept(turn) {
            return;
        }
        if outcome.is_ok() {
            turn.note(Fact::Acknowledged { topic, key, subscription });
        }
        self.dispatcher.attempt_ended(turn.now(), delivery, attempt, end_of(&outcome));
        self.dispatch(turn);
    }

    fn handled(&self, slot: u32) -> Option<&Handling<P>> {
        self.handling.get(slot as usize)?.as_ref()
    }
}

/// The number of a subscription in facts.
fn number(subscription: usize) -> u32 {
    u32::try_from(subscription).unwrap_or(u32::MAX)
}

fn end_of<P>(outcome: &Outcome<P>) -> AttemptEnd {
    match outcome {
        Ok(_) => AttemptEnd::Acknowledged,
        Err(Failure::Rejected) => AttemptEnd::Rejected,
        Err(Failure::TimedOut) => AttemptEnd::TimedOut,
        Err(_) => AttemptEnd::Failed,
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
            // After a crash: what is durable and was not settled.
            Input::Start => {
                self.listen(turn);
                self.recover(turn);
                self.dispatch(turn);
            }
            Input::Deliver { from, body: Body::Publish(request) } => {
                self.publish(from, request, None, turn);
            }
            Input::Deliver { from, body: Body::PublishNumbered(number, request) } => {
                let message_id = Some((request.client, number));
                self.publish(from, request, message_id, turn);
            }
            Input::Deliver { from, body: Body::PublishOnce(of, request) } => {
                let message_id = Some((of, request.key));
                self.publish(from, request, message_id, turn);
            }
            Input::Deliver { from, body } => {
                turn.reply_failure(from, body.name(), Failure::UnknownMethod);
            }
            Input::Wake(Timer::Retry(slot)) => {
                if let Some(delivery) = self.handled(slot).map(|handling| handling.delivery) {
                    self.dispatcher.wake(delivery);
                }
                self.dispatch(turn);
            }
            Input::Wake(Timer::Operator) => self.told(turn),
            Input::Reply { tag, outcome } => self.heard(tag, outcome, turn),
            Input::Expired { tag } => self.heard(tag, Err(Failure::TimedOut), turn),
        }
    }

    fn power_cut(&mut self) {
        self.dispatcher.power_cut();
        self.dialer = Dialer::new(self.config.discovery.clone());
        self.blocked = Slab::default();
        self.handling.clear();
    }
}
