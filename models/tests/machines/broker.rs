//! A broker on the network: who is told what, and who waits.

use std::sync::Arc;

use brownout_models::Name;
use brownout_models::contract::{Body, Failure, NodeId};
use brownout_models::machine::{BrokerConfig, BrokerNode, Discovery, Subscription, Target};
use brownout_models::policy::DispatcherConfig;

use super::{DONE, Rig, request};

const TOPIC: u32 = 6;

fn rig(dispatcher: DispatcherConfig) -> Rig<BrokerNode<()>> {
    let subscriber = Target { node: Some(NodeId(30)), service: Name(20) };
    Rig::new(BrokerNode::new(Arc::new(BrokerConfig {
        discovery: Discovery::default(),
        dispatcher,
        subscriptions: vec![Subscription { topic: Name(TOPIC), subscriber }],
    })))
}

fn publish(rig: &mut Rig<BrokerNode<()>>, key: u64) -> Vec<String> {
    rig.deliver("0s", Body::Publish(request(TOPIC, key)))
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
