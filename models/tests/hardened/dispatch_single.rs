//! The dispatcher that has one message in hand at a time, with all that `hardened` adds to it, against
//! a list of messages and the copies of the one whose turn it is.

use std::collections::VecDeque;

use brownout_models::policy::dispatch::{
    AckWait, DeadLetterDetail, DeadLettersMax, DedupWindow, Durability, MessageTtl, Overflow,
    Rejection, Unroutable,
};
use brownout_models::policy::{AttemptEnd, DeathReason, DispatcherConfig, Published};
use proptest::prelude::*;

use super::config;
use super::dispatch_owner::{Invocation, MILLI, OK, Owner, Seen};
use super::dispatch_requests::{Request, request, single_configs};

/// A message that waits for its turn.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    message: usize,
    topic: u32,
    /// The one queue that it is for, when it is driven again.
    only: Option<usize>,
    id: Option<u64>,
    /// When it was taken in.
    since: u64,
}

/// What comes next for a copy.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Next {
    Start,
    /// An attempt ends at this instant, and how.
    End(u64, AttemptEnd),
    /// The next attempt starts at this instant.
    Restart(u64),
}

/// A copy of the message in hand; those of earlier queues come first.
#[derive(Clone, Copy, Debug)]
struct Copy {
    queue: usize,
    of: Waiting,
    member: usize,
    attempts: u32,
    next: Next,
}

#[derive(Default)]
struct Reference {
    config: DispatcherConfig,
    now: u64,
    /// Topic, group and members of each queue.
    queues: Vec<(u32, Option<u32>, Vec<usize>)>,
    scripts: Vec<VecDeque<Invocation>>,
    buffer: VecDeque<Waiting>,
    blocked: VecDeque<Waiting>,
    in_hand: Vec<Copy>,
    /// Queue, the subscription that is named, and the message.
    letters: Vec<(usize, usize, Waiting)>,
    ids: Vec<(u64, u64)>,
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
        let same = |queue: &&mut (u32, Option<u32>, Vec<usize>)| {
            let is_there = group.is_some() && !queue.2.is_empty();
            is_there && (queue.0, queue.1) == (topic, group)
        };
        match self.queues.iter_mut().find(same) {
            Some((_, _, members)) => members.push(member),
            None => self.queues.push((topic, group, vec![member])),
        }
    }

    fn unsubscribe(&mut self, member: usize) {
        let Some(queue) = self.queues.iter().position(|it| it.2.contains(&member)) else { return };
        let copy = self.in_hand.iter().position(|copy| copy.queue == queue);
        if self.queues[queue].2.len() > 1 {
            if let Some(copy) = copy.map(|at| &mut self.in_hand[at])
                && copy.member == member
                && matches!(copy.next, Next::End(..))
            {
                copy.next = Next::Start;
            }
        } else {
            if let Some(at) = copy {
                self.die(at, DeathReason::Unsubscribed);
            }
            let is_mine = |it: &Waiting| it.only == Some(queue);
            for it in self.buffer.iter().copied().filter(is_mine).collect::<Vec<_>>() {
                self.bury(queue, it, DeathReason::Unsubscribed);
            }
            self.buffer.retain(|it| !is_mine(it));
        }
        self.queues[queue].2.retain(|it| *it != member);
        self.settle_down();
    }

    fn queues_of(&self, it: Waiting) -> Vec<usize> {
        let of_topic =
            |queue: &usize| self.queues[*queue].0 == it.topic && !self.queues[*queue].2.is_empty();
        let all = (0..self.queues.len()).filter(of_topic).collect();
        it.only.map_or(all, |only| vec![only])
    }

    fn is_idle(&self) -> bool {
        self.in_hand.is_empty() && self.buffer.is_empty() && self.blocked.is_empty()
    }

    fn has_room(&self) -> bool {
        self.buffer.len() < self.config.buffer || self.is_idle()
    }

    fn publish(&mut self, message: usize, topic: u32, id: Option<u64>) -> Published {
        let DedupWindow::For(window) = self.config.dedup_window else { panic!("a window") };
        let is_known =
            |(at, known): &(u64, u64)| Some(*known) == id && self.now - at < window.as_nanos();
        if self.ids.iter().any(is_known) {
            return Published::Duplicate;
        }
        let it = Waiting { message, topic, only: None, id, since: self.now };
        if self.queues_of(it).is_empty() && self.config.unroutable == Unroutable::Return {
            return Published::Returned;
        }
        if !self.has_room() && self.config.overflow == Overflow::Reject {
            return Published::Rejected;
        }
        self.ids.extend(id.map(|id| (self.now, id)));
        if !self.has_room() && self.config.overflow == Overflow::Block {
            self.blocked.push_back(it);
            return Published::Blocked;
        }
        self.take_in(it);
        self.settle_down();
        Published::Accepted
    }

    fn take_in(&mut self, it: Waiting) {
        let has_room = self.has_room();
        self.buffer.push_back(it);
        if has_room {
            return;
        }
        let oldest = self.buffer.pop_front().unwrap();
        let queues = self.queues_of(oldest);
        self.dropped.extend(queues.is_empty().then_some(oldest.message));
        for queue in queues {
            self.bury(queue, oldest, DeathReason::Maxlen);
        }
    }

    fn bury(&mut self, queue: usize, it: Waiting, reason: DeathReason) {
        let first = self.queues[queue].2[0];
        self.seen[first].push(Seen::Dead(self.now, it.message, reason));
        self.letters.push((queue, first, it));
        let DeadLettersMax::AtMost(max) = self.config.dead_letters_max else { panic!("a bound") };
        if self.letters.len() > max {
            self.evicted.push(self.letters.remove(0).2.message);
        }
    }

    /// Starts what can start; takes the next message when the one in hand is done with.
    fn settle_down(&mut self) {
        loop {
            if let Some(at) = self.in_hand.iter().position(|copy| copy.next == Next::Start) {
                self.start(at);
                continue;
            }
            if !self.in_hand.is_empty() {
                return;
            }
            let first = self.buffer.pop_front();
            if let Some(it) = self.blocked.pop_front() {
                self.unblocked.push(u64::try_from(it.message).unwrap());
                self.buffer.push_back(Waiting { since: self.now, ..it });
            }
            let Some(it) = first.or_else(|| self.buffer.pop_front()) else { return };
            let queues = self.queues_of(it);
            self.dropped.extend(queues.is_empty().then_some(it.message));
            let (member, attempts, next) = (0, 0, Next::Start);
            let copy = |queue| Copy { queue, of: it, member, attempts, next };
            self.in_hand.extend(queues.into_iter().map(copy));
        }
    }

    fn start(&mut self, at: usize) {
        let Copy { queue, of, attempts, .. } = self.in_hand[at];
        if attempts == self.config.max_attempts {
            return self.die(at, DeathReason::MaxDeliveries);
        }
        if let MessageTtl::After(ttl) = self.config.message_ttl
            && self.now - of.since >= ttl.as_nanos()
        {
            return self.die(at, DeathReason::Expired);
        }
        // Every other attempt under way is another queue's: the first member is as free as any.
        let member = self.queues[queue].2[0];
        (self.in_hand[at].attempts, self.in_hand[at].member) = (attempts + 1, member);
        self.seen[member].push(Seen::Attempt(self.now, of.message, attempts + 1));
        let (takes, end) = self.scripts[member].pop_front().unwrap_or(OK);
        let AckWait::After(ack_wait) = self.config.ack_wait else { panic!("an ack wait") };
        let takes = takes.saturating_mul(MILLI);
        if takes == 0 {
            self.end(at, end);
        } else if takes <= ack_wait.as_nanos() {
            self.in_hand[at].next = Next::End(self.now + takes, end);
        } else {
            let ends = self.now + ack_wait.as_nanos();
            self.in_hand[at].next = Next::End(ends, AttemptEnd::TimedOut);
        }
    }

    fn end(&mut self, at: usize, end: AttemptEnd) {
        let attempts = self.in_hand[at].attempts;
        if end == AttemptEnd::Acknowledged {
            self.in_hand.remove(at);
        } else if end == AttemptEnd::Rejected && self.config.rejection == Rejection::Final {
            self.die(at, DeathReason::Rejected);
        } else if attempts == self.config.max_attempts {
            self.die(at, DeathReason::MaxDeliveries);
        } else {
            let wait = if attempts == 1 { 20 } else { 30 };
            self.in_hand[at].next = Next::Restart(self.now + wait * MILLI);
        }
    }

    fn die(&mut self, at: usize, reason: DeathReason) {
        let copy = self.in_hand.remove(at);
        self.bury(copy.queue, copy.of, reason);
    }

    fn live_until(&mut self, until: u64) {
        loop {
            let due = |(place, copy): (usize, &Copy)| match copy.next {
                Next::Start => None,
                Next::End(at, _) | Next::Restart(at) => Some((at, copy.member, place)),
            };
            let next = self.in_hand.iter().enumerate().filter_map(due).min();
            let Some((now, _, place)) = next.filter(|(at, ..)| *at <= until) else {
                self.now = until;
                return;
            };
            self.now = now;
            match self.in_hand[place].next {
                Next::End(_, end) => self.end(place, end),
                Next::Restart(_) => self.in_hand[place].next = Next::Start,
                Next::Start => panic!("it starts at once"),
            }
            self.settle_down();
        }
    }

    fn crash(&mut self) {
        for lost in std::mem::take(&mut self.blocked) {
            self.ids.retain(|(_, id)| Some(*id) != lost.id);
        }
        if self.config.durability == Durability::Memory {
            self.buffer.clear();
            self.in_hand.clear();
            self.letters.clear();
            self.ids.clear();
        }
        for copy in &mut self.in_hand {
            copy.next = Next::Start;
        }
        self.settle_down();
    }

    fn redrive(&mut self) -> usize {
        let mut driven = 0;
        for (queue, first, it) in std::mem::take(&mut self.letters) {
            let is_bare = self.config.dead_letter == DeadLetterDetail::Bare;
            if !self.has_room() || (!is_bare && self.queues[queue].2.is_empty()) {
                self.letters.push((queue, first, it));
                continue;
            }
            let only = (!is_bare).then_some(queue);
            self.take_in(Waiting { only, id: None, since: self.now, ..it });
            driven += 1;
        }
        self.settle_down();
        driven
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn one_message_at_a_time_is_a_list_of_messages(
        config in single_configs(),
        requests in prop::collection::vec(request(), 1..40),
    ) {
        let mut owner = Owner::new(config.clone());
        let mut reference = Reference { config, ..Reference::default() };
        let (mut now, mut topics, mut messages) = (0, Vec::new(), 0);
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
                    let published = owner.publish_with(topic, key, id);
                    prop_assert_eq!(published, reference.publish(messages, topic, id));
                    messages += 1;
                }
                Request::Redrive => prop_assert_eq!(owner.redrive(None), reference.redrive()),
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
        let expected: Vec<_> = reference.letters.iter().map(|it| (it.1, it.2.message)).collect();
        prop_assert_eq!(letters, expected);
        prop_assert!(owner.dispatcher.is_idle());
    }
}
