//! `broker`: topics, scripted subscribers, retries and dead letters.
//!
//! At one instant everything goes by order of subscription. That decides all ties, because only one
//! message is under way at a time, and each of its subscribers waits for one thing.

use std::collections::BTreeMap;

use brownout_models::policy::{Action, Dispatcher, DispatcherConfig, Published};
use brownout_models::{Names, Time};
use serde_json::value::RawValue;

use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::script::Script;
use super::vocabulary::{Answer, Completion, DeadLetterView, Event, Events};

/// A broker and its handlers.
#[derive(Clone, Debug)]
pub(super) struct BrokerDesk {
    names: Names,
    dispatcher: Dispatcher<Box<RawValue>>,
    /// The handler of every subscription.
    scripts: Vec<Script>,
    timers: BTreeMap<(Time, usize), Due>,
}

/// What a subscription waits for.
#[derive(Clone, Debug, Copy)]
enum Due {
    /// Its attempt ends.
    End { ok: bool },
    /// Its backoff is over.
    Attempt,
}

/// A request to the broker.
pub(super) enum BrokerRequest {
    Subscribe { topic: String, subscriber: String, script: Script },
    Publish { topic: String, payload: Box<RawValue> },
    DeadLetters,
}

impl BrokerDesk {
    pub(super) fn new(config: DispatcherConfig) -> Self {
        Self {
            names: Names::new(),
            dispatcher: Dispatcher::new(config),
            scripts: Vec::new(),
            timers: BTreeMap::new(),
        }
    }

    /// Does what the dispatcher wants done, until it waits.
    fn act(&mut self, now: Time, events: &mut Events) {
        while let Some(action) = self.dispatcher.next_action() {
            match action {
                Action::Unblocked { publisher } => {
                    events.complete(now, publisher, Completion::Published {});
                }
                Action::Dropped { message } => {
                    events.note(now, Event::Dropped { payload: message.payload });
                }
                Action::Attempt { subscription, attempt, message } => {
                    self.attempt(now, subscription, attempt, message.payload, events);
                }
                Action::Backoff { subscription, until } => {
                    self.timers.insert((until, subscription), Due::Attempt);
                }
                Action::DeadLettered { message, .. } => {
                    events.note(now, Event::DeadLettered { payload: message.payload });
                }
            }
        }
    }

    fn attempt(
        &mut self,
        now: Time,
        subscription: usize,
        attempt: u32,
        payload: Box<RawValue>,
        events: &mut Events,
    ) {
        let Some(script) = self.scripts.get_mut(subscription) else { return };
        let invocation = script.invoke();
        let subscriber = self.dispatcher.subscriber(subscription);
        let subscriber = subscriber.map_or("?", |name| self.names.text(name)).to_owned();
        events.note(now, Event::Attempt { subscriber, payload, attempt, ok: invocation.ok });
        if invocation.takes.is_zero() {
            self.dispatcher.attempt_ended(now, subscription, invocation.ok);
        } else {
            let end = Due::End { ok: invocation.ok };
            self.timers.insert((now + invocation.takes, subscription), end);
        }
    }
}

impl Desk for BrokerDesk {
    type Request = BrokerRequest;

    fn read(operation: &str, fields: &mut Fields) -> Result<BrokerRequest, Bad> {
        Ok(match operation {
            "subscribe" => BrokerRequest::Subscribe {
                topic: fields.text("topic")?,
                subscriber: fields.text("subscriber")?,
                script: Script::of_field(fields, "script")?,
            },
            "publish" => BrokerRequest::Publish {
                topic: fields.text("topic")?,
                payload: fields.raw("payload")?,
            },
            "dead_letters" => BrokerRequest::DeadLetters,
            _ => {
                let known = ["subscribe", "publish", "dead_letters", "advance"];
                return Err(unknown_operation(operation, &known));
            }
        })
    }

    fn due(&self) -> Option<Time> {
        self.timers.keys().next().map(|(at, _)| *at)
    }

    fn wake(&mut self, now: Time, events: &mut Events) {
        let Some(((_, subscription), due)) = self.timers.pop_first() else { return };
        match due {
            Due::End { ok } => self.dispatcher.attempt_ended(now, subscription, ok),
            Due::Attempt => self.dispatcher.wake(subscription),
        }
        self.act(now, events);
    }

    fn take(
        &mut self,
        now: Time,
        number: u64,
        request: BrokerRequest,
        events: &mut Events,
    ) -> Result<Answer, Bad> {
        Ok(match request {
            BrokerRequest::Subscribe { topic, subscriber, script } => {
                let names = (self.names.intern(&topic), self.names.intern(&subscriber));
                self.dispatcher.subscribe(names.0, names.1);
                self.scripts.push(script);
                Answer::Done {}
            }
            BrokerRequest::Publish { topic, payload } => {
                let topic = self.names.intern(&topic);
                let published = self.dispatcher.publish(now, topic, payload, number);
                self.act(now, events);
                match published {
                    Published::Accepted => Answer::Done {},
                    Published::Blocked => Answer::PENDING,
                }
            }
            BrokerRequest::DeadLetters => {
                let letters = self.dispatcher.dead_letters().iter();
                let view =
                    |message: &brownout_models::policy::Message<Box<RawValue>>| DeadLetterView {
                        payload: message.payload.clone(),
                        published_at: message.published_at.as_nanos(),
                    };
                Answer::DeadLetters { dead_letters: letters.map(view).collect() }
            }
        })
    }

    fn is_pending(&self) -> bool {
        !self.dispatcher.is_idle()
    }
}
