//! Every saga of two steps, and every way to queue for two locks.

use std::collections::BTreeSet;

use brownout_models::Name;
use brownout_models::policy::{
    Checkpoint, Locked, Next, Saga, SagaConfig, SagaEnd, SagaLocks, SagaStepSpec, SemanticLock,
    StepEnd, StepKind,
};

/// Every state that can be reached, as its fingerprint; `step` gives the states after each
/// operation and checks what must hold.
fn reachable<S>(
    start: S,
    fingerprint: impl Fn(&S) -> String,
    step: impl Fn(&S) -> Vec<S>,
) -> BTreeSet<String> {
    let mut seen = BTreeSet::from([fingerprint(&start)]);
    let mut frontier = vec![start];
    while let Some(state) = frontier.pop() {
        for next in step(&state) {
            if seen.insert(fingerprint(&next)) {
                frontier.push(next);
            }
        }
    }
    seen
}

fn saga(config: &SagaConfig, first_name: u32) -> Saga {
    let mut saga = Saga::new(config.clone());
    for name in [first_name, first_name + 1] {
        let kind = StepKind::Compensatable;
        saga.try_add_step(SagaStepSpec { name: Name(name), kind, has_compensation: true }).unwrap();
    }
    saga
}

/// A saga, its log, and what is known of the two effects: none, done, or undone.
#[derive(Clone)]
struct State {
    saga: Saga,
    log: i64,
    effects: [u8; 2],
}

/// Everything that the saga can do next.
fn step(state: &State, config: &SagaConfig, first_name: u32) -> Vec<State> {
    let mut next = Vec::new();
    if !state.saga.is_running() {
        let mut state = state.clone();
        state.effects = [0; 2];
        next.extend(state.saga.begin().map(|doing| told(state, doing)));
    }
    let mut paused = state.clone();
    if let Some(doing) = paused.saga.resume() {
        next.push(told(paused, doing));
    }
    for end in [StepEnd::Done, StepEnd::Failed, StepEnd::Rejected, StepEnd::Unknown] {
        let mut state = state.clone();
        next.extend(state.saga.ended(end).map(|doing| told(state, doing)));
    }
    if let Some(record) = Checkpoint::from_row(state.log) {
        let mut crashed = State { saga: saga(config, first_name), ..state.clone() };
        let doing = crashed.saga.restore(record);
        next.push(told(crashed, doing));
    }
    next
}

/// The owner writes the log before it does anything, and the end is true of the effects.
fn told(mut state: State, doing: Next) -> State {
    match doing {
        // Whether an attempt that failed had its effect, nobody knows: assume it had.
        Next::Act(step) => state.effects[step] = 1,
        Next::Compensate(step) => {
            assert_ne!(state.effects[step], 0, "only what was tried is undone");
            state.effects[step] = 2;
        }
        Next::Pause(_) => return state,
        Next::Committed => assert_eq!(state.effects, [1, 1]),
        Next::RolledBack | Next::NeedsIntervention => {}
    }
    state.log = state.saga.checkpoint().to_row();
    state
}

fn fingerprint(state: &State, first_name: u32) -> String {
    let text = ron::to_string(&state.saga).unwrap();
    let (head, names) = text.split_once("completed:[").unwrap();
    let (names, tail) = names.split_once(']').unwrap();
    let ids = names.split(',').filter(|name| !name.is_empty());
    let ids: Vec<u32> = ids.map(|name| name.parse::<u32>().unwrap() - first_name).collect();
    // The names of the steps never change; those of the completed are counted from the first.
    let head = head.split_once("current_step").map_or(head, |(_, head)| head);
    format!("{head} {ids:?} {tail}")
}

/// With two attempts of everything, a call is in its first attempt, between two, or in its second.
///
/// Before anything: 1. An action is in one of 6 states: in its first attempt, new or after a crash;
/// between two, or in the second, after a failure or after what nobody knows. Two actions: 12. It
/// fails with the last attempt's end and with the worst of all in 6 ways: rejected outright; rejected
/// after a failure, or after something unknown; failed, after failures only or after something
/// unknown; unknown. In 5 of them the step is in doubt and is undone itself. Compensations, each in 3
/// states: for the first step 5 calls, for the second 5 * 2 + 1; 48. Committed: in one of the 4 states
/// in which the last action runs after or without a crash, a first or a second time; 4. Compensated:
/// 11 ways to have something undone, by a first or a second attempt, and the first step rejected
/// outright; 23. In need of intervention: the 11, after a first or a second attempt; 22. In all 110;
/// crashes, and a second execution, lead nowhere else.
const STATES: usize = 1 + 12 + 48 + 4 + 23 + 22;

#[test]
fn a_saga_of_two_steps_has_110_states_whatever_its_names() {
    let config =
        SagaConfig { action_attempts: 2, compensation_attempts: 2, ..SagaConfig::hardened() };
    for first_name in [0, 1_000] {
        let start = State { saga: saga(&config, first_name), log: 0, effects: [0; 2] };
        let seen = reachable(
            start,
            |state| fingerprint(state, first_name),
            |state| step(state, &config, first_name),
        );
        assert_eq!(seen.len(), STATES);
        let ended = |end: SagaEnd| {
            let word = ron::to_string(&end).unwrap();
            seen.iter().filter(|state| state.contains(&format!("end:Some({word})"))).count()
        };
        assert_eq!(ended(SagaEnd::Committed), 4);
        assert_eq!(ended(SagaEnd::Compensated), 23);
        assert_eq!(ended(SagaEnd::NeedsIntervention), 22);
    }
}

/// Three executions and two keys. On one key any of the three may queue in any order: 1 + 3 + 6 + 6
/// queues; on two keys independently, the square of it.
#[test]
fn two_locks_and_three_executions_make_256_queues() {
    #[derive(Clone)]
    struct Queues {
        locks: SagaLocks<u8>,
        by_hand: [Vec<u8>; 2],
    }
    let start = Queues { locks: SagaLocks::new(SemanticLock::Queues), by_hand: Default::default() };
    let step = |state: &Queues| {
        let mut next = Vec::new();
        for key in [0, 1_usize] {
            for holder in 0..3 {
                if state.by_hand[key].contains(&holder) {
                    continue;
                }
                let mut state = state.clone();
                let is_free = state.by_hand[key].is_empty();
                let locked = if is_free { Locked::Granted } else { Locked::Queued };
                assert_eq!(state.locks.acquire(key as u64, holder), locked);
                state.by_hand[key].push(holder);
                next.push(state);
            }
            let mut state = state.clone();
            if !state.by_hand[key].is_empty() {
                state.by_hand[key].remove(0);
            }
            assert_eq!(state.locks.release(key as u64), state.by_hand[key].first().copied());
            next.push(state);
        }
        for state in &next {
            let held = state.by_hand.iter().filter(|queue| !queue.is_empty()).count();
            assert_eq!(state.locks.len(), held, "nothing is kept of a key that is free");
        }
        next
    };
    let seen = reachable(start, |state| format!("{:?}", state.by_hand), step);
    assert_eq!(seen.len(), 16 * 16);
}
