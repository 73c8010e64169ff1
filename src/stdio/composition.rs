//! `composition`: the details of an order from three services, all or nothing.

use brownout_models::Time;
use brownout_models::policy::{Composed, Composition, Part};
use indexmap::IndexMap;

use super::client::{Call, Caller, ClientConfig};
use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::registry::DirectoryRequest;
use super::vocabulary::{Answer, Completion, Events, Trouble};

/// Compositions over one client.
#[derive(Clone, Debug)]
pub(super) struct CompositionDesk {
    caller: Caller<Piece>,
    /// By the number of their request.
    compositions: IndexMap<u64, Composition<String, Trouble>>,
}

/// What a call is made for.
#[derive(Clone, Debug)]
struct Piece {
    request: u64,
    part: Part,
}

/// A request to the composition.
pub(super) enum CompositionRequest {
    Directory(DirectoryRequest),
    /// The order itself decides nothing: the guide hands it to all three services.
    Compose,
}

impl CompositionDesk {
    pub(super) fn new(config: ClientConfig) -> Self {
        Self { caller: Caller::new(config), compositions: IndexMap::new() }
    }

    fn part_ended(
        &mut self,
        now: Time,
        Piece { request, part }: Piece,
        outcome: Result<String, Trouble>,
        events: &mut Events,
    ) {
        let composition = self.compositions.entry(request).or_default();
        let Some(composed) = composition.ended(part, outcome) else { return };
        self.compositions.shift_remove(&request);
        let completion = match composed {
            Composed::Details { user, product, payment } => {
                Completion::Composed { ok: true, user, product, payment }
            }
            Composed::Failed { errors } => Completion::NotComposed { errors },
        };
        events.complete(now, request, completion);
    }
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
        self.caller.due()
    }

    fn wake(&mut self, now: Time, events: &mut Events) {
        if let Some(Call { context, instance }) = self.caller.wake(now, events) {
            let instance = self.caller.directory.text(instance);
            self.part_ended(now, context, Ok(instance), events);
        }
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
                for part in Part::ALL {
                    let service = self.caller.directory.names.intern(part.service());
                    let piece = Piece { request: number, part };
                    if let Err((piece, error)) = self.caller.call(now, service, piece) {
                        self.part_ended(now, piece, Err(error), events);
                    }
                }
                Ok(Answer::PENDING)
            }
        }
    }

    fn is_pending(&self) -> bool {
        self.caller.is_pending()
    }
}
