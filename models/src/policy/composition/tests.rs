use super::*;
use crate::Span;
use crate::policy::Timeout;

const SECOND: Span = Span::from_secs(1);

fn composition(config: CompositionConfig, needs: &[Need]) -> Composition<char, char> {
    let part = |(name, need): (u32, &Need)| PartSpec { name: Name(name), need: *need };
    let mut composition =
        Composition::new(config, (0..).zip(needs).map(part).collect(), Time::ZERO);
    composition.begin();
    composition
}

fn done(demands: &[Demand<char, char>]) -> &Composed<char, char> {
    match demands.last() {
        Some(Demand::Done(composed)) => composed,
        other => panic!("not over: {other:?}"),
    }
}

const ALL: [Need; 3] = [Need::Required; 3];

#[test]
fn ac_2_a_doomed_composition_ends_at_once_or_waits_for_nothing() {
    let mut waits = composition(CompositionConfig::guide(), &ALL);
    assert_eq!(waits.ended(Time::ZERO, (1, 1), Err('x')), []);
    assert_eq!(waits.ended(Time::ZERO, (0, 1), Ok('a')), []);
    let demands = waits.ended(Time::ZERO, (2, 1), Ok('c'));
    assert!(!done(&demands).is_ok());
    let mut ends = composition(CompositionConfig::hardened(), &ALL);
    let demands = ends.ended(Time::ZERO, (1, 1), Err('x'));
    let cancel = |part| Demand::Cancel { part, attempt: 1 };
    assert_eq!(demands[..2], [cancel(0), cancel(2)]);
    let cancelled = Err(Missing::Cancelled);
    assert_eq!(done(&demands).parts, [cancelled, Err(Missing::Failed('x')), cancelled]);
    assert_eq!(ends.ended(Time::ZERO, (0, 1), Ok('a')), [], "it is over");
}

#[test]
fn ac_4_errors_come_as_they_arrive_or_as_the_parts_are_declared() {
    let errors = |errors| {
        let on_failure = OnPartFailure::Waits;
        let config = CompositionConfig { errors, on_failure, ..CompositionConfig::guide() };
        let mut composition = composition(config, &ALL);
        composition.ended(Time::ZERO, (2, 1), Err('z'));
        composition.ended(Time::ZERO, (0, 1), Err('x'));
        done(&composition.ended(Time::ZERO, (1, 1), Ok('b'))).errors.clone()
    };
    assert_eq!(errors(ErrorOrder::ByArrival), [2, 0]);
    assert_eq!(errors(ErrorOrder::ByPart), [0, 2]);
}

#[test]
fn ac_1_what_can_be_missed_is_missed() {
    let needs = [Need::Required, Need::Optional];
    let mut composition = composition(CompositionConfig::hardened(), &needs);
    assert_eq!(composition.ended(Time::ZERO, (1, 1), Err('x')), []);
    let demands = composition.ended(Time::ZERO, (0, 1), Ok('a'));
    assert!(done(&demands).is_ok());
    assert_eq!(done(&demands).errors, [1]);
}

#[test]
fn what_is_not_there_by_the_deadline_is_too_late() {
    let deadline = Timeout::After(SECOND);
    let needs = [Need::Required, Need::Optional];
    for (arrives, is_ok) in [(0, true), (1, false)] {
        let config = CompositionConfig { deadline, ..CompositionConfig::hardened() };
        let mut composition = composition(config, &needs);
        composition.ended(Time::ZERO, (arrives, 1), Ok('a'));
        assert_eq!(composition.due(), Some(Time::ZERO + SECOND));
        assert_eq!(composition.wake(Time::from_nanos(999_999_999)), []);
        let demands = composition.wake(Time::ZERO + SECOND);
        assert_eq!(demands[0], Demand::Cancel { part: 1 - arrives, attempt: 1 });
        assert_eq!(done(&demands).parts[1 - arrives], Err(Missing::TooLate));
        assert_eq!(done(&demands).is_ok(), is_ok);
        assert_eq!((composition.due(), composition.wake(Time::NEVER)), (None, vec![]));
    }
}

#[test]
fn a_slow_part_is_asked_for_again_and_the_first_answer_counts() {
    let hedging_delay = Timeout::After(SECOND);
    let config =
        CompositionConfig { hedging_delay, hedging_attempts: 3, ..CompositionConfig::hardened() };
    let mut composition = composition(config, &[Need::Required]);
    let ask = |attempt| Demand::Ask { part: 0, attempt };
    assert_eq!(composition.wake(Time::from_nanos(999_999_999)), []);
    assert_eq!(composition.wake(Time::ZERO + SECOND), [ask(2)]);
    assert_eq!(composition.due(), Some(Time::ZERO + SECOND.times(2)));
    assert_eq!(composition.wake(Time::ZERO + SECOND.times(2)), [ask(3)]);
    assert_eq!(composition.due(), Some(Time::ZERO + SECOND.times(30)));
    assert_eq!(composition.ended(Time::NEVER, (0, 2), Err('x')), [], "two may still come");
    let demands = composition.ended(Time::NEVER, (0, 3), Ok('c'));
    assert_eq!(demands[0], Demand::Cancel { part: 0, attempt: 1 });
    assert_eq!(done(&demands).parts, [Ok(('c', 3))]);
}

#[test]
fn a_part_that_nobody_asked_for_yet_has_no_hedge() {
    let hedging_delay = Timeout::After(SECOND);
    let config =
        CompositionConfig { hedging_delay, hedging_attempts: 3, ..CompositionConfig::guide() };
    let part = PartSpec { name: Name(0), need: Need::Required };
    let mut composition = Composition::<char, char>::new(config, vec![part], Time::ZERO);
    assert_eq!((composition.due(), composition.wake(Time::ZERO + SECOND)), (None, vec![]));
    composition.begin();
    assert_eq!(composition.due(), Some(Time::ZERO + SECOND));
}

#[test]
fn a_composition_of_nothing_is_there_at_once() {
    let mut nothing =
        Composition::<char, char>::new(CompositionConfig::guide(), vec![], Time::ZERO);
    assert!(done(&nothing.begin()).is_ok());
}

#[test]
fn numbers_that_make_no_sense_are_mistakes() {
    let config = CompositionConfig {
        deadline: Timeout::After(Span::ZERO),
        hedging_delay: Timeout::After(Span::ZERO),
        hedging_attempts: 0,
        ..CompositionConfig::hardened()
    };
    let options: Vec<_> = config.mistakes().into_iter().map(|wrong| wrong.option).collect();
    assert_eq!(options, ["deadline", "hedging_delay", "hedging_attempts"]);
    assert_eq!(CompositionConfig::hardened().mistakes(), []);
    assert_eq!(CompositionConfig::guide().mistakes(), []);
}
