//! Small fleets, and all that can become of them on the way to another version.

use brownout_models::policy::{
    BlueGreen, BlueGreenConfig, Canary, CanaryConfig, CanaryStep, DeployAction, DeployEvent, Fleet,
    Portion, Readiness, ReplicaState, Rolling, RollingConfig, Scaler, ScalerConfig, Timeout,
    Version,
};
use brownout_models::{Ratio, Span, Time};

use super::{STARTS, aged, explore, nanos};

/// The instances of both versions, oldest first, and whether each is ready.
fn instances(fleet: &Fleet) -> [Vec<(u32, bool)>; 2] {
    [Version::Stable, Version::Candidate].map(|version| {
        let ready = |state| match state {
            ReplicaState::Ready(_) => true,
            ReplicaState::Pending => false,
        };
        fleet.of(version).map(|(number, replica)| (number, ready(replica.state))).collect()
    })
}

fn readiness(fleet: &Fleet) -> [Vec<bool>; 2] {
    instances(fleet).map(|fleet| fleet.into_iter().map(|(_, is_ready)| is_ready).collect())
}

/// A policy that is told of events, with the time.
trait Deployment: Clone {
    fn fleet(&self) -> &Fleet;
    fn handle(&mut self, now: Time, event: DeployEvent) -> Vec<DeployAction>;
    fn wake(&mut self, now: Time) -> Vec<DeployAction>;
    fn due(&self, now: Time) -> Option<Time>;
}

macro_rules! deployments {
    ($($Policy:ident $due:expr),*) => {$(
        impl Deployment for $Policy {
            fn fleet(&self) -> &Fleet {
                self.fleet()
            }
            fn handle(&mut self, now: Time, event: DeployEvent) -> Vec<DeployAction> {
                self.handle(now, event)
            }
            fn wake(&mut self, now: Time) -> Vec<DeployAction> {
                self.wake(now)
            }
            fn due(&self, now: Time) -> Option<Time> {
                ($due)(self, now)
            }
        }
    )*};
}

deployments! {
    Rolling |it: &Self, now| Rolling::due(it, now),
    Canary |it: &Self, _| Canary::due(it),
    BlueGreen |it: &Self, _| BlueGreen::due(it)
}

#[derive(Clone)]
struct State<D> {
    now: Time,
    deployment: D,
    is_turned: bool,
    is_over: bool,
}

impl<D: Deployment> State<D> {
    fn new(now: Time, deployment: D) -> Self {
        Self { now, deployment, is_turned: false, is_over: false }
    }

    fn told(&self, event: DeployEvent) -> Self {
        let mut next = self.clone();
        let actions = next.deployment.handle(next.now, event);
        next.note(&actions);
        next
    }

    fn later(&self) -> Self {
        let mut next = self.clone();
        next.now += nanos(1);
        if let Some(due) = next.deployment.due(self.now).filter(|due| *due <= next.now) {
            assert_eq!(due, next.now, "never too late");
            let actions = next.deployment.wake(next.now);
            next.note(&actions);
        }
        next
    }

    fn note(&mut self, actions: &[DeployAction]) {
        let turns = |action: &DeployAction| matches!(action, DeployAction::TurnBack { .. });
        let ends = |action: &DeployAction| matches!(action, DeployAction::Done { .. });
        assert!(!self.is_over || actions.is_empty(), "nothing follows the end");
        assert!(!(self.is_turned && actions.iter().any(turns)), "it turns back once");
        self.is_turned |= actions.iter().any(turns);
        self.is_over |= actions.iter().any(ends);
    }
}

/// Two instances are replaced; every one of them may get ready, or not be any more, or fail, and
/// somebody may abort.
fn rolling(surge: u32, unavailable: u32) -> [usize; 2] {
    [Time::ZERO, Time::ZERO + Span::from_secs(3_600)].map(|now| {
        let config = RollingConfig {
            max_surge: Portion::Count(surge),
            max_unavailable: Portion::Count(unavailable),
            readiness: Readiness::Probe,
            progress_deadline: Timeout::Never,
            ..RollingConfig::hardened()
        };
        let mut state = State::new(now, Rolling::new(config, 2, now));
        let actions = state.deployment.begin(now);
        state.note(&actions);
        let next = |state: &State<Rolling>| {
            let mut states = Vec::new();
            if state.is_over {
                return states;
            }
            for (instance, _) in instances(state.deployment.fleet()).concat() {
                states.push(state.told(DeployEvent::Ready(instance)));
                states.push(state.told(DeployEvent::Unready(instance)));
                states.push(state.told(DeployEvent::Failed(instance)));
            }
            if !state.is_turned {
                states.push(state.told(DeployEvent::Abort));
            }
            for State { deployment, is_over, .. } in &states {
                assert!(deployment.fleet().len() <= 2 + surge as usize);
                assert_eq!(deployment.is_running(), !is_over, "it never stands still");
            }
            states
        };
        let key = |state: &State<Rolling>| {
            (readiness(state.deployment.fleet()), state.is_turned, state.is_over)
        };
        explore(state, key, next).0
    })
}

/// One out, one in. With `+` for an instance that is ready and `-` for one that is not, and the old
/// version before the new one: `+ -` where the last old one serves, `- -` where it has stopped to and
/// its successor is not there yet, and behind them `--`, `+-` or `-+`, until both are ready. On the way
/// back it is the same, the other way round. Two ends.
#[test]
fn one_at_a_time_has_twelve_states() {
    assert_eq!(rolling(0, 1), [2 * (2 + 3) + 2; 2]);
}

/// One in, one out. Two old ones, each ready or not, beside `-`, as they stay until the new one is
/// ready; one old one, ready or not, beside `--`, `+-` or `-+`; those without an old one. Back it is the
/// same, the other way round. Two ends.
#[test]
fn one_more_at_a_time_has_28_states() {
    assert_eq!(rolling(1, 0), [2 * (2 * 2 + 2 * 3 + 3) + 2; 2]);
}

/// What matters of a policy with phases: the fleet, and everything behind it, by age.
fn phases<D: Deployment + serde::Serialize>(state: &State<D>) -> (String, [Vec<bool>; 2]) {
    let text = aged(&state.deployment, state.now);
    let (_, fleet) = text.split_once(",fleet:").unwrap();
    let (_, phase) = fleet.split_once("next:").unwrap();
    let (_, phase) = phase.split_once("),").unwrap();
    (phase.to_owned(), readiness(state.deployment.fleet()))
}

/// Half of the traffic of two instances, an analysis of two measurements of 2 ns each, and a way back of 1
/// ns; nobody fails, and a measurement sees one request at most.
/// - On the way to half: the candidate starts.
/// - The analysis: it ends in 1 or 2 ns, no or one measurement was taken, the last was inconclusive or
///   not, and it saw nothing, a success or a failure: 24.
/// - After two inconclusive ones a person decides: 1. On the way to everything: 1.
/// - Back from the first step, with a candidate that is ready by now or not; from the analysis; from the
///   last step, with the second candidate ready or not; or on to the end: 2 + 1 + 2 + 1. Then it is over,
///   after one of these four.
#[test]
fn a_canary_of_two_measurements_has_37_states() {
    for (start, _) in STARTS {
        let config = CanaryConfig {
            steps: vec![CanaryStep::SetWeight(50), CanaryStep::Analyse],
            interval: nanos(2),
            measurements: 2,
            min_requests: 1,
            max_errors: Ratio::ZERO,
            inconclusive_limit: 1,
            scale_down_delay: nanos(1),
            ..CanaryConfig::hardened()
        };
        let now = Time::from_nanos(start);
        let mut state = State::new(now, Canary::new(config, 2, now));
        let actions = state.deployment.begin(now);
        state.note(&actions);
        let next = |state: &State<Canary>| {
            let mut states = vec![state.later()];
            let [_, candidates] = instances(state.deployment.fleet());
            let pending = candidates.iter().filter(|(_, is_ready)| !is_ready);
            states.extend(pending.map(|(instance, _)| state.told(DeployEvent::Ready(*instance))));
            if phases(state).0.contains("requests:0") {
                states.extend([0, 1].map(|errors| {
                    let version = Version::Candidate;
                    state.told(DeployEvent::Metrics { version, requests: 1, errors })
                }));
            }
            states.push(state.told(DeployEvent::Promote));
            states.push(state.told(DeployEvent::Abort));
            for State { deployment, is_turned, .. } in &states {
                let [stable, _] = readiness(deployment.fleet());
                assert!(deployment.weight() == 100 || stable == [true, true], "it can go back");
                assert!(!is_turned || deployment.weight() == 0);
            }
            states
        };
        let (states, _) = explore(state, phases, next);
        assert_eq!(states, 1 + 2 * 2 * 2 * 3 + 1 + 1 + 6 + 4);
    }
}

/// One instance that takes 2 ns at most to get ready, is shown to testers for 1 ns, and gives way to the
/// other version for 2 ns more; one error is too many.
/// - It starts, and has 2 or 1 ns left: 2. It is ready, and previewed: 1.
/// - It has the traffic, may have served a request, may have become unready, and the other one stays for
///   2 or 1 ns: 8. It has lost the traffic, and stays itself, ready or not: 4.
/// - The new one has the traffic for good, ready or not: 2; or the old one: 1.
#[test]
fn a_switch_and_back_has_18_states() {
    for (start, _) in STARTS {
        let config = BlueGreenConfig {
            preview: Timeout::After(nanos(1)),
            scale_down_delay: nanos(2),
            max_errors: Ratio::ZERO,
            min_requests: 1,
            progress_deadline: Timeout::After(nanos(2)),
            ..BlueGreenConfig::hardened()
        };
        let now = Time::from_nanos(start);
        let mut state = State::new(now, BlueGreen::new(config, 1, now));
        let actions = state.deployment.begin(now);
        state.note(&actions);
        let next = |state: &State<BlueGreen>| {
            if state.is_over {
                return Vec::new();
            }
            let mut states = vec![state.later()];
            let [_, candidates] = instances(state.deployment.fleet());
            for (instance, is_ready) in candidates {
                let ready = DeployEvent::Ready(instance);
                let event = if is_ready { DeployEvent::Unready(instance) } else { ready };
                states.push(state.told(event));
            }
            let errors = if phases(state).0.contains("requests:0") { &[0, 1][..] } else { &[1] };
            states.extend(errors.iter().map(|errors| {
                let version = Version::Candidate;
                state.told(DeployEvent::Metrics { version, requests: 1, errors: *errors })
            }));
            states.push(state.told(DeployEvent::Promote));
            states.push(state.told(DeployEvent::Abort));
            for State { deployment, is_turned, .. } in &states {
                let [stable, candidates] = readiness(deployment.fleet());
                let serves = deployment.serving() == Version::Stable;
                assert!(if serves { stable == [true] } else { candidates.len() == 1 });
                assert!(!is_turned || serves);
            }
            states
        };
        assert_eq!(explore(state, phases, next).0, 2 + 1 + 8 + 4 + 2 + 1);
    }
}

/// A scaler for one to three instances that remembers wishes for 2 ns, at the moment of a look. It knows
/// the last wish, and of greater ones when each was last wished, 0, 1 or 2 ns ago, smaller ones not before
/// greater ones: after a wish of 3 nothing else, 1 state; of 2, nothing or a 3: 1 + 3; of 1, nothing, a 2
/// or a 3, or both: 1 + 2 * 3 + 6. And one before the first look.
#[test]
fn a_scaler_of_three_wishes_has_19_states() {
    for (start, _) in STARTS {
        let config = ScalerConfig {
            tolerance: 0,
            stabilization: nanos(2),
            max_replicas: 3,
            ..ScalerConfig::hardened()
        };
        let start = (Time::from_nanos(start), Scaler::new(config));
        let next = |(now, scaler): &(Time, Scaler)| {
            let look = |(wait, wish): (u64, u32)| {
                let (now, mut scaler) = (*now + nanos(wait), scaler.clone());
                // One instance that is so many times as busy as it should be.
                assert_eq!(scaler.wanted(now, 1, 80 * wish), wish, "scaling out is at once");
                (now, scaler)
            };
            (0..4).flat_map(|wait| (1..4).map(move |wish| (wait, wish))).map(look).collect()
        };
        let key = |(now, scaler): &(Time, Scaler)| {
            let text = aged(scaler, *now);
            text.split_once(",wishes:").unwrap().1.to_owned()
        };
        assert_eq!(explore(start, key, next).0, 1 + 1 + 4 + 13);
    }
}
