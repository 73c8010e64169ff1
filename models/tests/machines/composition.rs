//! A composition on the network: whose answer is whose, and what it says at the end.

use std::sync::Arc;

use brownout_models::contract::{Failure, NodeId};
use brownout_models::machine::{
    CompositionNode, CompositionNodeConfig, CompositionPart, Discovery, Target,
};
use brownout_models::policy::{CompositionConfig, Need};
use brownout_models::{Name, Span, Timeout};

use super::{DONE, Rig};

fn part(number: u32, need: Need) -> CompositionPart {
    let (name, method) = (Name(number), Name(number));
    let target = Target { node: Some(NodeId(30 + number)), service: Name(20 + number) };
    CompositionPart { name, need, target, method }
}

/// Two parts at nodes of their own, with a second for all of it.
fn rig(needs: [Need; 2]) -> Rig<CompositionNode<()>> {
    let deadline = Timeout::After(Span::from_secs(1));
    Rig::new(CompositionNode::new(Arc::new(CompositionNodeConfig {
        name: Name(50),
        discovery: Discovery::default(),
        parts: vec![part(1, needs[0]), part(2, needs[1])],
        composition: CompositionConfig { deadline, ..CompositionConfig::hardened() },
    })))
}

const REQUIRED: [Need; 2] = [Need::Required; 2];

#[test]
fn each_part_is_asked_for_with_the_time_that_is_left() {
    let mut rig = rig(REQUIRED);
    let asked = ["ask 31 with 1 of 7 within 1s", "ask 32 with 2 of 7 within 1s", "wake 0 in 1s"];
    assert_eq!(rig.request("2s", 50, 7), asked);
    assert_eq!(rig.reply("2.4s", 1, DONE), ["wake 0 in 600ms"]);
    let composed = "Composed { composition: Name(50), key: 7, parts: 2, missing: 0, ok: true }";
    assert_eq!(rig.reply("2.5s", 0, DONE), ["sleep 0", composed, "answer 9: done"]);
}

#[test]
fn an_answer_that_nobody_waits_for_is_not_taken_for_that_of_the_next_request() {
    let mut rig = rig(REQUIRED);
    rig.request("0s", 50, 7);
    let end = rig.reply("100ms", 0, Err(Failure::Failed));
    assert_eq!(end.last().unwrap(), "answer 9: failed");
    // The next one takes the place of the one that ended.
    rig.request("200ms", 50, 8);
    assert_eq!(rig.reply("300ms", 1, DONE), Vec::<String>::new());
    assert_eq!(rig.reply("400ms", 2, DONE), ["wake 0 in 800ms"]);
    assert_eq!(rig.reply("500ms", 3, DONE).last().unwrap(), "answer 9: done");
}

#[test]
fn one_request_that_ends_takes_no_answer_from_another() {
    let mut rig = rig(REQUIRED);
    rig.request("0s", 50, 7);
    rig.request("0s", 50, 8);
    // The second ends: its other call is forgotten, and nobody else's.
    let end = rig.reply("100ms", 2, Err(Failure::Failed));
    assert_eq!(end.last().unwrap(), "answer 9: failed");
    // A third takes its place.
    rig.request("200ms", 50, 9);
    assert_eq!(rig.reply("300ms", 3, DONE), Vec::<String>::new());
    assert_eq!(rig.reply("400ms", 1, DONE), ["wake 0 in 600ms"]);
    assert_eq!(rig.reply("500ms", 0, DONE).last().unwrap(), "answer 9: done");
    assert_eq!(rig.reply("600ms", 4, DONE), ["wake 1 in 600ms"]);
    assert_eq!(rig.reply("700ms", 5, DONE).last().unwrap(), "answer 9: done");
}

#[test]
fn the_failure_told_is_that_of_the_part_that_could_not_be_spared() {
    let mut rig = rig([Need::Optional, Need::Required]);
    rig.request("0s", 50, 7);
    assert_eq!(rig.reply("100ms", 0, Err(Failure::Reset)), ["wake 0 in 900ms"]);
    let end = rig.reply("200ms", 1, Err(Failure::Overloaded));
    assert_eq!(end.last().unwrap(), "answer 9: queue full");
}

#[test]
fn a_part_that_is_too_late_is_missing() {
    let mut rig = rig([Need::Optional, Need::Required]);
    rig.request("0s", 50, 7);
    rig.reply("100ms", 1, DONE);
    let missing = "PartMissing { composition: Name(50), part: Name(1), key: 7, \
                   failure: Some(TimedOut) }";
    let composed = "Composed { composition: Name(50), key: 7, parts: 2, missing: 1, ok: true }";
    assert_eq!(rig.expire("1s", 0), ["sleep 0", missing, composed, "answer 9: done"]);
}

#[test]
fn a_composition_is_idle_again_when_it_has_answered_or_lost_its_memory() {
    let mut rig = rig(REQUIRED);
    assert_eq!(rig.phase(), "idle");
    rig.request("0s", 50, 7);
    assert_eq!(rig.phase(), "composing");
    rig.reply("100ms", 0, Err(Failure::Failed));
    assert_eq!(rig.phase(), "idle");
    rig.request("200ms", 50, 8);
    rig.power_cut();
    assert_eq!(rig.phase(), "idle");
}

#[test]
fn a_composition_that_misses_its_deadline_ends_with_what_it_has() {
    let answer = |needs: [Need; 2]| {
        let mut rig = rig(needs);
        rig.request("2s", 50, 7);
        rig.reply("2.4s", 0, DONE);
        rig.wake("3s", 0).pop()
    };
    assert_eq!(answer(REQUIRED).as_deref(), Some("answer 9: timed out"));
    let optional = answer([Need::Required, Need::Optional]);
    assert_eq!(optional.as_deref(), Some("answer 9: done"));
}
