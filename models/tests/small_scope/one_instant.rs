//! Five things at one instant, in every order: how many outcomes there are, and which is the calm one.
//!
//! A breaker opened at 0 s and waits for 30 s; an instance was last heard of at 0 s. At 30 s somebody asks
//! the breaker to be admitted (its deadline), a straggler from before the opening fails, a probe succeeds,
//! the registry sweeps, and the instance beats.

use std::collections::BTreeSet;

use brownout_models::policy::{
    Boundary, Breaker, BreakerConfig, BreakerState, CallResult, Permit, Registration, Registry,
    RegistryConfig, Trip,
};
use brownout_models::{Name, Span, Time};

use super::canonical::{Canon, canonical};

const SERVICE: Name = Name(0);
const INSTANCE: Name = Name(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Sweep,
    Deadline,
    Straggler,
    Probe,
    Heartbeat,
}

/// The calm order: timers first, then what others want, in the order in which they asked.
const CALM: [Event; 5] =
    [Event::Sweep, Event::Deadline, Event::Straggler, Event::Probe, Event::Heartbeat];

/// Everything that can be told of an order: the state it leaves and what it says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Outcome {
    state: String,
    rest: Vec<u128>,
    said: Vec<String>,
}

fn seconds(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

struct Scene {
    breaker: Breaker,
    straggler: Option<Permit>,
    probe: Option<Permit>,
    registry: Registry<()>,
    said: Vec<String>,
}

impl Scene {
    fn new(config: &BreakerConfig) -> Self {
        let mut breaker = Breaker::new(config.clone());
        let straggler = breaker.allow(Time::ZERO).outcome.ok();
        for _ in 0..5 {
            breaker.failure(Time::ZERO);
        }
        assert_eq!(breaker.state(), BreakerState::Open);
        // A lease of 30 s is not over at 30 s; with a shorter one the sweep finds the instance silent.
        let lease = Span::from_secs(20);
        let mut registry = Registry::new(RegistryConfig { lease, ..RegistryConfig::guide() });
        let registration =
            Registration { service: SERVICE, id: INSTANCE, incarnation: 0, address: () };
        registry.register(Time::ZERO, registration).unwrap();
        Self { breaker, straggler, probe: None, registry, said: Vec::new() }
    }

    fn happen(&mut self, event: Event) {
        let now = seconds(30);
        let transitions = match event {
            Event::Sweep => {
                let marked = self.registry.sweep(now);
                self.said.extend(marked.iter().map(|_| "registry: unhealthy".to_owned()));
                return;
            }
            Event::Heartbeat => {
                if self.registry.heartbeat(now, SERVICE, INSTANCE, 0) == Ok(true) {
                    self.said.push("registry: healthy".to_owned());
                }
                return;
            }
            Event::Deadline => {
                let admission = self.breaker.allow(now);
                self.probe = admission.outcome.ok();
                admission.transitions
            }
            Event::Straggler => {
                let permit = self.straggler.take().expect("there is one straggler");
                self.breaker.record(now, permit, CallResult::FAILED)
            }
            // A probe that was never admitted succeeds all the same: its result has no permit.
            Event::Probe => match self.probe.take() {
                Some(permit) => self.breaker.record(now, permit, CallResult::Success),
                None => self.breaker.success(now),
            },
        };
        for transition in transitions {
            self.said.push(format!("breaker: {:?} to {:?}", transition.from, transition.to));
        }
    }

    /// The breaker without what cannot matter in its state, and the registry.
    fn outcome(mut self) -> Outcome {
        let dead: &[&str] = match self.breaker.state() {
            BreakerState::Closed | BreakerState::HalfOpen => &["last_failure", "wait"],
            BreakerState::Open => &["probed", "successes", "under_way"],
        };
        // Every wait is as long, and the guide's counts from the last failure, not from the opening.
        let never = [
            "config",
            "overridden",
            "generation",
            "permits",
            "counting_since",
            "number",
            "reopenings",
            "opened",
        ];
        let dead = [&never[..], dead].concat();
        let now = seconds(30);
        let canon = Canon { now, age_max: u64::MAX, dead: &dead, ids: &[] };
        // What the registry counts and remembers of its sweeps; nothing is withheld or given up here.
        let sweeps = ["version", "swept", "preserving", "heard", "given_up"];
        let registry = Canon { dead: &sweeps, ..canon };
        let rest = [canonical(&self.breaker, canon), canonical(&self.registry, registry)].concat();
        // Who speaks first is the order itself; what each says is not.
        self.said.sort();
        Outcome { state: format!("{:?}", self.breaker.state()), rest, said: self.said }
    }
}

fn outcome_of(config: &BreakerConfig, order: &[Event]) -> Outcome {
    let mut scene = Scene::new(config);
    order.iter().for_each(|event| scene.happen(*event));
    scene.outcome()
}

fn orders() -> Vec<Vec<Event>> {
    let mut orders = vec![Vec::new()];
    for _ in 0..CALM.len() {
        let longer = |order: Vec<Event>| {
            let left = CALM.into_iter().filter(|event| !order.contains(event)).collect::<Vec<_>>();
            left.into_iter().map(move |event| [order.clone(), vec![event]].concat())
        };
        orders = orders.into_iter().flat_map(longer).collect();
    }
    assert_eq!(orders.len(), 120);
    orders
}

/// How many final states and how many outcomes all orders have.
fn count(config: &BreakerConfig) -> (usize, usize) {
    let outcomes: BTreeSet<Outcome> =
        orders().iter().map(|order| outcome_of(config, order)).collect();
    let states: BTreeSet<_> =
        outcomes.iter().map(|outcome| (&outcome.state, &outcome.rest)).collect();
    (states.len(), outcomes.len())
}

/// The registry ends the same in every order, healthy and heard of now; only whether it said unhealthy
/// and healthy, or nothing, tells sweep before heartbeat from heartbeat before sweep.
const REGISTRY_STATES: usize = 1;
const REGISTRY_OUTCOMES: usize = 2;

#[test]
fn at_the_guides_deadline_the_straggler_and_the_probe_alone_decide() {
    // At exactly 30 s the wait is not over, so the question is refused and changes nothing. The probe's
    // success clears the count of failures and the straggler adds one: straggler last leaves 1, probe
    // last leaves 0. Only a straggler before the probe is a sixth failure, which is announced.
    let guide = BreakerConfig::guide();
    assert_eq!(count(&guide), (2 * REGISTRY_STATES, 2 * REGISTRY_OUTCOMES));
}

#[test]
fn with_an_inclusive_deadline_three_things_decide_and_it_ends_open_all_the_same() {
    // With D the question, S the straggler's failure, P the probe's success, and n failures in a row:
    //   D S P   half-open, open again by the straggler, n = 0   (says two transitions)
    //   D P S   half-open, one success, open again, n = 1       (says two)
    //   P D S   n = 0, half-open, open again, n = 1             (says two)
    //   S D P   the wait starts anew: refused; n = 0            (says that it opened once more)
    //   S P D   the same
    //   P S D   n = 1, the wait starts anew: refused            (says nothing)
    // All end open since 30 s. States: n = 0 or n = 1. Outcomes: D S P; D P S and P D S together;
    // S D P and S P D together; P S D.
    let config = BreakerConfig { boundary: Boundary::Inclusive, ..BreakerConfig::guide() };
    assert_eq!(count(&config), (2 * REGISTRY_STATES, 4 * REGISTRY_OUTCOMES));
}

#[test]
fn hardened_only_whether_the_probe_came_after_the_deadline_decides() {
    // The straggler is of an older generation. The first who touches the breaker finds that the wait
    // is over and half-opens it, be it the question or a result; so the probe's success always counts.
    // What differs is the question: before the probe, the probe gives its permit back; after it, a
    // probe is under way beside one success. All say the one transition.
    let config = BreakerConfig {
        trip: Trip::Consecutive,
        boundary: Boundary::Inclusive,
        open_timeout: Span::from_secs(30),
        ..BreakerConfig::hardened()
    };
    assert_eq!(count(&config), (2 * REGISTRY_STATES, 2 * REGISTRY_OUTCOMES));
}

#[test]
fn the_calm_order_is_the_guides() {
    // The guide's program, one statement after the other: unhealthy; refused; a sixth failure, which
    // extends the wait and is announced; a success, which clears the count; healthy again.
    let calm = outcome_of(&BreakerConfig::guide(), &CALM);
    assert_eq!(calm.state, "Open");
    let said = ["breaker: Closed to Open", "registry: healthy", "registry: unhealthy"];
    assert_eq!(calm.said, said);
    let mut scene = Scene::new(&BreakerConfig::guide());
    CALM.iter().for_each(|event| scene.happen(*event));
    let later = seconds(60);
    assert!(!scene.breaker.allow(later).is_admitted(), "open until 30 s after the straggler");
    assert!(scene.breaker.allow(later + Span::from_nanos(1)).is_admitted());
    assert_eq!(scene.registry.discover(later, SERVICE).unwrap().instances.len(), 1);
}
