//! An API composition on the network: each part is a call to a service.
//!
//! The guide's composition calls the services through the plain client and waits for ever (AC-2,
//! AC-5); here the calls may also go through a sidecar, as any other's. With a deadline each call
//! gets what is left of it. What is *not* here: the data. A part either came or did not.

use std::sync::Arc;

use serde::Serialize;

use crate::contract::{Body, Context, Failure, Input, Machine, Outcome, Request, Sender, Turn};
use crate::fact::Fact;
use crate::machine::{Dialer, Dialling, Discovery, Slab, Target};
use crate::policy::{Composed, Composition, CompositionConfig, Demand, Missing, Need, PartSpec};
use crate::{Name, Span, Time};

crate::timers! {
    /// What can be overdue in a composition.
    pub enum Timer {
        /// The deadline of a composition, or the next second call.
        Due(u32),
    }
}

/// What a composition consists of, and how it treats what is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CompositionNodeConfig {
    /// The name of the composition.
    pub name: Name,
    /// How services are found, and which instance of one is called.
    pub discovery: Discovery,
    /// The parts, in order.
    pub parts: Vec<CompositionPart>,
    /// How they are put together.
    pub composition: CompositionConfig,
}

/// A part of a composition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CompositionPart {
    /// Its name.
    pub name: Name,
    /// Whether the composition can do without it.
    pub need: Need,
    /// Who has it.
    pub target: Target,
    /// What is asked.
    pub method: Name,
}

/// An API composition.
#[derive(Clone, Debug, Serialize)]
pub struct CompositionNode<P> {
    config: Arc<CompositionNodeConfig>,
    dialer: Dialer,
    requests: Slab<Pending<P>>,
    /// Calls whose answers may still come, also those that nobody waits for any more: a number is
    /// used again only when no answer can be mistaken for its own.
    calls: Slab<PartCall>,
}

/// A request whose parts are under way.
#[derive(Clone, Debug, Serialize)]
struct Pending<P> {
    context: Context,
    from: Sender,
    request: Request<P>,
    began: Time,
    composition: Composition<(), Failure>,
}

/// A call under way; `None` where nobody waits for it.
#[derive(Clone, Copy, Debug, Serialize)]
struct PartCall {
    of: Option<u32>,
    part: usize,
    attempt: u32,
    timeout: Option<Span>,
}

impl<P: Clone + std::fmt::Debug + Serialize> CompositionNode<P> {
    /// A composition that nobody has asked for.
    #[must_use]
    pub fn new(config: Arc<CompositionNodeConfig>) -> Self {
        let dialer = Dialer::new(config.discovery.clone());
        Self { config, dialer, requests: Slab::default(), calls: Slab::default() }
    }

    fn compose(&mut self, from: Sender, request: Request<P>, turn: &mut Turn<'_, P, Fact>) {
        let spec = |part: &CompositionPart| PartSpec { name: part.name, need: part.need };
        let specs = self.config.parts.iter().map(spec).collect();
        let (context, began) = (turn.context(), turn.now());
        let composition = Composition::new(self.config.composition.clone(), specs, began);
        let slot = self.requests.insert(Pending { context, from, request, began, composition });
        let Some(pending) = self.requests.get_mut(slot) else { return };
        let demands = pending.composition.begin();
        self.carry_out(slot, demands, turn);
    }

    /// Does what the composition wants, and what follows from calls that fail at once.
    fn carry_out(
        &mut self,
        slot: u32,
        demands: Vec<Demand<(), Failure>>,
        turn: &mut Turn<'_, P, Fact>,
    ) {
        let mut demands: std::collections::VecDeque<_> = demands.into();
        while let Some(demand) = demands.pop_front() {
            match demand {
                Demand::Ask { part, attempt } => {
                    let Err(failure) = self.ask(slot, (part, attempt), turn) else { continue };
                    let Some(pending) = self.requests.get_mut(slot) else { return };
                    let (now, call) = (turn.now(), (part, attempt));
                    demands.extend(pending.composition.ended(now, call, Err(failure)));
                }
                Demand::Cancel { part, attempt } => self.calls.forget(slot, part, attempt),
                Demand::Done(composed) => return self.end(slot, &composed, turn),
            }
        }
        let Some(pending) = self.requests.get(slot) else { return };
        if let Some(due) = pending.composition.due() {
            turn.set(Timer::Due(slot), due.since(turn.now()));
        }
    }

    fn ask(
        &mut self,
        slot: u32,
        (part, attempt): (usize, u32),
        turn: &mut Turn<'_, P, Fact>,
    ) -> Result<(), Failure> {
        let CompositionPart { target, method, .. } = self.config.parts[part];
        let Some(pending) = self.requests.get(slot) else { return Ok(()) };
        let deadline = self.config.composition.deadline.span().map(|span| pending.began + span);
        let timeout = deadline.map(|deadline| deadline.since(turn.now()));
        let call = self.calls.insert(PartCall { of: Some(slot), part, attempt, timeout });
        turn.on_behalf(pending.context);
        let dialling = Dialling { target, method, request: &pending.request, timeout };
        let placed = self.dialer.dial(turn, dialling, call);
        if placed.is_err() {
            self.calls.remove(call);
        }
        placed
    }

    fn heard(&mut self, tag: u64, outcome: Outcome<P>, turn: &mut Turn<'_, P, Fact>) {
        let number = Dialer::slot(tag);
        let Some(PartCall { of, part, attempt, timeout }) = self.calls.get(number).copied() else {
            return;
        };
        let Some((slot, pending)) = of.and_then(|slot| Some((slot, self.requests.get_mut(slot)?)))
        else {
            self.calls.remove(number);
            self.dialer.hang_up(turn, tag, &outcome);
            return;
        };
        let CompositionPart { target, method, .. } = self.config.parts[part];
        let call = Dialling { target, method, request: &pending.request, timeout };
        let Some(outcome) = self.dialer.heard(turn, tag, outcome, call) else {
            return;
        };
        self.calls.remove(number);
        let ended = outcome.map(|_| ());
        let demands = pending.composition.ended(turn.now(), (part, attempt), ended);
        self.carry_out(slot, demands, turn);
    }

    fn due(&mut self, slot: u32, turn: &mut Turn<'_, P, Fact>) {
        let Some(pending) = self.requests.get_mut(slot) else { return };
        let demands = pending.composition.wake(turn.now());
        self.carry_out(slot, demands, turn);
    }

    fn end(&mut self, slot: u32, composed: &Composed<(), Failure>, turn: &mut Turn<'_, P, Fact>) {
        let Some(Pending { from, request, .. }) = self.requests.remove(slot) else { return };
        turn.cancel(Timer::Due(slot));
        for part in &composed.errors {
            let failure = match composed.parts[*part] {
                Err(Missing::Failed(failure)) => Some(failure),
                Err(Missing::TooLate) => Some(Failure::TimedOut),
                Err(Missing::Cancelled) | Ok(_) => None,
            };
            let (composition, part) = (self.config.name, self.config.parts[*part].name);
            turn.note(Fact::PartMissing { composition, part, key: request.key, failure });
        }
        let count = |parts: usize| u32::try_from(parts).unwrap_or(u32::MAX);
        turn.note(Fact::Composed {
            composition: self.config.name,
            key: request.key,
            parts: count(composed.parts.len()),
            missing: count(composed.errors.len()),
            ok: composed.is_ok(),
        });
        if composed.is_ok() {
            turn.reply_done(from, request.method);
            return;
        }
        let required = |part: &&usize| self.config.parts[**part].need == Need::Required;
        let first =
            composed.errors.iter().filter(required).find_map(|part| match composed.parts[*part] {
                Err(Missing::Failed(failure)) => Some(failure),
                Err(Missing::TooLate | Missing::Cancelled) | Ok(_) => None,
            });
        turn.reply_failure(from, request.method, first.unwrap_or(Failure::TimedOut));
    }
}

impl Slab<PartCall> {
    /// Nobody waits for this call any more.
    fn forget(&mut self, of: u32, part: usize, attempt: u32) {
        let call = self
            .iter_mut()
            .find(|call| call.of == Some(of) && call.part == part && call.attempt == attempt);
        if let Some(call) = call {
            call.of = None;
        }
    }
}

impl<P: Clone + std::fmt::Debug + Serialize> Machine for CompositionNode<P> {
    type Payload = P;
    type Timer = Timer;
    type Fact = Fact;

    const PHASES: &'static [&'static str] = &["idle", "composing"];

    fn phase(&self) -> usize {
        usize::from(!self.requests.is_empty())
    }

    fn step(&mut self, input: Input<P, Timer>, turn: &mut Turn<'_, P, Fact>) {
        match input {
            Input::Start => {}
            Input::Wake(Timer::Due(slot)) => self.due(slot, turn),
            Input::Deliver { from, body: Body::Request(request) } => {
                self.compose(from, request, turn);
            }
            Input::Deliver { from, body } => {
                turn.reply_failure(from, body.name(), Failure::UnknownMethod);
            }
            Input::Reply { tag, outcome } => self.heard(tag, outcome, turn),
            Input::Expired { tag } => self.heard(tag, Err(Failure::TimedOut), turn),
        }
    }

    fn power_cut(&mut self) {
        *self = Self::new(Arc::clone(&self.config));
    }
}
