//! Windows of three nanoseconds in which a client may do two things, against lists of what it did.

use brownout_models::policy::{Algorithm, Decision, Eviction, Limiter, LimiterConfig, NextTry};
use brownout_models::{Name, Span, Time};

use super::{STARTS, explore, nanos};

const LIMIT: u64 = 2;
const PERIOD: u64 = 3;

#[derive(Clone)]
struct State {
    now: Time,
    limiter: Limiter,
    client: Name,
    /// When each request was admitted, oldest first: those that still count.
    admitted: Vec<Time>,
}

impl State {
    fn new(start: u64, first: u32, algorithm: Algorithm) -> Self {
        let config = LimiterConfig {
            algorithm,
            period: nanos(PERIOD),
            eviction: Eviction::Never,
            ..LimiterConfig::hardened()
        };
        let limiter = Limiter::new(config);
        let now = Time::from_nanos(start);
        Self { now, limiter, client: Name(first), admitted: Vec::new() }
    }

    fn algorithm(&self) -> Algorithm {
        self.limiter.config().algorithm
    }

    /// How long what was admitted then still counts: not at all, where its window is over.
    fn counts_for(&self, at: Time) -> u64 {
        let since = match self.algorithm() {
            Algorithm::SlidingWindow => self.now.since(at).as_nanos(),
            // Windows begin at multiples of the period.
            Algorithm::FixedWindow => self.now.as_nanos() - at.as_nanos() / PERIOD * PERIOD,
            Algorithm::MinuteBucket | Algorithm::TokenBucket => unreachable!("windows only"),
        };
        PERIOD.saturating_sub(since)
    }

    fn decides(&mut self, limit: i64, cost: u64) -> Decision {
        self.limiter.allow_cost(self.now, self.client, self.client, limit, cost)
    }

    /// Asks, and holds the answer against the list.
    fn asked(&self, limit: u64, cost: u64) -> Self {
        let mut next = self.clone();
        let used = self.admitted.len() as u64;
        let allowed = used + cost <= limit;
        (0..if allowed { cost } else { 0 }).for_each(|_| next.admitted.push(self.now));
        let used = next.admitted.len() as u64;
        let retry = if allowed {
            NextTry::Now
        } else if cost > limit {
            NextTry::Never
        } else {
            // So many of the oldest have to stop counting.
            let in_the_way = usize::try_from(used + cost - limit).unwrap();
            NextTry::After(nanos(self.counts_for(self.admitted[in_the_way - 1])))
        };
        let expected = Decision { allowed, remaining: limit.saturating_sub(used), retry };
        assert_eq!(next.decides(i64::try_from(limit).unwrap(), cost), expected);
        next
    }

    /// Gives back the youngest.
    fn refunded(&self) -> Self {
        let mut next = self.clone();
        next.limiter.refund(self.now, self.client, self.client, 2, 1);
        next.admitted.pop();
        next
    }

    fn later(&self) -> Self {
        let mut next = self.clone();
        next.now += Span::from_nanos(1);
        let counts = |at: &Time| next.counts_for(*at) > 0;
        next.admitted = self.admitted.iter().copied().filter(counts).collect();
        next
    }

    fn next(&self) -> Vec<Self> {
        let mut states = vec![self.later(), self.refunded()];
        let questions =
            (1..=LIMIT).flat_map(|limit| (1..=LIMIT + 1).map(move |cost| (limit, cost)));
        states.extend(questions.map(|(limit, cost)| self.asked(limit, cost)));
        states
    }

    /// What the limiter knows, once it has looked at the clock: a request that is worth too much makes
    /// it look, and changes nothing else.
    fn key(&self) -> String {
        let mut state = self.clone();
        let too_much = LIMIT + 1;
        assert!(!state.decides(LIMIT.cast_signed(), too_much).allowed);
        let text = super::aged(&state.limiter, self.now);
        let (_, bucket) = text.split_once(",buckets:").unwrap();
        let (_, bucket) = bucket.split_once(":").unwrap();
        match self.algorithm() {
            Algorithm::FixedWindow => format!("{} {bucket}", self.now.as_nanos() % PERIOD),
            Algorithm::SlidingWindow => bucket.to_owned(),
            Algorithm::MinuteBucket | Algorithm::TokenBucket => unreachable!("windows only"),
        }
    }
}

fn count(algorithm: Algorithm) -> Vec<usize> {
    let starts = STARTS.into_iter();
    let states = starts.map(|(start, first)| State::new(start, first, algorithm));
    states.map(|state| explore(state, State::key, State::next).0).collect()
}

/// What counts are up to two requests, each 0, 1 or 2 ns old: as many as there are multisets of up to
/// two numbers out of three, C(3 + 2, 2) = 10. Neither what was refused, given back or asked for under
/// another limit leaves anything else behind.
#[test]
fn a_sliding_window_for_two_has_ten_states() {
    assert_eq!(count(Algorithm::SlidingWindow), [10; 4]);
}

/// None, one or two requests of a window, of which so far there was one, two or three nanoseconds, and
/// the first question came in any of them: 3 * (1 + 2 + 3).
#[test]
fn a_fixed_window_for_two_has_18_states() {
    assert_eq!(count(Algorithm::FixedWindow), [3 * 6; 4]);
}

/// Where the window slides, no three requests are ever admitted within a period; where it is fixed,
/// around its end there may be twice the limit, and never more.
#[test]
fn around_the_end_of_a_window_twice_the_limit_passes_only_where_it_is_fixed() {
    for (algorithm, most) in [(Algorithm::SlidingWindow, 2), (Algorithm::FixedWindow, 4)] {
        for (start, first) in STARTS {
            let next = |(state, passed): &(State, Vec<Time>)| {
                let mut asked = state.clone();
                let mut passed = passed.clone();
                passed.retain(|at| state.now.since(*at).as_nanos() < PERIOD);
                let later = (state.later(), passed.clone());
                passed.extend(asked.decides(2, 1).allowed.then_some(state.now));
                vec![later, (asked, passed)]
            };
            let state = (State::new(start, first, algorithm), Vec::new());
            let mut worst = 0;
            let mut frontier = vec![state];
            for _ in 0..9 {
                frontier = frontier.iter().flat_map(next).collect();
                worst = frontier.iter().map(|(_, passed)| passed.len()).fold(worst, usize::max);
            }
            assert_eq!(worst, most, "{algorithm:?}");
        }
    }
}
