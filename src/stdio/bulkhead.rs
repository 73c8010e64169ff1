//! `bulkhead`: at most so many at once.

use std::collections::BTreeMap;

use brownout_models::policy::{Bulkhead, BulkheadConfig, BulkheadOptions, Entrance};
use brownout_models::{Mistake, Profile, Time};

use super::Options;
use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::vocabulary::{Answer, Completion, Events, Trouble};

impl Options for BulkheadOptions {
    type Config = BulkheadConfig;

    fn checked(&self, profile: Profile) -> (BulkheadConfig, Vec<Mistake>) {
        let config = self.resolve(profile);
        let mistakes = config.mistakes();
        (config, mistakes)
    }
}

/// A bulkhead, and the requests that wait at it.
#[derive(Clone, Debug)]
pub(super) struct BulkheadDesk {
    bulkhead: Bulkhead,
    /// The number of the request behind each ticket.
    waiting: BTreeMap<u64, u64>,
}

/// A request to the bulkhead.
pub(super) enum BulkheadRequest {
    Enter,
    Leave,
    State,
}

impl BulkheadDesk {
    pub(super) fn new(config: BulkheadConfig) -> Self {
        Self { bulkhead: Bulkhead::new(config), waiting: BTreeMap::new() }
    }
}

impl Desk for BulkheadDesk {
    type Request = BulkheadRequest;

    fn read(operation: &str, _fields: &mut Fields) -> Result<BulkheadRequest, Bad> {
        match operation {
            "enter" => Ok(BulkheadRequest::Enter),
            "leave" => Ok(BulkheadRequest::Leave),
            "state" => Ok(BulkheadRequest::State),
            _ => Err(unknown_operation(operation, &["enter", "leave", "state", "advance"])),
        }
    }

    fn due(&self) -> Option<Time> {
        self.bulkhead.due()
    }

    fn wake(&mut self, now: Time, events: &mut Events) {
        let Some(ticket) = self.bulkhead.expire(now) else { return };
        if let Some(request) = self.waiting.remove(&ticket) {
            let error = Trouble::new("wait_expired", "waited too long for the bulkhead");
            events.complete(now, request, Completion::Failed { error });
        }
    }

    fn take(
        &mut self,
        now: Time,
        number: u64,
        request: BulkheadRequest,
        events: &mut Events,
    ) -> Result<Answer, Bad> {
        Ok(match request {
            BulkheadRequest::Enter => match self.bulkhead.enter(now) {
                Entrance::Entered => Answer::Entered { entered: true },
                Entrance::Waits(ticket) => {
                    self.waiting.insert(ticket, number);
                    Answer::PENDING
                }
                Entrance::Full => {
                    Answer::Failed { error: Trouble::new("bulkhead_full", "bulkhead is full") }
                }
            },
            BulkheadRequest::Leave if self.bulkhead.inside() == 0 => {
                return Err(Bad("nobody is inside who could `leave`".to_owned()));
            }
            BulkheadRequest::Leave => {
                let next = self.bulkhead.leave().and_then(|ticket| self.waiting.remove(&ticket));
                if let Some(request) = next {
                    events.complete(now, request, Completion::Entered { ok: true });
                }
                Answer::Done {}
            }
            BulkheadRequest::State => Answer::Occupancy {
                inside: self.bulkhead.inside(),
                waiting: self.bulkhead.waiting(),
            },
        })
    }

    fn is_pending(&self) -> bool {
        // Who waits for ever is let in or not, and nothing follows from the passing of time.
        self.bulkhead.due().is_some()
    }
}
