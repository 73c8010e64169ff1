//! A bulkhead for two, with a queue for three who wait for up to three nanoseconds.

use brownout_models::policy::{Bulkhead, BulkheadConfig, Concurrency, Entrance, Limit, Sample};
use brownout_models::{Ratio, Span, Time, Timeout};

use super::{STARTS, aged, explore, nanos};

#[derive(Clone)]
struct State {
    now: Time,
    bulkhead: Bulkhead,
    /// The tickets of those who wait.
    tickets: Vec<u64>,
}

const MOST: u32 = 2;
const QUEUE: usize = 3;
const WAIT: u64 = 3;

impl State {
    /// Empty, and so many tickets have been given out before.
    fn new(start: u64, tickets: u32) -> Self {
        let config = BulkheadConfig {
            max_concurrent: Concurrency::AtMost(MOST),
            max_waiting: 3,
            max_wait: Timeout::After(nanos(WAIT)),
            ..BulkheadConfig::hardened()
        };
        let (now, mut bulkhead) = (Time::from_nanos(start), Bulkhead::new(config));
        (0..MOST).for_each(|_| assert_eq!(bulkhead.enter(now), Entrance::Entered));
        for ticket in 0..u64::from(tickets) {
            assert_eq!(bulkhead.enter(now), Entrance::Waits(ticket));
            assert!(bulkhead.withdraw(ticket));
        }
        (0..MOST).for_each(|_| assert_eq!(bulkhead.leave(), None));
        Self { now, bulkhead, tickets: Vec::new() }
    }

    fn entered(&self) -> Self {
        let mut next = self.clone();
        let expected = (self.bulkhead.inside() < MOST, self.tickets.len() < QUEUE);
        match next.bulkhead.enter(next.now) {
            Entrance::Entered => assert!(expected.0),
            Entrance::Waits(ticket) => {
                assert_eq!(expected, (false, true));
                next.tickets.push(ticket);
            }
            Entrance::Full => assert_eq!(expected, (false, false)),
        }
        next
    }

    fn left(&self) -> Self {
        let mut next = self.clone();
        let expected = (!next.tickets.is_empty()).then(|| next.tickets.remove(0));
        assert_eq!(next.bulkhead.leave(), expected, "first come, first served");
        next
    }

    fn withdrawn(&self, place: usize) -> Self {
        let mut next = self.clone();
        let ticket = next.tickets.remove(place);
        assert!(next.bulkhead.withdraw(ticket));
        assert!(!next.bulkhead.withdraw(ticket), "only once");
        next
    }

    fn later(&self) -> Self {
        let mut next = self.clone();
        next.now += Span::from_nanos(1);
        while let Some(ticket) = next.bulkhead.expire(next.now) {
            assert_eq!(self.bulkhead.due(), Some(next.now), "nobody gives up before");
            assert_eq!(ticket, next.tickets.remove(0));
        }
        next
    }

    fn next(&self) -> Vec<Self> {
        let mut states = vec![self.entered(), self.later()];
        states.extend((self.bulkhead.inside() > 0).then(|| self.left()));
        states.extend((0..self.tickets.len()).map(|place| self.withdrawn(place)));
        for Self { now, bulkhead, tickets } in &states {
            assert!(tickets.is_empty() || bulkhead.inside() == MOST, "nobody waits beside room");
            assert_eq!(bulkhead.waiting(), tickets.len());
            assert!(bulkhead.due().is_none_or(|due| due > *now));
        }
        states
    }

    /// Who is inside, and how long each of those who wait still does.
    fn key(&self) -> String {
        let text = aged(&self.bulkhead, self.now);
        let (_, state) = text.split_once(",inside:").unwrap();
        let fields = state.split([',', '(', ')']);
        let matters = |field: &&str| !field.starts_with("ticket") && !field.is_empty();
        fields.filter(matters).collect::<Vec<_>>().join(",")
    }
}

/// With room there is nobody who waits: none or one inside. Two inside and up to three who wait for 1,
/// 2 or 3 ns more, whoever came first for the shortest: as many as there are multisets of up to three
/// numbers out of three, C(3 + 3, 3) = 20.
#[test]
fn a_bulkhead_for_two_and_a_queue_for_three_have_22_states() {
    for (start, first) in STARTS {
        let (states, _) = explore(State::new(start, first), State::key, State::next);
        assert_eq!(states, 2 + 20);
    }
}

/// A bulkhead for one and a queue for two, who wait for 1 or 2 ns as their callers do. Nobody inside,
/// or one, and behind that one nobody, or one with 1 or 2 ns left, or two with any of these each: who
/// came first need not be the first to give up. 1 + 1 + 2 + 2 * 2.
#[test]
fn a_queue_for_two_with_deadlines_of_their_own_has_eight_states() {
    let config = BulkheadConfig {
        max_concurrent: Concurrency::AtMost(1),
        max_waiting: 2,
        max_wait: Timeout::Never,
        ..BulkheadConfig::hardened()
    };
    for (start, _) in STARTS {
        let next = |(now, bulkhead): &(Time, Bulkhead)| {
            let mut states = Vec::new();
            for patience in [1, 2] {
                let mut entered = bulkhead.clone();
                entered.enter_by(*now, *now + nanos(patience));
                states.push((*now, entered));
            }
            if bulkhead.inside() > 0 {
                let mut left = bulkhead.clone();
                assert_eq!(left.leave().is_some(), bulkhead.waiting() > 0);
                states.push((*now, left));
            }
            let (later, mut aged) = (*now + nanos(1), bulkhead.clone());
            while aged.expire(later).is_some() {}
            assert!(aged.due().is_none_or(|due| due > later), "nobody is forgotten");
            states.push((later, aged));
            states
        };
        let key = |(now, bulkhead): &(Time, Bulkhead)| {
            let text = aged(bulkhead, *now);
            let left = text.split("until:").skip(1).map(|part| part.split(')').next().unwrap());
            (bulkhead.inside(), left.collect::<Vec<_>>().join(" "))
        };
        let empty = (Time::from_nanos(start), Bulkhead::new(config.clone()));
        assert_eq!(explore(empty, key, next).0, 1 + 1 + 2 + 4);
    }
}

/// A limit of AIMD from 1 to 3 that a dropped call halves, and nobody who waits. The limit goes up by one
/// with every call that goes well, and from 3 or 2 to 1. With a limit of 3, none to three are inside; with
/// 2, none to two, as it comes there from 1 with two inside at most, of which one leaves; with 1, the two
/// who are left of three as well: 4 + 3 + 3.
#[test]
fn a_limit_from_one_to_three_has_ten_states() {
    for (start, _) in STARTS {
        let limit = Limit::Aimd {
            initial_limit: 1,
            min_limit: 1,
            max_limit: 3,
            backoff_ratio: Ratio::ONE_HALF,
            timeout: nanos(1),
        };
        let now = Time::from_nanos(start);
        let next = |bulkhead: &Bulkhead| {
            let (mut entered, mut states) = (bulkhead.clone(), Vec::new());
            let (inside, limit) = (bulkhead.inside(), bulkhead.limit());
            let has_room = (inside + 1..4).any(|most| limit == Concurrency::AtMost(most));
            assert_eq!(entered.enter(now) == Entrance::Entered, has_room);
            states.push(entered);
            if inside > 0 {
                let mut left = bulkhead.clone();
                assert_eq!(left.leave(), None);
                states.push(left);
                for is_dropped in [true, false] {
                    let mut finished = bulkhead.clone();
                    let latency = nanos(1);
                    assert_eq!(finished.finish(Sample { latency, is_dropped }), []);
                    assert!(!is_dropped || finished.limit() == Concurrency::AtMost(1));
                    states.push(finished);
                }
            }
            states
        };
        let key = |bulkhead: &Bulkhead| (format!("{:?}", bulkhead.limit()), bulkhead.inside());
        let config = BulkheadConfig { limit, ..BulkheadConfig::hardened() };
        assert_eq!(explore(Bulkhead::new(config), key, next).0, 4 + 3 + 3);
    }
}
