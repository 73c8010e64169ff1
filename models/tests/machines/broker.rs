//! A broker on the network: who is told what, and who waits.

use std::sync::Arc;

use brownout_models::Name;
use brownout_models::contract::{Body, Failure, Input, NodeId};
use brownout_models::machine::{BrokerConfig, BrokerNode, Discovery, Subscription, Target};
use brownout_models::policy::dispatch::{AckWait, Durability};
use brownout_models::policy::{DispatcherConfig, WriteAhead};

use super::{DONE, Rig, request};

const TOPIC: u32 = 6;

fn node(dispatcher: DispatcherConfig, subscribers: u32) -> BrokerNode<()> {
    BrokerNode::new(Arc::new(config(dispatcher, subscribers)))
}

pub(crate) fn config(dispatcher: DispatcherConfig, subscribers: u32) -> BrokerConfig {
    let subscription = |number: u32| {
        let subscriber = Target { node: Some(NodeId(30 + number)), service: Name(20 + number) };
        Subscription { topic: Name(TOPIC), subscriber, group: None }
    };
    BrokerConfig {
        discovery: Discovery::default(),
        dispatcher,
        subscriptions: (0..subscribers).map(subscription).collect(),
        operator: Vec::new(),
    }
}

fn rig(dispatcher: DispatcherConfig) -> Rig<BrokerNode<()>> {
    Rig::new(node(dispatcher, 1))
}

/// A broker with a log that is flushed 200 ms after something is written.
fn logged(confirms: WriteAhead) -> Rig<BrokerNode<()>> {
    Rig::flushing_every(node(DispatcherConfig { confirms, ..durable() }, 1), "200ms")
}

fn durable() -> DispatcherConfig {
    let ack_wait = AckWait::Forever;
    DispatcherConfig { ack_wait, ..DispatcherConfig::hardened() }
}

fn publish(rig: &mut Rig<BrokerNode<()>>, key: u64) -> Vec<String> {
    publish_at(rig, "0s", key)
}

fn publish_at(rig: &mut Rig<BrokerNode<()>>, at: &str, key: u64) -> Vec<String> {
    rig.deliver(at, Body::Publish(request(TOPIC, key)))
}

/// The keys of what is handed out when the next life begins.
fn handed_out(rig: &mut Rig<BrokerNode<()>>) -> Vec<String> {
    let lines = rig.step("2s", Input::Start);
    let keys = lines.iter().filter_map(|line| line.strip_prefix("ask 30 with 6 of "));
    keys.map(str::to_owned).collect()
}

fn delivering(key: u64) -> [String; 2] {
    let topic = "topic: Name(6)";
    let fact = format!("Delivering {{ {topic}, key: {key}, subscription: 0, attempt: 1 }}");
    [fact, format!("ask 30 with 6 of {key}")]
}

#[test]
fn a_message_is_acknowledged_and_the_broker_is_idle() {
    let mut rig = rig(DispatcherConfig::default());
    assert_eq!(rig.phase(), "idle");
    let published =
        ["Published { topic: Name(6), key: 1 }".to_owned(), "answer 9: done".to_owned()];
    assert_eq!(publish(&mut rig, 1), [published, delivering(1)].concat());
    assert_eq!(rig.phase(), "dispatching", "nobody waits to publish");
    let acknowledged = ["Acknowledged { topic: Name(6), key: 1, subscription: 0 }"];
    assert_eq!(rig.reply("1s", 0, DONE), acknowledged);
    assert_eq!(rig.phase(), "idle");
}

#[test]
fn a_publisher_waits_for_room_in_a_full_buffer() {
    let mut rig = rig(DispatcherConfig { buffer: 1, ..DispatcherConfig::default() });
    publish(&mut rig, 1);
    publish(&mut rig, 2);
    assert_eq!(rig.phase(), "dispatching");
    assert_eq!(publish(&mut rig, 3), ["Published { topic: Name(6), key: 3 }"]);
    assert_eq!(rig.phase(), "full");
    let lines = rig.reply("1s", 0, DONE);
    assert!(lines.contains(&"answer 9: done".to_owned()), "{lines:?}");
    assert_eq!(rig.phase(), "dispatching");
    rig.reply("2s", 1, DONE);
    rig.reply("3s", 2, DONE);
    assert_eq!(rig.phase(), "idle");
}

#[test]
fn a_handler_that_fails_is_asked_again_and_then_there_is_a_dead_letter() {
    let mut rig = rig(DispatcherConfig { max_attempts: 2, ..DispatcherConfig::default() });
    publish(&mut rig, 1);
    assert_eq!(rig.reply("1s", 0, Err(Failure::Failed)), ["wake 0 in 100ms"]);
    let again = "Delivering { topic: Name(6), key: 1, subscription: 0, attempt: 2 }";
    assert_eq!(rig.wake("1.1s", 0), [again, "ask 30 with 6 of 1"]);
    let letter = ["DeadLettered { topic: Name(6), key: 1, subscription: 0 }"];
    assert_eq!(rig.reply("3s", 1, Err(Failure::Failed)), letter);
    assert_eq!(rig.phase(), "idle");
}

#[test]
fn each_subscription_is_told_of_by_its_number_and_known_by_it() {
    let mut rig = Rig::new(node(durable(), 2));
    assert_eq!(
        [0, 1, 2].map(|at| rig.machine.subscriber(at)),
        [Some(Name(20)), Some(Name(21)), None]
    );
    let of = |what: &str, subscription: u32, rest: &str| {
        format!("{what} {{ topic: Name(6), key: 1, subscription: {subscription}{rest} }}")
    };
    let lines = publish(&mut rig, 1);
    let first = ["ask 30 with 6 of 1".to_owned(), of("Delivering", 1, ", attempt: 1")];
    assert_eq!(lines[3..], [first.as_slice(), &["ask 31 with 6 of 1".to_owned()]].concat());
    assert_eq!(rig.reply("1s", 1, DONE), [of("Acknowledged", 1, "")]);
    let letter = [of("DeadLettered", 0, "")];
    assert_eq!(rig.reply("1s", 0, Err(Failure::Rejected)), letter);
}

#[test]
fn what_was_not_kept_was_never_there_and_what_was_kept_is_delivered_whoever_knows() {
    let mut rig = rig(durable());
    assert_eq!(publish(rig.power_for(0), 1), Vec::<String>::new());
    assert_eq!(handed_out(&mut rig), Vec::<String>::new());
    let kept = ["Published { topic: Name(6), key: 2 }"];
    assert_eq!(publish(rig.power_for(1), 2), kept, "its publisher hears nothing");
    assert_eq!(handed_out(&mut rig), ["2"]);
    assert_eq!(rig.phase(), "dispatching");
}

#[test]
fn a_delivery_that_the_power_failed_under_comes_again_until_its_end_is_kept() {
    let mut rig = rig(durable());
    publish(&mut rig, 1);
    rig.power_cut();
    assert_eq!(handed_out(&mut rig), ["1"]);
    assert_eq!(rig.power_for(0).reply("3s", 1, DONE), Vec::<String>::new());
    assert_eq!(handed_out(&mut rig), ["1"]);
    assert_eq!(rig.power_for(1).reply("3s", 2, DONE).len(), 1);
    assert_eq!(handed_out(&mut rig), Vec::<String>::new());
}

#[test]
fn a_broker_without_a_log_forgets_everything_with_its_power() {
    let mut rig = rig(DispatcherConfig::default());
    publish(&mut rig, 1);
    rig.power_cut();
    assert_eq!(rig.phase(), "idle");
    assert_eq!(handed_out(&mut rig), Vec::<String>::new());
}

#[test]
fn a_publisher_that_was_told_so_finds_its_message_on_the_disk_or_not_as_configured() {
    let mut rig = logged(WriteAhead::Flushed);
    let told = "answer 9: done".to_owned();
    assert!(publish(&mut rig, 1).contains(&told));
    assert_eq!(rig.unflushed(), 0);
    // It is kept, and it is flushed; only then is anybody told.
    assert!(!publish(rig.power_for(2), 2).contains(&told));
    let mut rig = logged(WriteAhead::Written);
    assert!(publish(&mut rig, 1).contains(&told));
    assert_eq!(rig.unflushed(), 1);
    rig.lose(1);
    assert_eq!(handed_out(&mut rig), Vec::<String>::new(), "confirmed, and gone");
    // A log that is flushed with every record, and none at all, have nothing to wait for.
    for (acts, dispatcher) in [(2, durable()), (1, DispatcherConfig::default())] {
        let mut rig = self::rig(DispatcherConfig { confirms: WriteAhead::Flushed, ..dispatcher });
        assert!(publish(rig.power_for(acts), 1).contains(&told));
    }
}

#[test]
fn a_publisher_that_waited_for_room_is_told_once_its_message_is_on_the_disk() {
    for (confirms, unflushed) in [(WriteAhead::Flushed, 0), (WriteAhead::Written, 1)] {
        let config = DispatcherConfig {
            confirms,
            durability: Durability::Durable,
            buffer: 1,
            ..DispatcherConfig::default()
        };
        let mut rig = Rig::flushing_every(node(config, 1), "200ms");
        (1..=3).for_each(|key| drop(publish(&mut rig, key)));
        assert_eq!(rig.phase(), "full");
        assert!(rig.reply("1s", 0, DONE).contains(&"answer 9: done".to_owned()));
        assert_eq!(rig.unflushed(), unflushed, "{confirms:?}");
    }
}

#[test]
fn a_broker_that_loses_the_end_of_its_log_goes_on_from_what_is_left() {
    let after = |lost: u32| {
        let mut rig = logged(WriteAhead::Written);
        (1..=3).for_each(|key| drop(publish(&mut rig, key)));
        rig.reply("0s", 0, DONE);
        rig.lose(lost);
        handed_out(&mut rig)
    };
    assert_eq!(after(0), ["2", "3"]);
    assert_eq!(after(1), ["1", "2", "3"], "nobody knows that the first one was acknowledged");
    assert_eq!(after(2), ["1", "2"]);
    assert_eq!(after(3), ["1"]);
    assert_eq!(after(4), [""; 0]);
}

#[test]
fn what_was_flushed_stays_and_a_log_can_be_lost_more_than_once() {
    let mut rig = logged(WriteAhead::Written);
    publish_at(&mut rig, "0s", 1);
    publish_at(&mut rig, "1s", 2);
    assert_eq!(rig.unflushed(), 1);
    rig.lose(1);
    assert_eq!(handed_out(&mut rig), ["1"]);
    publish_at(&mut rig, "3s", 3);
    publish_at(&mut rig, "3s", 4);
    rig.lose(1);
    assert_eq!(handed_out(&mut rig), ["1", "3"]);
}
