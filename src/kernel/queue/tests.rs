//! The queue against a naive one, and its edges one by one.

use std::iter;

use proptest::prelude::*;

use super::*;

/// The reference: pending events as (time, number of the push), searched in full.
#[derive(Clone, Default)]
struct Naive {
    now: u64,
    pushes: usize,
    pending: Vec<(u64, usize)>,
}

impl Naive {
    fn push(&mut self, at: u64) -> usize {
        self.pending.push((at, self.pushes));
        self.pushes += 1;
        self.pushes - 1
    }

    fn pop(&mut self) -> Option<(Time, usize)> {
        let first = *self.pending.iter().min()?;
        self.pending.retain(|event| *event != first);
        self.now = first.0;
        Some((Time::from_nanos(first.0), first.1))
    }

    fn pop_at(&mut self, now: Time) -> Option<usize> {
        let due = now.as_nanos() == self.now && self.next_at() == Some(now);
        if due { self.pop().map(|(_, push)| push) } else { None }
    }

    fn remove(&mut self, push: usize) -> Option<usize> {
        let place = self.pending.iter().position(|(_, other)| *other == push)?;
        Some(self.pending.remove(place).1)
    }

    fn next_at(&self) -> Option<Time> {
        self.pending.iter().min().map(|(at, _)| Time::from_nanos(*at))
    }

    fn ordered(&self) -> Vec<(Time, usize)> {
        let mut all = self.pending.clone();
        all.sort_unstable();
        all.into_iter().map(|(at, push)| (Time::from_nanos(at), push)).collect()
    }
}

#[derive(Clone, Debug)]
enum Call {
    Push { delay: u64 },
    PushMany { delay: u64, step: u64, times: u8 },
    Pop { times: u8 },
    PopDue,
    Round,
    PopElsewhere { at: u64 },
    Remove { push: prop::sample::Index },
    Clone,
    CloneInto,
    Clear,
}

fn delays() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => Just(0),
        3 => 1..4_u64,
        3 => 1..200_u64,
        3 => 1..10_000_u64,
        3 => 1..100_000_000_u64,
        1 => any::<u64>(),
        1 => (u64::MAX - 70)..=u64::MAX,
    ]
}

fn calls() -> impl Strategy<Value = Call> {
    prop_oneof![
        30 => delays().prop_map(|delay| Call::Push { delay }),
        3 => (delays(), 0..3_u64, 1..40_u8)
            .prop_map(|(delay, step, times)| Call::PushMany { delay, step, times }),
        30 => (1..4_u8).prop_map(|times| Call::Pop { times }),
        1 => (4..100_u8).prop_map(|times| Call::Pop { times }),
        10 => Just(Call::PopDue),
        10 => Just(Call::Round),
        2 => delays().prop_map(|at| Call::PopElsewhere { at }),
        15 => any::<prop::sample::Index>().prop_map(|push| Call::Remove { push }),
        3 => Just(Call::Clone),
        3 => Just(Call::CloneInto),
        1 => Just(Call::Clear),
    ]
}

/// A queue and its reference, and the handle of every push since the start.
#[derive(Default)]
struct Pair {
    queue: Queue<usize>,
    naive: Naive,
    handles: Vec<Handle>,
}

impl Pair {
    fn push(&mut self, delay: u64) {
        let at = self.naive.now.saturating_add(delay);
        let push = self.naive.push(at);
        self.handles.push(self.queue.push(Time::from_nanos(at), push));
    }

    fn call(&mut self, call: &Call) {
        let now = Time::from_nanos(self.naive.now);
        match call {
            Call::Push { delay } => self.push(*delay),
            Call::PushMany { delay, step, times } => {
                (0..u64::from(*times)).for_each(|turn| self.push(delay.saturating_add(turn * step)))
            }
            Call::Pop { times } => {
                (0..*times).for_each(|_| assert_eq!(self.queue.pop(), self.naive.pop()));
            }
            Call::PopDue => assert_eq!(self.queue.pop_at(now), self.naive.pop_at(now)),
            Call::Round if !self.queue.is_in_round() => self.begin_round(),
            Call::Round => {}
            Call::PopElsewhere { at } => {
                let at = Time::from_nanos(*at);
                assert_eq!(self.queue.pop_at(at), self.naive.pop_at(at));
            }
            // Most of these are stale, some from before a clear.
            Call::Remove { push } if !self.handles.is_empty() => {
                let push = push.index(self.handles.len());
                let removed = self.queue.remove(self.handles[push]);
                assert_eq!(removed, self.naive.remove(push));
            }
            Call::Remove { .. } => assert_eq!(self.queue.remove(Handle::default()), None),
            Call::Clone => self.queue = self.queue.clone(),
            Call::CloneInto => {
                let mut copy = Queue::new();
                copy.push(now, 0);
                copy.clone_from(&self.queue);
                self.queue = copy;
            }
            Call::Clear => {
                self.queue.clear();
                self.naive = Naive { pushes: self.naive.pushes, ..Naive::default() };
            }
        }
    }

    /// Nothing is due sooner or later than without a round, as its order stays.
    fn begin_round(&mut self) {
        let Some((at, lead)) = self.queue.lead() else { return };
        self.naive.now = at.as_nanos();
        let due = self.naive.ordered().into_iter().take_while(|(time, _)| *time == at);
        let mut due = due.map(|(_, push)| push);
        self.queue.begin_round(lead, |_, push| {
            assert_eq!(Some(*push), due.next());
            Goes::Last
        });
        assert_eq!(due.next(), None);
    }

    fn agree(&self) {
        let expected = self.naive.ordered();
        assert_eq!(self.queue.len(), expected.len());
        assert_eq!(self.queue.is_empty(), expected.is_empty());
        assert_eq!(self.queue.next_at(), self.naive.next_at());
        assert_eq!(pairs(self.queue.ordered().into_iter()), expected);
        let mut all = pairs(self.queue.iter());
        all.sort_unstable();
        assert_eq!(all, expected);
    }
}

fn pairs<'a>(events: impl Iterator<Item = (Time, &'a usize)>) -> Vec<(Time, usize)> {
    events.map(|(at, push)| (at, *push)).collect()
}

fn drained(mut queue: Queue<usize>) -> Vec<(Time, usize)> {
    iter::from_fn(|| queue.pop()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn every_call_answers_as_the_naive_queue_does(
        calls in prop::collection::vec(calls(), 1..300),
    ) {
        let mut pair = Pair::default();
        for call in &calls {
            pair.call(call);
            pair.agree();
        }
        assert_eq!(drained(pair.queue), pair.naive.ordered());
    }

    #[test]
    fn a_clone_continues_as_its_original(
        before in prop::collection::vec(calls(), 1..100),
        after in prop::collection::vec(delays(), 1..50),
    ) {
        let mut pair = Pair::default();
        before.iter().for_each(|call| pair.call(call));
        let mut copy = pair.queue.clone();
        for delay in after {
            prop_assert_eq!(copy.pop(), pair.queue.pop());
            let at = Time::from_nanos(pair.queue.now.saturating_add(delay));
            prop_assert_eq!(copy.push(at, 0), pair.queue.push(at, 0));
        }
        prop_assert_eq!(drained(copy), drained(pair.queue));
    }
}

/// Pushes all that is given and returns what pops.
fn popped(times: &[u64]) -> Vec<(u64, usize)> {
    let mut queue = Queue::new();
    for (push, at) in times.iter().enumerate() {
        queue.push(Time::from_nanos(*at), push);
    }
    drained(queue).into_iter().map(|(at, push)| (at.as_nanos(), push)).collect()
}

#[test]
fn events_pop_by_time_and_then_by_push() {
    for at in [0, 1, 63, 64, 1 << 30, u64::MAX] {
        let pushes: Vec<usize> = popped(&[at; 100]).into_iter().map(|(_, push)| push).collect();
        assert_eq!(pushes, (0..100).collect::<Vec<_>>(), "all at {at}");
    }
    let edges = [u64::MAX, u64::MAX - 1, 1 << 63, 1 << 60, (1 << 60) - 1, 64, 63, 1, 0];
    let expected: Vec<_> = edges.iter().copied().zip(0..edges.len()).rev().collect();
    assert_eq!(popped(&edges), expected);
}

#[test]
fn peeking_changes_nothing() {
    let mut queue = Queue::new();
    for at in [9, 5_000, 70, 5_000, 1 << 40] {
        queue.push(Time::from_nanos(at), at);
    }
    let copy = queue.clone();
    for _ in 0..3 {
        assert_eq!(queue.next_at(), Some(Time::from_nanos(9)));
        assert_eq!(queue.pop_at(Time::from_nanos(9)), None, "9 is not the present yet");
        assert_eq!(queue.pop_at(Time::ZERO), None);
    }
    // Had any of that moved the present, this push would be late.
    queue.push(Time::from_nanos(1), 1);
    assert_eq!(queue.pop(), Some((Time::from_nanos(1), 1)));
    assert_eq!(queue.ordered(), copy.ordered());
}

#[test]
fn a_push_at_the_present_pops_behind_its_ties_and_before_the_future() {
    let mut queue = Queue::new();
    for (push, at) in [500, 500, 501].into_iter().enumerate() {
        queue.push(Time::from_nanos(at), push);
    }
    assert_eq!(queue.pop(), Some((Time::from_nanos(500), 0)));
    queue.push(Time::from_nanos(500), 3);
    assert_eq!(queue.pop_at(Time::from_nanos(500)), Some(1));
    assert_eq!(queue.pop_at(Time::from_nanos(500)), Some(3));
    assert_eq!(queue.pop_at(Time::from_nanos(500)), None);
    assert_eq!(queue.pop(), Some((Time::from_nanos(501), 2)));
}

#[test]
fn a_stale_handle_removes_nothing() {
    let mut queue = Queue::new();
    let first = queue.push(Time::from_nanos(3), "first");
    assert_eq!(queue.remove(first), Some("first"));
    let second = queue.push(Time::from_nanos(3), "second");
    assert_eq!(queue.remove(first), None, "its entry now holds the second");
    queue.clear();
    queue.push(Time::from_nanos(3), "third");
    assert_eq!(queue.remove(second), None, "its entry now holds the third");
    assert_eq!(queue.remove(Handle::default()), None);
    assert_eq!(queue.len(), 1);
}
