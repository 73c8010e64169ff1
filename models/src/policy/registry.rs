//! The service registry: who serves what, and who was heard of lately.
//!
//! Under `guide` it follows the guide's `ServiceRegistry` (lines 36-175): an id is unique within its
//! service only (REG-5), registering it again replaces the record in place (REG-3) and makes it
//! healthy at once (REG-2), a sweep marks what was silent for strictly longer than the lease
//! (REG-10), nothing is ever evicted (REG-12), one heartbeat heals (REG-11), and the key of a service
//! stays when its last instance leaves (REG-7).
//!
//! Under `hardened` it is a registry of Consul's TTL checks with Eureka's self-preservation and
//! Envoy's panic threshold; every difference is an option of [`RegistryConfig`]. Memory is then a
//! function of the live instances, not of history.
//!
//! What is *not* here: the ticker that calls [`Registry::sweep`] (the owner's, at
//! [`Registry::due`]), sending probes, and the choice among the instances found.
//!
//! ```
//! use brownout_models::policy::{Registration, Registry, RegistryConfig};
//! use brownout_models::{Name, Span, Time};
//!
//! let (service, id) = (Name(0), Name(1));
//! let mut registry = Registry::new(RegistryConfig::hardened());
//! let address = "10.0.0.1:80";
//! registry.register(Time::ZERO, Registration { service, id, incarnation: 1, address })?;
//! assert!(registry.discover(Time::ZERO, service).is_err(), "nothing speaks for it yet");
//!
//! // On every heartbeat; one that is refused tells the instance to register again.
//! registry.heartbeat(Time::ZERO, service, id, 1)?;
//! let found = registry.discover(Time::ZERO, service).expect("it is healthy now");
//! assert_eq!(found.instances[0].address, address);
//!
//! // Whenever it is due: who is gone?
//! let due = registry.due().expect("the lease ends some time");
//! assert_eq!(due, Time::ZERO + Span::from_secs(30));
//! assert_eq!(registry.sweep(due).len(), 1);
//! # Ok::<(), brownout_models::policy::RegistryError>(())
//! ```

mod config;
mod instance;
mod registration;
mod sweep;

use crate::hash::Map;
use serde::Serialize;

pub use config::{
    Boundary, EmptyServices, Eviction, Expiry, ExpiryCap, IdScope, Incarnations, InitialHealth,
    Probing, RegistryConfig, RegistryOptions, SelfPreservation, Snapshots, Validation,
};
pub use instance::{Health, Instance};
pub use registration::{Invalid, Registration, validate};
pub use sweep::{Gone, GoneHow};

use crate::{Name, Time};

/// Why an instance could not be touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryError {
    /// No instance is registered under the service, nor ever was where empty services are kept.
    ServiceNotFound,
    /// The service is known, the instance is not, or only an earlier life of it: register again.
    InstanceNotFound,
    /// A later life of the instance has registered.
    StaleIncarnation {
        /// That life.
        known: u64,
    },
}

impl std::fmt::Display for RegistryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ServiceNotFound => f.write_str("the service is not registered"),
            Self::InstanceNotFound => f.write_str("the instance is not registered"),
            Self::StaleIncarnation { known } => {
                write!(f, "incarnation {known} of the instance has registered")
            }
        }
    }
}

impl std::error::Error for RegistryError {}

/// Why nobody was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiscoverError {
    /// The service has no instance, or never had one.
    NoInstances,
    /// No instance is healthy.
    NoHealthyInstances,
}

/// The instances that discovery shows.
#[derive(Clone, Debug)]
pub struct Found<'a, A> {
    /// In list order, at least one.
    pub instances: Vec<&'a Instance<A>>,
    /// The version of the registry: it grows with every change that discovery could show.
    pub version: u64,
    /// Whether too few are healthy, so that all are shown that ever were.
    pub is_panic: bool,
}

/// All services and their instances, both in the order of first registration.
#[derive(Clone, Debug, Serialize)]
pub struct Registry<A> {
    config: RegistryConfig,
    services: Map<Name, Vec<Instance<A>>>,
    version: u64,
    /// The last sweep: what was silent by then and is still held is held on purpose.
    swept: Option<Time>,
    /// Whether the last sweep gave nobody up for fear of a broken network.
    preserving: bool,
    /// The last word from an instance, or about one.
    heard: Option<Time>,
    /// How many were given up in which multiple of `sweep_every`.
    given_up: (u64, u64),
}

impl<A> Registry<A> {
    /// A registry without services.
    #[must_use]
    pub fn new(config: RegistryConfig) -> Self {
        Self {
            config,
            services: Map::default(),
            version: 0,
            swept: None,
            preserving: false,
            heard: None,
            given_up: (0, 0),
        }
    }

    /// Takes the instance in, seen `now`; whether its id is new. A known id keeps its place.
    ///
    /// # Errors
    /// When a later life of the instance has registered, and that matters.
    pub fn register(
        &mut self,
        now: Time,
        registration: Registration<A>,
    ) -> Result<bool, RegistryError> {
        let Registration { service, id, incarnation, address } = registration;
        let home = self.home(service, id);
        let known = home.and_then(|home| self.find(home, id)).map(|known| known.incarnation);
        let is_fenced = self.config.incarnations == Incarnations::Fenced;
        if let Some(known) = known.filter(|known| is_fenced && incarnation < *known) {
            return Err(RegistryError::StaleIncarnation { known });
        }
        self.version += 1;
        self.heard = Some(now);
        if let Some(home) = home.filter(|home| *home != service) {
            self.remove(home, id);
        }
        let initial = self.config.initial_health;
        let (config, swept) = (&self.config, self.swept);
        let instances = self.services.entry(service).or_default();
        match instances.iter_mut().find(|instance| instance.id == id) {
            Some(same) if is_fenced && known == Some(incarnation) => {
                if is_overdue(same, now, swept, config) {
                    same.give_up(now);
                }
                same.renew(address, now);
            }
            Some(known) => *known = Instance::new(id, address, incarnation, now, initial),
            None => instances.push(Instance::new(id, address, incarnation, now, initial)),
        }
        Ok(home != Some(service))
    }

    /// Forgets the instance.
    ///
    /// # Errors
    /// When the service or the instance is unknown, or the caller is another life of it.
    pub fn deregister(
        &mut self,
        now: Time,
        service: Name,
        id: Name,
        incarnation: u64,
    ) -> Result<(), RegistryError> {
        self.owned(service, id, incarnation)?;
        self.remove(service, id);
        self.heard = Some(now);
        self.version += 1;
        Ok(())
    }

    /// Notes that the instance lives; whether this made it healthy. Where its lease ran out before
    /// and no sweep noticed, it counts as given up first.
    ///
    /// # Errors
    /// When the service or the instance is unknown, or the caller is another life of it.
    pub fn heartbeat(
        &mut self,
        now: Time,
        service: Name,
        id: Name,
        incarnation: u64,
    ) -> Result<bool, RegistryError> {
        let swept = self.swept;
        let (instance, config) = self.owned(service, id, incarnation)?;
        if is_overdue(instance, now, swept, config) {
            instance.give_up(now);
        }
        let healed = instance.beat(now, config);
        self.heard = Some(now);
        self.version += u64::from(healed);
        Ok(healed)
    }

    /// Takes in whether the instance passed a probe of the owner's; whether its health changed.
    ///
    /// # Errors
    /// When the service or the instance is unknown.
    pub fn probed(
        &mut self,
        now: Time,
        service: Name,
        id: Name,
        passed: bool,
    ) -> Result<bool, RegistryError> {
        let known = self.services.get(&service).ok_or(RegistryError::ServiceNotFound)?;
        let known = known.iter().find(|instance| instance.id == id);
        let incarnation = known.ok_or(RegistryError::InstanceNotFound)?.incarnation;
        let (instance, config) = self.owned(service, id, incarnation)?;
        let changed = instance.probed(passed, now, config);
        self.heard = Some(now);
        self.version += u64::from(changed);
        Ok(changed)
    }

    /// The healthy instances of the service in list order, at least one; where too few are healthy,
    /// all that ever were. With exact expiry nobody is shown whose lease ran out since the last
    /// sweep.
    ///
    /// # Errors
    /// When there is none, and whether that is for want of instances or of health.
    pub fn discover(&self, now: Time, service: Name) -> Result<Found<'_, A>, DiscoverError> {
        let instances = self.services.get(&service).map_or(&[][..], Vec::as_slice);
        if instances.is_empty() {
            return Err(DiscoverError::NoInstances);
        }
        let is_routable = |instance: &&Instance<A>| {
            instance.health == Health::Healthy
                && !is_overdue(instance, now, self.swept, &self.config)
        };
        let healthy: Vec<_> = instances.iter().filter(is_routable).collect();
        let known: Vec<_> = instances.iter().filter(|instance| instance.was_healthy).collect();
        let threshold = self.config.panic_threshold;
        let (share, whole) = (healthy.len() as u128, known.len() as u128);
        let is_panic = share * u128::from(threshold.den()) < whole * u128::from(threshold.num());
        let instances = if is_panic { known } else { healthy };
        if instances.is_empty() {
            return Err(DiscoverError::NoHealthyInstances);
        }
        Ok(Found { instances, version: self.version, is_panic })
    }

    /// Every service, with the instances it has now.
    pub fn services(&self) -> impl Iterator<Item = (Name, &[Instance<A>])> {
        self.services.iter().map(|(service, instances)| (*service, instances.as_slice()))
    }

    /// How it behaves.
    #[must_use]
    pub const fn config(&self) -> &RegistryConfig {
        &self.config
    }

    /// Grows with every change that discovery could show.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The service under which an id is known, as far as ids reach.
    fn home(&self, service: Name, id: Name) -> Option<Name> {
        let is_there = |service: &Name| self.find(*service, id).is_some();
        match self.config.id_scope {
            IdScope::Service => Some(service).filter(is_there),
            IdScope::Registry => self.services.keys().copied().find(is_there),
        }
    }

    fn find(&self, service: Name, id: Name) -> Option<&Instance<A>> {
        self.services.get(&service)?.iter().find(|instance| instance.id == id)
    }

    /// The instance, if this life of it may touch it.
    fn owned(
        &mut self,
        service: Name,
        id: Name,
        incarnation: u64,
    ) -> Result<(&mut Instance<A>, &RegistryConfig), RegistryError> {
        let Self { config, services, .. } = self;
        let instances = services.get_mut(&service).ok_or(RegistryError::ServiceNotFound)?;
        let instance = instances.iter_mut().find(|instance| instance.id == id);
        let instance = instance.ok_or(RegistryError::InstanceNotFound)?;
        let known = instance.incarnation;
        match config.incarnations {
            Incarnations::Fenced if incarnation < known => {
                Err(RegistryError::StaleIncarnation { known })
            }
            Incarnations::Fenced if incarnation > known => Err(RegistryError::InstanceNotFound),
            Incarnations::Fenced | Incarnations::Ignored => Ok((instance, config)),
        }
    }

    fn remove(&mut self, service: Name, id: Name) {
        let Some(instances) = self.services.get_mut(&service) else { return };
        instances.retain(|instance| instance.id != id);
        if instances.is_empty() && self.config.empty_services == EmptyServices::Removed {
            self.services.shift_remove(&service);
        }
    }
}

/// Whether a lease ran out by itself since the last sweep, where leases do.
fn is_overdue<A>(
    instance: &Instance<A>,
    now: Time,
    swept: Option<Time>,
    config: &RegistryConfig,
) -> bool {
    config.expiry == Expiry::Exact
        && instance.is_held()
        && instance.is_silent(now, config)
        && instance.silent_from(config) > swept
}

#[cfg(test)]
mod tests;
