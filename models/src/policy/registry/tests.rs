//! The registry as the guide has it.

use super::*;
use crate::Span;

const SERVICE: Name = Name(0);
const ID: Name = Name(1);

fn seconds(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

fn registered() -> Registry<()> {
    let mut registry = Registry::new(RegistryConfig::default());
    register(&mut registry, Time::ZERO, ID);
    registry
}

fn register(registry: &mut Registry<()>, now: Time, id: Name) -> bool {
    let registration = Registration { service: SERVICE, id, incarnation: 0, address: () };
    registry.register(now, registration).unwrap()
}

fn sweep(registry: &mut Registry<()>, now: Time) -> Vec<(Name, Name)> {
    registry.sweep(now).into_iter().map(|gone| (gone.service, gone.id)).collect()
}

#[test]
fn an_instance_silent_for_exactly_the_lease_is_still_healthy() {
    let mut registry = registered();
    assert_eq!(sweep(&mut registry, seconds(30)), []);
    assert_eq!(registry.due(), Some(seconds(40)));
    let just_after = seconds(30) + Span::from_nanos(1);
    assert_eq!(sweep(&mut registry, just_after), [(SERVICE, ID)]);
    assert_eq!(sweep(&mut registry, seconds(50)), [], "marked once");
    assert_eq!(registry.due(), None);
}

#[test]
fn a_lease_that_outlives_time_is_never_swept() {
    let lease = Span::MAX;
    let mut registry = Registry::new(RegistryConfig { lease, ..RegistryConfig::default() });
    register(&mut registry, seconds(1), ID);
    assert_eq!(registry.due(), None);
    assert_eq!(sweep(&mut registry, Time::NEVER), []);
}

#[test]
fn sweep_and_heartbeat_at_one_instant_decide_by_their_order() {
    let mut sweep_first = registered();
    assert_eq!(sweep(&mut sweep_first, seconds(40)), [(SERVICE, ID)]);
    assert_eq!(sweep_first.heartbeat(seconds(40), SERVICE, ID, 0), Ok(true));
    let mut beat_first = registered();
    assert_eq!(beat_first.heartbeat(seconds(40), SERVICE, ID, 0), Ok(false));
    assert_eq!(sweep(&mut beat_first, seconds(40)), []);
}

#[test]
fn the_key_of_a_service_outlives_its_last_instance() {
    let mut registry = registered();
    assert_eq!(registry.deregister(seconds(1), SERVICE, ID, 0), Ok(()));
    assert_eq!(
        registry.deregister(seconds(1), SERVICE, ID, 0),
        Err(RegistryError::InstanceNotFound)
    );
    assert_eq!(registry.deregister(seconds(1), ID, ID, 0), Err(RegistryError::ServiceNotFound));
    assert_eq!(registry.services().count(), 1);
    assert_eq!(registry.discover(seconds(40), SERVICE).err(), Some(DiscoverError::NoInstances));
}

#[test]
fn registering_again_heals_in_place_without_a_heartbeat() {
    let mut registry = registered();
    register(&mut registry, Time::ZERO, Name(2));
    registry.sweep(seconds(40));
    assert_eq!(
        registry.discover(seconds(40), SERVICE).err(),
        Some(DiscoverError::NoHealthyInstances)
    );
    assert!(!register(&mut registry, seconds(41), ID));
    let found = registry.discover(seconds(41), SERVICE).unwrap();
    assert_eq!(found.instances.iter().map(|instance| instance.id).collect::<Vec<_>>(), [ID]);
    let (_, instances) = registry.services().next().unwrap();
    assert_eq!(instances[0].id, ID);
    assert_eq!(instances[0].last_seen, seconds(41));
}
