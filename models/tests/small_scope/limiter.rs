//! The limiter's buckets in both profiles, with small numbers.

use brownout_models::policy::{Burst, Limiter, LimiterConfig};
use brownout_models::{Name, Span, Time};

use super::canonical::{Canon, canonical};
use super::explore;

/// A limiter at an instant; its clients and routes are numbered from somewhere.
#[derive(Clone)]
struct Scope {
    now: Time,
    limiter: Limiter,
    first_name: u32,
}

impl Scope {
    fn later(&self, span: Span) -> Self {
        Self { now: self.now + span, ..self.clone() }
    }

    fn asked(&self, limit: i64, cost: u64) -> Self {
        let mut scope = self.clone();
        let (client, route) = (Name(self.first_name), Name(self.first_name + 1));
        scope.limiter.allow_cost(self.now, client, route, limit, cost);
        scope
    }

    fn key(&self, age_max: u64) -> Vec<u128> {
        let dead = ["config", "cursor", "buckets"];
        let canon = Canon { now: self.now, age_max, dead: &dead[..2], ids: &[] };
        let numbers = canonical(&self.limiter, canon);
        // The map's keys are the names: how many there are is in front of them.
        let names = 1 + if numbers[0] == 0 { 0 } else { 3 };
        [vec![numbers[0]], numbers.get(names..).unwrap_or_default().to_vec()].concat()
    }
}

/// The guide's bucket, two a minute, asked at quarters of a minute.
fn guide(start: Time, first_name: u32) -> (usize, usize) {
    let scope = Scope { now: start, limiter: Limiter::new(LimiterConfig::guide()), first_name };
    let quarter = Span::from_secs(15);
    // The first question makes the bucket; a minute after a refill it is full whatever it was.
    let key = |scope: &Scope| scope.key(quarter.times(4).as_nanos());
    explore(scope.asked(2, 3), key, |scope| vec![scope.later(quarter), scope.asked(2, 1)])
}

/// None, one or two tokens, and the last refill is 0, 1, 2, 3 or more quarters ago; each of the three
/// waits without being asked, and being asked after one quarter earns nothing and keeps the age.
const GUIDE_STATES: usize = 3 * 5;

#[test]
fn the_guides_bucket_has_exactly_the_states_that_its_text_gives() {
    assert_eq!(guide(Time::ZERO, 0).0, GUIDE_STATES);
}

/// An exact bucket of four a period of six nanoseconds: a token is six parts, and four flow back in a
/// nanosecond.
fn hardened(start: Time, first_name: u32) -> (usize, usize) {
    let config = LimiterConfig {
        burst: Burst::Quota,
        period: Span::from_nanos(6),
        eviction: brownout_models::policy::Eviction::Never,
        ..LimiterConfig::hardened()
    };
    let scope = Scope { now: start, limiter: Limiter::new(config), first_name };
    // A question that is refused brings the bucket up to date, and changes nothing.
    let key = |scope: &Scope| scope.asked(4, 100).key(0);
    explore(scope.asked(4, 100), key, |scope| {
        vec![scope.later(Span::from_nanos(1)), scope.asked(4, 1), scope.asked(4, 3)]
    })
}

/// What is used is a number of sixes less a number of fours, never below none and at most four sixes:
/// every even number from 0 to 24, of which 2 = 6 - 4, 8 = 2 + 6, 14 = 8 + 6 and so on are reached.
const HARDENED_STATES: usize = 13;

#[test]
fn the_exact_bucket_has_exactly_the_states_that_its_fractions_give() {
    assert_eq!(hardened(Time::ZERO, 0).0, HARDENED_STATES);
}

#[test]
fn neither_the_hour_nor_other_names_change_the_states() {
    let an_hour = Time::ZERO + Span::from_secs(3_600);
    assert_eq!((guide(an_hour, 0).0, guide(Time::ZERO, 1_000).0), (GUIDE_STATES, GUIDE_STATES));
    let hardened = (hardened(an_hour, 0).0, hardened(Time::ZERO, 1_000).0);
    assert_eq!(hardened, (HARDENED_STATES, HARDENED_STATES));
}
