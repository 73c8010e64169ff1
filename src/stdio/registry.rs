//! `registry`: who serves what; and the directory that other machines share.

use brownout_models::policy::registry::{Snapshots, Validation, validate};
use brownout_models::policy::{
    Gone, GoneHow, Registration, Registry, RegistryConfig, RegistryError, RegistryOptions,
};
use brownout_models::{Mistake, Name, Names, Profile, Time};

use super::Options;
use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::vocabulary::{Answer, Event, Events, InstanceView, Trouble};

/// The operations of a directory.
pub(super) const OPERATIONS: [&str; 6] =
    ["register", "deregister", "heartbeat", "check", "discover", "services"];

impl Options for RegistryOptions {
    type Config = RegistryConfig;

    fn checked(&self, profile: Profile) -> (RegistryConfig, Vec<Mistake>) {
        let config = self.resolve(profile);
        let mistakes = config.mistakes();
        (config, mistakes)
    }
}

/// Where an instance is reached.
#[derive(Clone, Debug)]
pub(super) struct Address {
    port: i64,
}

/// A registry with the texts of its names, and its sweeps.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    pub(super) names: Names,
    registry: Registry<Address>,
}

/// Which life of which instance a request is about.
pub(super) struct Who {
    service: String,
    id: String,
    incarnation: u64,
}

impl Who {
    fn read(fields: &mut Fields) -> Result<Self, Bad> {
        let (service, id) = (fields.text("service")?, fields.text("id")?);
        Ok(Self { service, id, incarnation: fields.natural_or("incarnation", 0)? })
    }

    fn trouble(&self, error: RegistryError) -> Answer {
        Answer::Failed { error: Trouble::registry(error, &self.service, &self.id) }
    }
}

/// A request to a directory.
pub(super) enum DirectoryRequest {
    Register { who: Who, host: String, port: i64 },
    Deregister { who: Who },
    Heartbeat { who: Who },
    Check { service: String, id: String, passed: bool },
    Discover { service: String },
    Services,
}

impl DirectoryRequest {
    /// Reads one of [`OPERATIONS`]; nothing for any other.
    pub(super) fn read(operation: &str, fields: &mut Fields) -> Result<Option<Self>, Bad> {
        let request = match operation {
            "register" => {
                let (who, host) = (Who::read(fields)?, fields.text("host")?);
                Self::Register { who, host, port: fields.integer("port")? }
            }
            "deregister" => Self::Deregister { who: Who::read(fields)? },
            "heartbeat" => Self::Heartbeat { who: Who::read(fields)? },
            "check" => Self::Check {
                service: fields.text("service")?,
                id: fields.text("id")?,
                passed: fields.boolean("passed")?,
            },
            "discover" => Self::Discover { service: fields.text("service")? },
            "services" => Self::Services,
            _ => return Ok(None),
        };
        Ok(Some(request))
    }
}

impl Directory {
    pub(super) fn new(config: RegistryConfig) -> Self {
        Self { names: Names::new(), registry: Registry::new(config) }
    }

    pub(super) fn take(
        &mut self,
        now: Time,
        request: DirectoryRequest,
        events: &mut Events,
    ) -> Answer {
        match request {
            DirectoryRequest::Register { who, host, port } => self.register(now, &who, &host, port),
            DirectoryRequest::Deregister { who } => {
                let (service, id) = self.intern(&who.service, &who.id);
                match self.registry.deregister(now, service, id, who.incarnation) {
                    Ok(()) => Answer::Done {},
                    Err(error) => who.trouble(error),
                }
            }
            DirectoryRequest::Heartbeat { who } => {
                let (service, id) = self.intern(&who.service, &who.id);
                match self.registry.heartbeat(now, service, id, who.incarnation) {
                    Ok(healed) => {
                        if healed {
                            let Who { service, id, .. } = who;
                            events.note(now, Event::Healthy { service, id });
                        }
                        Answer::Done {}
                    }
                    Err(error) => who.trouble(error),
                }
            }
            DirectoryRequest::Check { service, id, passed } => {
                let names = self.intern(&service, &id);
                match self.registry.probed(now, names.0, names.1, passed) {
                    Ok(false) => {}
                    Ok(true) if passed => events.note(now, Event::Healthy { service, id }),
                    Ok(true) => events.note(now, Event::Unhealthy { service, id }),
                    Err(error) => {
                        return Answer::Failed { error: Trouble::registry(error, &service, &id) };
                    }
                }
                Answer::Done {}
            }
            DirectoryRequest::Discover { service } => self.show(now, &service),
            DirectoryRequest::Services => self.services(),
        }
    }

    /// The instances of a service that a caller may use, in list order, at least one.
    pub(super) fn discover(&self, now: Time, service: Name) -> Result<Vec<Name>, Trouble> {
        match self.registry.discover(now, service) {
            Ok(found) => Ok(found.instances.iter().map(|instance| instance.id).collect()),
            Err(error) => Err(Trouble::discover(error, self.names.text(service))),
        }
    }

    /// The next sweep that may change anything.
    pub(super) fn due(&self) -> Option<Time> {
        self.registry.due()
    }

    /// Sweeps.
    pub(super) fn wake(&mut self, now: Time, events: &mut Events) {
        for Gone { service, id, how } in self.registry.sweep(now) {
            let (service, id) = (self.text(service), self.text(id));
            let event = match how {
                GoneHow::GivenUp => Event::Unhealthy { service, id },
                GoneHow::Evicted => Event::Evicted { service, id },
            };
            events.note(now, event);
        }
    }

    pub(super) fn text(&self, name: Name) -> String {
        self.names.text(name).to_owned()
    }

    fn intern(&mut self, service: &str, id: &str) -> (Name, Name) {
        (self.names.intern(service), self.names.intern(id))
    }

    fn register(&mut self, now: Time, who: &Who, host: &str, port: i64) -> Answer {
        if self.registry.config().validation == Validation::On
            && let Err(invalid) = validate(&who.service, &who.id, host, port)
        {
            let error = Trouble::new("invalid_registration", invalid.to_string());
            return Answer::Failed { error };
        }
        let (service, id) = self.intern(&who.service, &who.id);
        let incarnation = who.incarnation;
        let registration = Registration { service, id, incarnation, address: Address { port } };
        match self.registry.register(now, registration) {
            Ok(created) => Answer::Created { created },
            Err(error) => who.trouble(error),
        }
    }

    fn show(&mut self, now: Time, service: &str) -> Answer {
        let name = self.names.intern(service);
        let found = match self.registry.discover(now, name) {
            Ok(found) => found,
            Err(error) => return Answer::Failed { error: Trouble::discover(error, service) },
        };
        let instances = found.instances.iter().map(|instance| self.text(instance.id)).collect();
        let (version, panic) = match self.registry.config().snapshots {
            Snapshots::Unversioned => (None, None),
            Snapshots::Versioned => (Some(found.version), Some(found.is_panic)),
        };
        Answer::Instances { instances, version, panic }
    }

    fn services(&self) -> Answer {
        let services = self.registry.services().map(|(service, instances)| {
            let instances = instances.iter().map(|instance| InstanceView {
                id: self.text(instance.id),
                port: instance.address.port,
                health: instance.health,
                last_seen: instance.last_seen.as_nanos(),
            });
            (self.text(service), instances.collect())
        });
        Answer::Services { services: services.collect() }
    }
}

/// A directory by itself.
#[derive(Clone, Debug)]
pub(super) struct RegistryDesk {
    directory: Directory,
}

impl RegistryDesk {
    pub(super) fn new(config: RegistryConfig) -> Self {
        Self { directory: Directory::new(config) }
    }
}

impl Desk for RegistryDesk {
    type Request = DirectoryRequest;

    fn read(operation: &str, fields: &mut Fields) -> Result<DirectoryRequest, Bad> {
        DirectoryRequest::read(operation, fields)?
            .ok_or_else(|| unknown_operation(operation, &OPERATIONS))
    }

    fn due(&self) -> Option<Time> {
        self.directory.due()
    }

    fn wake(&mut self, now: Time, events: &mut Events) {
        self.directory.wake(now, events);
    }

    fn take(
        &mut self,
        now: Time,
        _number: u64,
        request: DirectoryRequest,
        events: &mut Events,
    ) -> Result<Answer, Bad> {
        Ok(self.directory.take(now, request, events))
    }

    fn is_pending(&self) -> bool {
        false
    }
}
