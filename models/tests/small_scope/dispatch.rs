//! The broker with a queue for each subscription: every order of publishing, ends of attempts,
//! waits, crashes and driving again.

use std::collections::BTreeSet;

use brownout_models::policy::dispatch::{DeadLettersMax, MessageTtl, Overflow};
use brownout_models::policy::{
    Action, AttemptEnd, DeliveryId, Dispatcher, DispatcherConfig, Publication, Published,
};
use brownout_models::{Name, Span, Time};

const TOPIC: Name = Name(0);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operation {
    /// With a key, or without.
    Publish(Option<u64>),
    /// The attempt that began first ends.
    End(AttemptEnd),
    /// The wait that began first is over.
    Wake,
    /// A nanosecond passes.
    Tick,
    Crash,
    Redrive,
    /// The subscriber leaves.
    Leave,
}

/// A dispatcher, what its owner knows, and what an observer counted.
#[derive(Clone)]
struct State {
    dispatcher: Dispatcher<()>,
    now: Time,
    running: Vec<(DeliveryId, u32)>,
    waiting: Vec<DeliveryId>,
    taken_in: u64,
    acknowledged: u64,
    dead: u64,
    evicted: u64,
    redriven: u64,
}

impl State {
    fn new(config: DispatcherConfig, start: Time, ids_used: u64) -> Self {
        let mut dispatcher = Dispatcher::new(config);
        dispatcher.subscribe(TOPIC, Name(1));
        let (running, waiting) = (Vec::new(), Vec::new());
        let (taken_in, acknowledged, dead, evicted, redriven) = (0, 0, 0, 0, 0);
        let mut state = Self {
            dispatcher,
            now: start,
            running,
            waiting,
            taken_in,
            acknowledged,
            dead,
            evicted,
            redriven,
        };
        for _ in 0..ids_used {
            state.apply(Operation::Publish(None));
            state.apply(Operation::End(AttemptEnd::Acknowledged));
        }
        state
    }

    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Publish(key) => {
                let publication = Publication { key, ..Publication::new(TOPIC, (), 0) };
                let published = self.dispatcher.publish_with(self.now, publication);
                self.taken_in += u64::from(published == Published::Accepted);
            }
            Operation::End(end) if !self.running.is_empty() => {
                let (delivery, attempt) = self.running.remove(0);
                self.dispatcher.attempt_ended(self.now, delivery, attempt, end);
                self.acknowledged += u64::from(end == AttemptEnd::Acknowledged);
            }
            Operation::Wake if !self.waiting.is_empty() => {
                let delivery = self.waiting.remove(0);
                self.dispatcher.wake(delivery);
            }
            Operation::End(_) | Operation::Wake => {}
            Operation::Tick => self.now += Span::from_nanos(1),
            Operation::Crash => {
                self.dispatcher.power_cut();
                self.running.clear();
                self.waiting.clear();
            }
            Operation::Leave => {
                self.dispatcher.unsubscribe(self.now, TOPIC, Name(1));
                self.running.clear();
                self.waiting.clear();
            }
            Operation::Redrive => {
                let driven = self.dispatcher.redrive(self.now, None);
                self.redriven += u64::try_from(driven).unwrap();
            }
        }
        while let Some(action) = self.dispatcher.next_action(self.now) {
            match action {
                Action::Attempt { delivery, attempt, .. } => self.running.push((delivery, attempt)),
                Action::Backoff { delivery, .. } => self.waiting.push(delivery),
                Action::DeadLettered { .. } => self.dead += 1,
                Action::Evicted { .. } => self.evicted += 1,
                Action::Unblocked { .. } | Action::Dropped { .. } => {
                    panic!("nobody waits, and somebody subscribes")
                }
            }
        }
    }

    /// What must hold in every state.
    fn check(&self) {
        let config = self.dispatcher.config();
        let pending = self.running.len() + self.waiting.len();
        assert!(pending <= config.max_ack_pending as usize, "more is handed out than may be");
        let waiting = u64::try_from(self.dispatcher.waiting()).unwrap();
        assert_eq!(
            self.taken_in + self.redriven,
            self.acknowledged + self.dead + waiting,
            "a message is lost or made up"
        );
        let letters = u64::try_from(self.dispatcher.dead_letters().len()).unwrap();
        assert_eq!(self.dead, letters + self.evicted + self.redriven, "a dead letter is lost");
        if let DeadLettersMax::AtMost(max) = config.dead_letters_max {
            assert!(self.dispatcher.dead_letters().len() <= max);
        }
        // A message that may start has started, so nothing waits while there is room for it.
        assert!(pending > 0 || waiting == 0, "somebody waits for nothing");
    }

    /// The same for states that behave alike.
    fn fingerprint(&self) -> String {
        let text = ron::to_string(&self.dispatcher).unwrap();
        let mut known: Vec<(&str, u64)> = Vec::new();
        let mut canonical = String::new();
        let mut rest = text.as_str();
        // Behind each of these names is a time, an id or a counter.
        while let Some((place, field)) =
            FIELDS.iter().filter_map(|field| rest.find(field).map(|place| (place, *field))).min()
        {
            let behind = place + field.len();
            canonical.push_str(&rest[..behind]);
            rest = &rest[behind..];
            let is_time = rest.starts_with('"');
            let end = if is_time {
                rest[1..].find('"').unwrap() + 2
            } else {
                rest.find(|it: char| !it.is_ascii_digit()).unwrap()
            };
            let value = &rest[..end];
            rest = &rest[end..];
            if is_time {
                let at: Span = value.trim_matches('"').parse().unwrap();
                canonical.push_str(&(self.now.as_nanos() - at.as_nanos()).to_string());
            } else if field == ID || field == SERIAL {
                // An id that is a struct has no digits, and is met within.
                let Ok(id) = value.parse::<u64>() else { continue };
                let at = known.iter().position(|it| *it == (field, id));
                let at = at.unwrap_or_else(|| {
                    known.push((field, id));
                    known.len() - 1
                });
                canonical.push_str(&at.to_string());
            }
        }
        canonical.push_str(rest);
        let slots = self.running.iter().map(|(id, attempt)| (id.slot, *attempt));
        let waiting = self.waiting.iter().map(|id| (id.slot, 0));
        format!("{canonical}{:?}", slots.chain(waiting).collect::<Vec<_>>())
    }
}

const ID: &str = "(id:";
const SERIAL: &str = "serial:";
const NEXT_MESSAGE: &str = "next_message:";
const NEXT_DELIVERY: &str = "next_delivery:";
const FIELDS: [&str; 9] = [
    ID,
    SERIAL,
    NEXT_MESSAGE,
    NEXT_DELIVERY,
    "last_id:Some(",
    "published_at:",
    "since:",
    "died_at:",
    "first_attempt_at:Some(",
];

/// How many different states there are within so many operations.
fn states(start: &State, alphabet: &[Operation], depth: usize) -> usize {
    let mut seen = BTreeSet::from([start.fingerprint()]);
    let mut frontier = vec![start.clone()];
    for _ in 0..depth {
        let mut next = Vec::new();
        for state in &frontier {
            for operation in alphabet {
                let mut after = state.clone();
                after.apply(*operation);
                after.check();
                if seen.insert(after.fingerprint()) {
                    next.push(after);
                }
            }
        }
        frontier = next;
    }
    seen.len()
}

/// The same from the start, an hour later, and after a thousand messages.
fn states_from_anywhere(config: &DispatcherConfig, alphabet: &[Operation], depth: usize) -> usize {
    let hour = Time::ZERO + Span::from_secs(3_600);
    // One message has come and gone before, so that there is a slot to be used again.
    let count = states(&State::new(config.clone(), Time::ZERO, 1), alphabet, depth);
    for (start, ids) in [(hour, 1), (Time::ZERO, 1_000)] {
        let again = states(&State::new(config.clone(), start, ids), alphabet, depth);
        assert_eq!(again, count, "from {start:?}, after {ids} messages");
    }
    count
}

const OK: Operation = Operation::End(AttemptEnd::Acknowledged);
const FAIL: Operation = Operation::End(AttemptEnd::Failed);

#[test]
fn one_message_at_a_time_and_one_behind_it_make_three_states_each_with_a_dead_letter_or_not() {
    let config = DispatcherConfig {
        buffer: 1,
        max_ack_pending: 1,
        max_attempts: 1,
        dead_letters_max: DeadLettersMax::AtMost(1),
        ..DispatcherConfig::hardened()
    };
    // Idle, one under way, or one more behind it; and no dead letter or one. A dead letter is the
    // same whenever it died, as no time passes. Publishing twice, failing and publishing reach the
    // last of the six.
    let alphabet = [Operation::Publish(None), OK, FAIL];
    assert_eq!(states_from_anywhere(&config, &alphabet, 2), 4);
    assert_eq!(states_from_anywhere(&config, &alphabet, 3), 5);
    assert_eq!(states_from_anywhere(&config, &alphabet, 4), 6);
    assert_eq!(states_from_anywhere(&config, &alphabet, 9), 6);
}

/// The same broker, whose subscriber may leave. Then nothing waits, nobody publishes, and there is no
/// dead letter or one: of an attempt that failed, of one that was under way, or of a message that waited
/// behind it, which is the last to be given up. That is 6 + 4.
#[test]
fn who_leaves_leaves_nothing_behind_but_dead_letters() {
    let config = DispatcherConfig {
        buffer: 1,
        max_ack_pending: 1,
        max_attempts: 1,
        dead_letters_max: DeadLettersMax::AtMost(1),
        ..DispatcherConfig::hardened()
    };
    let alphabet = [Operation::Publish(None), OK, FAIL, Operation::Leave];
    assert_eq!(states_from_anywhere(&config, &alphabet, 9), 6 + 4);
}

#[test]
fn nothing_is_lost_in_any_order_of_ends_waits_crashes_and_driving_again() {
    let config = DispatcherConfig {
        buffer: 1,
        overflow: Overflow::Reject,
        max_ack_pending: 2,
        max_attempts: 2,
        message_ttl: MessageTtl::After(Span::from_nanos(2)),
        dead_letters_max: DeadLettersMax::AtMost(1),
        ..DispatcherConfig::hardened()
    };
    let alphabet = [
        Operation::Publish(Some(1)),
        Operation::Publish(Some(2)),
        OK,
        FAIL,
        Operation::Wake,
        Operation::Tick,
        Operation::Crash,
        Operation::Redrive,
    ];
    assert_eq!(states_from_anywhere(&config, &alphabet, 6), 1_407);
}

#[test]
fn the_guides_order_of_everything_loses_nothing_without_a_crash() {
    let config =
        DispatcherConfig { buffer: 1, overflow: Overflow::Reject, ..DispatcherConfig::guide() };
    let alphabet = [Operation::Publish(None), OK, FAIL, Operation::Wake, Operation::Redrive];
    // Idle, or one of five stages of a message (three attempts and two waits) with or without one
    // behind it: eleven. With a dead letter, which takes six operations: idle, and a first attempt.
    assert_eq!(states_from_anywhere(&config, &alphabet, 7), 13);
}
