//! The outbox relay: what was written together with a row is published until the broker has it.

use serde::Serialize;

use super::{OUTBOX, ServiceNode, Timer};
use crate::Span;
use crate::contract::{Body, Request, Turn};
use crate::fact::Fact;

impl<P: Clone + std::fmt::Debug + Serialize> ServiceNode<P> {
    /// Looks into the outbox soon, on behalf of the oldest event that nobody has published yet.
    #[inline(never)]
    pub(super) fn relay_soon(&self, after: Span, turn: &mut Turn<'_, P, Fact>) {
        let oldest = turn.outbox().find(|(number, _)| !self.in_flight.contains(number));
        if let (Some((_, row)), Some(_)) = (oldest, self.config.relay) {
            let context = row.context;
            turn.on_behalf(context);
            turn.set(Timer::Relay, after);
        }
    }

    /// Publishes every event of the outbox that is not on its way.
    pub(super) fn relay(&mut self, turn: &mut Turn<'_, P, Fact>) {
        let Some(relay) = self.config.relay else { return };
        let rows: Vec<_> = turn.outbox().map(|(number, row)| (number, *row)).collect();
        for (number, row) in rows {
            if !self.in_flight.insert(number) {
                continue;
            }
            turn.on_behalf(row.context);
            let request = Request {
                service: self.config.service,
                method: row.topic,
                client: self.config.service,
                key: row.key,
                amount: row.amount,
                payload: None,
            };
            let body = Body::PublishNumbered(number, request);
            turn.call(relay.broker, body, Some(relay.timeout), OUTBOX + number);
        }
    }

    /// A publication ended: an event that the broker has leaves the outbox, any other goes out again.
    pub(super) fn relayed(&mut self, number: u64, ok: bool, turn: &mut Turn<'_, P, Fact>) {
        self.in_flight.swap_remove(&number);
        if ok {
            turn.clear_outbox(number);
        } else if let Some(relay) = self.config.relay {
            self.relay_soon(relay.timeout, turn);
        }
    }
}
