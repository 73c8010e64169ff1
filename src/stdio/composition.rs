//! `composition`: the details of an order from three services.

use brownout_models::policy::{
    BalancerOptions, Composed, Composition, CompositionConfig, CompositionOptions, Demand, Missing,
    Need, PartSpec, RegistryOptions,
};
use brownout_models::{Mistake, Name, Profile, Span, Time};
use indexmap::IndexMap;
use serde::Deserialize;

use super::Options;
use super::client::{Call, Caller, ClientConfig, ClientOptions};
use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::registry::DirectoryRequest;
use super::vocabulary::{Answer, Came, Completion, Events, PartTrouble, Trouble};

/// What an order's details consist of: the part, and the service that has it.
const PARTS: [(&str, &str); 3] =
    [("user", "user-service"), ("product", "product-service"), ("payment", "payment-service")];

/// The client's options, the composition's, and the parts it can do without.
#[derive(Default, Deserialize)]
#[serde(rename = "Composition", deny_unknown_fields, default)]
pub(super) struct CompositionDeskOptions {
    registry: RegistryOptions,
    balancer: BalancerOptions,
    call_takes: Option<Span>,
    composition: CompositionOptions,
    optional: Vec<Part>,
}

/// A part by name.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
enum Part {
    User,
    Product,
    Payment,
}

/// How calls are made, and how parts are put together.
pub(super) struct CompositionDeskConfig {
    client: ClientConfig,
    composition: CompositionConfig,
    needs: [Need; 3],
}

impl Options for CompositionDeskOptions {
    type Config = CompositionDeskConfig;

    fn checked(&self, profile: Profile) -> (CompositionDeskConfig, Vec<Mistake>) {
        let Self { registry, balancer, call_takes, .. } = self;
        let (registry, balancer) = (registry.clone(), balancer.clone());
        let client = ClientOptions { registry, balancer, call_takes: *call_takes };
        let (client, mut mistakes) = client.checked(profile);
        let composition = self.composition.resolve(profile);
        let wrong = composition.mistakes().into_iter();
        mistakes.extend(wrong.map(|mistake| mistake.within("composition")));
        let needs = [Part::User, Part::Product, Part::Payment].map(|part| {
            if self.optional.contains(&part) { Need::Optional } else { Need::Required }
        });
        (CompositionDeskConfig { client, composition, needs }, mistakes)
    }
}

/// Compositions over one client.
#[derive(Clone, Debug)]
pub(super) struct CompositionDesk {
    profile: Profile,
    config: CompositionConfig,
    needs: [Need; 3],
    caller: Caller<Piece>,
    /// By the number of their request.
    compositions: IndexMap<u64, Composition<String, Trouble>>,
}

/// What a call is made for.
#[derive(Clone, Debug)]
struct Piece {
    request: u64,
    /// The part, and which call for it.
    call: (usize, u32),
}

/// A request to the composition.
pub(super) enum CompositionRequest {
    Directory(DirectoryRequest),
    /// The order itself decides nothing: the guide hands it to all three services.
    Compose,
}

impl CompositionDesk {
    pub(super) fn new(config: CompositionDeskConfig, profile: Profile) -> Self {
        let CompositionDeskConfig { client, composition, needs } = config;
        let (caller, compositions) = (Caller::new(client), IndexMap::new());
        Self { profile, config: composition, needs, caller, compositions }
    }

    fn compose(&mut self, now: Time, number: u64, events: &mut Events) {
        // Parts are known by their number here; names are for those who have many.
        let part = |(name, need): (u32, &Need)| PartSpec { name: Name(name), need: *need };
        let specs = (0..).zip(&self.needs).map(part).collect();
        let mut composition = Composition::new(self.config.clone(), specs, now);
        let demands = composition.begin();
        self.compositions.insert(number, composition);
        self.carry_out(now, number, demands, events);
    }

    /// Does what the composition wants, and what follows from calls that fail at once.
    fn carry_out(
        &mut self,
        now: Time,
        request: u64,
        demands: Vec<Demand<String, Trouble>>,
        events: &mut Events,
    ) {
        let mut demands = std::collections::VecDeque::from(demands);
        while let Some(demand) = demands.pop_front() {
            match demand {
                Demand::Ask { part, attempt } => {
                    let service = self.caller.directory.names.intern(PARTS[part].1);
                    let call = (part, attempt);
                    let piece = Piece { request, call };
                    if let Err((_, error)) = self.caller.call(now, service, piece)
                        && let Some(composition) = self.compositions.get_mut(&request)
                    {
                        demands.extend(composition.ended(now, call, Err(error)));
                    }
                }
                // The guide's client cannot be stopped: what it brings later is ignored.
                Demand::Cancel { .. } => {}
                Demand::Done(composed) => {
                    self.compositions.shift_remove(&request);
                    events.complete(now, request, completion(composed, self.profile));
                }
            }
        }
    }
}

/// How a composition reads once it is over.
fn completion(composed: Composed<String, Trouble>, profile: Profile) -> Completion {
    let says_more = profile == Profile::Hardened;
    let ok = composed.is_ok();
    let trouble = |part: &usize| {
        let error = match &composed.parts[*part] {
            Err(Missing::Failed(error)) => error.clone(),
            Err(Missing::TooLate) => Trouble::new("too_late", "not there by the deadline"),
            Err(Missing::Cancelled) => Trouble::new("cancelled", "a required part failed first"),
            Ok(_) => return None,
        };
        let part = says_more.then_some(PARTS[*part].0);
        Some(PartTrouble { part, error })
    };
    let missing: Vec<PartTrouble> = composed.errors.iter().filter_map(trouble).collect();
    let came =
        |part: usize| composed.parts[part].as_ref().ok().map(|(instance, _)| instance.clone());
    let (user, product, payment) = (came(0), came(1), came(2));
    if ok {
        let missing = says_more.then_some(missing);
        return Completion::Composed { ok, user, product, payment, missing };
    }
    let came = says_more.then_some(Came { user, product, payment });
    Completion::NotComposed { errors: missing, came }
}

impl Desk for CompositionDesk {
    type Request = CompositionRequest;

    fn read(operation: &str, fields: &mut Fields) -> Result<CompositionRequest, Bad> {
        if let Some(request) = DirectoryRequest::read(operation, fields)? {
            return Ok(CompositionRequest::Directory(request));
        }
        if operation != "compose" {
            let known = [
                "register",
                "deregister",
                "heartbeat",
                "discover",
                "services",
                "compose",
                "advance",
            ];
            return Err(unknown_operation(operation, &known));
        }
        fields.text("order")?;
        Ok(CompositionRequest::Compose)
    }

    fn due(&self) -> Option<Time> {
        let compositions = self.compositions.values().filter_map(Composition::due);
        compositions.chain(self.caller.due()).min()
    }

    /// A call that ends exactly at a deadline is in time.
    fn wake(&mut self, now: Time, events: &mut Events) {
        if self.caller.due() == Some(now) {
            let Some(Call { context, instance }) = self.caller.wake(now, events) else { return };
            let Piece { request, call } = context;
            let instance = self.caller.directory.text(instance);
            if let Some(composition) = self.compositions.get_mut(&request) {
                let demands = composition.ended(now, call, Ok(instance));
                self.carry_out(now, request, demands, events);
            }
            return;
        }
        let due = |composition: &Composition<String, Trouble>| composition.due() == Some(now);
        let Some((request, composition)) = self.compositions.iter_mut().find(|(_, it)| due(it))
        else {
            return;
        };
        let (request, demands) = (*request, composition.wake(now));
        self.carry_out(now, request, demands, events);
    }

    fn take(
        &mut self,
        now: Time,
        number: u64,
        request: CompositionRequest,
        events: &mut Events,
    ) -> Result<Answer, Bad> {
        match request {
            CompositionRequest::Directory(request) => {
                Ok(self.caller.directory.take(now, request, events))
            }
            CompositionRequest::Compose => {
                self.compose(now, number, events);
                Ok(Answer::PENDING)
            }
        }
    }

    fn is_pending(&self) -> bool {
        !self.compositions.is_empty()
    }
}
