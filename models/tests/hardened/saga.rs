//! The saga against a stack of compensations, as Temporal keeps one, with every rule an argument.

use brownout_models::policy::{
    Checkpoint, CompensationFailure, Completed, FailingStep, Lookup, Next, Saga, SagaConfig,
    SagaEnd, SagaStepSpec, StepEnd, StepKind,
};
use brownout_models::{Name, Span};
use proptest::prelude::*;

use super::config;

/// What happened, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Did {
    Act(usize),
    Undo(usize),
    Wait(u64),
}

/// Attempts of one call, up to `most`; how the last one ended, and how all did. A crash of the
/// orchestrator leaves an attempt of which nobody knows anything.
fn attempts(
    call: Did,
    most: u32,
    ends: &mut impl Iterator<Item = (StepEnd, bool)>,
    did: &mut Vec<Did>,
) -> (StepEnd, Vec<StepEnd>) {
    let (mut wait, mut all) = (1, Vec::new());
    for attempt in 1.. {
        did.push(call);
        let (end, is_crashed) = ends.next().unwrap_or((StepEnd::Done, false));
        all.extend(is_crashed.then_some(StepEnd::Unknown));
        all.push(end);
        if matches!(end, StepEnd::Done | StepEnd::Rejected) || attempt == most {
            return (end, all);
        }
        did.push(Did::Wait(wait.min(100)));
        wait *= 2;
    }
    unreachable!("some attempt is the last")
}

/// The saga as one loop and one stack.
fn reference(
    rules: &SagaConfig,
    kinds: &[StepKind],
    mut ends: impl Iterator<Item = (StepEnd, bool)>,
) -> (Vec<Did>, SagaEnd) {
    let (mut did, mut stack) = (Vec::new(), Vec::new());
    let is_in_doubt = |all: &[StepEnd]| match rules.failing_step {
        FailingStep::Left => false,
        FailingStep::WhenUnknown => all.contains(&StepEnd::Unknown),
        FailingStep::UnlessRejected => all.iter().any(|end| *end != StepEnd::Rejected),
    };
    for (step, kind) in kinds.iter().enumerate() {
        let is_last_resort = *kind == StepKind::Retriable;
        let most = if is_last_resort { rules.retriable_attempts } else { rules.action_attempts };
        let (end, all) = attempts(Did::Act(step), most, &mut ends, &mut did);
        if end == StepEnd::Done {
            if *kind == StepKind::Compensatable {
                stack.push(step);
            }
            continue;
        }
        match kind {
            StepKind::Compensatable if is_in_doubt(&all) => stack.push(step),
            StepKind::Pivot if is_in_doubt(&all) => return (did, SagaEnd::NeedsIntervention),
            StepKind::Retriable => return (did, SagaEnd::NeedsIntervention),
            StepKind::Compensatable | StepKind::Pivot => {}
        }
        let mut is_clean = true;
        while let Some(step) = stack.pop() {
            let most = rules.compensation_attempts;
            let (end, _) = attempts(Did::Undo(step), most, &mut ends, &mut did);
            if end != StepEnd::Done && rules.compensation_failure == CompensationFailure::Stop {
                return (did, SagaEnd::NeedsIntervention);
            }
            is_clean &=
                end == StepEnd::Done || rules.compensation_failure == CompensationFailure::Swallow;
        }
        return (did, if is_clean { SagaEnd::Compensated } else { SagaEnd::NeedsIntervention });
    }
    (did, SagaEnd::Committed)
}

fn saga(rules: &SagaConfig, kinds: &[StepKind]) -> Saga {
    let mut saga = Saga::new(rules.clone());
    for (name, kind) in (0..).zip(kinds) {
        let has_compensation = *kind == StepKind::Compensatable;
        saga.try_add_step(SagaStepSpec { name: Name(name), kind: *kind, has_compensation })
            .unwrap();
    }
    saga
}

fn ends() -> impl Strategy<Value = StepEnd> {
    prop_oneof![
        3 => Just(StepEnd::Done),
        2 => Just(StepEnd::Failed),
        1 => Just(StepEnd::Rejected),
        1 => Just(StepEnd::Unknown),
    ]
}

fn rules() -> impl Strategy<Value = SagaConfig> {
    let failing =
        [FailingStep::Left, FailingStep::WhenUnknown, FailingStep::UnlessRejected].to_vec();
    let failure =
        [CompensationFailure::Swallow, CompensationFailure::Continue, CompensationFailure::Stop]
            .to_vec();
    (prop::sample::select(failing), prop::sample::select(failure), (1..4_u32, 1..4_u32, 1..9_u32))
        .prop_map(|(failing_step, compensation_failure, (action, compensation, retriable))| {
            SagaConfig {
                failing_step,
                compensation_failure,
                action_attempts: action,
                compensation_attempts: compensation,
                retriable_attempts: retriable,
                ..SagaConfig::hardened()
            }
        })
}

/// Steps that can be undone, then perhaps a pivot and steps that cannot fail for good.
fn kinds() -> impl Strategy<Value = Vec<StepKind>> {
    (0..4_usize, prop::option::of(0..3_usize)).prop_map(|(undoable, behind)| {
        let mut kinds = vec![StepKind::Compensatable; undoable];
        if let Some(behind) = behind {
            kinds.push(StepKind::Pivot);
            kinds.extend(vec![StepKind::Retriable; behind]);
        }
        kinds
    })
}

proptest! {
    #![proptest_config(config())]

    /// Whatever fails and wherever the orchestrator crashes, it does what the stack would have done:
    /// a crash repeats the act under way and skips a wait, and changes nothing else.
    #[test]
    fn the_saga_follows_the_stack_through_every_crash(
        rules in rules(),
        kinds in kinds(),
        ends in prop::collection::vec(ends(), 40),
        crashes in prop::collection::vec(prop::bool::weighted(0.2), 40),
    ) {
        let ends: Vec<_> = ends.into_iter().zip(crashes).collect();
        let (expected, end) = reference(&rules, &kinds, ends.iter().copied());
        let mut saga = saga(&rules, &kinds);
        let mut ends = ends.into_iter();
        let mut did = Vec::new();
        let mut next = saga.begin().unwrap();
        loop {
            let crashed = |saga: &Saga| {
                let mut fresh = self::saga(&rules, &kinds);
                let record = Checkpoint::from_row(saga.checkpoint().to_row()).unwrap();
                (fresh.restore(record), fresh)
            };
            let call = match next {
                Next::Act(step) => Did::Act(step),
                Next::Compensate(step) => Did::Undo(step),
                Next::Pause(wait) => {
                    did.push(Did::Wait(wait.as_nanos() / 1_000_000_000));
                    next = saga.resume().unwrap();
                    continue;
                }
                Next::Committed | Next::RolledBack | Next::NeedsIntervention => break,
            };
            let (end, is_crashed) = ends.next().unwrap_or((StepEnd::Done, false));
            if is_crashed {
                let (again, fresh) = crashed(&saga);
                prop_assert_eq!(again, next, "the act that may have happened happens again");
                prop_assert_eq!(fresh.completed(), saga.completed());
                prop_assert_eq!(fresh.attempt(), saga.attempt());
                saga = fresh;
            }
            did.push(call);
            next = saga.ended(end).unwrap();
        }
        prop_assert_eq!(did, expected);
        prop_assert_eq!(saga.end(), Some(end));
        let row = saga.checkpoint().to_row();
        let mut fresh = self::saga(&rules, &kinds);
        prop_assert_eq!(fresh.restore(Checkpoint::from_row(row).unwrap()), next);
        prop_assert_eq!((fresh.end(), fresh.cause()), (saga.end(), saga.cause()));
    }

    /// A service that remembers what it did, and hears every call as often as it is made: when the
    /// saga says that it is all done or all undone, it is. Only hardened rules promise that.
    #[test]
    fn the_end_is_true_of_the_effects(
        kinds in kinds(),
        ends in prop::collection::vec((ends(), any::<bool>()), 60),
    ) {
        let rules = SagaConfig { compensation_attempts: 3, ..SagaConfig::hardened() };
        let mut saga = saga(&rules, &kinds);
        let mut effects = vec![false; kinds.len()];
        let mut ends = ends.into_iter();
        let mut next = saga.begin().unwrap();
        while saga.is_running() {
            let (end, happened) = ends.next().unwrap_or((StepEnd::Done, true));
            let happened = match end {
                StepEnd::Done => true,
                StepEnd::Rejected => false,
                // Nobody but the service knows.
                StepEnd::Failed | StepEnd::Unknown => happened,
            };
            next = match next {
                Next::Act(step) => {
                    effects[step] |= happened;
                    saga.ended(end).unwrap()
                }
                Next::Compensate(step) => {
                    effects[step] &= !happened;
                    saga.ended(end).unwrap()
                }
                Next::Pause(_) => saga.resume().unwrap(),
                Next::Committed | Next::RolledBack | Next::NeedsIntervention => break,
            };
        }
        match saga.end().unwrap() {
            SagaEnd::Committed => prop_assert!(effects.iter().all(|effect| *effect)),
            SagaEnd::Compensated => prop_assert!(!effects.iter().any(|effect| *effect)),
            SagaEnd::NeedsIntervention => {}
        }
    }
}

/// A saga of steps that can be undone, with these names.
fn named(rules: SagaConfig, names: &[u32]) -> Saga {
    let mut saga = Saga::new(rules);
    for name in names {
        saga.add_step(Name(*name), true);
    }
    saga
}

/// The steps acted on and undone in one execution, and how it ended.
fn run(saga: &mut Saga, ends: &[StepEnd]) -> (Vec<usize>, Vec<usize>, SagaEnd) {
    let (mut acted, mut undone, mut ends) = (Vec::new(), Vec::new(), ends.iter().copied());
    let mut next = saga.begin();
    while let Some(doing) = next {
        next = match doing {
            Next::Act(step) => {
                acted.push(step);
                saga.ended(ends.next().unwrap_or(StepEnd::Done))
            }
            Next::Compensate(step) => {
                undone.push(step);
                saga.ended(ends.next().unwrap_or(StepEnd::Done))
            }
            Next::Pause(_) => saga.resume(),
            Next::Committed | Next::RolledBack | Next::NeedsIntervention => None,
        };
    }
    (acted, undone, saga.end().unwrap())
}

/// Both profiles, and each with this one rule of the other.
fn four(change: impl Fn(&mut SagaConfig, &SagaConfig)) -> [SagaConfig; 4] {
    let (guide, hardened) = (SagaConfig::guide(), SagaConfig::hardened());
    let (mut remedy, mut defect) = (guide.clone(), hardened.clone());
    change(&mut remedy, &hardened);
    change(&mut defect, &guide);
    [guide, defect, remedy, hardened]
}

const DONE: StepEnd = StepEnd::Done;
const FAILED: StepEnd = StepEnd::Failed;
const REJECTED: StepEnd = StepEnd::Rejected;

#[test]
fn sg_1_compensations_undo_every_completed_step_once() {
    let rules = four(|rules, other| rules.lookup = other.lookup);
    let undone = rules.map(|rules| run(&mut named(rules, &[7, 7, 8]), &[DONE, DONE, REJECTED]).1);
    assert_eq!(undone, [[0, 0], [0, 0], [1, 0], [1, 0]]);
}

#[test]
fn sg_2_a_failed_compensation_is_not_called_a_rollback() {
    let rules = four(|rules, other| rules.compensation_failure = other.compensation_failure);
    let ended = rules.map(|rules| run(&mut named(rules, &[0, 1]), &[DONE, REJECTED, REJECTED]).2);
    let (lie, truth) = (SagaEnd::Compensated, SagaEnd::NeedsIntervention);
    assert_eq!(ended, [lie, lie, truth, truth]);
}

#[test]
fn sg_3_the_end_says_which_step_failed_and_how() {
    let rules = four(|rules, other| rules.cause = other.cause);
    let causes = rules.map(|rules| {
        let mut saga = named(rules, &[0, 1]);
        run(&mut saga, &[DONE, REJECTED]);
        saga.cause()
    });
    assert_eq!(causes, [None, None, Some((1, REJECTED)), Some((1, REJECTED))]);
}

#[test]
fn sg_4_a_rollback_undoes_its_own_execution_only() {
    let rules = four(|rules, other| rules.completed = other.completed);
    let undone = rules.map(|rules| {
        let mut saga = named(rules, &[0, 1]);
        assert_eq!(run(&mut saga, &[]).2, SagaEnd::Committed);
        run(&mut saga, &[REJECTED]).1
    });
    assert_eq!(undone, [vec![1, 0], vec![1, 0], vec![], vec![]]);
}

#[test]
fn sg_5_a_step_that_may_have_happened_is_undone() {
    let rules = four(|rules, other| rules.failing_step = other.failing_step);
    let undone = rules.map(|rules| {
        let rules = SagaConfig { action_attempts: 1, ..rules };
        run(&mut named(rules, &[0]), &[StepEnd::Unknown]).1
    });
    assert_eq!(undone, [vec![], vec![], vec![0], vec![0]]);
}

#[test]
fn sg_6_a_step_that_nothing_undoes_is_no_step_of_a_saga() {
    let rules = four(|rules, other| rules.missing_compensation = other.missing_compensation);
    let step =
        SagaStepSpec { name: Name(0), kind: StepKind::Compensatable, has_compensation: false };
    let accepted = rules.map(|rules| Saga::new(rules).try_add_step(step).is_ok());
    assert_eq!(accepted, [true, true, false, false]);
}

#[test]
fn sg_7_what_failed_once_is_tried_again() {
    let rules = four(|rules, other| rules.action_attempts = other.action_attempts);
    let acted = rules.map(|rules| run(&mut named(rules, &[0]), &[FAILED, FAILED]).0.len());
    assert_eq!(acted, [1, 1, 3, 3]);
    let rules = four(|rules, other| rules.compensation_attempts = other.compensation_attempts);
    let ends = [DONE, REJECTED, FAILED, FAILED];
    let undone = rules.map(|rules| run(&mut named(rules, &[0, 1]), &ends).1.len());
    assert_eq!(undone, [1, 1, 3, 3]);
}

#[test]
fn sg_10_an_execution_that_runs_twice_runs_by_the_same_rules() {
    let rules = SagaConfig { completed: Completed::Cleared, ..SagaConfig::hardened() };
    let mut saga = named(rules, &[0, 1]);
    let once = run(&mut saga, &[DONE, REJECTED]);
    assert_eq!(run(&mut saga, &[DONE, REJECTED]), once);
    assert_eq!(saga.config().lookup, Lookup::ByStep);
}

#[test]
fn the_waits_between_attempts_are_those_of_the_documentation() {
    let config = SagaConfig::hardened();
    let waits = (1..config.compensation_attempts).map(|attempt| config.delay(attempt));
    let total = waits.fold(Span::ZERO, |total, wait| total + wait);
    assert_eq!(total, Span::from_secs(1 + 2 + 4 + 8 + 16 + 32 + 64 + 100 + 100), "5 min 27 s");
}
