//! The rules of the kernel, each as a claim, on machines of a few lines.

mod calls;
mod clocks;
mod crashes;
mod instant;
mod troubles;

use std::sync::Arc;

use brownout::choice::{Point, Ratio};
use brownout::kernel::{Bounds, Entry, World};
use brownout::layout::{FaultRule, LatencyRule, Layout, LinkSet, NodeSet, Place};
use brownout::{Deviation, End, Plan, What};
use brownout_models::contract::{
    Body, Distribution, Failure, Ground, Input, Machine, NodeId, Purpose, Request, Sender, Turn,
};
use brownout_models::{Name, Names, Span};
use serde::Serialize;

/// The messages of these tests.
const PING: Name = Name(4);
const PONG: Name = Name(5);
/// A table.
const ROWS: Name = Name(6);

/// What an actor does when something happens to it.
#[derive(Clone, Copy, Debug)]
enum Do {
    Send(u32, Name),
    Call(u32, Name, Option<Span>),
    /// Answers whoever asked last.
    Reply,
    /// Answers whoever asked last that it failed.
    Refuse,
    Set(u64, Span),
    /// Works this long, and then a timer is due.
    Work(u64, Span),
    Cancel(u64),
    /// Adds one to this row.
    Write(u64),
    Note(&'static str),
    /// Starts another piece of work, and acts for it from here on.
    Flow(u64, Ground),
    /// Asks whether this fault of its own strikes, and notes it if so.
    Fault(&'static str),
    /// Says what deadline the work has.
    Deadline,
    Clock,
    /// Says what is in this row.
    Read(u64),
}

/// When an actor does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    /// The first life begins.
    Start,
    /// A later life begins.
    Restart,
    Wake(u64),
    Got(Name),
    Replied,
    Failed,
    Expired,
}

/// A machine that does what its script says.
#[derive(Clone, Debug)]
struct Actor {
    script: Vec<(On, Vec<Do>)>,
    asked: Option<(Sender, Name)>,
    was_cut: bool,
}

impl Serialize for Actor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

fn actor(script: impl Into<Vec<(On, Vec<Do>)>>) -> Actor {
    Actor { script: script.into(), asked: None, was_cut: false }
}

fn body(name: Name) -> Body<()> {
    Body::Request(Request {
        service: name,
        method: name,
        client: name,
        key: 1,
        amount: 1,
        payload: None,
    })
}

impl Machine for Actor {
    type Payload = ();
    type Timer = u64;
    type Fact = String;

    const PHASES: &'static [&'static str] = &["playing"];

    fn phase(&self) -> usize {
        0
    }

    fn step(&mut self, input: Input<(), u64>, turn: &mut Turn<'_, (), String>) {
        let on = match input {
            Input::Start if self.was_cut => On::Restart,
            Input::Start => {
                turn.start_flow(Purpose("go"), 0, Ground::Foreground);
                On::Start
            }
            Input::Wake(timer) => On::Wake(timer),
            Input::Deliver { from, body } => {
                self.asked = Some((from, body.name()));
                On::Got(body.name())
            }
            Input::Reply { outcome: Ok(_), .. } => On::Replied,
            Input::Reply { outcome: Err(_), .. } => On::Failed,
            Input::Expired { .. } => On::Expired,
        };
        let script = self.script.iter().filter(|(when, _)| *when == on);
        for todo in script.flat_map(|(_, todo)| todo) {
            match *todo {
                Do::Send(to, name) => turn.send(NodeId(to), body(name)),
                Do::Call(to, name, timeout) => turn.call(NodeId(to), body(name), timeout, 0),
                Do::Reply => {
                    if let Some((from, what)) = self.asked {
                        turn.reply_done(from, what);
                    }
                }
                Do::Refuse => {
                    if let Some((from, what)) = self.asked {
                        turn.reply_failure(from, what, Failure::Failed);
                    }
                }
                Do::Set(timer, after) => turn.set(timer, after),
                Do::Work(timer, amount) => turn.work(timer, amount),
                Do::Cancel(timer) => turn.cancel(timer),
                Do::Write(key) => turn.write(ROWS, key, 1),
                Do::Note(words) => turn.note(words.to_owned()),
                Do::Flow(index, ground) => {
                    turn.start_flow(Purpose("more"), index, ground);
                }
                Do::Fault(words) => {
                    if turn.fault(Purpose(words), &["yes"]).is_some() {
                        turn.note(words.to_owned());
                    }
                }
                Do::Deadline => turn.note(format!("until {:?}", turn.context().deadline)),
                Do::Clock => turn.note(format!("it is {}", turn.now())),
                Do::Read(key) => turn.note(format!("row {key} is {:?}", turn.read(ROWS, key))),
            }
        }
    }

    fn power_cut(&mut self) {
        (self.asked, self.was_cut) = (None, true);
    }
}

/// Nodes `a`, `b`, `c`, .., each on a host of its own.
fn layout(nodes: u32, faults: Vec<FaultRule>) -> Layout {
    let mut names = Names::new();
    for (name, text) in [(PING, "ping"), (PONG, "pong"), (ROWS, "rows")] {
        assert_eq!(names.intern(text), name);
    }
    let place = |number: u32| {
        let name = char::from(b'a' + u8::try_from(number).unwrap()).to_string();
        Place { name: name.clone(), aliases: Vec::new(), group: name, host: number, store: number }
    };
    let nodes = (0..nodes).map(place).collect();
    Layout { names, nodes, faults, ..Layout::default() }
}

/// Every message travels this long.
fn with_latency(mut layout: Layout, latency: Span) -> Layout {
    let latency = Distribution::Constant(latency);
    layout.latencies.push(LatencyRule { links: LinkSet::ALL, latency });
    layout
}

fn rule(what: brownout::layout::Fault) -> FaultRule {
    FaultRule { what, odds: Ratio::new(1, 10).unwrap() }
}

fn everywhere() -> NodeSet {
    NodeSet::All
}

fn deviation(site: &str, what: &str, flow: &str, count: u32, answer: &str) -> Deviation {
    let [site, what, flow, answer] = [site, what, flow, answer].map(str::to_owned);
    Deviation { site, what, flow, count, answer }
}

fn plan<const N: usize>(deviations: [Deviation; N]) -> Plan {
    Plan::calm().with_deviations(deviations.to_vec())
}

fn world(layout: Layout, actors: Vec<Actor>, plan: &Plan) -> World<Actor> {
    world_within(layout, actors, plan, Bounds::default())
}

fn world_within(layout: Layout, actors: Vec<Actor>, plan: &Plan, bounds: Bounds) -> World<Actor> {
    let mut world = World::new(Arc::new(layout), actors, &Arc::new(plan.clone()), bounds);
    world.record();
    world
}

fn ms(millis: u64) -> Span {
    Span::from_millis(millis)
}

/// Runs to the end and tells what happened, one line an entry: `5ms b deliver ping from a`.
fn story(world: &mut World<Actor>) -> Vec<String> {
    let end = world.run(&mut ());
    assert_eq!(end, End::Quiet);
    lines(world)
}

/// What happened so far, without the starts of first lives.
fn lines(world: &World<Actor>) -> Vec<String> {
    let first = |entry: &&Entry<String>| !matches!(entry.what, What::Started { life: 1 });
    world.trace().entries().filter(first).map(|entry| line(world.layout(), entry)).collect()
}

fn line(layout: &Layout, entry: &Entry<String>) -> String {
    let name = |node| layout.node_name(node);
    let (at, node) = (entry.at, name(entry.node));
    let what = match &entry.what {
        What::Started { life } => format!("start life {life}"),
        What::Delivered { from, kind } => {
            format!("got {} from {}", layout.kind_text(*kind), name(*from))
        }
        What::Woke { timer } => format!("wake {timer}"),
        What::Answered { from, failure, .. } => match failure {
            None => format!("answer from {}", name(*from)),
            Some(failure) => format!("{} from {}", failure.words(), name(*from)),
        },
        What::Expired { to } => format!("expire {}", name(*to)),
        What::Lost { to, kind } => format!("lost {} to {}", layout.kind_text(*kind), name(*to)),
        What::Delayed { by, .. } => format!("delayed by {by}"),
        What::Duplicated { .. } => "duplicated".to_owned(),
        What::Dropped { kind, .. } => format!("dropped {}", layout.kind_text(*kind)),
        What::Refused { kind, .. } => format!("refused {}", layout.kind_text(*kind)),
        What::Stale { kind, .. } => format!("stale {}", layout.kind_text(*kind)),
        What::Overtook { passed } => format!("overtook {passed}"),
        What::Crashed { after: None } => "crash".to_owned(),
        What::Crashed { after: Some(effects) } => format!("crash after {effects}"),
        What::Paused { until } => format!("pause until {until}"),
        What::Slowed { until } => format!("slow until {until}"),
        What::Partitioned { to, until } => format!("cut off from {} until {until}", name(*to)),
        What::Inherited { kind, .. } => format!("inherited {}", layout.kind_text(*kind)),
        What::Skewed { by, is_back } => format!("clock set by {by}, back: {is_back}"),
        What::Drifted { until } => format!("drift until {until}"),
        What::Wrote { key, value, .. } => format!("row {key} = {value}"),
        What::Unflushed { transactions } => format!("unflushed {transactions}"),
        What::Unwrote { key, value, .. } => format!("row {key} = {value} again"),
        What::Noted(fact) => format!("says {fact}"),
    };
    format!("{at} {node} {what}")
}

/// Runs calmly and writes down where the faults of the layout could strike.
fn points(layout: Layout, actors: Vec<Actor>) -> Vec<Point> {
    let calm = Arc::new(Plan::calm());
    let world = World::new(Arc::new(layout), actors, &calm, Bounds::default());
    let mut world = world.under_with_points(&calm);
    world.run(&mut ());
    world.take_points()
}

/// What became of the deviations of the plan.
fn fates(world: &World<Actor>) -> Vec<&'static str> {
    world.fates().map(|(_, fate)| fate.word()).collect()
}

/// Why a call fails when nobody is there.
const RESET: &str = Failure::Reset.words();
