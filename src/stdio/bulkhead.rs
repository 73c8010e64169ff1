//! `bulkhead`: at most so many at once.

use std::collections::BTreeMap;

use brownout_models::policy::{
    Bulkhead, BulkheadConfig, BulkheadOptions, Concurrency, Entrance, Limit, Sample,
};
use brownout_models::{Mistake, Profile, Span, Time};

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
    /// Whether the limit moves, and is told.
    adapts: bool,
}

/// A request to the bulkhead.
pub(super) enum BulkheadRequest {
    Enter,
    /// And how the call went, where that is known.
    Leave(Option<Sample>),
    State,
}

impl BulkheadDesk {
    pub(super) fn new(config: BulkheadConfig) -> Self {
        let adapts = config.limit != Limit::Fixed;
        Self { bulkhead: Bulkhead::new(config), waiting: BTreeMap::new(), adapts }
    }
}

impl BulkheadDesk {
    fn told_limit(&self) -> Option<u32> {
        match self.bulkhead.limit() {
            Concurrency::AtMost(most) => Some(most).filter(|_| self.adapts),
            Concurrency::Unlimited => None,
        }
    }
}

impl Desk for BulkheadDesk {
    type Request = BulkheadRequest;

    fn read(operation: &str, fields: &mut Fields) -> Result<BulkheadRequest, Bad> {
        match operation {
            "enter" => Ok(BulkheadRequest::Enter),
            "leave" if fields.has("latency") => {
                let latency = Span::from_nanos(fields.natural("latency")?);
                let is_dropped = fields.has("dropped") && fields.boolean("dropped")?;
                Ok(BulkheadRequest::Leave(Some(Sample { latency, is_dropped })))
            }
            "leave" => Ok(BulkheadRequest::Leave(None)),
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
            BulkheadRequest::Leave(_) if self.bulkhead.inside() == 0 => {
                return Err(Bad("nobody is inside who could `leave`".to_owned()));
            }
            BulkheadRequest::Leave(sample) => {
                let next = match sample {
                    Some(sample) => self.bulkhead.finish(sample),
                    None => self.bulkhead.leave().into_iter().collect(),
                };
                for request in next.iter().filter_map(|ticket| self.waiting.remove(ticket)) {
                    events.complete(now, request, Completion::Entered { ok: true });
                }
                Answer::Done {}
            }
            BulkheadRequest::State => Answer::Occupancy {
                inside: self.bulkhead.inside(),
                waiting: self.bulkhead.waiting(),
                limit: self.told_limit(),
            },
        })
    }

    fn is_pending(&self) -> bool {
        // Who waits for ever is let in or not, and nothing follows from the passing of time.
        self.bulkhead.due().is_some()
    }
}
