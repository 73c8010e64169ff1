//! A population of clients: when work arrives, under which name, and when it is over.

use std::sync::Arc;

use brownout_models::contract::{Body, Distribution, Failure, Input, NodeId};
use brownout_models::machine::{
    Arrivals, ClientConfig, ClientNode, Discovery, Program, Step, Target,
};
use brownout_models::{Name, Span};

use super::{DONE, Rig};

const SLOT: u64 = 0;
const ARRIVAL: u64 = 1 << 32;
const JOB: u64 = 2 << 32;

fn rig(arrivals: Arrivals) -> Rig<ClientNode<()>> {
    let sleep = Step::Sleep(Distribution::Constant(Span::from_millis(10)));
    Rig::new(ClientNode::new(Arc::new(ClientConfig {
        arrivals,
        script: Program { steps: vec![sleep] },
        clients: vec![Name(7), Name(8)],
        amount: 5,
        first_key: 100,
        discovery: Discovery::default(),
    })))
}

#[test]
fn a_regular_stream_has_one_arrival_a_slot_and_each_is_a_piece_of_work() {
    let mut rig = rig(Arrivals::Every { period: Span::from_millis(4), count: 3 });
    let (first, next) = (format!("wake {ARRIVAL} in 0s"), format!("wake {SLOT} in 4ms"));
    let begins = ["flow slot 0".to_owned(), first, next.clone()];
    assert_eq!(rig.step("0s", Input::Start), begins, "others start before the first one");
    assert_eq!(rig.phase(), "idle");
    let asked = |number: u64| {
        let key = 100 + (number << 20);
        [format!("Asked {{ key: {key} }}"), format!("wake {} in 10ms", JOB + number)]
    };
    let flow = |number: u32| [format!("flow  {number}")];
    assert_eq!(rig.wake("0s", ARRIVAL), [&flow(0)[..], &asked(0)].concat());
    assert_eq!(rig.phase(), "waiting");
    let begins = [&flow(1)[..], &[next], &asked(1)].concat();
    assert_eq!(rig.wake("4ms", SLOT), begins, "the others come at once");
    let begins = [&flow(2)[..], &asked(2)].concat();
    assert_eq!(rig.wake("8ms", SLOT), begins, "it is the last one");
    let ended = ["Ended { key: 100, failure: None, latency: 10ms }"];
    assert_eq!(rig.wake("10ms", JOB), ended);
    assert_eq!(rig.phase(), "waiting");
    rig.wake("14ms", JOB + 1);
    rig.wake("18ms", JOB + 2);
    assert_eq!(rig.phase(), "idle");
    assert_eq!(rig.deliver("19ms", Body::Discover(Name(1))), ["answer 9: unknown method"]);
}

#[test]
fn calm_arrivals_of_a_poisson_stream_are_even() {
    let slot = Span::from_secs(1);
    let mut rig = rig(Arrivals::Poisson { slot, slots: 2, mean_millionths: 2_500_000 });
    let moments = |lines: &[String]| -> Vec<String> {
        let timers = lines.iter().filter(|line| line.starts_with("wake 4"));
        timers.map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect()
    };
    let lines = rig.step("0s", Input::Start);
    assert_eq!(lines[..2], ["flow slot 0", "choose arrivals"]);
    assert_eq!(moments(&lines), ["0s", "500ms"]);
    assert_eq!(lines.last().unwrap(), "wake 0 in 1s");
    assert_eq!(rig.wake("0s", ARRIVAL + 1)[..2], ["flow  0.1", "Asked { key: 101 }"]);
    // Two and a half a second: three in the second one.
    let lines = rig.wake("1s", SLOT);
    assert_eq!(moments(&lines), ["0s", "333.333333ms", "666.666666ms"]);
    assert!(!lines.contains(&"wake 0 in 1s".to_owned()));
    rig.scribe.left_out = Some((1 << 20) + 2);
    assert_eq!(rig.wake("1.4s", ARRIVAL + 2), Vec::<String>::new(), "a plan leaves it out");
    assert_eq!(rig.wake("1.7s", ARRIVAL + 3)[0], "flow  1.3");
}

#[test]
fn no_slot_takes_in_so_many_that_one_would_bear_the_number_of_another_slots() {
    let slot = Span::from_secs(1);
    let mut rig = rig(Arrivals::Poisson { slot, slots: 1, mean_millionths: 1 });
    rig.answers([(1 << 20) + 9]);
    let lines = rig.step("0s", Input::Start);
    assert_eq!(lines.iter().filter(|line| line.starts_with("wake")).count(), (1 << 20) - 1);
}

#[test]
fn a_stream_without_slots_never_begins() {
    let slot = Span::from_secs(1);
    let none = Arrivals::Poisson { slot, slots: 0, mean_millionths: 1 };
    assert_eq!(rig(none).step("0s", Input::Start), Vec::<String>::new());
    let none = Arrivals::Every { period: slot, count: 0 };
    assert_eq!(rig(none).step("0s", Input::Start), Vec::<String>::new());
}

#[test]
fn a_population_that_lost_its_memory_begins_anew() {
    let mut rig = rig(Arrivals::Every { period: Span::from_millis(4), count: 2 });
    rig.step("0s", Input::Start);
    rig.wake("0s", ARRIVAL);
    rig.power_cut();
    assert_eq!(rig.phase(), "idle");
    assert_eq!(rig.step("1s", Input::Start)[0], "flow slot 0");
}

/// Clients that call a node and wait for its answer.
fn callers(arrivals: Arrivals, clients: u32) -> Rig<ClientNode<()>> {
    let target = Target { node: Some(NodeId(30)), service: Name(20) };
    let call = Step::Call { target, method: Name(6), timeout: None, may_fail: false };
    Rig::new(ClientNode::new(Arc::new(ClientConfig {
        arrivals,
        script: Program { steps: vec![call] },
        clients: (0..clients).map(Name).collect(),
        amount: 5,
        first_key: 100,
        discovery: Discovery::default(),
    })))
}

/// Who asks, as the one who is called sees it.
fn client(rig: &Rig<ClientNode<()>>) -> u32 {
    rig.scribe.request.as_ref().map(|request| request.client.0).expect("a request")
}

#[test]
fn clients_take_turns() {
    let period = Span::from_secs(1);
    for (clients, turns) in [(1, [0, 0, 0, 0, 0]), (2, [0, 1, 0, 1, 0]), (3, [0, 1, 2, 0, 1])] {
        let mut rig = callers(Arrivals::Every { period, count: 5 }, clients);
        rig.step("0s", Input::Start);
        rig.wake("0s", ARRIVAL);
        let asked = turns.map(|_| {
            let asked = client(&rig);
            rig.wake("1s", SLOT);
            asked
        });
        assert_eq!(asked, turns, "{clients} clients");
    }
    let mut rig =
        callers(Arrivals::Poisson { slot: period, slots: 1, mean_millionths: 4_000_000 }, 2);
    rig.step("0s", Input::Start);
    let asked = [1, 2, 3, 4].map(|within| {
        rig.wake("1s", ARRIVAL + within);
        client(&rig)
    });
    assert_eq!(asked, [0, 1, 0, 1]);
}

#[test]
fn an_arrival_is_over_once_its_call_is() {
    let period = Span::from_secs(1);
    let mut rig = callers(Arrivals::Every { period, count: 2 }, 1);
    rig.step("0s", Input::Start);
    rig.wake("0s", ARRIVAL);
    let ended = |key: u64, failure: &str, latency: &str| {
        [format!("Ended {{ key: {key}, failure: {failure}, latency: {latency} }}")]
    };
    assert_eq!(rig.reply("30ms", 0, DONE), ended(100, "None", "30ms"));
    rig.wake("1s", SLOT);
    let failed = rig.reply("1.5s", 1, Err(Failure::Overloaded));
    assert_eq!(failed, ended(100 + (1 << 20), "Some(Overloaded)", "500ms"));
    assert_eq!(rig.phase(), "idle");
}
