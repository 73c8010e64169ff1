//! The service registry: who serves what, and who was heard of lately.
//!
//! Follows the guide's `ServiceRegistry` (lines 36-175): an id is unique within its service only
//! (REG-5), registering it again replaces the record in place (REG-3) and makes it healthy at once
//! (REG-2), a sweep marks what was silent for strictly longer than the lease (REG-10), nothing is
//! ever evicted (REG-12), one heartbeat heals (REG-11), and the key of a service stays when its
//! last instance leaves (REG-7).
//!
//! What is *not* here: the ticker that calls [`Registry::sweep`] (the owner's, every
//! [`RegistryConfig::sweep_every`]), and the choice among the instances found.
//!
//! ```
//! use brownout_models::policy::{Registry, RegistryConfig};
//! use brownout_models::{Name, Time};
//!
//! let (service, id) = (Name(0), Name(1));
//! let mut registry = Registry::new(RegistryConfig::default());
//! assert!(registry.register(Time::ZERO, service, id, "10.0.0.1:80"));
//! assert!(registry.sweep(Time::from_nanos(30_000_000_000)).is_empty());
//! assert_eq!(registry.sweep(Time::from_nanos(40_000_000_000)), [(service, id)]);
//! assert!(registry.discover(service).is_err());
//! ```

use indexmap::IndexMap;
use serde::Serialize;

use crate::profile::{Mistake, options};
use crate::{Name, Span, Time};

options! {
    /// How long a registration lasts and how often the owner looks.
    config RegistryConfig;
    /// A registry's configuration as it is written.
    options RegistryOptions as "Registry";
    {
        /// An instance silent for strictly longer than this is marked at the next sweep; 30 s.
        lease: Span = Span::from_secs(30);
        /// The owner sweeps at every multiple of this span, at least a nanosecond; 10 s.
        sweep_every: Span = Span::from_secs(10);
    }
    also {
        /// Former names of the node, which recorded plans may use.
        aliases: Vec<String>;
    }
}

impl RegistryConfig {
    /// Everything that makes no sense.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let zero = |option, what, span: Span, default| {
            let help = format!("leave it out for the guide's {default}");
            let expected = "expected a span longer than 0s";
            span.is_zero().then(|| Mistake::new(option, format!("{what} is zero"), expected, help))
        };
        let lease = zero("lease", "the lease", self.lease, "30s");
        let sweep = zero("sweep_every", "the time between two sweeps", self.sweep_every, "10s");
        lease.into_iter().chain(sweep).collect()
    }
}

/// What the registry believes of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Registered or heard of since the last sweep that found it silent.
    Healthy,
    /// Found silent by a sweep, and not heard of since.
    Unhealthy,
}

/// One registered instance of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Instance<A> {
    /// Unique within its service.
    pub id: Name,
    /// Where it is reached; the registry never looks inside.
    pub address: A,
    /// As of the last register, heartbeat or sweep.
    pub health: Health,
    /// The last register or heartbeat.
    pub last_seen: Time,
}

/// Why an instance could not be touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryError {
    /// No instance was ever registered under the service.
    ServiceNotFound,
    /// The service is known, the instance is not.
    InstanceNotFound,
}

/// Why nobody was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiscoverError {
    /// The service has no instance, or never had one.
    NoInstances,
    /// Every instance is marked.
    NoHealthyInstances,
}

/// All services and their instances, both in the order of first registration.
#[derive(Clone, Debug, Serialize)]
pub struct Registry<A> {
    config: RegistryConfig,
    services: IndexMap<Name, Vec<Instance<A>>>,
}

impl<A> Registry<A> {
    /// A registry without services.
    #[must_use]
    pub fn new(config: RegistryConfig) -> Self {
        Self { config, services: IndexMap::new() }
    }

    /// Takes the instance in, healthy and seen `now`; whether its id is new to the service. A known
    /// id keeps its place.
    pub fn register(&mut self, now: Time, service: Name, id: Name, address: A) -> bool {
        let instances = self.services.entry(service).or_default();
        let fresh = Instance { id, address, health: Health::Healthy, last_seen: now };
        match instances.iter_mut().find(|instance| instance.id == id) {
            Some(known) => {
                *known = fresh;
                false
            }
            None => {
                instances.push(fresh);
                true
            }
        }
    }

    /// Forgets the instance; the key of its service stays.
    ///
    /// # Errors
    /// When the service or the instance is unknown.
    pub fn deregister(&mut self, service: Name, id: Name) -> Result<(), RegistryError> {
        let instances = self.services.get_mut(&service).ok_or(RegistryError::ServiceNotFound)?;
        let place = instances.iter().position(|instance| instance.id == id);
        instances.remove(place.ok_or(RegistryError::InstanceNotFound)?);
        Ok(())
    }

    /// Notes that the instance lives; whether this revived one that was marked.
    ///
    /// # Errors
    /// When the service or the instance is unknown.
    pub fn heartbeat(&mut self, now: Time, service: Name, id: Name) -> Result<bool, RegistryError> {
        let instances = self.services.get_mut(&service).ok_or(RegistryError::ServiceNotFound)?;
        let instance = instances.iter_mut().find(|instance| instance.id == id);
        let instance = instance.ok_or(RegistryError::InstanceNotFound)?;
        let revived = instance.health == Health::Unhealthy;
        instance.last_seen = now;
        instance.health = Health::Healthy;
        Ok(revived)
    }

    /// Marks every healthy instance that was silent for strictly longer than the lease, and says
    /// which: service by service in the order of first registration, instances in list order.
    pub fn sweep(&mut self, now: Time) -> Vec<(Name, Name)> {
        let mut marked = Vec::new();
        for (service, instances) in &mut self.services {
            for instance in instances {
                let silent = now.since(instance.last_seen) > self.config.lease;
                if silent && instance.health == Health::Healthy {
                    instance.health = Health::Unhealthy;
                    marked.push((*service, instance.id));
                }
            }
        }
        marked
    }

    /// The healthy instances of the service in list order, at least one.
    ///
    /// # Errors
    /// When there is none, and whether that is for want of instances or of health.
    pub fn discover(
        &self,
        service: Name,
    ) -> Result<impl Iterator<Item = &Instance<A>>, DiscoverError> {
        let instances = self.services.get(&service).map_or(&[][..], Vec::as_slice);
        if instances.is_empty() {
            return Err(DiscoverError::NoInstances);
        }
        let mut healthy =
            instances.iter().filter(|instance| instance.health == Health::Healthy).peekable();
        if healthy.peek().is_none() {
            return Err(DiscoverError::NoHealthyInstances);
        }
        Ok(healthy)
    }

    /// Every service ever registered, with the instances it has now.
    pub fn services(&self) -> impl Iterator<Item = (Name, &[Instance<A>])> {
        self.services.iter().map(|(service, instances)| (*service, instances.as_slice()))
    }

    /// The first sweep that will mark an instance if nothing is heard until then, for an owner
    /// whose sweeps tick at the multiples of [`RegistryConfig::sweep_every`] since the start: all
    /// sweeps before it change nothing, so an owner may leave them out. Nothing where that lies
    /// beyond the end of time.
    #[must_use]
    pub fn next_marking(&self) -> Option<Time> {
        let instances = self.services.values().flatten();
        let healthy = instances.filter(|instance| instance.health == Health::Healthy);
        let oldest = healthy.map(|instance| instance.last_seen).min()?;
        let every = self.config.sweep_every.as_nanos().max(1);
        let lease_end = oldest.as_nanos().checked_add(self.config.lease.as_nanos())?;
        let tick = (lease_end / every).checked_add(1)?.checked_mul(every)?;
        Some(Time::from_nanos(tick))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: Name = Name(0);
    const ID: Name = Name(1);

    fn seconds(seconds: u64) -> Time {
        Time::ZERO + Span::from_secs(seconds)
    }

    fn registered() -> Registry<()> {
        let mut registry = Registry::new(RegistryConfig::default());
        registry.register(Time::ZERO, SERVICE, ID, ());
        registry
    }

    #[test]
    fn an_instance_silent_for_exactly_the_lease_is_still_healthy() {
        let mut registry = registered();
        assert_eq!(registry.sweep(seconds(30)), []);
        assert_eq!(registry.next_marking(), Some(seconds(40)));
        let just_after = seconds(30) + Span::from_nanos(1);
        assert_eq!(registry.sweep(just_after), [(SERVICE, ID)]);
        assert_eq!(registry.sweep(seconds(50)), [], "marked once");
        assert_eq!(registry.next_marking(), None);
    }

    #[test]
    fn a_lease_that_outlives_time_is_never_swept() {
        let lease = Span::MAX;
        let mut registry = Registry::new(RegistryConfig { lease, ..RegistryConfig::default() });
        registry.register(seconds(1), SERVICE, ID, ());
        assert_eq!(registry.next_marking(), None);
        assert_eq!(registry.sweep(Time::NEVER), []);
    }

    #[test]
    fn sweep_and_heartbeat_at_one_instant_decide_by_their_order() {
        let mut sweep_first = registered();
        assert_eq!(sweep_first.sweep(seconds(40)), [(SERVICE, ID)]);
        assert_eq!(sweep_first.heartbeat(seconds(40), SERVICE, ID), Ok(true));
        let mut beat_first = registered();
        assert_eq!(beat_first.heartbeat(seconds(40), SERVICE, ID), Ok(false));
        assert_eq!(beat_first.sweep(seconds(40)), []);
    }

    #[test]
    fn the_key_of_a_service_outlives_its_last_instance() {
        let mut registry = registered();
        assert_eq!(registry.deregister(SERVICE, ID), Ok(()));
        assert_eq!(registry.deregister(SERVICE, ID), Err(RegistryError::InstanceNotFound));
        assert_eq!(registry.deregister(ID, ID), Err(RegistryError::ServiceNotFound));
        assert_eq!(registry.services().count(), 1);
        assert_eq!(registry.discover(SERVICE).err(), Some(DiscoverError::NoInstances));
    }

    #[test]
    fn registering_again_heals_in_place_without_a_heartbeat() {
        let mut registry = registered();
        registry.register(Time::ZERO, SERVICE, Name(2), ());
        registry.sweep(seconds(40));
        assert_eq!(registry.discover(SERVICE).err(), Some(DiscoverError::NoHealthyInstances));
        assert!(!registry.register(seconds(41), SERVICE, ID, ()));
        let healthy = registry.discover(SERVICE).unwrap();
        assert_eq!(healthy.map(|instance| instance.id).collect::<Vec<_>>(), [ID]);
        let (_, instances) = registry.services().next().unwrap();
        assert_eq!(instances[0].id, ID);
        assert_eq!(instances[0].last_seen, seconds(41));
    }
}
