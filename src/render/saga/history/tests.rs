use super::*;

const SAGA: Name = Name(0);
const KEY: u64 = 5;

/// Reads entries of one orchestrator, one a nanosecond, each with what it follows from.
fn read(entries: Vec<(u64, What<Fact>)>) -> Vec<Execution> {
    let entry = |(seq, (cause, what))| {
        let at = Time::from_nanos(seq);
        Entry { seq, cause, flow: FlowId(7), at, node: NodeId(3), what }
    };
    let entries: Vec<_> = (0..).zip(entries).map(entry).collect();
    executions(entries.iter())
}

fn wake() -> What<Fact> {
    What::Woke { timer: 0 }
}

fn began() -> What<Fact> {
    What::Noted(Fact::SagaBegan { saga: SAGA, key: KEY })
}

fn resumed() -> What<Fact> {
    What::Noted(Fact::SagaResumed { saga: SAGA, key: KEY })
}

fn step(step: u32, failure: Option<Failure>) -> What<Fact> {
    let (saga, key, name, compensation) = (SAGA, KEY, SAGA, false);
    What::Noted(Fact::SagaStep { saga, key, step, name, compensation, failure })
}

fn ended(committed: bool) -> What<Fact> {
    What::Noted(Fact::SagaEnded { saga: SAGA, key: KEY, committed })
}

fn tries(step: u32, attempts: u32, failure: Option<Failure>, at: u64) -> Act {
    let (name, compensation, at) = (SAGA, false, Time::from_nanos(at));
    Act::Step(Tries { step, name, compensation, attempts, failure, at })
}

#[test]
fn executions_that_overlap_are_told_apart_by_what_they_follow_from() {
    let failure = Some(Failure::Rejected);
    let sagas = read(vec![
        (0, wake()),
        (0, began()),
        (2, wake()),
        (2, began()),
        (2, wake()), // an answer to the second
        (4, step(0, failure)),
        (0, wake()), // an answer to the first
        (6, step(0, None)),
        (4, ended(false)),
        (6, ended(true)),
    ]);
    let [first, second] = &sagas[..] else { panic!("{sagas:?}") };
    assert_eq!(first.acts, [tries(0, 1, None, 7)]);
    assert_eq!(first.end, End::Committed(Time::from_nanos(9)));
    assert_eq!(second.acts, [tries(0, 1, failure, 5)]);
    assert_eq!(second.end, End::Compensated(Time::from_nanos(8)));
}

#[test]
fn attempts_in_a_row_are_one_act_and_a_crash_parts_them() {
    let failure = Some(Failure::TimedOut);
    let sagas = read(vec![
        (0, began()),
        (0, step(0, failure)),
        (0, step(0, failure)),
        (3, What::Crashed { after: None }),
        (4, What::Started { life: 2 }),
        (4, resumed()),
        (4, step(0, None)),
    ]);
    let [saga] = &sagas[..] else { panic!("{sagas:?}") };
    let crashed = Act::Crashed { life: 1, at: Time::from_nanos(3) };
    let resumed = Act::Resumed { life: 2, at: Time::from_nanos(5) };
    let acts = [tries(0, 2, failure, 2), crashed, resumed, tries(0, 1, None, 6)];
    assert_eq!(saga.acts, acts);
    assert_eq!((saga.end, saga.under_way()), (End::Unfinished, Some(1)));
}

#[test]
fn what_the_next_life_does_not_take_up_is_lost() {
    let crash = What::Crashed { after: None };
    let mut entries = vec![(0, began()), (1, crash)];
    assert_eq!(read(entries.clone())[0].end, End::Unfinished);
    entries.push((2, What::Started { life: 2 }));
    let lost = End::Lost(Time::from_nanos(1));
    assert_eq!(read(entries.clone())[0].end, lost);
    // The same work comes again, as a saga of its own.
    entries.extend([(3, began()), (3, ended(true))]);
    let ends: Vec<End> = read(entries).iter().map(|saga| saga.end).collect();
    assert_eq!(ends, [lost, End::Committed(Time::from_nanos(4))]);
}

#[test]
fn a_saga_that_crashed_before_it_said_that_it_began_is_seen_when_it_goes_on() {
    let sagas = read(vec![(0, What::Started { life: 2 }), (0, resumed()), (0, ended(true))]);
    let [saga] = &sagas[..] else { panic!("{sagas:?}") };
    assert_eq!(saga.acts, [Act::Resumed { life: 2, at: Time::from_nanos(1) }]);
    assert_eq!(saga.end, End::Committed(Time::from_nanos(2)));
}

#[test]
fn requests_in_a_row_that_join_are_one_act_and_change_nothing_else() {
    let joined = || What::Noted(Fact::SagaJoined { saga: SAGA, key: KEY });
    let mut entries = vec![(0, joined()), (0, began()), (0, step(0, None)), (0, joined())];
    entries.push((0, joined()));
    let sagas = read(entries.clone());
    let [saga] = &sagas[..] else { panic!("{sagas:?}") };
    let both = Act::Joined { requests: 2, at: Time::from_nanos(4) };
    assert_eq!(saga.acts, [tries(0, 1, None, 2), both]);
    assert_eq!(saga.under_way(), Some(1), "the second step is under way all the same");
    entries.extend([(0, step(1, None)), (0, ended(true)), (0, joined())]);
    let sagas = read(entries);
    let [saga] = &sagas[..] else { panic!("{sagas:?}") };
    let late = Act::Joined { requests: 1, at: Time::from_nanos(7) };
    assert_eq!(saga.acts, [tries(0, 1, None, 2), both, tries(1, 1, None, 5), late]);
    assert_eq!(saga.end, End::Committed(Time::from_nanos(6)));
}
