//! What a saga keeps and loses outside an execution, and what it ignores inside one.

use brownout_models::Name;
use brownout_models::policy::{Checkpoint, Next, Saga, SagaConfig, SagaPlace, StepEnd};

fn two_steps() -> Saga {
    let mut saga = Saga::new(SagaConfig::hardened());
    saga.add_step(Name(7), true);
    saga.add_step(Name(8), true);
    saga
}

#[test]
fn a_crash_without_a_log_leaves_the_steps_and_nothing_else() {
    let mut saga = two_steps();
    saga.begin();
    assert_eq!(saga.ended(true), Some(Next::Act(1)));
    saga.forget();
    assert!(!saga.is_running() && saga.completed().is_empty());
    assert_eq!((saga.current_step(), saga.end()), (0, None));
    let name = |number| saga.step(number).map(|step| step.name);
    assert_eq!([0, 1, 2].map(name), [Some(Name(7)), Some(Name(8)), None]);
    assert_eq!(saga.begin(), Some(Next::Act(0)), "from the start");
}

#[test]
fn a_compensation_under_way_has_no_wait_that_could_be_over() {
    let mut saga = two_steps();
    saga.begin();
    saga.ended(true);
    assert_eq!(saga.ended(StepEnd::Rejected), Some(Next::Compensate(0)));
    assert_eq!(saga.resume(), None);
}

#[test]
fn only_the_hardened_saga_writes_a_log() {
    assert!(SagaConfig::hardened().is_logged() && !SagaConfig::guide().is_logged());
}

#[test]
fn a_log_counts_attempts_and_steps_as_far_as_sixteen_bits_go() {
    for (number, written) in
        [(65_534, 65_534), (65_535, 65_535), (65_536, 65_535), (70_000, 65_535)]
    {
        let record = Checkpoint {
            place: SagaPlace::Acting(number),
            attempt: u32::try_from(number).unwrap(),
            failed: Some((2, StepEnd::Rejected)),
            doubt: StepEnd::Unknown,
            is_unresolved: true,
        };
        let (place, attempt) = (SagaPlace::Acting(written), u32::try_from(written).unwrap());
        let expected = Checkpoint { place, attempt, ..record };
        assert_eq!(Checkpoint::from_row(record.to_row()), Some(expected), "{number}");
    }
}
