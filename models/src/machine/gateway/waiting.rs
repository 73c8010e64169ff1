//! Requests that wait at a gateway's bulkheads: in turn, and no longer than somebody waits for them.

use serde::Serialize;

use super::{GatewayNode, Route, Timer};
use crate::contract::{Context, Failure, Request, Sender, Turn};
use crate::fact::{Fact, WaitingFact};
use crate::hash::Map;
use crate::machine::Slab;
use crate::policy::{Entry, Passage};
use crate::{Name, Time};

/// A request that waits for a place in the bulkhead of its service. Limiter and breaker have let it
/// in, and are not asked again.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Waiting<P> {
    pub(super) from: Sender,
    pub(super) request: Request<P>,
    pub(super) route: Route,
    pub(super) passage: Passage,
    pub(super) entry: Entry,
}

/// All who wait, whatever for.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Line<P> {
    places: Slab<Place<P>>,
    /// The place of each ticket of a service's bulkhead.
    tickets: Map<(Name, u64), u32>,
}

#[derive(Clone, Debug, Serialize)]
struct Place<P> {
    context: Context,
    waiting: Waiting<P>,
    ticket: u64,
    since: Time,
}

impl<P> Default for Line<P> {
    fn default() -> Self {
        Self { places: Slab::default(), tickets: Map::default() }
    }
}

impl<P> Line<P> {
    fn take(&mut self, place: u32) -> Option<Place<P>> {
        let taken = self.places.remove(place)?;
        self.tickets.swap_remove(&(taken.waiting.passage.service, taken.ticket));
        Some(taken)
    }
}

impl<P: Clone + std::fmt::Debug + Serialize> GatewayNode<P> {
    /// A request waits under this ticket, until the bulkhead or its caller has no patience any more.
    #[inline(never)]
    pub(super) fn wait(&mut self, waiting: Waiting<P>, ticket: u64, turn: &mut Turn<'_, P, Fact>) {
        let (now, context) = (turn.now(), turn.context());
        let (service, key) = (waiting.passage.service, waiting.request.key);
        let Some(in_hand) = self.in_hand_of(service) else { return };
        let bulkhead = in_hand.bulkhead();
        let (until, before) = (bulkhead.until(ticket), bulkhead.waiting());
        let place = self.line.places.insert(Place { context, waiting, ticket, since: now });
        self.line.tickets.insert((service, ticket), place);
        let waiting = u32::try_from(before).unwrap_or(u32::MAX);
        turn.note(Fact::Waiting(WaitingFact::Began { service, key, waiting }));
        if until < Time::NEVER {
            turn.set(Timer::Waiting(place), until.since(now));
        }
    }

    /// Calls the service for those who waited for it and are inside now.
    #[inline(never)]
    pub(super) fn let_in(
        &mut self,
        service: Name,
        tickets: Vec<u64>,
        turn: &mut Turn<'_, P, Fact>,
    ) {
        for ticket in tickets {
            let place = self.line.tickets.get(&(service, ticket)).copied();
            let Some((number, place)) = place.and_then(|at| Some((at, self.line.take(at)?))) else {
                continue;
            };
            turn.on_behalf(place.context);
            turn.cancel(Timer::Waiting(number));
            let (waited, key) = (turn.now().since(place.since), place.waiting.request.key);
            let is_in = true;
            turn.note(Fact::Waiting(WaitingFact::Ended { service, key, waited, is_in }));
            let Waiting { from, request, route, entry, .. } = place.waiting;
            self.forward(from, request, (route, entry), turn);
        }
    }

    /// A request has waited for as long as it may: as if the bulkhead had refused it at once.
    #[inline(never)]
    pub(super) fn give_up(&mut self, place: u32, turn: &mut Turn<'_, P, Fact>) {
        let Some(Place { context, waiting, ticket, since }) = self.line.take(place) else { return };
        let Waiting { from, request, passage, entry, .. } = waiting;
        let Passage { client, route, service, limit, .. } = passage;
        turn.on_behalf(context);
        if let Some(in_hand) = self.in_hand_of(service) {
            in_hand.bulkhead().withdraw(ticket);
        }
        let (transitions, has_spent) = self.gateway.take_back(turn.now(), passage, entry);
        if !has_spent {
            turn.note(Fact::Waiting(WaitingFact::Refunded { client, route, limit }));
        }
        self.tell(transitions, turn);
        let (waited, key) = (turn.now().since(since), request.key);
        let is_in = false;
        turn.note(Fact::Waiting(WaitingFact::Ended { service, key, waited, is_in }));
        turn.reply_failure(from, request.method, Failure::Overloaded);
    }
}
