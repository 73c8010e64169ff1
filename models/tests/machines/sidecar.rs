//! A sidecar on the network: attempts, what they may still take, and what the answer is.

use std::sync::Arc;

use brownout_models::contract::{Context, Failure, Input, NodeId};
use brownout_models::machine::{Discovery, SidecarConfig, SidecarNode};
use brownout_models::policy::{RetryConfig, TelemetryConfig};
use brownout_models::{Span, Time, Timeout};

use super::{DONE, Rig, instances};

fn rig(retry: RetryConfig) -> Rig<SidecarNode<()>> {
    let telemetry = TelemetryConfig::hardened();
    let discovery = Discovery::from(Some(NodeId(2)));
    let config = SidecarConfig { discovery, retry, idempotent: None, telemetry, upstream: None };
    let mut rig = Rig::new(SidecarNode::new(Arc::new(config)));
    rig.step("0s", Input::Start);
    rig
}

#[test]
fn an_attempt_that_failed_is_followed_by_another_and_both_have_spans() {
    let mut rig = rig(RetryConfig::hardened());
    assert_eq!(rig.phase(), "idle");
    let attempt = |number: u32| {
        format!("Attempt {{ service: Name(0), method: Name(6), key: 7, attempt: {number} }}")
    };
    assert_eq!(rig.request("1s", 6, 7), [&attempt(1), "ask 2 where 0 is within 10s"]);
    assert_eq!(rig.phase(), "calling");
    // Discovery has used up a part of the attempt's time.
    let lines = rig.reply("1.1s", 0, instances(&[11, 12]));
    assert_eq!(lines[1], "ask 11 with 6 of 7 within 9.9s");
    let under = rig.scribe.context.span;
    assert!(under.is_some(), "whoever is called is under the attempt");
    assert_eq!(rig.reply("1.2s", 1, Err(Failure::Reset)), ["choose jitter", "wake 0 in 1s"]);
    assert_eq!(rig.wake("2.2s", 0), [&attempt(2), "ask 2 where 0 is within 10s"]);
    assert_ne!(rig.scribe.context.span, under);
    rig.reply("2.3s", 2, instances(&[11, 12]));
    let called = "Called { service: Name(0), method: Name(6), key: 7, failure: None }";
    assert_eq!(rig.reply("2.4s", 3, DONE), [called, "answer 9: done"]);
    let Context { deadline, span, .. } = rig.scribe.context;
    assert_eq!((deadline, span), (Time::NEVER, None), "the answer is the caller's affair");
    assert_eq!(rig.phase(), "idle");

    let spans: Vec<_> = rig.machine.spans().iter().collect();
    let [call, first, second] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!((call.parent, call.attempt), (None, None));
    assert_eq!((first.parent, first.attempt), (Some(call.id), Some(1)));
    assert_eq!((second.parent, second.attempt), (Some(call.id), Some(2)));
    rig.power_cut();
    assert_eq!(rig.machine.spans().iter().count(), 0);
}

#[test]
fn an_answer_to_discovery_at_the_end_of_an_attempt_is_too_late() {
    let mut rig = rig(RetryConfig::hardened());
    rig.request("1s", 6, 7);
    let lines = rig.reply("11s", 0, instances(&[11]));
    assert_eq!(lines, ["choose jitter", "wake 0 in 1s"], "no time is left for a call");
}

#[test]
fn what_is_called_has_to_be_done_by_the_end_of_the_call() {
    let total_timeout = Timeout::After(Span::from_secs(30));
    let mut rig = rig(RetryConfig { total_timeout, ..RetryConfig::hardened() });
    rig.request("1s", 6, 7);
    assert_eq!(rig.scribe.context.deadline, Time::ZERO + Span::from_secs(11));
    rig.reply("2s", 0, Err(Failure::Reset));
    rig.wake("25s", 0);
    assert_eq!(rig.scribe.context.deadline, Time::ZERO + Span::from_secs(31));
}

#[test]
fn spans_of_a_later_life_have_names_of_their_own() {
    let mut rig = rig(RetryConfig::hardened());
    rig.request("1s", 6, 7);
    let before: Vec<_> = rig.machine.spans().iter().map(|span| span.id).collect();
    rig.power_cut();
    rig.step("2s", Input::Start);
    rig.request("2s", 6, 8);
    let after: Vec<_> = rig.machine.spans().iter().map(|span| span.id).collect();
    assert_eq!((before.len(), after.len()), (2, 2));
    assert!(after.iter().all(|id| !before.contains(id)), "{before:?} {after:?}");
}
