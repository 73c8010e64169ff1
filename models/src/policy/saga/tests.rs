use super::*;
use crate::Span;
use crate::policy::Timeout;

fn saga(steps: &[(u32, bool)]) -> Saga {
    let mut saga = Saga::default();
    for (name, has_compensation) in steps {
        saga.add_step(Name(*name), *has_compensation);
    }
    saga
}

/// Runs an execution whose `n`-th call fails for each `n` in `failing`.
fn execute(saga: &mut Saga, failing: &[usize]) -> Vec<Next> {
    let mut told = vec![saga.begin().unwrap()];
    while saga.is_running() {
        let ok = !failing.contains(&(told.len() - 1));
        told.push(saga.ended(ok).unwrap());
    }
    told
}

#[test]
fn two_steps_of_one_name_compensate_the_first_twice() {
    let mut saga = saga(&[(7, true), (7, true), (8, true)]);
    let told = execute(&mut saga, &[2]);
    assert_eq!(told[3..], [Next::Compensate(0), Next::Compensate(0), Next::RolledBack]);
}

#[test]
fn a_failing_compensation_stops_nothing_and_a_missing_one_is_passed_over() {
    let mut saga = saga(&[(0, true), (1, false), (2, true), (3, true)]);
    let told = execute(&mut saga, &[3, 4]);
    assert_eq!(told[4..], [Next::Compensate(2), Next::Compensate(0), Next::RolledBack]);
    assert_eq!(saga.current_step(), 3);
}

#[test]
fn a_rollback_undoes_a_committed_execution() {
    let mut saga = saga(&[(0, true), (1, true)]);
    assert_eq!(execute(&mut saga, &[]), [Next::Act(0), Next::Act(1), Next::Committed]);
    let told = execute(&mut saga, &[0]);
    let undone = [Next::Act(0), Next::Compensate(1), Next::Compensate(0), Next::RolledBack];
    assert_eq!(told, undone);
    assert_eq!(saga.completed(), [Name(0), Name(1)], "and they are still completed");
}

#[test]
fn no_steps_commit_at_once() {
    assert_eq!(execute(&mut saga(&[]), &[]), [Next::Committed]);
}

#[test]
fn a_step_added_during_an_execution_waits_for_the_next() {
    let mut saga = saga(&[(0, true)]);
    saga.begin();
    saga.add_step(Name(1), true);
    assert_eq!(saga.begin(), None, "one execution at a time");
    assert_eq!(saga.ended(true), Some(Next::Committed));
    assert_eq!(execute(&mut saga, &[]).len(), 3);
}

// What is hardened.

const RETRY: Next = Next::Pause(Span::from_secs(1));

fn hardened(change: impl FnOnce(&mut SagaConfig), kinds: &[StepKind]) -> Saga {
    let mut config =
        SagaConfig { action_attempts: 1, compensation_attempts: 1, ..SagaConfig::hardened() };
    change(&mut config);
    let mut saga = Saga::new(config);
    for (name, kind) in (0..).zip(kinds) {
        let has_compensation = *kind == StepKind::Compensatable;
        saga.try_add_step(SagaStepSpec { name: Name(name), kind: *kind, has_compensation })
            .unwrap();
    }
    saga
}

/// Runs an execution whose attempts end as told, and well behind that.
fn run(saga: &mut Saga, ends: &[StepEnd]) -> Vec<Next> {
    let mut ends = ends.iter().copied();
    let mut told = vec![saga.begin().unwrap()];
    while saga.is_running() {
        let next = match told[told.len() - 1] {
            Next::Pause(_) => saga.resume(),
            Next::Act(_) | Next::Compensate(_) => saga.ended(ends.next().unwrap_or(StepEnd::Done)),
            Next::Committed | Next::RolledBack | Next::NeedsIntervention => None,
        };
        told.push(next.unwrap());
    }
    told
}

const THREE: [StepKind; 3] = [StepKind::Compensatable; 3];
const PIVOTED: [StepKind; 3] = [StepKind::Compensatable, StepKind::Pivot, StepKind::Retriable];

#[test]
fn two_steps_of_one_name_compensate_each_its_own_by_step() {
    let mut saga = Saga::new(SagaConfig { lookup: Lookup::ByStep, ..SagaConfig::guide() });
    for name in [7, 7, 8] {
        saga.add_step(Name(name), true);
    }
    let told = execute(&mut saga, &[2]);
    assert_eq!(told[3..], [Next::Compensate(1), Next::Compensate(0), Next::RolledBack]);
}

#[test]
fn a_cleared_list_undoes_nothing_of_an_earlier_execution() {
    let mut saga = Saga::new(SagaConfig { completed: Completed::Cleared, ..SagaConfig::guide() });
    saga.add_step(Name(0), true);
    saga.add_step(Name(1), true);
    assert_eq!(execute(&mut saga, &[]).last(), Some(&Next::Committed));
    assert_eq!(execute(&mut saga, &[0]), [Next::Act(0), Next::RolledBack]);
    assert_eq!(saga.completed(), []);
}

#[test]
fn the_failing_step_is_compensated_as_far_as_it_is_in_doubt() {
    use FailingStep::{Left, UnlessRejected, WhenUnknown};
    use StepEnd::{Failed, Rejected, Unknown};
    for (rule, end, is_undone) in [
        (Left, Unknown, false),
        (WhenUnknown, Unknown, true),
        (WhenUnknown, Failed, false),
        (UnlessRejected, Unknown, true),
        (UnlessRejected, Failed, true),
        (UnlessRejected, Rejected, false),
    ] {
        let mut saga = hardened(|config| config.failing_step = rule, &THREE);
        let told = run(&mut saga, &[StepEnd::Done, end]);
        let undone: &[Next] = if is_undone { &[Next::Compensate(1)] } else { &[] };
        let rest = [Next::Compensate(0), Next::RolledBack];
        assert_eq!(told[2..], [undone, &rest].concat(), "{rule:?} {end:?}");
        assert_eq!(saga.cause(), Some((1, end)));
        assert_eq!(saga.end(), Some(SagaEnd::Compensated));
    }
}

#[test]
fn a_compensation_that_fails_for_good_is_swallowed_passed_over_or_stops_everything() {
    let told = |rule, ends: &[StepEnd]| {
        let mut saga = hardened(|config| config.compensation_failure = rule, &THREE);
        run(&mut saga, ends).split_off(3)
    };
    let ends = [StepEnd::Done, StepEnd::Done, StepEnd::Rejected, StepEnd::Failed];
    let (first, second) = (Next::Compensate(1), Next::Compensate(0));
    let stuck = Next::NeedsIntervention;
    assert_eq!(told(CompensationFailure::Swallow, &ends), [first, second, Next::RolledBack]);
    assert_eq!(told(CompensationFailure::Continue, &ends), [first, second, stuck]);
    assert_eq!(told(CompensationFailure::Stop, &ends), [first, stuck]);
}

#[test]
fn attempts_follow_after_doubling_waits_and_rejections_end_them() {
    let mut saga = hardened(
        |config| {
            config.action_attempts = 3;
            config.compensation_attempts = 2;
        },
        &THREE,
    );
    let (failed, unknown) = (StepEnd::Failed, StepEnd::Unknown);
    let twice = Next::Pause(Span::from_secs(2));
    let told = run(&mut saga, &[failed, unknown, failed, failed, StepEnd::Done]);
    let act = Next::Act(0);
    let undo = Next::Compensate(0);
    assert_eq!(told, [act, RETRY, act, twice, act, undo, RETRY, undo, Next::RolledBack]);

    let told = run(&mut saga, &[StepEnd::Rejected]);
    assert_eq!(told, [act, Next::RolledBack], "nothing happened, nothing is undone");
    let told = run(&mut saga, &[failed, StepEnd::Rejected]);
    assert_eq!(told[2..], [act, undo, Next::RolledBack], "the first attempt may have happened");
    assert_eq!(saga.cause(), Some((0, StepEnd::Rejected)));
    let told = run(&mut saga, &[failed, failed, failed, StepEnd::Rejected]);
    assert_eq!(told[5..], [undo, Next::NeedsIntervention]);
}

#[test]
fn waits_double_up_to_the_longest() {
    let config = SagaConfig::hardened();
    let seconds = |attempt| config.delay(attempt).as_nanos() / 1_000_000_000;
    assert_eq!(
        [1, 2, 3, 7, 8, 9, 64, 65, u32::MAX].map(seconds),
        [1, 2, 4, 64, 100, 100, 100, 100, 100]
    );
}

#[test]
fn behind_the_pivot_there_is_only_forward() {
    let (done, failed, rejected) = (StepEnd::Done, StepEnd::Failed, StepEnd::Rejected);
    let mut saga = hardened(|config| config.retriable_attempts = 3, &PIVOTED);
    let told = run(&mut saga, &[done, done, failed, failed]);
    let act = Next::Act(2);
    let twice = Next::Pause(Span::from_secs(2));
    assert_eq!(told[2..], [act, RETRY, act, twice, act, Next::Committed]);
    let told = run(&mut saga, &[done, done, failed, failed, failed]);
    assert_eq!(told[6..], [act, Next::NeedsIntervention]);
    let told = run(&mut saga, &[done, done, rejected]);
    assert_eq!(told[2..], [act, Next::NeedsIntervention], "trying again does not help");
    assert_eq!(saga.cause(), Some((2, rejected)));
}

#[test]
fn a_pivot_that_did_not_happen_turns_back_and_one_in_doubt_cannot() {
    let mut saga = hardened(|_| {}, &PIVOTED);
    let told = run(&mut saga, &[StepEnd::Done, StepEnd::Rejected]);
    assert_eq!(told[2..], [Next::Compensate(0), Next::RolledBack]);
    let told = run(&mut saga, &[StepEnd::Done, StepEnd::Unknown]);
    assert_eq!(told[2..], [Next::NeedsIntervention]);
}

#[test]
fn steps_that_make_no_sense_are_refused() {
    use StepKind::{Compensatable, Pivot, Retriable};
    let try_kinds = |kinds: &[(StepKind, bool)]| {
        let mut saga = Saga::new(SagaConfig::hardened());
        let steps = kinds.iter().map(|(kind, has_compensation)| SagaStepSpec {
            name: Name(0),
            kind: *kind,
            has_compensation: *has_compensation,
        });
        let wrong = steps.map(|step| saga.try_add_step(step).err());
        wrong.last().flatten().map(|mistake| mistake.message)
    };
    for (kinds, message) in [
        (&[(Compensatable, false)] as &[_], "nothing undoes this step"),
        (&[(Retriable, false)], "there is no pivot before this step"),
        (&[(Pivot, false), (Pivot, false)], "there is a pivot before this one"),
        (&[(Pivot, false), (Compensatable, true)], "behind the pivot there is no way back"),
        (&[(Pivot, true)], "a step from which there is no way back is never undone"),
        (
            &[(Pivot, false), (Retriable, true)],
            "a step from which there is no way back is never undone",
        ),
    ] {
        assert_eq!(try_kinds(kinds).as_deref(), Some(message));
    }
    assert_eq!(try_kinds(&[(Compensatable, true), (Pivot, false), (Retriable, false)]), None);
    let step = SagaStepSpec { name: Name(0), kind: Compensatable, has_compensation: false };
    assert!(Saga::default().try_add_step(step).is_ok(), "the guide passes over it");
}

#[test]
fn causes_that_are_discarded_are_not_told() {
    let mut saga = hardened(|config| config.cause = Cause::Discarded, &THREE);
    run(&mut saga, &[StepEnd::Failed]);
    assert_eq!(saga.cause(), None);
}

#[test]
fn what_ends_without_an_attempt_and_what_resumes_without_a_wait_changes_nothing() {
    let mut saga = hardened(|config| config.action_attempts = 2, &THREE);
    assert_eq!((saga.ended(true), saga.resume()), (None, None));
    saga.begin();
    assert_eq!(saga.resume(), None);
    assert_eq!(saga.ended(false), Some(RETRY));
    assert_eq!((saga.ended(true), saga.attempt()), (None, 2), "it waits");
    assert_eq!(saga.resume(), Some(Next::Act(0)));
}

#[test]
fn every_checkpoint_reads_back_and_no_other_number_does() {
    use SagaPlace::{Acting, Compensating, Ended, New};
    let places = [
        New,
        Acting(0),
        Acting(65_535),
        Compensating(0),
        Compensating(65_535),
        Ended(SagaEnd::Committed),
        Ended(SagaEnd::Compensated),
        Ended(SagaEnd::NeedsIntervention),
    ];
    let mut rows = std::collections::BTreeSet::new();
    for place in places {
        for attempt in [1, 2, 65_535] {
            for failed in [None, Some((0, StepEnd::Failed)), Some((65_534, StepEnd::Unknown))] {
                for is_unresolved in [false, true] {
                    let doubt = if is_unresolved { StepEnd::Unknown } else { StepEnd::Rejected };
                    let record = Checkpoint { place, attempt, failed, doubt, is_unresolved };
                    let row = record.to_row();
                    assert_eq!(Checkpoint::from_row(row), Some(record));
                    assert!(row > 0 && rows.insert(row), "{record:?}");
                }
            }
        }
    }
    for row in [0, -1, i64::MIN, 1 << 55 | 1, 0b1111, i64::MAX] {
        assert_eq!(Checkpoint::from_row(row), None, "{row}");
    }
}

#[test]
fn every_number_that_makes_no_sense_is_a_mistake() {
    let wrong = |change: fn(&mut SagaConfig)| {
        let mut config = SagaConfig::hardened();
        change(&mut config);
        config.mistakes().into_iter().map(|mistake| mistake.option).collect::<Vec<_>>()
    };
    assert_eq!(wrong(|_| {}), [""; 0]);
    assert_eq!(SagaConfig::guide().mistakes(), []);
    assert_eq!(wrong(|config| config.action_attempts = 0), ["action_attempts"]);
    assert_eq!(wrong(|config| config.compensation_attempts = 1_001), ["compensation_attempts"]);
    assert_eq!(wrong(|config| config.retriable_attempts = 0), ["retriable_attempts"]);
    assert_eq!(wrong(|config| config.step_timeout = Timeout::After(Span::ZERO)), ["step_timeout"]);
    assert_eq!(
        wrong(|config| config.retry_delay_max = Span::from_millis(999)),
        ["retry_delay_max"]
    );
    assert_eq!(wrong(|config| config.retry_delay_max = Span::from_secs(1)), [""; 0]);
    assert_eq!(wrong(|config| config.same_id = SameId::Runs), ["same_id"]);
}

#[test]
fn a_lock_goes_to_whoever_waits_longest() {
    let mut locks = SagaLocks::new(SemanticLock::Queues);
    assert_eq!(locks.acquire(1, 'a'), Locked::Granted);
    assert_eq!(locks.acquire(1, 'b'), Locked::Queued);
    assert_eq!(locks.acquire(1, 'c'), Locked::Queued);
    assert_eq!(locks.acquire(2, 'd'), Locked::Granted);
    assert_eq!(locks.release(1), Some('b'));
    assert_eq!((locks.release(1), locks.release(1), locks.release(1)), (Some('c'), None, None));
    assert_eq!(locks.len(), 1);
    assert_eq!((locks.release(2), locks.is_empty()), (None, true));
}

#[test]
fn a_lock_that_aborts_refuses_the_second_and_no_lock_refuses_nobody() {
    let mut locks = SagaLocks::new(SemanticLock::Aborts);
    assert_eq!([locks.acquire(1, 'a'), locks.acquire(1, 'b')], [Locked::Granted, Locked::Refused]);
    assert_eq!(locks.release(1), None);
    assert_eq!(locks.acquire(1, 'b'), Locked::Granted);
    let mut locks = SagaLocks::new(SemanticLock::Absent);
    assert_eq!([locks.acquire(1, 'a'), locks.acquire(1, 'b')], [Locked::Granted, Locked::Granted]);
    assert!(locks.is_empty());
}
