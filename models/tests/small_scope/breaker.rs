//! The breaker in both profiles, with small numbers.

use brownout_models::policy::{
    Breaker, BreakerConfig, BreakerState, CallResult, Permit, ProbeDeadline, Probes, Trip,
};
use brownout_models::{Ratio, Span, Time};

use super::canonical::{Canon, canonical};
use super::explore;

/// What is the same for every breaker, and counts without end.
const NOT_STATE: [&str; 4] = ["config", "overridden", "generation", "permits"];

/// A breaker at an instant, and the permits of callers that it admitted.
#[derive(Clone)]
struct Scope {
    now: Time,
    breaker: Breaker,
    held: Vec<Permit>,
}

impl Scope {
    fn later(&self) -> Self {
        let mut scope = self.clone();
        scope.now += Span::from_nanos(1);
        while scope.breaker.wake(scope.now).is_some() {}
        scope.settled()
    }

    /// Without the permits of another generation, whose results must not change a thing.
    fn settled(mut self) -> Self {
        let generation = self.breaker.generation();
        let (held, stale) =
            self.held.into_iter().partition(|permit: &Permit| permit.generation() == generation);
        self.held = held;
        for permit in stale {
            for result in [CallResult::Success, CallResult::FAILED, CallResult::Abandoned] {
                let mut with_result = self.breaker.clone();
                assert_eq!(with_result.record(self.now, permit.clone(), result), []);
                let same = self.key() == Self { breaker: with_result, ..self.clone() }.key();
                assert!(same, "a stale result changes nothing");
            }
        }
        self
    }

    /// The breaker without what cannot matter in its state, and how many permits are held; half-open
    /// knows them itself.
    fn key(&self) -> Vec<u128> {
        let dead: &[&str] = match self.breaker.state() {
            BreakerState::Closed => &[
                "last_failure",
                "opened",
                "wait",
                "reopenings",
                "probed",
                "successes",
                "under_way",
            ],
            BreakerState::Open => &["last_failure", "window", "probed", "successes", "under_way"],
            BreakerState::HalfOpen => &["last_failure", "opened", "wait", "window"],
        };
        // Failures in a row are counted, and nothing here asks for them; each wait is as long.
        let dead = [&NOT_STATE[..], &["failures", "counting_since", "reopenings"], dead].concat();
        let canon = Canon { now: self.now, age_max: 4, dead: &dead, ids: &["number"] };
        let is_half_open = self.breaker.state() == BreakerState::HalfOpen;
        let held = if is_half_open { 0 } else { self.held.len() };
        [canonical(&self.breaker, canon), vec![held as u128]].concat()
    }
}

/// The guide's breaker: two failures open it, for three nanoseconds.
fn guide(start: Time, earlier_permits: usize) -> (usize, usize) {
    let config = BreakerConfig {
        failure_threshold: 2,
        open_timeout: Span::from_nanos(3),
        ..BreakerConfig::guide()
    };
    let mut breaker = Breaker::new(config);
    (0..earlier_permits).for_each(|_| drop(breaker.allow(start)));
    // Nobody keeps a permit: the guide's results have none.
    let scope = Scope { now: start, breaker, held: Vec::new() };
    let key = |scope: &Scope| {
        // From the threshold on one failure more or less makes no difference.
        let failures = count_of_failures(scope).min(2);
        let dead = match scope.breaker.state() {
            BreakerState::Closed => &["last_failure", "opened", "probed", "successes"][..],
            BreakerState::Open => &["opened", "probed", "successes"],
            BreakerState::HalfOpen => &["last_failure", "opened", "probed"],
        };
        let never = ["failures", "counting_since", "window", "wait", "reopenings"];
        let dead = [&NOT_STATE[..], &never, dead].concat();
        let canon = Canon { now: scope.now, age_max: 4, dead: &dead, ids: &[] };
        let mut key = canonical(&scope.breaker, canon);
        key.push(failures);
        key
    };
    explore(scope, key, |scope| {
        let act = |act: &dyn Fn(&mut Scope)| {
            let mut scope = scope.clone();
            act(&mut scope);
            scope
        };
        vec![
            act(&|scope| drop(scope.breaker.allow(scope.now))),
            act(&|scope| drop(scope.breaker.success(scope.now))),
            act(&|scope| drop(scope.breaker.failure(scope.now))),
            act(&|scope| scope.now += Span::from_nanos(1)),
        ]
    })
}

/// The failures in a row, read out of the state.
fn count_of_failures(scope: &Scope) -> u128 {
    let all = [
        "state",
        "counting_since",
        "window",
        "last_failure",
        "opened",
        "wait",
        "reopenings",
        "probed",
        "successes",
        "under_way",
    ];
    let dead = [&NOT_STATE[..], &all].concat();
    canonical(&scope.breaker, Canon { now: scope.now, age_max: 0, dead: &dead, ids: &[] })[0]
}

/// Closed: no failure, or one. Open: none, one, or two and more in a row, since successes and failures
/// go on counting, and the last failure is 0, 1, 2, 3 or more nanoseconds old: 3 * 5. Half-open: none,
/// one or two failures and no success yet, or one or two successes, which clear the failures.
const GUIDE_STATES: usize = 2 + 3 * 5 + (3 + 2);

#[test]
fn the_guides_breaker_has_exactly_the_states_that_its_text_gives() {
    let (states, depth) = guide(Time::ZERO, 0);
    assert_eq!(states, GUIDE_STATES);
    assert_eq!(depth, 9, "operations to the farthest state");
}

#[test]
fn neither_the_hour_nor_earlier_permits_change_the_guides_states() {
    let an_hour = Time::ZERO + Span::from_secs(3_600);
    assert_eq!(guide(an_hour, 0).0, GUIDE_STATES);
    assert_eq!(guide(Time::ZERO, 1_000).0, GUIDE_STATES);
}

/// The hardened breaker: two failures of two calls open it, for two nanoseconds; two probes, each of
/// which may take two.
fn hardened(start: Time, earlier_permits: usize) -> (usize, usize) {
    let config = BreakerConfig {
        trip: Trip::CountWindow,
        window_calls: 2,
        minimum_calls: 2,
        failure_rate: Ratio::ONE,
        open_timeout: Span::from_nanos(2),
        probes: Probes::Permits(2),
        probe_deadline: ProbeDeadline::After(Span::from_nanos(2)),
        ..BreakerConfig::hardened()
    };
    let mut breaker = Breaker::new(config);
    for _ in 0..earlier_permits {
        let permit = breaker.allow(start).outcome.unwrap();
        breaker.record(start, permit, CallResult::Abandoned);
    }
    let scope = Scope { now: start, breaker, held: Vec::new() };
    explore(scope, Scope::key, |scope| {
        let mut next = vec![scope.later()];
        if scope.held.len() < 2 {
            let mut asked = scope.clone();
            if let Ok(permit) = asked.breaker.allow(asked.now).outcome {
                asked.held.push(permit);
            }
            next.push(asked.settled());
        }
        for place in 0..scope.held.len() {
            for result in [CallResult::Success, CallResult::FAILED, CallResult::Abandoned] {
                let mut ended = scope.clone();
                let permit = ended.held.remove(place);
                ended.breaker.record(ended.now, permit, result);
                next.push(ended.settled());
            }
        }
        next
    })
}

/// Closed: the window holds nothing, a success or a failure, or two calls that did not both fail (6),
/// and 0, 1 or 2 callers hold a permit. Open: for 0, 1 or 2 nanoseconds. Half-open without a result:
/// no probe, one that is 0, 1 or 2 old, or two of which the older is not the younger (1 + 3 + 6); after
/// one success or one failure one more probe may be under way (2 * (1 + 3)).
const HARDENED_STATES: usize = 6 * 3 + 3 + (1 + 3 + 6) + 2 * (1 + 3);

#[test]
fn the_hardened_breaker_has_exactly_the_states_that_its_options_give() {
    let (states, depth) = hardened(Time::ZERO, 0);
    assert_eq!(states, HARDENED_STATES);
    assert_eq!(depth, 12, "operations to the farthest state");
}

#[test]
fn neither_the_hour_nor_earlier_permits_change_the_hardened_states() {
    let an_hour = Time::ZERO + Span::from_secs(3_600);
    assert_eq!(hardened(an_hour, 0).0, HARDENED_STATES);
    assert_eq!(hardened(Time::ZERO, 1_000).0, HARDENED_STATES);
}
