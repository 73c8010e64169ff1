//! What a machine says in a turn is what its driver hears, also from a machine inside another one.

use brownout_models::contract::{
    Answer, Body, CallId, Calls, Choice, Clock, Context, Desk, Driver, Effect, Failure, FlowId,
    Ground, NodeId, OpenCall, Outcome, Purpose, Request, RowWrite, Sender, Store, Surroundings,
    Ticket, Turn, Written,
};
use brownout_models::{Name, Span, Time};

const NOW: Time = Time::from_nanos(1_000);
const ME: NodeId = NodeId(9);
const ROWS: Name = Name(20);
const TOPIC: Name = Name(21);

fn context(flow: u32) -> Context {
    Context { flow: FlowId(flow), cause: 0, deadline: Time::NEVER, span: None }
}

fn nanos(nanos: u64) -> Span {
    Span::from_nanos(nanos)
}

fn from(call: u32) -> Sender {
    Sender { node: NodeId(1), life: 2, call: Some(CallId(call)) }
}

fn request<P>(payload: P) -> Body<P> {
    let name = Name(5);
    let payload = Some(payload);
    Body::Request(Request { service: name, method: name, client: name, key: 6, amount: 7, payload })
}

/// A driver that takes down every word.
#[derive(Default)]
struct Recorder {
    heard: Vec<String>,
    store: Store,
    /// The answer to every choice.
    answer: u64,
    /// Load that takes no part, by its index.
    left_out: Option<u64>,
}

impl Surroundings for Recorder {
    fn choose(&mut self, node: NodeId, of: &Context, purpose: Purpose, choice: Choice<'_>) -> u64 {
        let (node, flow) = (node.0, of.flow.0);
        self.heard.push(format!("choose {node} {flow} {} {choice:?}", purpose.0));
        self.answer
    }

    fn start_flow(&mut self, node: NodeId, source: Purpose, index: u64, ground: Ground) -> FlowId {
        self.heard.push(format!("start {} {} {index} {ground:?}", node.0, source.0));
        FlowId(77)
    }

    fn takes_part(&mut self, _: NodeId, _: Purpose, index: u64) -> bool {
        self.left_out != Some(index)
    }
}

impl Driver<u8, &'static str> for Recorder {
    fn ask(&mut self, to: NodeId, after: Span, call: Option<CallId>, body: Body<u8>, of: &Context) {
        let Body::Request(Request { payload, .. }) = body else { panic!("all are requests") };
        let (call, flow) = (call.map(|call| call.0), of.flow.0);
        self.heard
            .push(format!("ask {} {after} {call:?} {payload:?} {flow} {}", to.0, of.deadline));
    }

    fn answer(
        &mut self,
        to: Sender,
        call: CallId,
        what: Name,
        outcome: Outcome<u8>,
        after: Option<Span>,
        of: &Context,
    ) {
        let (to, call, flow) = (to.node.0, call.0, of.flow.0);
        self.heard.push(format!("answer {to} {call} {} {outcome:?} {after:?} {flow}", what.0));
    }

    fn retry_after(&self) -> Option<Span> {
        Some(nanos(99))
    }

    fn open(&mut self, call: OpenCall) -> CallId {
        CallId(u32::try_from(call.tag).unwrap())
    }

    fn expire(&mut self, call: CallId, after: Span, of: &Context) {
        self.heard.push(format!("expire {} {after} {}", call.0, of.flow.0));
    }

    fn set(&mut self, timer: u64, after: Span, clock: Clock, of: &Context) {
        self.heard.push(format!("set {timer} {after} {clock:?} {}", of.flow.0));
    }

    fn cancel(&mut self, timer: u64) {
        self.heard.push(format!("cancel {timer}"));
    }

    fn wrote(&mut self, row: Written, of: &Context) {
        self.heard.push(format!("wrote {} {} {} {}", row.key, row.amount, row.value, of.flow.0));
    }

    fn note(&mut self, fact: &'static str, of: &Context) {
        self.heard.push(format!("note {fact} {}", of.flow.0));
    }

    fn store(&self) -> &Store {
        &self.store
    }

    fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }

    fn committed(&mut self) {
        self.heard.push("committed".to_owned());
    }
}

/// Says one of each, and reads what it wrote.
fn speak<P, F>(turn: &mut Turn<'_, P, F>, payload: fn(u8) -> P, fact: F) {
    assert_eq!((turn.now(), turn.me(), turn.acts()), (NOW, ME, 0));
    turn.send(NodeId(1), request(payload(1)));
    turn.send_after(nanos(2), NodeId(2), request(payload(2)));
    turn.call(NodeId(3), request(payload(3)), Some(nanos(30)), 33);
    turn.call(NodeId(4), request(payload(4)), None, 44);
    turn.reply_done(from(1), Name(5));
    turn.reply_failure(from(2), Name(5), Failure::Failed);
    turn.refuse(from(3), Name(5), Failure::Overloaded, Some(nanos(40)));
    turn.pass_on(from(4), Name(5), Err(Failure::Reset));
    turn.pass_on(from(5), Name(5), Ok(Answer::Done(Some(payload(5)))));
    turn.reply_done(Sender { call: None, ..from(6) }, Name(5));
    turn.set(7_u64, nanos(70));
    turn.work(8_u64, nanos(80));
    turn.cancel(9_u64);
    turn.note(fact);
    turn.write(ROWS, 10, 100);
    turn.write_with_event(ROWS, 10, 1, Some(TOPIC));
    assert_eq!(turn.outbox().count(), 1);
    turn.clear_outbox(0);
    assert_eq!(turn.outbox().count(), 0);
    let row = RowWrite { table: ROWS, key: 11, amount: 5, event: None };
    turn.transact(&[row], Some((TOPIC, 3)));
    assert!(turn.has_handled(TOPIC, 3) && !turn.has_handled(TOPIC, 4));
    assert_eq!(turn.row(ROWS, 10).map(|row| (row.value, row.version)), Some((101, 2)));
    assert_eq!((turn.read(ROWS, 11), turn.row(ROWS, 12)), (Some(5), None));
    assert_eq!(
        turn.choose(Purpose("luck"), Choice::Within { width: nanos(9), calm: nanos(3) }),
        42
    );
    assert_eq!(turn.retry_after(), Some(nanos(99)));
    turn.answer(
        Ticket { context: context(50), from: from(6), what: Name(6) },
        Ok(Answer::Done(None)),
    );
    assert_eq!(turn.start_flow(Purpose("arrival"), 3, Ground::Background), FlowId(77));
    turn.flush();
    assert_eq!((turn.context().flow, turn.acts()), (FlowId(77), 15));
}

const SPOKEN: [&str; 26] = [
    "ask 1 0s None Some(1) 0 never",
    "ask 2 2ns None Some(2) 0 never",
    "ask 3 0s Some(33) Some(3) 0 1.03us",
    "expire 33 30ns 0",
    "ask 4 0s Some(44) Some(4) 0 never",
    "answer 1 1 5 Ok(Done(None)) None 0",
    "answer 1 2 5 Err(Failed) None 0",
    "answer 1 3 5 Err(Overloaded) Some(40ns) 0",
    "answer 1 4 5 Err(Reset) Some(99ns) 0",
    "answer 1 5 5 Ok(Done(Some(5))) None 0",
    "set 7 70ns Wall 0",
    "set 8 80ns Processor 0",
    "cancel 9",
    "note done 0",
    "wrote 10 100 100 0",
    "committed",
    "wrote 10 1 101 0",
    "committed",
    "committed",
    "wrote 11 5 5 0",
    "committed",
    "choose 9 0 luck Within { width: 9ns, calm: 3ns }",
    "answer 1 6 6 Ok(Done(None)) None 50",
    "start 9 arrival 3 Background",
    "takes part: true",
    "takes part: false",
];

/// Whether load takes part is the surroundings' word.
fn ask_for_load<P, F>(turn: &mut Turn<'_, P, F>) -> String {
    format!("takes part: {}", turn.takes_part(Purpose("arrival"), 1))
}

#[test]
fn a_driver_hears_every_word_in_order() {
    let mut recorder = Recorder { answer: 42, ..Recorder::default() };
    speak(&mut Turn::new(NOW, ME, context(0), &mut recorder), |payload| payload, "done");
    for left_out in [None, Some(1)] {
        recorder.left_out = left_out;
        let said = ask_for_load(&mut Turn::new(NOW, ME, context(0), &mut recorder));
        recorder.heard.push(said);
    }
    assert_eq!(recorder.heard, SPOKEN);
}

#[test]
fn a_driver_hears_a_machine_inside_another_one_in_the_words_of_the_outer() {
    let mut recorder = Recorder { answer: 42, ..Recorder::default() };
    let mut turn = Turn::new(NOW, ME, context(0), &mut recorder);
    let narrow = |payload: u16| u8::try_from(payload).unwrap();
    let fact = |number: u32| if number == 8 { "done" } else { "something else" };
    turn.nested(|inner| speak(inner, u16::from, 8), narrow, fact);
    assert_eq!((turn.context().flow, turn.acts()), (FlowId(77), 15));
    for left_out in [None, Some(1)] {
        recorder.left_out = left_out;
        let mut said = String::new();
        let mut turn = Turn::new(NOW, ME, context(0), &mut recorder);
        turn.nested(|inner| said = ask_for_load(inner), narrow, fact);
        recorder.heard.push(said);
    }
    assert_eq!(recorder.heard, SPOKEN);
}

#[test]
fn without_power_nothing_is_heard_and_nothing_kept() {
    let mut recorder = Recorder::default();
    let mut turn = Turn::new(NOW, ME, context(0), &mut recorder).with_power_for(2);
    assert!(turn.keep(), "it lasts for two acts");
    turn.send(NodeId(1), request(1));
    turn.note("still");
    assert!(turn.has_power() && !turn.keep() && !turn.has_power());
    turn.send(NodeId(1), request(2));
    turn.note("never");
    turn.set(1_u64, nanos(1));
    turn.cancel(1_u64);
    turn.write(ROWS, 1, 1);
    turn.flush();
    assert_eq!(turn.read(ROWS, 1), None);
    assert_eq!(turn.acts(), 6, "what did not happen counts as well");
    assert_eq!(recorder.heard, ["committed", "ask 1 0s None Some(1) 0 never", "note still 0"]);
}

#[test]
fn an_answer_out_of_range_is_the_last_node_and_no_fault() {
    let nodes = [NodeId(4), NodeId(5), NodeId(6)];
    for (answer, place, fault) in
        [(0, 0, None), (1, 1, Some(0)), (2, 2, Some(1)), (3, 2, None), (u64::MAX, 2, None)]
    {
        let mut recorder = Recorder { answer, ..Recorder::default() };
        let mut turn = Turn::<u8, &str>::new(NOW, ME, context(0), &mut recorder);
        assert_eq!(turn.pick(Purpose("node"), &nodes, 1), place, "{answer}");
        assert_eq!(turn.fault(Purpose("fail"), &["slowly", "fast"]), fault, "{answer}");
        assert_eq!(turn.pick(Purpose("node"), &nodes[..1], 0), 0, "there is no other");
        assert_eq!(recorder.heard.len(), 2, "and so nobody is asked");
    }
}

#[test]
fn a_desk_writes_down_what_is_to_be_done_and_flushes_at_once() {
    let (mut effects, mut calls) = (Vec::new(), Calls::default());
    let mut store = Store::flushed_every(nanos(200));
    let mut recorder = Recorder { answer: 42, left_out: Some(1), ..Recorder::default() };
    let mut desk = Desk {
        effects: &mut effects,
        calls: &mut calls,
        store: &mut store,
        surroundings: &mut recorder,
    };
    assert!(format!("{desk:?}").starts_with("Desk { effects: 0, calls: Calls"));
    let mut turn = Turn::<u8, &str>::new(NOW, ME, context(0), &mut desk);
    assert!(format!("{turn:?}").starts_with("Turn { now: 1us, me: NodeId(9), context: Context"));
    turn.call(NodeId(3), request(3), Some(nanos(30)), 33);
    turn.pass_on(from(4), Name(5), Err(Failure::Reset));
    turn.set(7_u64, nanos(70));
    turn.cancel(9_u64);
    turn.note("done");
    turn.write(ROWS, 10, 100);
    assert_eq!(turn.choose(Purpose("luck"), Choice::Fault(&[])), 42);
    assert_eq!([1, 2].map(|index| turn.takes_part(Purpose("arrival"), index)), [false, true]);
    let kinds: Vec<&str> = effects
        .iter()
        .map(|effect| match effect {
            Effect::Send { message, .. } => match message {
                brownout_models::contract::Message::Ask { .. } => "ask",
                brownout_models::contract::Message::Answer { retry_after: None, .. } => "answer",
                brownout_models::contract::Message::Answer { .. } => "answer with a time",
            },
            Effect::Expire { .. } => "expire",
            Effect::Set { .. } => "set",
            Effect::Cancel { timer: 9 } => "cancel 9",
            Effect::Cancel { .. } => "cancel another",
            Effect::Wrote { .. } => "wrote",
            Effect::Note { fact, .. } => fact,
        })
        .collect();
    assert_eq!(kinds, ["ask", "expire", "answer", "set", "cancel 9", "done", "wrote"]);
    assert_eq!(calls.len(), 1);
    store.commit(NOW);
    assert_eq!((store.lose(9), store.read(ROWS, 10)), (vec![], Some(100)));
}
