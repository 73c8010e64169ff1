//! `broker`: topics, scripted subscribers, retries and dead letters.
//!
//! At one instant everything goes by order of subscription, and of one subscription the oldest
//! delivery first. An attempt that ends at the very end of its ack wait is in time.

mod request;

use std::collections::{BTreeMap, BTreeSet};

use brownout_models::policy::dispatch::{DeadLetterDetail, DuplicateSubscribe, MessageIds};
use brownout_models::policy::{
    Action, AttemptEnd, DeadLetter, DeliveryId, Dispatcher, DispatcherConfig, DispatcherOptions,
    Message, Publication, Published, Subscribed,
};
use brownout_models::{Mistake, Name, Names, Profile, Time};

use super::fields::{Bad, Fields};
use super::protocol::Desk;
use super::script::Script;
use super::vocabulary::{Answer, Completion, DeadLetterView, DeathView, Event, Events, Trouble};
use super::{Options, nobody_to_choose};
pub(super) use request::BrokerRequest;
use request::Payload;

impl Options for DispatcherOptions {
    type Config = DispatcherConfig;

    fn checked(&self, profile: Profile) -> (DispatcherConfig, Vec<Mistake>) {
        let config = self.resolve(profile);
        let mut mistakes = config.mistakes();
        if !self.subscriptions.is_empty() {
            mistakes.push(Mistake::new(
                "subscriptions",
                "subscriptions have handlers here",
                "expected none",
                "send a `subscribe` with a script for each",
            ));
        }
        if !self.operator.is_empty() {
            mistakes.push(Mistake::new(
                "operator",
                "a person speaks through requests here",
                "expected none",
                "send a `redrive` when its time has come",
            ));
        }
        if self.flush.is_some() {
            mistakes.push(Mistake::new(
                "flush",
                "nothing crashes here",
                "expected none",
                "leave it out: logs are flushed in systems only",
            ));
        }
        mistakes.extend(nobody_to_choose(&self.balancer, &self.outlier));
        (config, mistakes)
    }
}

/// A broker and its handlers.
#[derive(Clone, Debug)]
pub(super) struct BrokerDesk {
    names: Names,
    dispatcher: Dispatcher<Payload>,
    /// The handler of every subscription.
    scripts: Vec<Script>,
    /// By instant, subscription and delivery.
    timers: BTreeMap<(Time, usize, u64), Due>,
    /// Requests of publishers that wait.
    blocked: BTreeSet<u64>,
    /// Who has, or had last, what is in a slot.
    members: BTreeMap<u32, usize>,
}

/// What a delivery waits for.
#[derive(Clone, Copy, Debug)]
enum Due {
    /// Its attempt ends, or has taken too long.
    End(DeliveryId, u32, AttemptEnd),
    /// Its backoff is over.
    Attempt(DeliveryId),
}

impl BrokerDesk {
    pub(super) fn new(config: DispatcherConfig) -> Self {
        Self {
            names: Names::new(),
            dispatcher: Dispatcher::new(config),
            scripts: Vec::new(),
            timers: BTreeMap::new(),
            blocked: BTreeSet::new(),
            members: BTreeMap::new(),
        }
    }

    /// Does what the dispatcher wants done, until it waits.
    fn act(&mut self, now: Time, events: &mut Events) {
        while let Some(action) = self.dispatcher.next_action(now) {
            match action {
                Action::Unblocked { publisher } => {
                    self.blocked.remove(&publisher);
                    events.complete(now, publisher, Completion::Published {});
                }
                Action::Dropped { message } => {
                    events.note(now, Event::Dropped { payload: message.payload.clone() });
                }
                Action::Attempt { delivery, subscription, attempt, message, ack_by, after } => {
                    let is_lost = matches!(after, None | Some(AttemptEnd::TimedOut));
                    if attempt > 1 && is_lost {
                        let subscriber = self.subscriber(subscription);
                        let payload = message.payload.clone();
                        events.note(now, Event::Redelivered { subscriber, payload, attempt });
                    }
                    self.members.insert(delivery.slot, subscription);
                    self.attempt(now, (delivery, subscription, attempt), &message, ack_by, events);
                }
                Action::Backoff { delivery, until } => {
                    self.set(until, delivery, Due::Attempt(delivery));
                }
                Action::DeadLettered { letter } => {
                    let (payload, death) = (letter.message.payload.clone(), self.death(&letter));
                    events.note(now, Event::DeadLettered { payload, death });
                }
                Action::Evicted { letter } => {
                    let (payload, death) = (letter.message.payload.clone(), self.death(&letter));
                    events.note(now, Event::MadeWay { payload, death });
                }
            }
        }
    }

    fn attempt(
        &mut self,
        now: Time,
        (delivery, subscription, attempt): (DeliveryId, usize, u32),
        message: &Message<Payload>,
        ack_by: Time,
        events: &mut Events,
    ) {
        let subscriber = self.subscriber(subscription);
        let Some(script) = self.scripts.get_mut(subscription) else { return };
        let invocation = script.invoke();
        let ok = invocation.ok;
        let id = match self.dispatcher.config().message_ids {
            MessageIds::Clock => None,
            MessageIds::Sequence => Some(message.id),
        };
        let payload = message.payload.clone();
        events.note(now, Event::Attempt { subscriber, payload, attempt, ok, message: id });
        let end = match (ok, invocation.rejected) {
            (true, _) => AttemptEnd::Acknowledged,
            (false, true) => AttemptEnd::Rejected,
            (false, false) => AttemptEnd::Failed,
        };
        let at = now + invocation.takes;
        if invocation.takes.is_zero() {
            self.dispatcher.attempt_ended(now, delivery, attempt, end);
        } else if at <= ack_by {
            self.set(at, delivery, Due::End(delivery, attempt, end));
        } else {
            self.set(ack_by, delivery, Due::End(delivery, attempt, AttemptEnd::TimedOut));
        }
    }

    fn set(&mut self, at: Time, delivery: DeliveryId, due: Due) {
        let member = self.members.get(&delivery.slot).copied().unwrap_or_default();
        self.timers.insert((at, member, delivery.serial), due);
    }

    fn subscribe(
        &mut self,
        (topic, subscriber, group): (&str, &str, Option<&str>),
        script: Script,
    ) -> Answer {
        let names = (self.names.intern(topic), self.names.intern(subscriber));
        let subscribed = match group {
            Some(group) => self.dispatcher.subscribe_in(names.0, names.1, self.names.intern(group)),
            None => self.dispatcher.subscribe(names.0, names.1),
        };
        match subscribed {
            Subscribed::New(_) => self.scripts.push(script),
            Subscribed::Replaced(number) => {
                self.scripts[number] = script;
                self.timers.retain(|(_, member, _), _| *member != number);
            }
            Subscribed::Refused(_) => {
                let message = format!("{subscriber} subscribes to {topic} already");
                return Answer::Failed { error: Trouble::new("already_subscribed", message) };
            }
        }
        match self.dispatcher.config().duplicate_subscribe {
            DuplicateSubscribe::Accept => Answer::Done {},
            DuplicateSubscribe::Refuse | DuplicateSubscribe::Replace => {
                Answer::Created { created: matches!(subscribed, Subscribed::New(_)) }
            }
        }
    }

    /// Ends of its handlers are not heard any more; waits between two attempts go on for the others of
    /// its group.
    fn unsubscribe(&mut self, now: Time, topic: &str, subscriber: &str) -> Answer {
        let names = (self.names.intern(topic), self.names.intern(subscriber));
        let left = self.dispatcher.unsubscribe(now, names.0, names.1);
        if left.is_empty() {
            let message = format!("{subscriber} does not subscribe to {topic}");
            return Answer::Failed { error: Trouble::new("not_subscribed", message) };
        }
        let is_end = |due: &Due| matches!(due, Due::End(..));
        self.timers.retain(|(_, member, _), due| !(left.contains(member) && is_end(due)));
        Answer::Done {}
    }

    fn publish(
        &mut self,
        now: Time,
        publication: Publication<Payload>,
        confirm: bool,
        events: &mut Events,
    ) -> Answer {
        let (payload, publisher) = (publication.payload.clone(), publication.publisher);
        match self.dispatcher.publish_with(now, publication) {
            Published::Accepted => match self.dispatcher.last_id().filter(|_| confirm) {
                Some(message) => Answer::Confirmed { message },
                None => Answer::Done {},
            },
            Published::Duplicate => Answer::Duplicate { duplicate: true },
            Published::Blocked => {
                self.blocked.insert(publisher);
                Answer::PENDING
            }
            Published::Rejected => {
                events.note(now, Event::Rejected { payload });
                Answer::Failed { error: Trouble::new("rejected", "the buffer is full") }
            }
            Published::Returned => {
                events.note(now, Event::Returned { payload });
                Answer::Failed { error: Trouble::new("returned", "nobody subscribes") }
            }
        }
    }

    /// The power fails and comes back: no handler is heard of again, and no publisher waits.
    fn crash(&mut self, now: Time, events: &mut Events) {
        self.dispatcher.power_cut();
        self.timers.clear();
        for publisher in std::mem::take(&mut self.blocked) {
            let error = Trouble::new("crashed", "the broker crashed");
            events.complete(now, publisher, Completion::Failed { error });
        }
    }

    /// The subscriptions of a subscriber, or `None` for those of everybody.
    fn subscriptions(&self, subscriber: Option<&str>) -> Result<Option<Vec<usize>>, Bad> {
        let Some(subscriber) = subscriber else { return Ok(None) };
        let name = self.names.find(subscriber);
        let mine = |number: &usize| name.is_some() && self.dispatcher.subscriber(*number) == name;
        let mine: Vec<usize> = (0..self.scripts.len()).filter(mine).collect();
        if mine.is_empty() {
            return Err(Bad(format!("`{subscriber}` subscribes to nothing")));
        }
        Ok(Some(mine))
    }

    fn letter(&self, letter: &DeadLetter<Payload>) -> DeadLetterView {
        DeadLetterView {
            payload: letter.message.payload.clone(),
            published_at: letter.message.published_at.as_nanos(),
            death: self.death(letter),
        }
    }

    fn death(&self, letter: &DeadLetter<Payload>) -> Option<DeathView> {
        match self.dispatcher.config().dead_letter {
            DeadLetterDetail::Bare => None,
            DeadLetterDetail::Described => Some(DeathView {
                subscriber: self.subscriber(letter.subscription),
                reason: letter.reason,
                attempts: letter.attempts,
                first_attempt_at: letter.first_attempt_at.map(Time::as_nanos),
                died_at: letter.died_at.as_nanos(),
                last_error: letter.last_error,
            }),
        }
    }

    fn subscriber(&self, subscription: usize) -> String {
        let subscriber = self.dispatcher.subscriber(subscription);
        subscriber.map_or("?", |name| self.names.text(name)).to_owned()
    }
}

impl Desk for BrokerDesk {
    type Request = BrokerRequest;

    fn read(operation: &str, fields: &mut Fields) -> Result<BrokerRequest, Bad> {
        BrokerRequest::read(operation, fields)
    }

    fn due(&self) -> Option<Time> {
        self.timers.keys().next().map(|(at, ..)| *at)
    }

    fn wake(&mut self, now: Time, events: &mut Events) {
        let Some((_, due)) = self.timers.pop_first() else { return };
        match due {
            Due::End(delivery, attempt, end) => {
                self.dispatcher.attempt_ended(now, delivery, attempt, end);
            }
            Due::Attempt(delivery) => self.dispatcher.wake(delivery),
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
        let answer = match request {
            BrokerRequest::Subscribe { topic, subscriber, group, script } => {
                self.subscribe((&topic, &subscriber, group.as_deref()), script)
            }
            BrokerRequest::Unsubscribe { topic, subscriber } => {
                self.unsubscribe(now, &topic, &subscriber)
            }
            BrokerRequest::Publish { topic, payload, key, id, confirm } => {
                let topic = self.names.intern(&topic);
                let key = key.map(|key| u64::from(self.names.intern(&key).0));
                let message_id: Option<(Name, u64)> = id.map(|id| (self.names.intern(&id), 0));
                let publication =
                    Publication { topic, payload, key, message_id, publisher: number };
                self.publish(now, publication, confirm, events)
            }
            BrokerRequest::DeadLetters => {
                let letters = self.dispatcher.dead_letters();
                let letters = letters.map(|letter| self.letter(letter)).collect();
                Answer::DeadLetters { dead_letters: letters }
            }
            BrokerRequest::Redrive { subscriber } => {
                let redriven = match self.subscriptions(subscriber.as_deref())? {
                    None => self.dispatcher.redrive(now, None),
                    Some(mine) => mine
                        .into_iter()
                        .map(|subscription| self.dispatcher.redrive(now, Some(subscription)))
                        .sum(),
                };
                Answer::Redriven { redriven }
            }
            BrokerRequest::Purge { subscriber } => {
                let purged = match self.subscriptions(subscriber.as_deref())? {
                    None => self.dispatcher.purge(None).len(),
                    Some(mine) => mine
                        .into_iter()
                        .map(|subscription| self.dispatcher.purge(Some(subscription)).len())
                        .sum(),
                };
                Answer::Purged { purged }
            }
            BrokerRequest::Backlog => Answer::Backlog {
                waiting: self.dispatcher.waiting(),
                blocked: self.blocked.len(),
                dead_letters: self.dispatcher.dead_letters().len(),
            },
            BrokerRequest::Crash => {
                self.crash(now, events);
                Answer::Done {}
            }
        };
        self.act(now, events);
        Ok(answer)
    }

    fn is_pending(&self) -> bool {
        !self.dispatcher.is_idle()
    }
}
