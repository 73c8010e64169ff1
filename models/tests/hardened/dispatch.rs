//! The dispatcher with a queue for each subscription or group, against a list of every copy of every
//! message that is searched from the beginning at every step.

use std::collections::VecDeque;

use brownout_models::policy::dispatch::{
    AckWait, DeadLettersMax, DedupWindow, MessageTtl, Ordering, Overflow, Unroutable,
};
use brownout_models::policy::{AttemptEnd, DeathReason, DispatcherConfig, Published};
use proptest::prelude::*;

use super::config;
use super::dispatch_owner::{Invocation, MILLI, OK, Owner, Seen};
use super::dispatch_requests::{Request, configs, keeps_order, request};

/// Where a copy of a message is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Copy {
    Waiting,
    /// An attempt ends at this instant, and how.
    Running(u64, AttemptEnd),
    /// The next attempt starts at this instant.
    Resting(u64),
    Due,
    Over,
}

/// A copy of a message for one queue.
#[derive(Clone, Debug)]
struct Entry {
    queue: usize,
    message: usize,
    key: Option<u64>,
    /// When it was taken in.
    since: u64,
    copy: Copy,
    /// Who has the attempt, or had the last one.
    member: usize,
    attempts: u32,
    /// When it was first handed out, counted over all.
    handed: usize,
}

/// A queue: of one subscription, or of a group.
#[derive(Clone, Debug)]
struct Shared {
    topic: u32,
    group: Option<u32>,
    members: Vec<usize>,
}

/// The broker as a list of copies.
#[derive(Default)]
struct Reference {
    config: DispatcherConfig,
    now: u64,
    queues: Vec<Shared>,
    /// By member.
    scripts: Vec<VecDeque<Invocation>>,
    entries: Vec<Entry>,
    /// Message, topic, key, and the publisher's id.
    blocked: VecDeque<(usize, u32, Option<u64>, Option<u64>)>,
    /// Queue, the subscription that is named, message and key.
    letters: Vec<(usize, usize, usize, Option<u64>)>,
    ids: Vec<(u64, u64)>,
    handed: usize,
    seen: Vec<Vec<Seen>>,
    unblocked: Vec<u64>,
    dropped: Vec<usize>,
    evicted: Vec<usize>,
}

impl Reference {
    fn subscribe(&mut self, topic: u32, group: Option<u32>, script: Vec<Invocation>) {
        let member = self.seen.len();
        self.seen.push(Vec::new());
        self.scripts.push(script.into());
        let joined = |queue: &&mut Shared| {
            let is_there = group.is_some() && !queue.members.is_empty();
            is_there && (queue.topic, queue.group) == (topic, group)
        };
        match self.queues.iter_mut().find(joined) {
            Some(queue) => queue.members.push(member),
            None => self.queues.push(Shared { topic, group, members: vec![member] }),
        }
    }

    fn unsubscribe(&mut self, member: usize) {
        let queue = self.queues.iter().position(|it| it.members.contains(&member));
        let Some(queue) = queue else { return };
        let is_last = self.queues[queue].members.len() == 1;
        let mut gone: Vec<usize> = (0..self.entries.len())
            .filter(|at| self.entries[*at].queue == queue && self.entries[*at].copy != Copy::Over)
            .collect();
        gone.sort_by_key(|at| self.entries[*at].handed);
        for at in gone {
            let entry = &mut self.entries[at];
            if is_last {
                self.die(at, DeathReason::Unsubscribed);
            } else if entry.member == member && matches!(entry.copy, Copy::Running(..)) {
                entry.copy = Copy::Due;
            }
        }
        self.queues[queue].members.retain(|it| *it != member);
        self.settle_down();
    }

    fn of_queue(&self, queue: usize, like: impl Fn(Copy) -> bool) -> usize {
        self.entries.iter().filter(|entry| entry.queue == queue && like(entry.copy)).count()
    }

    fn pending(&self, queue: usize) -> usize {
        self.of_queue(queue, |copy| copy != Copy::Waiting && copy != Copy::Over)
    }

    fn queue_has_room(&self, queue: usize) -> bool {
        let waiting = self.of_queue(queue, |copy| copy == Copy::Waiting);
        let max = self.config.max_ack_pending as usize;
        waiting < self.config.buffer || (waiting == 0 && self.pending(queue) < max)
    }

    fn queues_of(&self, topic: u32) -> Vec<usize> {
        let of_topic = |queue: &usize| {
            self.queues[*queue].topic == topic && !self.queues[*queue].members.is_empty()
        };
        (0..self.queues.len()).filter(of_topic).collect()
    }

    fn has_room(&self, topic: u32) -> bool {
        self.queues_of(topic).into_iter().all(|queue| self.queue_has_room(queue))
    }

    fn add(&mut self, queue: usize, message: usize, key: Option<u64>) {
        if self.config.overflow == Overflow::DropOldest && !self.queue_has_room(queue) {
            let waits = |entry: &Entry| entry.queue == queue && entry.copy == Copy::Waiting;
            let oldest = self.entries.iter().position(waits).unwrap();
            self.die(oldest, DeathReason::Maxlen);
        }
        let (copy, attempts, handed) = (Copy::Waiting, 0, usize::MAX);
        let (since, member) = (self.now, 0);
        self.entries.push(Entry { queue, message, key, since, copy, member, attempts, handed });
    }

    fn die(&mut self, at: usize, reason: DeathReason) {
        let Entry { queue, message, key, .. } = self.entries[at];
        self.entries[at].copy = Copy::Over;
        let first = self.queues[queue].members[0];
        self.seen[first].push(Seen::Dead(self.now, message, reason));
        self.letters.push((queue, first, message, key));
        let DeadLettersMax::AtMost(max) = self.config.dead_letters_max else { return };
        if self.letters.len() > max {
            self.evicted.push(self.letters.remove(0).2);
        }
    }

    fn publish(
        &mut self,
        message: usize,
        topic: u32,
        (key, id): (Option<u64>, Option<u64>),
    ) -> Published {
        let DedupWindow::For(window) = self.config.dedup_window else { panic!("a window") };
        let is_known =
            |(at, known): &(u64, u64)| Some(*known) == id && self.now - at < window.as_nanos();
        if self.ids.iter().any(is_known) {
            return Published::Duplicate;
        }
        let is_routable = !self.queues_of(topic).is_empty();
        if !is_routable && self.config.unroutable == Unroutable::Return {
            return Published::Returned;
        }
        let has_room = self.has_room(topic);
        if !has_room && self.config.overflow == Overflow::Reject {
            return Published::Rejected;
        }
        self.ids.extend(id.map(|id| (self.now, id)));
        if !has_room && self.config.overflow == Overflow::Block {
            self.blocked.push_back((message, topic, key, id));
            return Published::Blocked;
        }
        self.route(message, topic, key);
        self.settle_down();
        Published::Accepted
    }

    fn route(&mut self, message: usize, topic: u32, key: Option<u64>) {
        let queues = self.queues_of(topic);
        if queues.is_empty() {
            self.dropped.push(message);
        }
        for queue in queues {
            self.add(queue, message, key);
        }
    }

    /// Starts whatever can start: one at a time, after everybody who waits was let in.
    fn settle_down(&mut self) {
        loop {
            let mut full = Vec::new();
            for (message, topic, key, id) in std::mem::take(&mut self.blocked) {
                if full.contains(&topic) || !self.has_room(topic) {
                    full.push(topic);
                    self.blocked.push_back((message, topic, key, id));
                } else {
                    self.unblocked.push(u64::try_from(message).unwrap());
                    self.route(message, topic, key);
                }
            }
            let Some(next) = (0..self.queues.len()).find_map(|queue| self.startable(queue)) else {
                return;
            };
            self.start(next);
        }
    }

    /// The copy of a queue that may start: what is due goes by age, then what waits.
    fn startable(&self, queue: usize) -> Option<usize> {
        let mine = || self.entries.iter().enumerate().filter(|(_, entry)| entry.queue == queue);
        let due = mine().filter(|(_, entry)| entry.copy == Copy::Due);
        if let Some((at, _)) = due.min_by_key(|(_, entry)| entry.handed) {
            return Some(at);
        }
        if self.pending(queue) >= self.config.max_ack_pending as usize {
            return None;
        }
        let is_busy = |key: u64| {
            self.config.ordering == Ordering::ByKey
                && mine().any(|(_, entry)| {
                    entry.key == Some(key) && !matches!(entry.copy, Copy::Waiting | Copy::Over)
                })
        };
        let waits = |entry: &Entry| entry.copy == Copy::Waiting && !entry.key.is_some_and(is_busy);
        mine().find(|(_, entry)| waits(entry)).map(|(at, _)| at)
    }

    fn start(&mut self, at: usize) {
        if self.entries[at].attempts == 0 {
            self.entries[at].handed = self.handed;
            self.handed += 1;
        }
        if self.entries[at].attempts == self.config.max_attempts {
            self.die(at, DeathReason::MaxDeliveries);
            return;
        }
        if let MessageTtl::After(ttl) = self.config.message_ttl
            && self.now - self.entries[at].since >= ttl.as_nanos()
        {
            self.die(at, DeathReason::Expired);
            return;
        }
        let AckWait::After(ack_wait) = self.config.ack_wait else { panic!("an ack wait") };
        // Whoever has the fewest attempts under way.
        let running = |member: &&usize| {
            let runs = |entry: &&Entry| {
                entry.member == **member && matches!(entry.copy, Copy::Running(..))
            };
            self.entries.iter().filter(runs).count()
        };
        let members = &self.queues[self.entries[at].queue].members;
        let member = *members.iter().min_by_key(running).unwrap();
        let entry = &mut self.entries[at];
        (entry.attempts, entry.member) = (entry.attempts + 1, member);
        self.seen[member].push(Seen::Attempt(self.now, entry.message, entry.attempts));
        let (takes, end) = self.scripts[member].pop_front().unwrap_or(OK);
        let takes = takes.saturating_mul(MILLI);
        if takes == 0 {
            self.end(at, end);
        } else if takes <= ack_wait.as_nanos() {
            entry.copy = Copy::Running(self.now + takes, end);
        } else {
            entry.copy = Copy::Running(self.now + ack_wait.as_nanos(), AttemptEnd::TimedOut);
        }
    }

    fn end(&mut self, at: usize, end: AttemptEnd) {
        let attempts = self.entries[at].attempts;
        if end == AttemptEnd::Acknowledged {
            self.entries[at].copy = Copy::Over;
        } else if end == AttemptEnd::Rejected {
            self.die(at, DeathReason::Rejected);
        } else if attempts == self.config.max_attempts {
            self.die(at, DeathReason::MaxDeliveries);
        } else {
            let wait = if attempts == 1 { 20 } else { 30 };
            self.entries[at].copy = Copy::Resting(self.now + wait * MILLI);
        }
    }

    fn live_until(&mut self, until: u64) {
        let at = |entry: &Entry| match entry.copy {
            Copy::Running(at, _) | Copy::Resting(at) => Some((at, entry.member, entry.handed)),
            Copy::Waiting | Copy::Due | Copy::Over => None,
        };
        loop {
            let next = (0..self.entries.len())
                .filter_map(|number| at(&self.entries[number]).map(|at| (at, number)))
                .min();
            let Some(((now, ..), number)) = next.filter(|((at, ..), _)| *at <= until) else {
                self.now = until;
                return;
            };
            self.now = now;
            match self.entries[number].copy {
                Copy::Running(_, end) => self.end(number, end),
                Copy::Resting(_) => self.entries[number].copy = Copy::Due,
                Copy::Waiting | Copy::Due | Copy::Over => panic!("nothing is due"),
            }
            self.settle_down();
        }
    }

    fn crash(&mut self) {
        // What was not taken in is nobody's, and its id is free again.
        for (.., lost) in std::mem::take(&mut self.blocked) {
            self.ids.retain(|(_, id)| Some(*id) != lost);
        }
        for entry in &mut self.entries {
            if matches!(entry.copy, Copy::Running(..) | Copy::Resting(_)) {
                entry.copy = Copy::Due;
            }
        }
        self.settle_down();
    }

    fn redrive(&mut self) -> usize {
        let mut driven = 0;
        for (queue, first, message, key) in std::mem::take(&mut self.letters) {
            if self.queue_has_room(queue) && !self.queues[queue].members.is_empty() {
                self.add(queue, message, key);
                driven += 1;
            } else {
                self.letters.push((queue, first, message, key));
            }
        }
        self.settle_down();
        driven
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_queue_for_each_subscription_is_a_list_of_copies(
        config in configs(),
        requests in prop::collection::vec(request(), 1..40),
    ) {
        let mut owner = Owner::new(config.clone());
        let mut reference = Reference { config: config.clone(), ..Reference::default() };
        let (mut now, mut topics, mut keys, mut redriven) = (0, Vec::new(), Vec::new(), 0);
        for (gap, request) in requests {
            now += gap;
            owner.live_until(now);
            reference.live_until(now);
            match request {
                Request::Subscribe { topic, group, script } => {
                    owner.subscribe_as(topic, topics.len(), group, &script);
                    topics.push(topic);
                    reference.subscribe(topic, group, script);
                }
                Request::Unsubscribe(_) if topics.is_empty() => {}
                Request::Unsubscribe(place) => {
                    let member = place % topics.len();
                    owner.unsubscribe(topics[member], u32::try_from(member).unwrap());
                    reference.unsubscribe(member);
                }
                Request::Publish { topic, key, id } => {
                    let message = keys.len();
                    keys.push(key);
                    let published = owner.publish_with(topic, key, id);
                    prop_assert_eq!(published, reference.publish(message, topic, (key, id)));
                }
                Request::Redrive => {
                    let driven = owner.redrive(None);
                    prop_assert_eq!(driven, reference.redrive());
                    redriven += driven;
                }
                Request::Crash => {
                    owner.crash();
                    reference.crash();
                }
            }
        }
        owner.live();
        reference.live_until(u64::MAX);
        prop_assert_eq!(&owner.seen, &reference.seen);
        prop_assert_eq!(&owner.dropped, &reference.dropped);
        prop_assert_eq!(&owner.evicted, &reference.evicted);
        prop_assert_eq!(&owner.unblocked, &reference.unblocked);
        let letters = owner.dispatcher.dead_letters();
        let letters: Vec<_> =
            letters.map(|letter| (letter.subscription, letter.message.payload)).collect();
        let expected: Vec<_> = reference.letters.iter().map(|it| (it.1, it.2)).collect();
        prop_assert_eq!(letters, expected);
        prop_assert!(owner.dispatcher.is_idle());
        if config.ordering == Ordering::ByKey && redriven == 0 {
            prop_assert!(owner.seen.iter().all(|seen| keeps_order(seen, &keys)));
        }
    }
}
