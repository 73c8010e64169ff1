//! What the owner of a dispatcher does: handlers that behave as told, and timers.

use std::collections::{BTreeMap, VecDeque};

use brownout_models::policy::{
    Action, AttemptEnd, DeathReason, DeliveryId, Dispatcher, DispatcherConfig, Publication,
    Published, Subscribed,
};
use brownout_models::{Name, Time};

pub(super) const MILLI: u64 = 1_000_000;

/// One invocation of a handler: how long it takes in milliseconds, and how it ends.
pub(super) type Invocation = (u64, AttemptEnd);

pub(super) const OK: Invocation = (0, AttemptEnd::Acknowledged);
pub(super) const FAIL: Invocation = (0, AttemptEnd::Failed);
/// Longer than any ack wait.
pub(super) const HANG: Invocation = (1 << 40, AttemptEnd::Acknowledged);

/// What an outside observer sees of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// When, which message, which attempt.
    Attempt(u64, usize, u32),
    /// When, which message, why.
    Dead(u64, usize, DeathReason),
}

/// The end of an attempt, or of a backoff.
type Due = (DeliveryId, Option<(u32, AttemptEnd)>);

/// A broker with its handlers and timers; messages are numbered as they are published.
pub(super) struct Owner {
    pub(super) now: u64,
    pub(super) dispatcher: Dispatcher<usize>,
    scripts: Vec<VecDeque<Invocation>>,
    /// By instant, subscription and delivery.
    timers: BTreeMap<(u64, usize, u64), Due>,
    members: BTreeMap<u32, usize>,
    /// By subscription.
    pub(super) seen: Vec<Vec<Seen>>,
    /// Ids that the handlers saw, by attempt.
    pub(super) ids: Vec<u64>,
    /// How often each message's effect happened.
    pub(super) handled: BTreeMap<(usize, usize), u32>,
    pub(super) unblocked: Vec<u64>,
    pub(super) dropped: Vec<usize>,
    pub(super) evicted: Vec<usize>,
    published: usize,
}

impl Owner {
    pub(super) fn new(config: DispatcherConfig) -> Self {
        Self {
            now: 0,
            dispatcher: Dispatcher::new(config),
            scripts: Vec::new(),
            timers: BTreeMap::new(),
            members: BTreeMap::new(),
            seen: Vec::new(),
            ids: Vec::new(),
            handled: BTreeMap::new(),
            unblocked: Vec::new(),
            dropped: Vec::new(),
            evicted: Vec::new(),
            published: 0,
        }
    }

    pub(super) fn subscribe(&mut self, topic: u32, subscriber: u32, script: &[Invocation]) {
        let subscribed = self.dispatcher.subscribe(Name(topic), Name(subscriber));
        self.subscribed(subscribed, script);
    }

    pub(super) fn join(&mut self, topic: u32, member: u32, group: u32, script: &[Invocation]) {
        let subscribed = self.dispatcher.subscribe_in(Name(topic), Name(member), Name(group));
        self.subscribed(subscribed, script);
    }

    /// Alone, or as a member of a group.
    pub(super) fn subscribe_as(
        &mut self,
        topic: u32,
        subscriber: usize,
        group: Option<u32>,
        script: &[Invocation],
    ) {
        let subscriber = u32::try_from(subscriber).unwrap();
        match group {
            Some(group) => self.join(topic, subscriber, group, script),
            None => self.subscribe(topic, subscriber, script),
        }
    }

    /// The numbers of the subscriptions that are gone.
    pub(super) fn unsubscribe(&mut self, topic: u32, subscriber: u32) -> Vec<usize> {
        let now = Time::from_nanos(self.now);
        let left = self.dispatcher.unsubscribe(now, Name(topic), Name(subscriber));
        // Nobody hears of its handlers any more; waits between two attempts go on.
        self.timers.retain(|(_, member, _), (_, end)| end.is_none() || !left.contains(member));
        self.act();
        left
    }

    fn subscribed(&mut self, subscribed: Subscribed, script: &[Invocation]) {
        match subscribed {
            Subscribed::New(_) => {
                self.scripts.push(script.iter().copied().collect());
                self.seen.push(Vec::new());
            }
            Subscribed::Replaced(number) => {
                self.scripts[number] = script.iter().copied().collect();
                self.timers.retain(|(_, member, _), _| *member != number);
            }
            Subscribed::Refused(_) => {}
        }
        self.act();
    }

    pub(super) fn publish(&mut self, topic: u32) -> Published {
        self.publish_with(topic, None, None)
    }

    pub(super) fn publish_with(
        &mut self,
        topic: u32,
        key: Option<u64>,
        id: Option<u64>,
    ) -> Published {
        let payload = self.published;
        self.published += 1;
        let message_id = id.map(|id| (Name(0), id));
        let publisher = u64::try_from(payload).unwrap();
        let publication = Publication { topic: Name(topic), payload, key, message_id, publisher };
        let published = self.dispatcher.publish_with(Time::from_nanos(self.now), publication);
        self.act();
        published
    }

    pub(super) fn redrive(&mut self, subscription: Option<usize>) -> usize {
        let driven = self.dispatcher.redrive(Time::from_nanos(self.now), subscription);
        self.act();
        driven
    }

    pub(super) fn crash(&mut self) {
        self.dispatcher.power_cut();
        self.timers.clear();
        self.act();
    }

    /// Lives until an instant, in nanoseconds.
    pub(super) fn live_until(&mut self, until: u64) {
        while let Some(timer) = self.timers.first_entry().filter(|timer| timer.key().0 <= until) {
            let ((now, ..), (delivery, end)) = timer.remove_entry();
            self.now = now;
            match end {
                Some((attempt, end)) => self.ended(delivery, attempt, end),
                None => self.dispatcher.wake(delivery),
            }
            self.act();
        }
        self.now = until;
    }

    /// Lives until nothing is left to come.
    pub(super) fn live(&mut self) {
        while let Some(timer) = self.timers.first_entry() {
            let at = timer.key().0;
            self.live_until(at);
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.dispatcher.next_action(Time::from_nanos(self.now)) {
            match action {
                Action::Unblocked { publisher } => self.unblocked.push(publisher),
                Action::Dropped { message } => self.dropped.push(message.payload),
                Action::Evicted { letter } => self.evicted.push(letter.message.payload),
                Action::DeadLettered { letter } => {
                    assert_eq!(letter.died_at.as_nanos(), self.now);
                    let seen = Seen::Dead(self.now, letter.message.payload, letter.reason);
                    self.seen[letter.subscription].push(seen);
                }
                Action::Backoff { delivery, until } => {
                    self.set(until.as_nanos(), delivery, None);
                }
                Action::Attempt { delivery, subscription, attempt, message, ack_by, .. } => {
                    self.members.insert(delivery.slot, subscription);
                    let seen = Seen::Attempt(self.now, message.payload, attempt);
                    self.seen[subscription].push(seen);
                    self.ids.push(message.id);
                    let (takes, end) = self.scripts[subscription].pop_front().unwrap_or(OK);
                    let at = self.now.saturating_add(takes.saturating_mul(MILLI));
                    if end == AttemptEnd::Acknowledged && takes < HANG.0 {
                        *self.handled.entry((subscription, message.payload)).or_default() += 1;
                    }
                    if takes == 0 {
                        self.ended(delivery, attempt, end);
                    } else if at <= ack_by.as_nanos() {
                        self.set(at, delivery, Some((attempt, end)));
                    } else {
                        let timed_out = Some((attempt, AttemptEnd::TimedOut));
                        self.set(ack_by.as_nanos(), delivery, timed_out);
                    }
                }
            }
        }
    }

    fn ended(&mut self, delivery: DeliveryId, attempt: u32, end: AttemptEnd) {
        self.dispatcher.attempt_ended(Time::from_nanos(self.now), delivery, attempt, end);
    }

    fn set(&mut self, at: u64, delivery: DeliveryId, end: Option<(u32, AttemptEnd)>) {
        let at = (at, self.members[&delivery.slot], delivery.serial);
        self.timers.insert(at, (delivery, end));
    }

    /// The messages that a subscription was handed, by attempt.
    pub(super) fn attempts(&self, subscription: usize) -> Vec<usize> {
        let attempts = self.seen[subscription].iter().filter_map(|seen| match seen {
            Seen::Attempt(_, message, _) => Some(*message),
            Seen::Dead(..) => None,
        });
        attempts.collect()
    }

    /// When a subscription was first handed a message, in milliseconds.
    pub(super) fn handed_at(&self, subscription: usize, message: usize) -> Option<u64> {
        self.seen[subscription].iter().find_map(|seen| match seen {
            Seen::Attempt(at, of, 1) if *of == message => Some(at / MILLI),
            Seen::Attempt(..) | Seen::Dead(..) => None,
        })
    }
}
