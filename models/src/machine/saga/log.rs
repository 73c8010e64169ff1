//! What an orchestrator with a durable log writes down, and what it makes of it after a crash.
//!
//! An inbox of requests whose sagas have begun and not ended, and a record for each of where it stands.
//! The payload of a request is the machine's own to keep, as a database has rows of numbers only.

use serde::Serialize;

use super::{SagaNode, SagaNodeConfig};
use crate::contract::{Request, Turn};
use crate::fact::Fact;
use crate::policy::{Checkpoint, SagaPlace, WriteAhead};

impl<P: Clone + std::fmt::Debug + Serialize> SagaNode<P> {
    /// What the inbox holds goes on from its record.
    pub(super) fn start(&mut self, turn: &mut Turn<'_, P, Fact>) {
        if !self.config.saga.is_logged() {
            return;
        }
        let open: Vec<_> = turn.outbox().map(|(number, row)| (number, *row)).collect();
        self.payloads.retain(|key, _| open.iter().any(|(_, row)| row.key == *key));
        for (number, row) in open {
            let SagaNodeConfig { name, tables, .. } = *self.config;
            let (key, amount) = (row.key, row.amount);
            let record = turn.read(tables.log, key).and_then(Checkpoint::from_row);
            turn.on_behalf(row.context);
            if record.is_some_and(|record| matches!(record.place, SagaPlace::Ended(_))) {
                turn.clear_outbox(number);
                continue;
            }
            let (service, method, client) = (name, name, row.topic);
            let payload = self.payloads.get(&key).cloned();
            let request = Request { service, method, client, key, amount, payload };
            let mut execution = self.execution(row.context, None, request);
            let next = match record {
                Some(record) => Some(execution.saga.restore(record)),
                None => execution.saga.begin(),
            };
            turn.note(Fact::SagaResumed { saga: name, key });
            let lock = self.lock_key(&execution.request);
            let slot = self.insert(execution);
            // The holder of a lock is the only one in the inbox, so nobody is refused here.
            self.company.locks.acquire(lock, slot);
            self.go_on(slot, next, turn);
        }
    }

    /// The request of an execution goes into the inbox: from here on its saga has begun.
    pub(super) fn take_in(&mut self, slot: u32, turn: &mut Turn<'_, P, Fact>) {
        let Some(execution) = self.executions.get(slot).filter(|_| self.config.saga.is_logged())
        else {
            return;
        };
        let Request { key, amount, client, payload, .. } = &execution.request;
        // The row, the event and its context are one act. Nobody publishes the event; its topic keeps
        // who asked.
        turn.write_with_event(self.config.tables.inbox, *key, *amount, Some(*client));
        if turn.has_power() {
            match payload {
                Some(payload) => self.payloads.insert(*key, payload.clone()),
                None => self.payloads.swap_remove(key),
            };
        }
        self.make_sure(turn);
    }

    /// The request of a saga that has ended leaves the inbox.
    pub(super) fn take_out(&mut self, key: u64, turn: &mut Turn<'_, P, Fact>) {
        if !self.config.saga.is_logged() {
            return;
        }
        let open = turn.outbox().find(|(_, row)| row.key == key).map(|(number, _)| number);
        if let Some(number) = open {
            turn.clear_outbox(number);
        }
        // A request that did not leave, or whose leaving is not flushed yet, may come back.
        if turn.has_power() && !turn.flushes_later() {
            self.payloads.swap_remove(&key);
        }
    }

    /// Writes down where an execution stands, before it goes on.
    pub(super) fn log(&self, slot: u32, turn: &mut Turn<'_, P, Fact>) {
        let Some(execution) = self.executions.get(slot).filter(|_| self.config.saga.is_logged())
        else {
            return;
        };
        let (table, key) = (self.config.tables.log, execution.request.key);
        let record = execution.saga.checkpoint().to_row();
        // Rows add up: what is written is the difference to the record before.
        turn.write(table, key, record.saturating_sub(turn.read(table, key).unwrap_or(0)));
    }

    /// Flushes what was written before anything is done upon it, where that is not durable at once.
    pub(super) fn make_sure(&self, turn: &mut Turn<'_, P, Fact>) {
        if self.config.saga.acts == WriteAhead::Flushed && turn.flushes_later() {
            turn.flush();
        }
    }
}
