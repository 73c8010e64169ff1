//! One instance in two lives, with a lease of three nanoseconds.

use brownout_models::policy::registry::{Eviction, Health, Registration, Registry, RegistryConfig};
use brownout_models::{Name, Span, Time};

use super::{STARTS, aged, explore, nanos};

#[derive(Clone)]
struct State {
    now: Time,
    registry: Registry<()>,
}

/// Everybody who can say something, and a nanosecond.
fn next(state: &State, first: u32) -> Vec<State> {
    let (service, id) = (Name(first), Name(first + 1));
    let mut states = Vec::new();
    for incarnation in [1, 2] {
        for operation in 0..3 {
            let State { now, mut registry } = state.clone();
            let _ = match operation {
                0 => {
                    let registration = Registration { service, id, incarnation, address: () };
                    registry.register(now, registration)
                }
                1 => registry.heartbeat(now, service, id, incarnation),
                _ => registry.deregister(now, service, id, incarnation).map(|()| true),
            };
            states.push(State { now, registry });
        }
    }
    let mut later = state.clone();
    later.now += nanos(1);
    if later.registry.due().is_some_and(|due| due <= later.now) {
        assert_eq!(later.registry.due(), Some(later.now), "never too late");
        assert_eq!(later.registry.sweep(later.now).len(), 1, "never for nothing");
    }
    states.push(later);
    for State { now, registry } in &states {
        let is_shown = registry.discover(*now, service).is_ok_and(|found| !found.is_panic);
        let instances = registry.services().flat_map(|(_, instances)| instances);
        for instance in instances {
            let is_fresh = now.since(instance.last_seen) < nanos(3);
            assert_eq!(is_shown, instance.health == Health::Healthy);
            assert!(is_fresh || instance.health == Health::Unhealthy, "REG-10");
        }
        assert!(registry.due().is_none_or(|due| due > *now));
    }
    states
}

/// What may matter later: the records. The rest counts versions and sweeps.
fn key(state: &State) -> String {
    let text = aged(&state.registry, state.now);
    let (_, services) = text.split_once(",services:").unwrap();
    services.split_once(",version:").unwrap().0.to_owned()
}

/// With a lease of 3 and eviction after 2, a life of the instance is
/// - unknown, silent for 0 to 2: 3 states;
/// - healthy, silent for 0 to 2: 3 states;
/// - given up, for 0 or 1, and for each of the two whether it was ever healthy:
///   - silent since before that, for 3 or 4: 2 states,
///   - heard of since, by a registration or by one heartbeat, after 0 of 0 or 0 or 1 of 1: 2 * 3.
///
/// That makes 6 + 2 * 8 = 22 for each of two lives, and one without any: 45.
#[test]
fn an_instance_of_two_lives_has_45_states() {
    for (start, first) in STARTS {
        let config = RegistryConfig {
            lease: nanos(3),
            sweep_every: nanos(2),
            eviction: Eviction::After(nanos(2)),
            ..RegistryConfig::hardened()
        };
        let start =
            State { now: Time::ZERO + Span::from_nanos(start), registry: Registry::new(config) };
        let (states, _) = explore(start, key, |state| next(state, first));
        assert_eq!(states, 45);
    }
}
