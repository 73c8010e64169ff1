//! What two sagas do to each other without isolation (SG-9), and what a semantic lock makes of it:
//! every interleaving, by hand.

use std::collections::BTreeSet;

use brownout_models::policy::{Locked, SagaLocks, SemanticLock};

/// A step of a saga on one row that both use.
#[derive(Clone, Copy)]
enum Step {
    /// Look at the row.
    Read,
    /// Write what was seen, and this much more.
    WriteMore(i64),
    /// Add to the row.
    Add(i64),
}

/// What became of it: the row, and what each saga saw.
type Outcome = (i64, Vec<Vec<i64>>);

/// Runs the sagas in this order of turns, each under the lock from its first step to its last. A
/// saga that waits for the lock takes its turn when it gets it.
fn run(sagas: &[&[Step]], turns: &[usize], rule: SemanticLock) -> Option<Outcome> {
    const KEY: u64 = 7;
    let mut locks = SagaLocks::new(rule);
    let (mut row, mut seen) = (0, vec![Vec::new(); sagas.len()]);
    let mut next = vec![0; sagas.len()];
    let mut is_waiting = vec![false; sagas.len()];
    for turn in turns {
        if next[*turn] == 0 && !is_waiting[*turn] {
            match locks.acquire(KEY, *turn) {
                Locked::Granted => {}
                Locked::Queued => is_waiting[*turn] = true,
                Locked::Refused => return None,
            }
        }
        if is_waiting[*turn] {
            // Whoever waits does nothing: this order of turns does not happen.
            return None;
        }
        match sagas[*turn][next[*turn]] {
            Step::Read => seen[*turn].push(row),
            Step::WriteMore(more) => row = seen[*turn].last().copied().unwrap_or(0) + more,
            Step::Add(amount) => row += amount,
        }
        next[*turn] += 1;
        if next[*turn] == sagas[*turn].len()
            && let Some(woken) = locks.release(KEY)
        {
            is_waiting[woken] = false;
        }
    }
    Some((row, seen))
}

/// Every order in which two sagas can take their turns.
fn interleavings(first: usize, second: usize) -> Vec<Vec<usize>> {
    if first == 0 || second == 0 {
        return vec![[vec![0; first], vec![1; second]].concat()];
    }
    let after =
        |who, rest: Vec<Vec<usize>>| rest.into_iter().map(move |turns| [vec![who], turns].concat());
    after(0, interleavings(first - 1, second))
        .chain(after(1, interleavings(first, second - 1)))
        .collect()
}

/// How many interleavings happen, and how many of them end as no serial order does.
fn anomalies(sagas: [&[Step]; 2], rule: SemanticLock) -> (usize, usize) {
    let [first, second] = sagas.map(<[Step]>::len);
    let serial: BTreeSet<Outcome> = [(0, first, 1, second), (1, second, 0, first)]
        .into_iter()
        .filter_map(|(one, times, other, then)| {
            run(&sagas, &[vec![one; times], vec![other; then]].concat(), rule)
        })
        .collect();
    assert_eq!(serial.len(), 2, "the order of the two makes a difference");
    let outcomes = interleavings(first, second).into_iter();
    let outcomes: Vec<Outcome> = outcomes.filter_map(|turns| run(&sagas, &turns, rule)).collect();
    let wrong = outcomes.iter().filter(|outcome| !serial.contains(outcome)).count();
    (outcomes.len(), wrong)
}

/// Both read and then write: 6 interleavings of 2 and 2, and in the 4 that are not serial both read
/// before either writes, so one update is lost.
#[test]
fn sg_9_an_update_is_lost_without_a_lock_and_none_with_one() {
    let sagas: [&[Step]; 2] =
        [&[Step::Read, Step::WriteMore(1)], &[Step::Read, Step::WriteMore(10)]];
    assert_eq!(anomalies(sagas, SemanticLock::Absent), (6, 4));
    assert_eq!(anomalies(sagas, SemanticLock::Queues), (2, 0));
    assert_eq!(anomalies(sagas, SemanticLock::Aborts), (2, 0));
}

/// One adds, works on, fails and undoes; the other looks. Of 4 moments to look, 2 show what never
/// was.
#[test]
fn sg_9_what_will_be_undone_is_seen_without_a_lock_and_never_with_one() {
    let undone = &[Step::Add(5), Step::Add(0), Step::Add(-5)];
    let watcher = &[Step::Read];
    let clean: Outcome = (0, vec![vec![], vec![0]]);
    let dirty = |rule| {
        let outcomes = interleavings(3, 1)
            .into_iter()
            .filter_map(|turns| run(&[undone, watcher], &turns, rule));
        let outcomes: Vec<Outcome> = outcomes.collect();
        (outcomes.len(), outcomes.iter().filter(|outcome| **outcome != clean).count())
    };
    assert_eq!(dirty(SemanticLock::Absent), (4, 2));
    assert_eq!(dirty(SemanticLock::Queues), (2, 0));
    assert_eq!(dirty(SemanticLock::Aborts), (2, 0));
}

#[test]
fn a_key_is_locked_as_long_as_anybody_holds_it() {
    let mut locks = SagaLocks::new(SemanticLock::Queues);
    assert!(locks.is_empty());
    assert_eq!([1, 2].map(|holder| locks.acquire(7, holder)), [Locked::Granted, Locked::Queued]);
    assert_eq!((locks.is_empty(), locks.len()), (false, 1));
    assert_eq!(locks.release(7), Some(2));
    assert!(!locks.is_empty());
    assert_eq!(locks.release(7), None);
    assert!(locks.is_empty());
}
