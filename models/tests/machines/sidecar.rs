//! A sidecar on the network: attempts, what they may still take, and what the answer is.

use std::num::NonZeroU64;
use std::sync::Arc;

use brownout_models::contract::{Context, Failure, Input, NodeId};
use brownout_models::machine::{Discovery, SidecarConfig, SidecarNode};
use brownout_models::policy::retry::{Hedging, Pushback};
use brownout_models::policy::{BalancerConfig, BalancerKind, RetryConfig, SpanId, TelemetryConfig};
use brownout_models::{Span, Time, Timeout};

use super::{DONE, Rig, instances};

fn rig(retry: RetryConfig) -> Rig<SidecarNode<()>> {
    rig_that_picks(BalancerConfig::default(), retry)
}

fn rig_that_picks(balancer: BalancerConfig, retry: RetryConfig) -> Rig<SidecarNode<()>> {
    let telemetry = TelemetryConfig::hardened();
    let discovery = Discovery { balancer, ..Discovery::from(Some(NodeId(2))) };
    let config = SidecarConfig { discovery, retry, idempotent: None, telemetry, upstream: None };
    let mut rig = Rig::new(SidecarNode::new(Arc::new(config)));
    rig.step("0s", Input::Start);
    rig
}

/// What a fact says of the call of every test here.
const OF: &str = "service: Name(0), method: Name(6), key: 7";

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

#[test]
fn a_call_is_a_part_of_what_its_caller_does() {
    let mut rig = rig(RetryConfig::hardened());
    assert_eq!(rig.machine.telemetry(), &TelemetryConfig::hardened());
    rig.behalf.span = NonZeroU64::new(5);
    rig.request("1s", 6, 7);
    let parents: Vec<_> = rig.machine.spans().iter().map(|span| span.parent).collect();
    assert_eq!(parents[0], Some(SpanId(5)));
}

#[test]
fn a_server_may_say_when_to_come_back_where_somebody_listens() {
    for (pushback, expected) in [
        (Pushback::Honoured, [&format!("PushedBack {{ {OF}, after: 3s }}"), "wake 0 in 3s"]),
        (Pushback::Ignored, ["choose jitter", "wake 0 in 1s"]),
    ] {
        let mut rig = rig(RetryConfig { pushback, ..RetryConfig::hardened() });
        rig.request("1s", 6, 7);
        rig.reply("1s", 0, instances(&[11]));
        rig.scribe.retry_after = Some(Span::from_secs(3));
        assert_eq!(rig.reply("1s", 1, Err(Failure::Overloaded)), expected);
    }
}

#[test]
fn waits_between_attempts_are_added_up_and_left_out_of_the_latency() {
    let mut rig = rig(RetryConfig::hardened());
    rig.request("1s", 6, 7);
    rig.reply("1.1s", 0, Err(Failure::Reset));
    rig.wake("2.1s", 0);
    assert_eq!(rig.reply("2.2s", 1, Err(Failure::Reset))[1], "wake 0 in 2s");
    rig.wake("4.2s", 0);
    rig.reply("4.3s", 2, instances(&[11]));
    rig.reply("4.5s", 3, DONE);
    let metrics = rig.machine.metrics();
    assert_eq!(metrics.backoff(), Span::from_secs(3));
    assert_eq!(metrics.average_latency(), Span::from_millis(500));
}

#[test]
fn why_a_call_is_not_tried_again_is_said_unless_all_attempts_were_made() {
    let given_up = |lines: &[String]| lines.iter().find(|line| line.starts_with("GaveUp")).cloned();
    let mut rig = rig(RetryConfig::hardened());
    rig.request("1s", 6, 7);
    let why = Some(format!("GaveUp {{ {OF}, why: NotRetryable }}"));
    assert_eq!(given_up(&rig.reply("1s", 0, Err(Failure::Rejected))), why);
    let mut rig = self::rig(RetryConfig { max_attempts: 1, ..RetryConfig::hardened() });
    rig.request("1s", 6, 7);
    let lines = rig.reply("1s", 0, Err(Failure::Failed));
    assert_eq!((given_up(&lines), lines.last().unwrap().as_str()), (None, "answer 9: failed"));
}

#[test]
fn the_first_answer_counts_and_whatever_is_still_under_way_then_is_abandoned() {
    let hedging = Hedging::After(Span::from_millis(100));
    let mut rig = rig(RetryConfig { hedging, ..RetryConfig::hardened() });
    let attempt = |number: u32| {
        let fact = format!("Attempt {{ {OF}, attempt: {number} }}");
        let asks = "ask 2 where 0 is within 10s".to_owned();
        if number < 3 { vec![fact, "wake 0 in 100ms".to_owned(), asks] } else { vec![fact, asks] }
    };
    assert_eq!(rig.request("1s", 6, 7), attempt(1));
    rig.reply("1s", 0, instances(&[11, 12]));
    assert_eq!(rig.wake("1.1s", 0), attempt(2));
    rig.reply("1.1s", 2, instances(&[11, 12]));
    // One that fails makes room for the next at once.
    assert_eq!(rig.reply("1.15s", 1, Err(Failure::Failed)), ["wake 0 in 0s"]);
    assert_eq!(rig.wake("1.15s", 0), attempt(3));
    rig.reply("1.15s", 4, instances(&[11, 12]));
    let abandoned = format!("Abandoned {{ {OF}, attempt: 3 }}");
    let called = format!("Called {{ {OF}, failure: None }}");
    let end = [&abandoned, "sleep 0", &called, "answer 9: done"];
    assert_eq!(rig.reply("1.2s", 3, DONE), end);
    assert_eq!(rig.machine.metrics().backoff(), Span::ZERO, "nobody waited");
    assert_eq!(rig.reply("1.3s", 5, DONE), Vec::<String>::new());
}

#[test]
fn an_instance_is_busy_with_an_abandoned_attempt_until_it_answers() {
    let hedging = Hedging::After(Span::from_millis(100));
    let retry = RetryConfig { hedging, max_attempts: 2, ..RetryConfig::hardened() };
    let idlest = BalancerConfig { kind: BalancerKind::LeastRequest, ..BalancerConfig::default() };
    let mut rig = rig_that_picks(idlest, retry);
    let mut calls = 0;
    // Whom an attempt goes to that asks where the service is.
    let mut goes_to = |rig: &mut Rig<SidecarNode<()>>| {
        let lines = rig.reply("1s", calls, instances(&[10, 11, 12]));
        calls += 2;
        let ask = lines.last().expect("an ask");
        ask.split(' ').nth(1).and_then(|to| to.parse::<u32>().ok()).expect("an instance")
    };
    rig.request("1s", 6, 1);
    assert_eq!(goes_to(&mut rig), 10);
    rig.request("1s", 6, 2);
    assert_eq!(goes_to(&mut rig), 11);
    rig.wake("1.1s", 1);
    assert_eq!(goes_to(&mut rig), 12);
    rig.reply("1.1s", 5, DONE);
    rig.request("1.2s", 6, 3);
    assert_eq!(goes_to(&mut rig), 12, "11 has not answered yet");
    assert_eq!(rig.reply("1.3s", 3, DONE), Vec::<String>::new());
    rig.request("1.4s", 6, 4);
    assert_eq!(goes_to(&mut rig), 11);
}
