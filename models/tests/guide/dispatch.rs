//! The dispatcher, driven by timers, against deliveries computed one message after the other.

use std::collections::{BTreeMap, VecDeque};

use brownout_models::policy::{
    Action, AttemptEnd, DeliveryId, Dispatcher, DispatcherConfig, Published,
};
use brownout_models::{Name, Time};
use proptest::prelude::*;

use super::config;

/// One invocation: how long it takes in milliseconds, and how it ends.
type Script = Vec<(u64, bool)>;

#[derive(Clone, Debug)]
enum Request {
    Subscribe(u32, Script),
    Publish(u32),
}

#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Unblocked(usize),
    Dropped(usize),
    /// When, of which subscription, which attempt at which message, and how it will end.
    Attempt(u64, usize, u32, usize, bool),
    DeadLettered(u64, usize),
}

/// The attempt that ends, and how; nothing for a backoff.
type End = Option<(u32, bool)>;

/// What the owner does: handlers and timers around the dispatcher.
struct Owner {
    dispatcher: Dispatcher<usize>,
    scripts: Vec<VecDeque<(u64, bool)>>,
    /// By instant and subscription.
    timers: BTreeMap<(u64, u32), (DeliveryId, End)>,
    seen: Vec<Seen>,
}

impl Owner {
    fn act(&mut self, now: u64) {
        while let Some(action) = self.dispatcher.next_action(Time::from_nanos(now)) {
            let seen = match action {
                Action::Unblocked { publisher } => Seen::Unblocked(publisher.try_into().unwrap()),
                Action::Dropped { message } => Seen::Dropped(message.payload),
                Action::DeadLettered { letter } => Seen::DeadLettered(now, letter.message.payload),
                Action::Evicted { .. } => panic!("the guide keeps every dead letter"),
                Action::Backoff { delivery, until } => {
                    self.timers.insert((until.as_nanos(), delivery.slot), (delivery, None));
                    continue;
                }
                Action::Attempt { delivery, subscription, attempt, message, ack_by, .. } => {
                    assert_eq!(ack_by, Time::NEVER, "the guide waits for ever");
                    let (takes, ok) = self.scripts[subscription].pop_front().unwrap_or((0, true));
                    if takes == 0 {
                        self.ended(now, delivery, attempt, ok);
                    } else {
                        let at = (now + takes * 1_000_000, delivery.slot);
                        self.timers.insert(at, (delivery, Some((attempt, ok))));
                    }
                    Seen::Attempt(now, subscription, attempt, message.payload, ok)
                }
            };
            self.seen.push(seen);
        }
    }

    fn live_until(&mut self, until: u64) {
        while let Some(timer) = self.timers.first_entry().filter(|t| t.key().0 <= until) {
            let ((now, _), (delivery, end)) = timer.remove_entry();
            match end {
                Some((attempt, ok)) => self.ended(now, delivery, attempt, ok),
                None => self.dispatcher.wake(delivery),
            }
            self.act(now);
        }
    }

    fn ended(&mut self, now: u64, delivery: DeliveryId, attempt: u32, ok: bool) {
        let end = if ok { AttemptEnd::Acknowledged } else { AttemptEnd::Failed };
        self.dispatcher.attempt_ended(Time::from_nanos(now), delivery, attempt, end);
    }
}

/// Delivers to one subscriber: everything that happens, and when the last of it does.
fn deliver(
    message: usize,
    subscription: usize,
    start: u64,
    script: &mut VecDeque<(u64, bool)>,
    seen: &mut Vec<(u64, usize, Seen)>,
) -> u64 {
    let mut now = start;
    for attempt in 0..3_u32 {
        let (takes, ok) = script.pop_front().unwrap_or((0, true));
        let at = (now, subscription);
        seen.push((at.0, at.1, Seen::Attempt(now, subscription, attempt + 1, message, ok)));
        now += takes * 1_000_000;
        if ok {
            return now;
        }
        if attempt < 2 {
            now += 100_000_000 << attempt;
        }
    }
    seen.push((now, subscription, Seen::DeadLettered(now, message)));
    now
}

/// The whole run, message by message: events, and which publishes had to wait.
fn reference(buffer: usize, requests: &[(u64, Request)]) -> (Vec<Seen>, Vec<bool>) {
    let mut subscriptions = Vec::new();
    let mut messages = Vec::new();
    for (place, (at, request)) in requests.iter().enumerate() {
        match request {
            Request::Subscribe(topic, script) => {
                subscriptions.push((*at, place, *topic, VecDeque::from(script.clone())));
            }
            Request::Publish(topic) => messages.push((*at, place, *topic)),
        }
    }
    let (mut starts, mut blocked, mut free_at) = (Vec::<u64>::new(), Vec::new(), 0);
    let mut by_message = Vec::new();
    for (message, (published, place, topic)) in messages.iter().enumerate() {
        let waiting = starts.iter().filter(|start| **start > *published).count();
        blocked.push(free_at > *published && waiting >= buffer);
        let start = free_at.max(*published);
        starts.push(start);
        let mut seen = Vec::new();
        for (number, (at, earlier, of, script)) in subscriptions.iter_mut().enumerate() {
            let known = if start == *published { *earlier < *place } else { *at < start };
            if known && of == topic {
                let end = deliver(message, number, start, script, &mut seen);
                free_at = free_at.max(end);
            }
        }
        free_at = free_at.max(start);
        seen.sort_by_key(|(at, subscription, _)| (*at, *subscription));
        let seen: Vec<_> = seen.into_iter().map(|(_, _, seen)| seen).collect();
        by_message.push(if seen.is_empty() { vec![Seen::Dropped(message)] } else { seen });
    }
    let mut all = Vec::new();
    for (message, seen) in by_message.into_iter().enumerate() {
        // Its start makes room for the message that is a whole buffer behind.
        if blocked.get(message + buffer) == Some(&true) {
            all.push(Seen::Unblocked(message + buffer));
        }
        all.extend(seen);
    }
    (all, blocked)
}

fn request() -> impl Strategy<Value = (u64, Request)> {
    let gap = prop_oneof![4 => Just(0), 2 => Just(10), 1 => Just(100), 1 => 0..400_u64];
    let takes = prop_oneof![3 => Just(0), 1 => Just(10), 1 => Just(50), 1 => Just(100)];
    let script = prop::collection::vec((takes, prop::bool::weighted(0.4)), 0..8);
    let request = prop_oneof![
        1 => (0..2_u32, script).prop_map(|(topic, script)| Request::Subscribe(topic, script)),
        3 => (0..3_u32).prop_map(Request::Publish),
    ];
    (gap, request)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn deliveries_are_those_of_one_message_after_the_other(
        buffer in 1..4_usize,
        requests in prop::collection::vec(request(), 1..40),
    ) {
        let mut now = 0;
        let requests: Vec<_> = requests
            .into_iter()
            .map(|(gap, request)| {
                now += gap * 1_000_000;
                (now, request)
            })
            .collect();
        let mut owner = Owner {
            dispatcher: Dispatcher::new(DispatcherConfig { buffer, ..DispatcherConfig::default() }),
            scripts: Vec::new(),
            timers: BTreeMap::new(),
            seen: Vec::new(),
        };
        let mut waited = Vec::new();
        for (at, request) in &requests {
            owner.live_until(*at);
            match request {
                Request::Subscribe(topic, script) => {
                    owner.dispatcher.subscribe(Name(*topic), Name(9));
                    owner.scripts.push(script.clone().into());
                }
                Request::Publish(topic) => {
                    let number = waited.len();
                    let publisher = u64::try_from(number).unwrap();
                    let at = Time::from_nanos(*at);
                    let published = owner.dispatcher.publish(at, Name(*topic), number, publisher);
                    waited.push(published == Published::Blocked);
                }
            }
            owner.act(*at);
        }
        owner.live_until(u64::MAX);
        prop_assert!(owner.dispatcher.is_idle());
        let (seen, blocked) = reference(buffer, &requests);
        prop_assert_eq!(waited, blocked);
        let dead = seen.iter().filter_map(|seen| match seen {
            Seen::DeadLettered(_, message) => Some(*message),
            Seen::Unblocked(_) | Seen::Dropped(_) | Seen::Attempt(..) => None,
        });
        let letters = owner.dispatcher.dead_letters().map(|letter| letter.message.payload);
        prop_assert_eq!(letters.collect::<Vec<_>>(), dead.collect::<Vec<_>>());
        prop_assert_eq!(owner.seen, seen);
    }
}
