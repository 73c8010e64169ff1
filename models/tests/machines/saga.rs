//! An orchestrator on the network: what runs side by side, and what waits.

use std::sync::Arc;

use brownout_models::Name;
use brownout_models::contract::{Body, Failure, Input, NodeId, Request};
use brownout_models::machine::{
    Discovery, SagaAction, SagaNode, SagaNodeConfig, SagaStep, SagaTables, Target,
};
use brownout_models::policy::saga::{LockOn, SameId, SemanticLock};
use brownout_models::policy::{SagaConfig, StepKind, WriteAhead};

use super::{DONE, Rig, instances, request};

/// A step and what undoes it, at a node of its own.
fn step(number: u32) -> SagaStep {
    let target = Target { node: Some(NodeId(30 + number)), service: Name(20 + number) };
    let action = SagaAction { target, method: Name(number) };
    let compensation = Some(SagaAction { method: Name(10 + number), ..action });
    SagaStep { name: Name(number), kind: StepKind::Compensatable, action, compensation }
}

fn config(saga: SagaConfig) -> SagaNodeConfig {
    SagaNodeConfig {
        name: Name(50),
        discovery: Discovery::default(),
        steps: vec![step(1), step(2)],
        saga,
        tables: SagaTables { inbox: Name(41), log: Name(42) },
    }
}

fn node(saga: SagaConfig) -> SagaNode<()> {
    SagaNode::new(Arc::new(config(saga)))
}

fn rig(saga: SagaConfig) -> Rig<SagaNode<()>> {
    Rig::new(node(saga))
}

#[test]
fn steps_follow_each_other_and_what_was_done_is_undone() {
    let mut rig = rig(SagaConfig::default());
    assert_eq!(rig.phase(), "idle");
    let began = "SagaBegan { saga: Name(50), key: 7 }";
    assert_eq!(rig.request("0s", 50, 7), [began, "ask 31 with 1 of 7"]);
    assert_eq!(rig.phase(), "executing");
    assert_eq!(rig.reply("1s", 0, DONE).last().unwrap(), "ask 32 with 2 of 7");
    assert_eq!(rig.reply("2s", 1, Err(Failure::Failed)).last().unwrap(), "ask 31 with 11 of 7");
    assert_eq!(rig.reply("3s", 2, DONE).last().unwrap(), "answer 9: rolled back");
    assert_eq!(rig.phase(), "idle");
}

#[test]
fn sagas_of_one_key_or_of_one_client_exclude_each_other() {
    for (lock_on, [same_key, same_client]) in
        [(LockOn::Key, [false, true]), (LockOn::Client, [false, false])]
    {
        let lock = SemanticLock::Queues;
        let same_id = SameId::Runs;
        let config = SagaConfig { lock, lock_on, same_id, ..SagaConfig::default() };
        let begins = |rig: &mut Rig<SagaNode<()>>, client: u32, key: u64| {
            let body = Request { client: Name(client), ..request(50, key) };
            let lines = rig.deliver("0s", Body::Request(body));
            !lines.is_empty()
        };
        let mut rig = rig(config);
        assert!(begins(&mut rig, 1, 7));
        assert_eq!(begins(&mut rig, 1, 7), same_key, "{lock_on:?}, client and key");
        assert_eq!(begins(&mut rig, 1, 8), same_client, "{lock_on:?}, client");
        assert!(begins(&mut rig, 2, 9), "{lock_on:?}, another client and key");
    }
}

#[test]
fn a_saga_that_has_ended_is_not_joined() {
    let mut rig = rig(SagaConfig { same_id: SameId::Joins, ..SagaConfig::default() });
    rig.request("0s", 50, 7);
    let joined = ["SagaJoined { saga: Name(50), key: 7 }"];
    assert_eq!(rig.request("1s", 50, 7), joined);
    rig.reply("2s", 0, DONE);
    let lines = rig.reply("3s", 1, DONE);
    assert_eq!(lines.iter().filter(|line| *line == "answer 9: done").count(), 2, "{lines:?}");
    assert_eq!(rig.request("4s", 50, 7)[0], "SagaBegan { saga: Name(50), key: 7 }");
}

#[test]
fn an_orchestrator_without_a_log_forgets_everything_with_its_power() {
    let mut rig = rig(SagaConfig::default());
    rig.request("0s", 50, 7);
    rig.power_cut();
    assert_eq!(rig.phase(), "idle");
}

#[test]
fn an_ended_saga_has_given_its_name_back() {
    let mut rig = rig(SagaConfig { same_id: SameId::Joins, ..SagaConfig::default() });
    rig.request("0s", 50, 7);
    rig.reply("1s", 0, DONE);
    rig.reply("2s", 1, DONE);
    rig.request("3s", 50, 8);
    assert_eq!(rig.request("4s", 50, 7)[0], "SagaBegan { saga: Name(50), key: 7 }");
}

#[test]
fn a_logged_saga_writes_down_what_it_is_about_to_do_and_tries_again() {
    let mut rig = rig(SagaConfig::hardened());
    let is_logged = |lines: &[String]| {
        let place = |start: &str| lines.iter().position(|line| line.starts_with(start));
        place("row 42 7 is").unwrap() < place("ask").unwrap()
    };
    let lines = rig.request("0s", 50, 7);
    assert!(lines[0].starts_with("row 41 7 is"), "{lines:?}");
    assert!(is_logged(&lines), "{lines:?}");
    assert!(is_logged(&rig.reply("1s", 0, DONE)));
    let lines = rig.reply("2s", 1, Err(Failure::Rejected));
    assert!(is_logged(&lines), "{lines:?}");
    let lines = rig.reply("3s", 2, Err(Failure::Failed));
    let wake = lines.last().unwrap();
    assert!(wake.starts_with("wake 0 in"), "{lines:?}");
    assert_eq!(
        rig.wake("9s", 0).last().unwrap().split(" within").next(),
        Some("ask 31 with 11 of 7")
    );
    let lines = rig.reply("10s", 3, DONE);
    assert!(lines.iter().any(|line| line.starts_with("row 42 7 is")), "{lines:?}");
    assert_eq!(lines.last().unwrap(), "answer 9: rolled back");
}

#[test]
fn a_saga_that_is_resumed_keeps_the_lock_of_who_asked() {
    let mut rig = rig(SagaConfig { lock_on: LockOn::Client, ..SagaConfig::hardened() });
    let by =
        |client: u32, key: u64| Body::Request(Request { client: Name(client), ..request(50, key) });
    rig.deliver("0s", by(1, 7));
    rig.deliver("0s", by(2, 8));
    rig.power_cut();
    let lines = rig.step("1s", Input::Start);
    for key in [7, 8] {
        assert!(lines.contains(&format!("SagaResumed {{ saga: Name(50), key: {key} }}")));
    }
    assert_eq!(rig.deliver("2s", by(1, 9)), Vec::<String>::new(), "it waits for 7");
    assert_eq!(rig.deliver("2s", by(2, 10)), Vec::<String>::new(), "it waits for 8");
    assert!(!rig.deliver("2s", by(3, 11)).is_empty(), "nobody else does");
}

/// What came with a request goes with every action, before a crash and after.
#[test]
fn a_saga_that_is_resumed_hands_on_the_payload_of_its_request() {
    let mut rig = rig(SagaConfig { same_id: SameId::Runs, ..SagaConfig::hardened() });
    let with_payload = Request { payload: Some(()), ..request(50, 7) };
    let asks = |lines: &[String]| {
        let ask = lines.iter().find(|line| line.starts_with("ask")).expect("an action").clone();
        ask.split(" within").next().expect("a word").to_owned()
    };
    let lines = rig.deliver("0s", Body::Request(with_payload));
    assert_eq!(asks(&lines), "ask 31 with 1 of 7 and its payload");
    rig.power_cut();
    let lines = rig.step("1s", Input::Start);
    assert_eq!(asks(&lines), "ask 31 with 1 of 7 and its payload");
    let lines = rig.reply("2s", 1, DONE);
    assert_eq!(asks(&lines), "ask 32 with 2 of 7 and its payload");
    rig.reply("3s", 2, DONE);
    assert_eq!(asks(&rig.request("4s", 50, 7)), "ask 31 with 1 of 7");
    rig.power_cut();
    assert_eq!(asks(&rig.step("5s", Input::Start)), "ask 31 with 1 of 7", "it is another request");
}

#[test]
fn facts_tell_of_a_step_by_its_number_and_its_name() {
    let mut rig = rig(SagaConfig::default());
    let name = |number: u32| rig.machine.step_at(number).map(|step| step.name);
    assert_eq!([0, 1, 2].map(name), [Some(Name(1)), Some(Name(2)), None]);
    let step = |number: u32, name: u32, rest: &str| {
        let of = format!("saga: Name(50), key: 7, step: {number}, name: Name({name})");
        format!("SagaStep {{ {of}, compensation: {rest} }}")
    };
    rig.request("0s", 50, 7);
    assert_eq!(rig.reply("1s", 0, DONE)[0], step(0, 1, "false, failure: None"));
    let failed = rig.reply("2s", 1, Err(Failure::Failed));
    assert_eq!(failed[0], step(1, 2, "false, failure: Some(Failed)"));
    assert_eq!(rig.reply("3s", 2, DONE)[0], step(0, 1, "true, failure: None"));
}

#[test]
fn a_service_that_had_to_be_found_is_asked_for_the_step() {
    let mut config = config(SagaConfig::default());
    config.discovery = Discovery::from(Some(NodeId(2)));
    for step in &mut config.steps {
        step.action.target.node = None;
    }
    let mut rig = Rig::new(SagaNode::new(Arc::new(config)));
    assert_eq!(rig.request("0s", 50, 7).last().unwrap(), "ask 2 where 21 is");
    assert_eq!(rig.reply("1s", 0, instances(&[31])).last().unwrap(), "ask 31 with 1 of 7");
}

#[test]
fn a_saga_that_has_ended_leaves_the_others_in_the_inbox() {
    let mut rig = rig(SagaConfig::hardened());
    rig.request("0s", 50, 7);
    rig.request("0s", 50, 8);
    rig.reply("1s", 1, DONE);
    assert_eq!(rig.reply("2s", 2, DONE).last().unwrap(), "answer 9: done", "that of 8");
    rig.power_cut();
    let resumed = rig.step("3s", Input::Start);
    let resumed: Vec<_> = resumed.iter().filter(|line| line.starts_with("SagaResumed")).collect();
    assert_eq!(resumed, ["SagaResumed { saga: Name(50), key: 7 }"]);
}

#[test]
fn a_step_is_taken_once_its_record_is_on_the_disk_or_not_as_configured() {
    let logged = |acts: WriteAhead| {
        let config = SagaConfig { acts, ..SagaConfig::hardened() };
        Rig::flushing_every(node(config), "200ms")
    };
    let calls = |lines: &[String]| lines.iter().any(|line| line.starts_with("ask 31"));
    let mut rig = logged(WriteAhead::Flushed);
    assert!(calls(&rig.request("0s", 50, 7)));
    assert_eq!(rig.unflushed(), 0);
    assert_eq!(rig.reply("1s", 0, DONE).last().unwrap(), "ask 32 with 2 of 7 within 30s");
    assert_eq!(rig.unflushed(), 0);
    rig.power_cut();
    let resumed = rig.step("2s", Input::Start);
    assert_eq!(resumed[0], "SagaResumed { saga: Name(50), key: 7 }");
    // The inbox, the log, and the flush of each; only then the call.
    let mut rig = logged(WriteAhead::Flushed);
    assert!(!calls(&rig.power_for(4).request("0s", 50, 7)));
    let mut rig = logged(WriteAhead::Flushed);
    assert!(calls(&rig.power_for(5).request("0s", 50, 7)));

    let mut rig = logged(WriteAhead::Written);
    assert!(calls(&rig.power_for(3).request("0s", 50, 7)));
    rig.lose(2);
    assert_eq!(rig.step("1s", Input::Start), Vec::<String>::new(), "called, and forgotten");
    // Where every record is flushed at once there is nothing to wait for.
    let mut rig = self::rig(SagaConfig::hardened());
    assert!(calls(&rig.power_for(3).request("0s", 50, 7)));
}

#[test]
fn a_saga_whose_calls_may_come_twice_asks_for_each_step_by_a_method_of_its_own() {
    let mistakes = |saga: SagaConfig, change: fn(&mut SagaNodeConfig)| {
        let mut config = config(saga);
        change(&mut config);
        let mistakes = config.mistakes().map(|(step, it)| (step, it.option, it.message));
        mistakes.collect::<Vec<_>>()
    };
    let twin = |config: &mut SagaNodeConfig| config.steps[1].action = config.steps[0].action;
    let message = "step 1 asks the same of the same service".to_owned();
    let expected = [(Some(1), "action.method".to_owned(), message)];
    assert_eq!(mistakes(SagaConfig::hardened(), twin), expected);
    assert_eq!(mistakes(SagaConfig::guide(), twin), [], "nothing comes twice there");
    assert_eq!(mistakes(SagaConfig::hardened(), |_| ()), []);
    let elsewhere = |config: &mut SagaNodeConfig| config.steps[1].action.method = Name(1);
    assert_eq!(mistakes(SagaConfig::hardened(), elsewhere), [], "of another service");
}

/// Whatever of the last step happened before the power failed, what is resumed has its payload.
#[test]
fn a_payload_stays_while_its_request_is_in_the_inbox() {
    let with_payload = Request { payload: Some(()), ..request(50, 7) };
    let after = |acts: u32| {
        let mut rig = rig(SagaConfig::hardened());
        rig.deliver("0s", Body::Request(with_payload.clone()));
        rig.reply("1s", 0, DONE);
        rig.power_for(acts).reply("2s", 1, DONE);
        rig.power_cut();
        let lines = rig.step("3s", Input::Start);
        lines.into_iter().find(|line| line.starts_with("ask"))
    };
    let again = after(0).expect("the last action is taken again");
    assert!(again.starts_with("ask 32 with 2 of 7 and its payload"), "{again}");
    assert_eq!([1, 2, 3].map(after), [None, None, None], "its end is written down");
}
