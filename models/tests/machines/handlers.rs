//! What handlers do, step by step: calls that may fail, and writes that build on what was read.

use std::sync::Arc;

use brownout_models::contract::{Distribution, Failure, NodeId};
use brownout_models::machine::{
    Add, Dialer, Discovery, Heartbeat, Jobs, Program, ServiceConfig, ServiceNode, Step, Target,
    Update, Write,
};
use brownout_models::{Map, Name, Span, Time};

use super::scribe::IDLE;
use super::{DONE, Rig, instances, request, service};

const TABLE: Name = Name(40);

/// The timer of the `slot`-th job.
fn job(slot: u64) -> u64 {
    (1 << 32) + slot
}

/// An instance with five workers that handles method 0, 1, .. by these programs.
fn rig(programs: Vec<Vec<Step>>) -> Rig<ServiceNode<()>> {
    let programs = programs.into_iter().map(|steps| Program { steps });
    Rig::new(ServiceNode::new(Arc::new(ServiceConfig {
        discovery: Discovery::default(),
        heartbeat: Heartbeat::Unregistered,
        workers: 5,
        handlers: (0..).map(Name).zip(programs).collect::<Map<_, _>>(),
        ..service::config()
    })))
}

fn call(node: Option<u32>, may_fail: bool) -> Step {
    let target = Target { node: node.map(NodeId), service: Name(21) };
    Step::Call { target, method: Name(5), timeout: Some(Span::from_secs(1)), may_fail }
}

fn pause() -> Step {
    Step::Sleep(Distribution::Constant(Span::from_millis(10)))
}

const fn write(row: u64, add: i64, update: Update) -> Write {
    let (row, add) = (Some(row), Add::Constant(add));
    Write { table: TABLE, row, add, update, once: false, event: None }
}

const fn read(row: u64) -> Step {
    Step::Read { table: TABLE, row: Some(row) }
}

#[test]
fn a_handler_goes_on_without_a_call_that_may_fail_and_ends_with_one_that_may_not() {
    let mut rig = rig(vec![
        vec![call(Some(30), true), Step::Reply],
        vec![call(Some(30), false), Step::Reply],
        vec![call(None, true), Step::Reply],
        vec![call(None, false), Step::Reply],
    ]);
    let asks = "ask 30 with 5 of 1 within 1s";
    let last = |lines: Vec<String>, of: &str| {
        let answer = lines.into_iter().find(|line| line.starts_with("answer"));
        assert_eq!(answer.as_deref(), Some(of));
    };
    assert_eq!(rig.request("0s", 0, 1).last().unwrap(), asks);
    last(rig.reply("1ms", 0, Err(Failure::Reset)), "answer 9: done");
    assert_eq!(rig.request("2ms", 1, 1).last().unwrap(), asks);
    last(rig.reply("3ms", 1, Err(Failure::Reset)), "answer 9: connection reset");
    assert_eq!(rig.request("4ms", 1, 1).last().unwrap(), asks);
    last(rig.expire("1.004s", 2), "answer 9: timed out");
    // Nobody can be asked where the service is.
    last(rig.request("2s", 2, 1), "answer 9: done");
    last(rig.request("2s", 3, 1), "answer 9: no instances");
    assert_eq!(rig.phase(), "idle");
}

#[test]
fn jobs_side_by_side_hear_each_its_own_answer() {
    let publish = Step::Publish { broker: NodeId(4), topic: Name(6), timeout: None, once: None };
    let mut rig = rig(vec![vec![publish, Step::Reply]]);
    for key in 1..=3 {
        let publishing = format!("Publishing {{ topic: Name(6), key: {key} }}");
        let lines = rig.request("0s", 0, key);
        assert_eq!(lines[2..], [publishing, format!("ask 4 to publish 6 of {key}")]);
    }
    for (call, key) in [(1, 2), (2, 3), (0, 1)] {
        let finished = format!("Finished {{ method: Name(0), key: {key}, failure: None }}");
        assert_eq!(rig.reply("1ms", call, DONE), ["answer 9: done", &finished]);
    }
}

/// Rows that a step wrote.
fn rows(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|line| line.strip_prefix("row 40 ")).collect()
}

#[test]
fn who_writes_last_builds_on_what_it_read_of_each_row() {
    let last = |row| Step::Write(write(row, 1, Update::LastWriteWins));
    let mut rig = rig(vec![
        vec![
            Step::Write(write(1, 5, Update::Atomic)),
            Step::Write(write(2, 7, Update::Atomic)),
            Step::Write(write(3, 9, Update::Atomic)),
        ],
        vec![read(1), read(2), read(3), pause(), last(2), last(1), last(3)],
        vec![read(1), pause(), read(1), pause(), last(1)],
    ]);
    assert_eq!(rows(&rig.request("0s", 0, 1)), ["1 is 5", "2 is 7", "3 is 9"]);
    rig.request("1s", 1, 2);
    assert_eq!(rows(&rig.request("1s", 0, 3)), ["1 is 10", "2 is 14", "3 is 18"]);
    let lost = rig.wake("1.01s", job(0));
    assert_eq!(rows(&lost), ["2 is 8", "1 is 6", "3 is 10"], "what came between is lost");
    // What is read again takes the place of what was read before.
    rig.request("2s", 2, 4);
    assert_eq!(rows(&rig.request("2s", 0, 5)), ["1 is 11", "2 is 15", "3 is 19"]);
    rig.wake("2.01s", job(0));
    assert_eq!(rows(&rig.wake("2.02s", job(0))), ["1 is 12"]);
}

#[test]
fn a_write_that_insists_fails_once_its_row_has_changed() {
    let insist = Step::Write(write(1, 1, Update::CompareAndSet));
    let mut rig = rig(vec![
        vec![Step::Write(write(1, 5, Update::Atomic))],
        vec![Step::Write(write(2, 5, Update::Atomic))],
        vec![read(1), pause(), insist],
    ]);
    rig.request("0s", 2, 1);
    rig.request("0s", 1, 2);
    assert_eq!(rows(&rig.wake("10ms", job(0))), ["1 is 1"], "the other row is not its concern");
    rig.request("20ms", 2, 3);
    rig.request("20ms", 0, 4);
    let conflict = "Conflicted { table: Name(40), key: 1 }";
    let lines = rig.wake("30ms", job(0));
    assert_eq!(lines[..2], [conflict, "answer 9: failed"]);
}

#[test]
fn a_transaction_builds_on_its_own_earlier_writes_of_the_same_row() {
    let undo = |row| Write { add: Add::Undo, ..write(row, 0, Update::Atomic) };
    let transaction = |writes: Vec<Write>| Step::Transaction { writes, inbox: false };
    let mut rig = rig(vec![
        vec![Step::Write(write(1, 5, Update::Atomic))],
        vec![transaction(vec![write(1, 3, Update::Atomic), write(2, 4, Update::Atomic), undo(1)])],
        vec![transaction(vec![undo(3)]), Step::Reply],
    ]);
    rig.request("0s", 0, 1);
    assert_eq!(rows(&rig.request("1s", 1, 2)), ["1 is 8", "2 is 4", "1 is 0"]);
    // Nothing is there to undo.
    assert_eq!(rows(&rig.request("2s", 2, 3)), Vec::<&str>::new());
}

#[test]
fn a_service_that_had_to_be_found_is_asked_for_what_the_step_says() {
    let program = Program { steps: vec![call(None, false), Step::Reply] };
    let mut rig = Rig::new(ServiceNode::new(Arc::new(ServiceConfig {
        heartbeat: Heartbeat::Unregistered,
        handlers: Map::from_iter([(Name(0), program)]),
        ..service::config()
    })));
    assert_eq!(rig.request("0s", 0, 1).last().unwrap(), "ask 2 where 21 is within 1s");
    let lines = rig.reply("1ms", 0, instances(&[30]));
    assert_eq!(lines.last().unwrap(), "ask 30 with 5 of 1 within 1s");
    assert!(rig.reply("2ms", 1, DONE).contains(&"answer 9: done".to_owned()));
}

#[test]
fn a_database_refuses_a_write_for_now_or_because_it_is_full() {
    let mut rig = rig(vec![vec![Step::Write(write(1, 5, Update::Atomic)), Step::Reply]]);
    for (answer, is_full, failure) in [(1, false, "failed"), (2, true, "rejected")] {
        rig.answers([0, answer]);
        let lines = rig.request("0s", 0, 1);
        assert_eq!(lines[..2], ["choose fail", "choose write"]);
        let refused = format!("WriteRefused {{ table: Name(40), key: 1, is_full: {is_full} }}");
        assert_eq!(lines[3..5], [refused, format!("answer 9: {failure}")]);
    }
    assert_eq!(rows(&rig.request("1s", 0, 1)), ["1 is 5"]);
}

#[test]
fn a_message_counts_as_handled_even_where_there_was_nothing_to_write() {
    let nothing = |inbox| vec![Step::Transaction { writes: Vec::new(), inbox }, Step::Reply];
    let mut rig = rig(vec![nothing(true), nothing(false)]);
    let again = "AlreadyThere { table: Name(0), key: 1 }".to_owned();
    assert!(!rig.request("0s", 0, 1).contains(&again));
    assert!(rig.request("1s", 0, 1).contains(&again));
    let lines = rig.request("2s", 1, 1);
    assert_eq!(lines[0], "choose fail");
    assert!(!lines.contains(&"choose write".to_owned()), "nothing can be refused: {lines:?}");
}

#[test]
fn a_machine_of_ones_own_knows_how_many_jobs_it_has() {
    let mut jobs = Jobs::<()>::new(Dialer::new(Discovery::default()));
    for count in 0..3 {
        assert_eq!((jobs.len(), jobs.is_empty()), (count, count == 0));
        jobs.begin(Time::ZERO, IDLE, None, request(0, 1), 0);
    }
}
