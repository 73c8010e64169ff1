//! What a saga keeps and loses outside an execution, and what it ignores inside one.

use brownout_models::Name;
use brownout_models::policy::{Next, Saga, SagaConfig, StepEnd};

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
