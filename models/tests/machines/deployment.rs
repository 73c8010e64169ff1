//! A control plane by hand: its orders, its looks, and what it makes of what instances say.

use std::sync::Arc;

use brownout_models::contract::{Body, Failure, FlowId, Input, NodeId, Request};
use brownout_models::machine::{
    DeploymentNode, DeploymentNodeConfig, Orders, ScalingConfig, StrategyConfig,
};
use brownout_models::policy::{
    CanaryConfig, CanaryStep, LifecycleConfig, OnFailure, OperatorWord, ScalerConfig,
};
use brownout_models::{Name, Span, Timeout};

use super::{DONE, Rig, request};

const REGISTRY: NodeId = NodeId(2);
const METRICS: u32 = 62;
const USAGE: u32 = 63;
const BEGIN: u64 = 0;
const LOOK: u64 = 1 << 32;
const DUE: u64 = 2 << 32;
const OPERATOR: u64 = 3 << 32;

fn config(strategy: StrategyConfig) -> DeploymentNodeConfig {
    DeploymentNodeConfig {
        name: Name(50),
        service: Name(20),
        subset: Name(21),
        registry: Some(REGISTRY),
        stable: vec![NodeId(10), NodeId(11), NodeId(12)],
        candidate: vec![NodeId(13), NodeId(14)],
        replicas: 2,
        at: Span::from_secs(5),
        operator: Vec::new(),
        strategy,
        lifecycle: LifecycleConfig::hardened(),
        orders: Orders {
            start: Name(60),
            stop: Name(61),
            metrics: Name(METRICS),
            usage: Name(USAGE),
            split: Name(64),
        },
    }
}

fn rig(config: DeploymentNodeConfig) -> Rig<DeploymentNode<()>> {
    Rig::new(DeploymentNode::new(Arc::new(config)))
}

fn canary() -> StrategyConfig {
    StrategyConfig::Canary(CanaryConfig {
        steps: vec![CanaryStep::SetWeight(50), CanaryStep::Pause(Timeout::Never)],
        ..CanaryConfig::hardened()
    })
}

type Control = Rig<DeploymentNode<()>>;

/// An instance reports so much of so many.
fn says(
    rig: &mut Control,
    at: &str,
    from: u32,
    method: u32,
    (key, amount): (u64, i64),
) -> Vec<String> {
    let request = Request { amount, ..request(method, key) };
    rig.deliver_from(at, NodeId(from), Body::Request(request))
}

fn fact(text: &str) -> String {
    format!("Deployment({text})")
}

fn ordered(instance: u32, runs: bool) -> String {
    fact(&format!("Ordered {{ instance: NodeId({instance}), runs: {runs} }}"))
}

const AGAIN: &str = "wake 4294967296 in 1s";
const NOTHING_DUE: &str = "sleep 8589934592";

/// A rollout that has given its first orders, which the agents have confirmed.
fn begun(steps: Vec<CanaryStep>, candidates: usize) -> Control {
    let config = CanaryConfig { steps, measurements: 1, ..CanaryConfig::hardened() };
    let mut rig = rig(self::config(StrategyConfig::Canary(config)));
    rig.step("0s", Input::Start);
    rig.wake("5s", BEGIN);
    for call in 0..candidates {
        assert_eq!(rig.reply("5s", call, DONE), Vec::<String>::new());
    }
    rig
}

#[test]
fn orders_are_given_until_somebody_confirms_them() {
    let mut rig = rig(config(canary()));
    assert_eq!(rig.phase(), "waiting");
    assert_eq!(rig.step("2s", Input::Start), ["flow rollout 1", "wake 0 in 3s"]);
    let order = "ask 13 with 60 of 1 within 1s";
    let lines = rig.wake("5s", BEGIN);
    assert_eq!(lines, [&fact("Began"), &ordered(13, true), order, NOTHING_DUE, AGAIN]);
    assert_eq!(rig.phase(), "rolling out");
    let probes = ["ask 10 alive for 20 within 1s", "ask 11 alive for 20 within 1s"];
    let look = |number: u32, last: &str| {
        let flow = format!("flow look {number}");
        [&flow, AGAIN, probes[0], probes[1], last].map(str::to_owned)
    };
    assert_eq!(rig.wake("6s", LOOK), look(1, order));
    assert_eq!(rig.scribe.context.flow, FlowId(1), "it is the rollout that orders, not the look");
    assert_eq!(rig.expire("6s", 0), Vec::<String>::new());
    assert_eq!(rig.wake("7s", LOOK), look(2, order));
    // Confirmed: from here on it is asked how it is.
    rig.reply("7s", 3, DONE);
    assert_eq!(rig.wake("8s", LOOK), look(3, "ask 13 alive for 20 within 1s"));
    // The process is up and cannot serve yet; then it can, and gets its traffic.
    assert_eq!(rig.reply("8s", 9, Err(Failure::Failed)), [NOTHING_DUE, NOTHING_DUE]);
    rig.wake("9s", LOOK);
    let weighted = fact("Weighted { percent: 50 }");
    let split = "ask 2 with 64 of 2, 50 within 1s";
    assert_eq!(rig.reply("9s", 12, DONE), [NOTHING_DUE, &weighted, split, NOTHING_DUE]);
    // The registry has to confirm the split, as anybody has an order.
    assert_eq!(rig.wake("10s", LOOK).last().unwrap(), split);
    rig.reply("10s", 13, DONE);
    assert!(!rig.wake("11s", LOOK).contains(&split.to_owned()));
}

#[test]
fn an_instance_is_lost_after_as_many_silent_probes_as_it_takes() {
    let ready = |answers: &[bool]| {
        let mut rig = begun(vec![CanaryStep::SetWeight(100)], 2);
        rig.wake("6s", LOOK);
        rig.reply("6s", 4, DONE);
        for (round, answers) in (1..).zip(answers) {
            rig.wake(&format!("{}s", 6 + round), LOOK);
            let probe = 4 + 4 * round;
            if *answers {
                rig.reply("9s", probe, DONE)
            } else {
                rig.expire("9s", probe)
            };
        }
        // The other one is ready, too: now all of the traffic could come.
        let lines = rig.reply("9s", 5, DONE);
        lines.contains(&fact("Weighted { percent: 100 }"))
    };
    assert!(ready(&[]));
    assert!(ready(&[false, false]));
    assert!(!ready(&[false, false, false]));
    assert!(ready(&[false, false, true, false, false]), "an answer forgives silence");
    assert!(ready(&[false, false, false, true]), "and brings it back");
}

#[test]
fn reports_are_totals_that_start_anew_with_the_process() {
    let after = |reports: &[(u64, i64)]| {
        let mut rig = begun(vec![CanaryStep::SetWeight(50), CanaryStep::Analyse], 1);
        rig.wake("6s", LOOK);
        rig.reply("6s", 3, DONE);
        for report in reports {
            says(&mut rig, "7s", 13, METRICS, *report);
        }
        // What others say is nobody's business here.
        says(&mut rig, "8s", 99, METRICS, (1_000, 1_000));
        // Nor is what a process says where none shall run.
        says(&mut rig, "8s", 14, METRICS, (1_000, 1_000));
        rig.wake("66s", DUE)
    };
    let mut rig = begun(vec![CanaryStep::SetWeight(50), CanaryStep::Analyse], 1);
    says(&mut rig, "7s", 13, METRICS, (60, 0));
    let nothing = Vec::<String>::new();
    assert_eq!(says(&mut rig, "8s", 13, METRICS, (60, 0)), nothing, "the same once more");
    let back = fact("TurnedBack { reason: Analysis }");
    let on = ordered(14, true);
    let waits = ["wake 8589934592 in 60s"];
    assert_eq!(after(&[]), waits);
    assert_eq!(after(&[(60, 0), (60, 0)]), waits);
    assert!(after(&[(60, 0), (100, 1)]).contains(&on));
    assert!(after(&[(60, 0), (100, 2)]).contains(&back));
    assert!(after(&[(60, 0), (100, 0), (20, 1)]).contains(&on), "one of 120");
    assert!(after(&[(60, 0), (100, 0), (20, 2)]).contains(&back), "two of 120");
    assert!(after(&[(60, 2), (100, 2)]).contains(&back));
}

#[test]
fn how_busy_workers_were_decides_how_many_there_are() {
    let scaler = ScalerConfig { stabilization: Span::ZERO, ..ScalerConfig::hardened() };
    let mut rig = rig(config(StrategyConfig::Scaling(ScalingConfig { scaler, workers: 1 })));
    rig.step("0s", Input::Start);
    assert_eq!(rig.wake("5s", BEGIN), [&fact("Began"), "wake 8589934592 in 15s", AGAIN]);
    let busy = |seconds: u64| (seconds * 1_000_000_000, 0);
    // Of an instance that ran before, the first report says nothing; a smaller one is a new process's.
    for (instance, seconds) in [(10, 1), (10, 1), (10, 13), (10, 2), (11, 1), (11, 15)] {
        says(&mut rig, "19s", instance, USAGE, busy(seconds));
    }
    says(&mut rig, "19s", 99, USAGE, busy(1));
    says(&mut rig, "19s", 99, USAGE, busy(99));
    assert_eq!(rig.wake("19.999s", DUE), ["wake 8589934592 in 1ms"]);
    let scaled = fact("Scaled { replicas: 3, usage: 94 }");
    let order = "ask 12 with 60 of 1 within 1s";
    let lines = rig.wake("20s", DUE);
    assert_eq!(lines, [&scaled, &ordered(12, true), order, "wake 8589934592 in 15s"]);
    // None goes while one is coming.
    assert_eq!(rig.wake("35s", DUE), ["wake 8589934592 in 15s"]);
    rig.reply("35s", 0, DONE);
    rig.wake("36s", LOOK);
    rig.reply("36s", 3, DONE);
    let lines = rig.wake("50s", DUE);
    let scaled = fact("Scaled { replicas: 1, usage: 0 }");
    let stops = [&ordered(12, false), "ask 12 with 61 of 2 within 1s", &ordered(11, false)];
    assert_eq!(lines[..4], [&[scaled.as_str()], stops.as_slice()].concat());
}

#[test]
fn what_was_decided_outlives_a_crash() {
    let mut rig = begun(vec![CanaryStep::SetWeight(50), CanaryStep::Pause(Timeout::Never)], 1);
    rig.power_cut();
    assert_eq!(rig.step("7s", Input::Start), ["wake 4294967296 in 0s", NOTHING_DUE]);
    assert_eq!(rig.phase(), "rolling out");
    assert_eq!(rig.wake("7s", LOOK).len(), 5, "two of the stable version, and the candidate");
}

#[test]
fn a_word_is_heeded_where_it_means_something() {
    let words = [
        (Span::from_secs(6), OperatorWord::Promote),
        (Span::from_secs(20), OperatorWord::Promote),
        (Span::from_secs(30), OperatorWord::Abort),
    ];
    let mut rig = rig(DeploymentNodeConfig { operator: words.to_vec(), ..config(canary()) });
    rig.step("0s", Input::Start);
    assert_eq!(rig.wake("5s", BEGIN).last().unwrap(), "wake 12884901888 in 1s");
    let told =
        |word: &str, heeded: bool| fact(&format!("Told {{ word: {word}, heeded: {heeded} }}"));
    let next = "wake 12884901888 in 14s";
    assert_eq!(rig.wake("6s", OPERATOR), [&told("Promote", false), next]);
    rig.reply("6s", 0, DONE);
    rig.wake("7s", LOOK);
    rig.reply("7s", 3, DONE);
    // It pauses at one half until somebody says so.
    let lines = rig.wake("20s", OPERATOR);
    assert_eq!(lines[..2], [told("Promote", true), ordered(14, true)]);
    assert_eq!(lines[lines.len() - 2..], ["wake 4294967296 in 0s", "wake 12884901888 in 10s"]);
    let lines = rig.wake("30s", OPERATOR);
    assert_eq!(lines[0], told("Abort", true));
    assert!(lines.contains(&fact("TurnedBack { reason: Aborted }")), "{lines:?}");
    assert_eq!(rig.phase(), "turned back");
    assert_eq!(rig.request("31s", 7, 1), ["answer 9: unknown method"]);
}

#[test]
fn a_rollout_that_is_over_is_watched_until_everybody_has_confirmed() {
    let mut rig = begun(vec![CanaryStep::SetWeight(100)], 2);
    rig.wake("6s", LOOK);
    rig.reply("6s", 4, DONE);
    rig.reply("6s", 5, DONE);
    assert!(rig.wake("40s", DUE).contains(&fact("Ended { version: Candidate }")));
    assert_eq!(rig.phase(), "rolled out");
    let probes = ["ask 13 alive for 20 within 1s", "ask 14 alive for 20 within 1s"];
    let look = |number: u32, rest: &[&str]| {
        let flow = format!("flow look {number}");
        [&[flow.as_str(), AGAIN, probes[0], probes[1]], rest].concat().join("; ")
    };
    let stops = ["ask 10 with 61 of 4 within 1s", "ask 11 with 61 of 5 within 1s"];
    let split = "ask 2 with 64 of 3, 100 within 1s";
    assert_eq!(rig.wake("41s", LOOK).join("; "), look(2, &[stops[0], stops[1], split]));
    rig.reply("41s", 11, DONE);
    rig.reply("41s", 12, DONE);
    assert_eq!(rig.wake("42s", LOOK).join("; "), look(3, &[split]));
    rig.reply("42s", 16, Err(Failure::Reset));
    assert_eq!(rig.wake("43s", LOOK).join("; "), look(4, &[split]));
    rig.reply("43s", 19, DONE);
    assert_eq!(rig.wake("44s", LOOK), Vec::<String>::new());
}

#[test]
fn a_rollout_that_stands_still_goes_on_when_somebody_says_so() {
    let canary = CanaryConfig {
        steps: vec![CanaryStep::SetWeight(50), CanaryStep::Analyse],
        measurements: 1,
        on_failure: OnFailure::Pause,
        ..CanaryConfig::hardened()
    };
    let operator = vec![(Span::from_secs(100), OperatorWord::Promote)];
    let strategy = StrategyConfig::Canary(canary);
    let mut rig = rig(DeploymentNodeConfig { operator, ..config(strategy) });
    rig.step("0s", Input::Start);
    rig.wake("5s", BEGIN);
    rig.reply("5s", 0, DONE);
    rig.wake("6s", LOOK);
    rig.reply("6s", 3, DONE);
    says(&mut rig, "7s", 13, METRICS, (100, 100));
    assert!(rig.wake("66s", DUE).contains(&fact("Halted")));
    assert_eq!(rig.phase(), "halted");
    rig.wake("100s", OPERATOR);
    assert_eq!(rig.phase(), "rolling out");
}
