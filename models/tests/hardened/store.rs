//! The database of a service against lists of everything that was committed: rows, outbox and inbox,
//! whenever the power fails; and an instance that lives on it.

use std::sync::Arc;

use brownout_models::contract::{
    Answer, Body, CallId, Calls, Choice, Context, Desk, Effect, Failure, FlowId, Ground, Input,
    Machine, Message, NodeId, Purpose, Request, RowWrite, Sender, Store, Surroundings, Timer, Turn,
};
use brownout_models::machine::{
    Add, Discovery, Heartbeat, Program, Relay, ServiceConfig, ServiceNode, Step, Update, Write,
};
use brownout_models::policy::BulkheadConfig;
use brownout_models::{Fact, Map, Name, Span, Time};
use proptest::prelude::*;

use super::config;

const CONTEXT: Context = Context { flow: FlowId(0), cause: 0, deadline: Time::NEVER, span: None };
const ME: NodeId = NodeId(1);

/// Nothing ever goes wrong by itself.
struct Calm;

impl Surroundings for Calm {
    fn choose(&mut self, _: NodeId, _: &Context, _: Purpose, choice: Choice<'_>) -> u64 {
        match choice {
            Choice::Span(distribution) => distribution.calm().as_nanos(),
            Choice::Node { calm, .. } => calm as u64,
            Choice::Within { calm, .. } => calm.as_nanos(),
            Choice::Count { calm, .. } => u64::from(calm),
            Choice::Fault(_) => 0,
        }
    }

    fn start_flow(&mut self, _: NodeId, _: Purpose, _: u64, _: Ground) -> FlowId {
        FlowId(0)
    }
}

/// What a machine asks of its database.
#[derive(Clone, Debug)]
enum Act {
    Transact(Vec<RowWrite>, Option<(Name, u64)>),
    /// The event of this number leaves the outbox; it may not be there.
    Clear(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    // Of the row's key or another one.
    let event = (0..2_u32, 0..5_u64).prop_map(|(topic, key)| (Name(topic), key));
    let event = prop::option::of(event);
    let extreme = prop_oneof![4 => -3..4_i64, 1 => Just(i64::MAX), 1 => Just(i64::MIN)];
    let write = (0..2_u32, 0..3_u64, extreme, event).prop_map(|(table, key, amount, event)| {
        RowWrite { table: Name(table), key, amount, event }
    });
    let handled = prop::option::of((0..2_u32, 0..3_u64).prop_map(|(name, key)| (Name(name), key)));
    let transact = (prop::collection::vec(write, 0..4), handled)
        .prop_map(|(writes, handled)| Act::Transact(writes, handled));
    let act = prop_oneof![3 => transact, 1 => (0..8_u64).prop_map(Act::Clear)];
    prop::collection::vec(act, 0..6)
}

/// Lists of everything.
#[derive(Default)]
struct Lists {
    rows: Vec<(Name, u64, i64)>,
    /// Number, topic, key and amount of every event, and whether it waits.
    events: Vec<(u64, Name, u64, i64, bool)>,
    handled: Vec<(Name, u64)>,
}

impl Lists {
    fn commit(&mut self, act: &Act) {
        match act {
            Act::Clear(number) => {
                let meant = self.events.iter_mut().filter(|event| event.0 == *number);
                meant.for_each(|event| event.4 = false);
            }
            Act::Transact(writes, handled) => {
                self.handled.extend(handled);
                for write in writes {
                    self.write(*write);
                }
            }
        }
    }

    fn write(&mut self, RowWrite { table, key, amount, event }: RowWrite) {
        match self.rows.iter_mut().find(|row| (row.0, row.1) == (table, key)) {
            Some(row) => row.2 = row.2.saturating_add(amount),
            None => self.rows.push((table, key, amount)),
        }
        let number = self.events.len() as u64;
        self.events.extend(event.map(|(topic, key)| (number, topic, key, amount, true)));
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_database_is_the_list_of_what_was_committed_before_the_power_failed(
        turns in prop::collection::vec((acts(), 0..8_u32), 0..6),
    ) {
        let (mut store, mut lists, mut calls) = (Store::default(), Lists::default(), Calls::default());
        for (acts, power) in turns {
            let mut effects: Vec<Effect<(), ()>> = Vec::new();
            let mut desk = Desk {
                effects: &mut effects,
                calls: &mut calls,
                store: &mut store,
                surroundings: &mut Calm,
            };
            let mut turn = Turn::new(Time::ZERO, ME, CONTEXT, &mut desk).with_power_for(power);
            let mut written = 0;
            for (act, place) in acts.iter().zip(1..) {
                match act {
                    Act::Transact(writes, handled) => turn.transact(writes, *handled),
                    Act::Clear(number) => turn.clear_outbox(*number),
                }
                prop_assert_eq!(turn.has_power(), place <= power);
                if place <= power {
                    lists.commit(act);
                    written += match act {
                        Act::Transact(writes, _) => writes.len(),
                        Act::Clear(_) => 0,
                    };
                }
                for (table, key) in (0..2).flat_map(|table| (0..3).map(move |key| (Name(table), key))) {
                    let row = lists.rows.iter().find(|row| (row.0, row.1) == (table, key));
                    prop_assert_eq!(turn.read(table, key), row.map(|row| row.2));
                    prop_assert_eq!(turn.has_handled(table, key), lists.handled.contains(&(table, key)));
                }
            }
            prop_assert_eq!(effects.len(), written, "each write that was committed is told of");
        }
        prop_assert_eq!(store.rows().collect::<Vec<_>>(), lists.rows);
        let waits: Vec<_> = store
            .outbox()
            .map(|(number, row)| (number, row.topic, row.key, row.amount, true))
            .collect();
        lists.events.retain(|event| event.4);
        prop_assert_eq!(waits, lists.events, "oldest first, and no number is given out twice");
    }
}

const SERVICE: Name = Name(100);
const CHARGE: Name = Name(101);
const CHARGED: Name = Name(102);
const LEDGER: Name = Name(103);
const BROKER: NodeId = NodeId(2);
/// More sends, replies and writes than any step has.
const AMPLE: u32 = 1_000;

/// What happens to an instance that charges an order once, and says so with an event.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Charge(u64, i64),
    /// It looks into its outbox, if it wants to.
    Look,
    /// The broker answers the oldest publish that waits, well or not.
    Answer(bool),
}

struct Life {
    node: ServiceNode<()>,
    store: Store,
    calls: Calls,
    /// Publishes that wait for the broker.
    waiting: Vec<CallId>,
    timers: Vec<u64>,
    /// Number, key and amount of everything that the broker got.
    published: Vec<(u64, u64, i64)>,
    replies: usize,
}

impl Life {
    fn new() -> Self {
        let write = Write {
            table: LEDGER,
            row: None,
            add: Add::Amount,
            update: Update::Atomic,
            once: false,
            event: Some(CHARGED),
        };
        let steps = vec![Step::Transaction { writes: vec![write], inbox: true }, Step::Reply];
        let mut handlers = Map::default();
        handlers.insert(CHARGE, Program { steps });
        let config = ServiceConfig {
            service: SERVICE,
            discovery: Discovery::default(),
            heartbeat: Heartbeat::Unregistered,
            reregisters: false,
            workers: 1,
            queue: 0,
            bulkhead: BulkheadConfig::guide(),
            retry_after: None,
            handlers,
            relay: Some(Relay { broker: BROKER, timeout: Span::from_secs(1) }),
            managed: None,
        };
        Self {
            node: ServiceNode::new(Arc::new(config)),
            store: Store::default(),
            calls: Calls::default(),
            waiting: Vec::new(),
            timers: Vec::new(),
            published: Vec::new(),
            replies: 0,
        }
    }

    /// A step whose power may fail; then a new life begins.
    fn step(&mut self, input: Input<(), <ServiceNode<()> as Machine>::Timer>, power: u32) {
        let mut effects: Vec<Effect<(), Fact>> = Vec::new();
        let mut desk = Desk {
            effects: &mut effects,
            calls: &mut self.calls,
            store: &mut self.store,
            surroundings: &mut Calm,
        };
        let mut turn = Turn::new(Time::ZERO, ME, CONTEXT, &mut desk).with_power_for(power);
        self.node.step(input, &mut turn);
        let failed = !turn.has_power();
        effects.into_iter().for_each(|effect| self.done(effect));
        if failed {
            self.node.power_cut();
            (self.waiting, self.timers, self.calls) = Default::default();
            self.step(Input::Start, AMPLE);
        }
    }

    fn done(&mut self, effect: Effect<(), Fact>) {
        match effect {
            Effect::Send { message: Message::Ask { call, body }, .. } => {
                let Body::PublishNumbered(number, request) = body else { panic!("{body:?}") };
                self.published.push((number, request.key, request.amount));
                self.waiting.extend(call);
            }
            Effect::Send { message: Message::Answer { outcome, .. }, .. } => {
                assert_eq!(outcome, Ok(Answer::Done(None)));
                self.replies += 1;
            }
            Effect::Set { timer, .. } => self.timers.push(timer),
            Effect::Cancel { timer } => self.timers.retain(|set| *set != timer),
            Effect::Expire { .. } | Effect::Wrote { .. } | Effect::Note { .. } => {}
        }
    }

    fn charge(&mut self, key: u64, amount: i64, power: u32) {
        let request = Request {
            service: SERVICE,
            method: CHARGE,
            client: Name(9),
            key,
            amount,
            payload: None,
        };
        let from = Sender { node: NodeId(3), life: 0, call: self.stranger() };
        self.step(Input::Deliver { from, body: Body::Request(request) }, power);
    }

    /// A number that a caller elsewhere gave its call.
    fn stranger(&self) -> Option<CallId> {
        let context = CONTEXT;
        let call = brownout_models::contract::OpenCall { tag: 0, context, to: ME };
        Some(Calls::default().open(call))
    }

    fn look(&mut self, power: u32) {
        if let Some(code) = self.timers.pop() {
            self.timers.clear();
            self.step(Input::Wake(Timer::from_code(code)), power);
        }
    }

    fn answer(&mut self, ok: bool, power: u32) {
        if self.waiting.is_empty() {
            return;
        }
        let Some(call) = self.calls.settle(self.waiting.remove(0)) else { panic!("it was open") };
        let outcome = if ok { Ok(Answer::Done(None)) } else { Err(Failure::TimedOut) };
        self.step(Input::Reply { tag: call.tag, outcome }, power);
    }
}

fn happening() -> impl Strategy<Value = (Happening, u32)> {
    let happening = prop_oneof![
        3 => (0..4_u64, 1..9_i64).prop_map(|(key, amount)| Happening::Charge(key, amount)),
        2 => Just(Happening::Look),
        3 => any::<bool>().prop_map(Happening::Answer),
    ];
    // The power often lasts, and often fails between two acts.
    (happening, prop_oneof![3 => Just(AMPLE), 1 => 0..4_u32])
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_the_inbox_and_the_outbox_promise_holds_whenever_the_power_fails(
        happenings in prop::collection::vec(happening(), 0..40),
    ) {
        let mut life = Life::new();
        life.step(Input::Start, AMPLE);
        // Charged are the first that were committed, in this order; the transaction is the first act.
        let mut charged: Vec<(u64, i64)> = Vec::new();
        for (happening, power) in happenings {
            match happening {
                Happening::Charge(key, amount) => {
                    let is_first = charged.iter().all(|(known, _)| *known != key);
                    charged.extend((is_first && power > 0).then_some((key, amount)));
                    life.charge(key, amount, power);
                }
                Happening::Look => life.look(power),
                Happening::Answer(ok) => life.answer(ok, power),
            }
            for key in 0..4 {
                let once = charged.iter().find(|(known, _)| *known == key);
                prop_assert_eq!(life.store.read(LEDGER, key), once.map(|(_, amount)| *amount));
                prop_assert_eq!(life.store.has_handled(CHARGE, key), once.is_some());
            }
            // Nothing leaves the outbox before the broker has it.
            let waits = |number: u64| life.store.outbox().any(|(waiting, _)| waiting == number);
            for (number, (key, amount)) in (0..).zip(charged.iter().copied()) {
                prop_assert!(waits(number) || life.published.contains(&(number, key, amount)));
            }
        }
        // With power and a broker that answers it all gets there, each event under its own number.
        for _ in 0..200 {
            life.look(AMPLE);
            life.answer(true, AMPLE);
        }
        prop_assert_eq!(life.store.outbox().count(), 0);
        let expected = |number: u64| usize::try_from(number).ok().and_then(|at| charged.get(at));
        for (number, key, amount) in &life.published {
            prop_assert_eq!(expected(*number), Some(&(*key, *amount)));
        }
        for number in 0..charged.len() as u64 {
            prop_assert!(life.published.iter().any(|published| published.0 == number));
        }
        let mut asked_again = Life { replies: 0, ..life };
        for (key, _) in &charged {
            asked_again.charge(*key, 1_000, AMPLE);
        }
        prop_assert_eq!(asked_again.replies, charged.len(), "whoever asks again is answered");
        let sum: i64 = charged.iter().map(|(_, amount)| amount).sum();
        let rows: i64 = asked_again.store.rows().map(|(_, _, value)| value).sum();
        prop_assert_eq!(rows, sum, "and pays once");
    }
}
