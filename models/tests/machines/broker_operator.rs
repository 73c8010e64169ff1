//! A person has dead letters driven again.

use std::sync::Arc;

use brownout_models::Span;
use brownout_models::contract::{Body, Failure, Input};
use brownout_models::machine::{BrokerConfig, BrokerNode};
use brownout_models::policy::dispatch::{AckWait, Overflow};
use brownout_models::policy::{DispatcherConfig, WriteAhead};

use super::broker::config;
use super::{DONE, Rig, request};

const TOPIC: u32 = 6;
const OPERATOR: u64 = 1 << 32;

type Broker = Rig<BrokerNode<()>>;

fn hardened() -> DispatcherConfig {
    DispatcherConfig { ack_wait: AckWait::Forever, ..DispatcherConfig::hardened() }
}

/// A broker with so many subscriptions of the topic, and what a person says to it.
fn node(
    dispatcher: DispatcherConfig,
    subscribers: u32,
    operator: &[(u64, &[usize])],
) -> BrokerNode<()> {
    let operator = operator.iter().map(|(at, which)| (Span::from_secs(*at), which.to_vec()));
    let operator = operator.collect();
    BrokerNode::new(Arc::new(BrokerConfig { operator, ..config(dispatcher, subscribers) }))
}

/// The same with one subscription, and a log that is flushed 200 ms after something is written.
fn logged(confirms: WriteAhead) -> Broker {
    let dispatcher = DispatcherConfig { confirms, ..hardened() };
    let mut rig = Rig::flushing_every(node(dispatcher, 1, &[(40, &[0])]), "200ms");
    rig.step("0s", Input::Start);
    rig
}

/// A life begins, and a message is rejected by every one of them: the calls so far, then theirs.
fn bury(rig: &mut Broker, key: u64, calls: std::ops::Range<usize>) {
    rig.deliver("1s", Body::Publish(request(TOPIC, key)));
    for call in calls {
        rig.reply("2s", call, Err(Failure::Rejected));
    }
}

fn fact(what: &str, key: u64, subscription: u32, rest: &str) -> String {
    format!("{what} {{ topic: Name(6), key: {key}, subscription: {subscription}{rest} }}")
}

fn told(redriven: u32, left: u32) -> String {
    format!("Redrive(Told {{ redriven: {redriven}, left: {left} }})")
}

fn letter(key: u64, subscription: u32) -> String {
    format!("Redrive({})", fact("Letter", key, subscription, ""))
}

fn sent(key: u64, subscription: u32) -> [String; 2] {
    let delivering = fact("Delivering", key, subscription, ", attempt: 1");
    [delivering, format!("ask {} with 6 of {key}", 30 + subscription)]
}

#[test]
fn a_dead_letter_goes_to_whom_it_did_not_reach_and_its_attempts_start_anew() {
    let mut rig = Rig::new(node(hardened(), 2, &[(40, &[0, 1])]));
    assert_eq!(rig.step("0s", Input::Start), ["flow operator 1", "wake 4294967296 in 40s"]);
    bury(&mut rig, 1, 0..1);
    assert_eq!(rig.reply("2s", 1, DONE), [fact("Acknowledged", 1, 1, "")]);
    let mut expected = vec![told(1, 0), letter(1, 0)];
    expected.extend(sent(1, 0));
    assert_eq!(rig.wake("40s", OPERATOR), expected);
    assert_eq!(rig.reply("41s", 2, Err(Failure::Rejected)), [fact("DeadLettered", 1, 0, "")]);
}

#[test]
fn words_are_said_one_after_the_other_and_each_is_about_its_subscriptions() {
    let mut rig = Rig::new(node(hardened(), 2, &[(40, &[1]), (50, &[]), (60, &[0])]));
    rig.step("0s", Input::Start);
    bury(&mut rig, 1, 0..2);
    let lines = rig.wake("40s", OPERATOR);
    assert_eq!(lines[0], "flow operator 2", "each is a piece of work of its own");
    assert_eq!(lines[1..3], [told(1, 0), letter(1, 1)]);
    assert_eq!(lines[3..5], sent(1, 1));
    assert_eq!(lines[5..], ["wake 4294967296 in 10s"]);
    assert_eq!(rig.wake("50s", OPERATOR)[1], told(0, 0));
    assert_eq!(rig.wake("60s", OPERATOR)[..2], [told(1, 0), letter(1, 0)]);
}

#[test]
fn what_finds_no_room_stays() {
    let dispatcher = DispatcherConfig {
        buffer: 1,
        max_ack_pending: 1,
        overflow: Overflow::DropOldest,
        ..hardened()
    };
    let mut rig = Rig::new(node(dispatcher, 1, &[(40, &[0]), (50, &[0])]));
    rig.step("0s", Input::Start);
    for key in 1..=4 {
        rig.deliver("1s", Body::Publish(request(TOPIC, key)));
    }
    rig.reply("2s", 0, DONE);
    rig.reply("3s", 1, DONE);
    assert_eq!(rig.wake("40s", OPERATOR)[1..3], [told(1, 1), letter(2, 0)]);
    assert_eq!(rig.wake("50s", OPERATOR)[..2], [told(1, 0), letter(3, 0)]);
}

#[test]
fn a_word_that_the_broker_did_not_live_to_confirm_is_said_again() {
    let start = |acts: u32| {
        let mut rig = Rig::new(node(hardened(), 1, &[(40, &[0])]));
        rig.step("0s", Input::Start);
        bury(&mut rig, 1, 0..1);
        let lines = rig.power_for(acts).wake("40s", OPERATOR);
        (lines.len(), rig.step("41s", Input::Start))
    };
    let again = ["wake 4294967296 in 0s".to_owned()];
    assert_eq!(start(0), (0, again.to_vec()), "it is a dead letter still");
    // Nobody knows how the first attempt ended.
    let sent = sent(1, 0).map(|line| line.replace("attempt: 1", "attempt: 2"));
    assert_eq!(start(1), (3, [&again[..], &sent].concat()), "it is kept, and handed out");
    assert_eq!(start(2), (4, sent.to_vec()), "it is over");
}

#[test]
fn a_word_is_confirmed_once_it_is_on_the_disk_where_that_is_configured() {
    let mut rig = logged(WriteAhead::Flushed);
    bury(&mut rig, 1, 0..1);
    assert_eq!(rig.power_for(1).wake("40s", OPERATOR).len(), 2, "kept, and not flushed");
    let lines = rig.step("41s", Input::Start);
    assert_eq!(lines[0], "wake 4294967296 in 0s", "said again");
    rig.wake("41s", OPERATOR);
    assert_eq!(rig.step("42s", Input::Start), [""; 0], "said for good");
}

#[test]
fn a_letter_whose_redrive_is_lost_with_the_log_is_dead_again_and_says_so() {
    let mut rig = logged(WriteAhead::Written);
    bury(&mut rig, 1, 0..1);
    bury(&mut rig, 2, 1..2);
    rig.wake("40s", OPERATOR);
    assert_eq!(rig.unflushed(), 1);
    rig.lose(1);
    let dead = [fact("DeadLettered", 1, 0, ""), fact("DeadLettered", 2, 0, "")];
    assert_eq!(rig.step("41s", Input::Start), dead);
    assert_eq!(rig.step("42s", Input::Start), [""; 0], "once");
}

#[test]
fn a_broker_without_a_log_has_nothing_to_drive_again_in_its_next_life() {
    let mut rig = Rig::new(node(DispatcherConfig::default(), 1, &[(40, &[0])]));
    rig.step("0s", Input::Start);
    bury(&mut rig, 1, 0..0);
    rig.power_cut();
    rig.step("39s", Input::Start);
    assert_eq!(rig.wake("40s", OPERATOR), [told(0, 0)]);
}
