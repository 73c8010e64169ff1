//! `registry`: who serves what; and the directory that other machines share.

use brownout_models::policy::{Registry, RegistryConfig, RegistryOptions};
use brownout_models::{Mistake, Name, Names, Profile, Time};

use super::Options;
use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::vocabulary::{Answer, Event, Events, InstanceView, Trouble};

/// The operations of a directory.
pub(super) const OPERATIONS: [&str; 5] =
    ["register", "deregister", "heartbeat", "discover", "services"];

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

/// A request to a directory.
pub(super) enum DirectoryRequest {
    Register { service: String, id: String, port: i64 },
    Deregister { service: String, id: String },
    Heartbeat { service: String, id: String },
    Discover { service: String },
    Services,
}

impl DirectoryRequest {
    /// Reads one of [`OPERATIONS`]; nothing for any other.
    pub(super) fn read(operation: &str, fields: &mut Fields) -> Result<Option<Self>, Bad> {
        let request = match operation {
            "register" => {
                let (service, id) = (fields.text("service")?, fields.text("id")?);
                // The host is part of the address and appears in no answer.
                fields.text("host")?;
                Self::Register { service, id, port: fields.integer("port")? }
            }
            "deregister" => {
                Self::Deregister { service: fields.text("service")?, id: fields.text("id")? }
            }
            "heartbeat" => {
                Self::Heartbeat { service: fields.text("service")?, id: fields.text("id")? }
            }
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
            DirectoryRequest::Register { service, id, port } => {
                let (service, id) = (self.names.intern(&service), self.names.intern(&id));
                let created = self.registry.register(now, service, id, Address { port });
                Answer::Created { created }
            }
            DirectoryRequest::Deregister { service, id } => {
                let names = (self.names.intern(&service), self.names.intern(&id));
                match self.registry.deregister(names.0, names.1) {
                    Ok(()) => Answer::Done {},
                    Err(error) => Answer::Failed { error: Trouble::registry(error, &service, &id) },
                }
            }
            DirectoryRequest::Heartbeat { service, id } => self.heartbeat(now, service, id, events),
            DirectoryRequest::Discover { service } => {
                let name = self.names.intern(&service);
                match self.discover(name) {
                    Ok(ids) => {
                        let instances = ids.iter().map(|id| self.text(*id)).collect();
                        Answer::Instances { instances }
                    }
                    Err(error) => Answer::Failed { error },
                }
            }
            DirectoryRequest::Services => self.services(),
        }
    }

    /// The healthy instances of a service in list order, at least one.
    pub(super) fn discover(&self, service: Name) -> Result<Vec<Name>, Trouble> {
        match self.registry.discover(service) {
            Ok(healthy) => Ok(healthy.map(|instance| instance.id).collect()),
            Err(error) => Err(Trouble::discover(error, self.names.text(service))),
        }
    }

    /// The next sweep that marks an instance.
    pub(super) fn due(&self) -> Option<Time> {
        self.registry.next_marking()
    }

    /// Sweeps.
    pub(super) fn wake(&mut self, now: Time, events: &mut Events) {
        for (service, id) in self.registry.sweep(now) {
            events.note(now, Event::Unhealthy { service: self.text(service), id: self.text(id) });
        }
    }

    pub(super) fn text(&self, name: Name) -> String {
        self.names.text(name).to_owned()
    }

    fn heartbeat(&mut self, now: Time, service: String, id: String, events: &mut Events) -> Answer {
        let names = (self.names.intern(&service), self.names.intern(&id));
        match self.registry.heartbeat(now, names.0, names.1) {
            Ok(revived) => {
                if revived {
                    events.note(now, Event::Healthy { service, id });
                }
                Answer::Done {}
            }
            Err(error) => Answer::Failed { error: Trouble::registry(error, &service, &id) },
        }
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
