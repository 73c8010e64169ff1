//! `client`: discovery, a balancer, and a call that always succeeds after a while; and the caller
//! that other machines share.
//!
//! The guide's call can only fail at discovery: once an instance is picked it sleeps 50 ms and
//! reports success, whatever happens to the instance meanwhile.

use brownout_models::policy::{
    Balancer, BalancerConfig, BalancerOptions, Host, Pick, RegistryConfig, RegistryOptions,
};
use brownout_models::{Mistake, Name, Profile, Span, Time};
use serde::Deserialize;

use super::Options;
use super::agenda::Agenda;
use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::registry::{Directory, DirectoryRequest};
use super::vocabulary::{Answer, Completion, Events, Trouble};

/// The guide's simulated call.
pub(super) const CALL_TAKES: Span = Span::from_millis(50);

/// How long a call takes, and the registry's leases, as they are written.
#[derive(Default, Deserialize)]
#[serde(rename = "Client", deny_unknown_fields, default)]
pub(super) struct ClientOptions {
    pub(super) registry: RegistryOptions,
    pub(super) balancer: BalancerOptions,
    pub(super) call_takes: Option<Span>,
}

/// How long a call takes, and the registry's leases.
pub(super) struct ClientConfig {
    pub(super) registry: RegistryConfig,
    pub(super) balancer: BalancerConfig,
    pub(super) call_takes: Span,
}

impl Options for ClientOptions {
    type Config = ClientConfig;

    fn checked(&self, profile: Profile) -> (ClientConfig, Vec<Mistake>) {
        let registry = self.registry.resolve(profile);
        let mistakes = registry.mistakes().into_iter().map(|mistake| mistake.within("registry"));
        let mut mistakes: Vec<_> = mistakes.collect();
        let balancer = self.balancer.resolve(profile);
        let wrong = balancer.mistakes_without_zones().into_iter();
        mistakes.extend(wrong.map(|mistake| mistake.within("balancer")));
        let call_takes = self.call_takes.unwrap_or(CALL_TAKES);
        (ClientConfig { registry, balancer, call_takes }, mistakes)
    }
}

/// A directory, a balancer over it, and calls under way; `C` is what a call is made for.
#[derive(Clone, Debug)]
pub(super) struct Caller<C> {
    pub(super) directory: Directory,
    balancer: Balancer,
    /// What the next pick draws, where its rule draws.
    word: u64,
    pub(super) call_takes: Span,
    calls: Agenda<Call<C>>,
}

/// A call that reached an instance.
#[derive(Clone, Debug)]
pub(super) struct Call<C> {
    pub(super) context: C,
    pub(super) instance: Name,
}

impl<C> Caller<C> {
    pub(super) fn new(config: ClientConfig) -> Self {
        Self {
            directory: Directory::new(config.registry),
            balancer: Balancer::new(config.balancer),
            word: 0,
            call_takes: config.call_takes,
            calls: Agenda::default(),
        }
    }

    /// Picks an instance and starts a call, or gives the context back with what went wrong.
    pub(super) fn call(
        &mut self,
        now: Time,
        service: Name,
        context: C,
    ) -> Result<(), (C, Trouble)> {
        match self.pick(now, service, |instances| (0..instances.len()).collect()) {
            Ok(instance) => {
                self.start(now, self.call_takes, context, instance);
                Ok(())
            }
            Err(error) => Err((context, error)),
        }
    }

    /// Picks one of the instances that `callable` names by their places.
    pub(super) fn pick(
        &mut self,
        now: Time,
        service: Name,
        callable: impl Fn(&[Name]) -> Vec<usize>,
    ) -> Result<Name, Trouble> {
        let instances = self.directory.discover(now, service)?;
        let places = callable(&instances);
        if places.is_empty() && !instances.is_empty() {
            let message = "service unavailable: circuit breakers open";
            return Err(Trouble::new("breaker_open", message));
        }
        let callable: Vec<Name> =
            places.iter().filter_map(|place| instances.get(*place).copied()).collect();
        let hosts: Vec<_> = callable.iter().map(|instance| Host::new(*instance)).collect();
        let pick = Pick { now, service, key: 0, word: std::mem::take(&mut self.word) };
        let place = self.balancer.pick(pick, &hosts);
        let instance = place.and_then(|place| callable.get(place).copied());
        instance.ok_or_else(|| Trouble::new("no_instances", "no available instance"))
    }

    /// Starts a call that takes so long.
    pub(super) fn start(&mut self, now: Time, takes: Span, context: C, instance: Name) {
        self.balancer.started(now, instance);
        self.calls.set(now + takes, Call { context, instance });
    }

    pub(super) fn due(&self) -> Option<Time> {
        [self.directory.due(), self.calls.due()].into_iter().flatten().min()
    }

    /// Sweeps if that is due, else ends the first call. A sweep comes first at its instant: its
    /// timer was set before that of any call.
    pub(super) fn wake(&mut self, now: Time, events: &mut Events) -> Option<Call<C>> {
        if self.directory.due() == Some(now) {
            self.directory.wake(now, events);
            return None;
        }
        let call = self.calls.pop()?;
        self.balancer.ended(now, call.instance, self.call_takes);
        Some(call)
    }

    pub(super) fn is_pending(&self) -> bool {
        !self.calls.is_empty()
    }
}

/// A caller by itself.
#[derive(Clone, Debug)]
pub(super) struct ClientDesk {
    caller: Caller<Asked>,
}

/// What a call is made for.
#[derive(Clone, Debug)]
struct Asked {
    request: u64,
    method: String,
}

/// A request to the client.
pub(super) enum ClientRequest {
    Directory(DirectoryRequest),
    Call { service: String, method: String, word: u64 },
}

impl ClientDesk {
    pub(super) fn new(config: ClientConfig) -> Self {
        Self { caller: Caller::new(config) }
    }
}

impl Desk for ClientDesk {
    type Request = ClientRequest;

    fn read(operation: &str, fields: &mut Fields) -> Result<ClientRequest, Bad> {
        if let Some(request) = DirectoryRequest::read(operation, fields)? {
            return Ok(ClientRequest::Directory(request));
        }
        if operation != "call" {
            let known =
                ["register", "deregister", "heartbeat", "discover", "services", "call", "advance"];
            return Err(unknown_operation(operation, &known));
        }
        let (service, method) = (fields.text("service")?, fields.text("method")?);
        Ok(ClientRequest::Call { service, method, word: fields.natural_or("word", 0)? })
    }

    fn due(&self) -> Option<Time> {
        self.caller.due()
    }

    fn wake(&mut self, now: Time, events: &mut Events) {
        if let Some(Call { context: Asked { request, method }, instance }) =
            self.caller.wake(now, events)
        {
            let instance = self.caller.directory.text(instance);
            events.complete(now, request, Completion::Called { ok: true, instance, method });
        }
    }

    fn take(
        &mut self,
        now: Time,
        number: u64,
        request: ClientRequest,
        events: &mut Events,
    ) -> Result<Answer, Bad> {
        match request {
            ClientRequest::Directory(request) => {
                Ok(self.caller.directory.take(now, request, events))
            }
            ClientRequest::Call { service, method, word } => {
                self.caller.word = word;
                let service = self.caller.directory.names.intern(&service);
                let asked = Asked { request: number, method };
                if let Err((_, error)) = self.caller.call(now, service, asked) {
                    events.complete(now, number, Completion::Failed { error });
                }
                Ok(Answer::PENDING)
            }
        }
    }

    fn is_pending(&self) -> bool {
        self.caller.is_pending()
    }
}
