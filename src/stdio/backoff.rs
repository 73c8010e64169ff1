//! `backoff`: the waits between attempts, one after the other.

use brownout_models::policy::{BackoffConfig, BackoffOptions};
use brownout_models::{Mistake, Profile, Span, Time};

use super::Options;
use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::vocabulary::{Answer, Events};

impl Options for BackoffOptions {
    type Config = BackoffConfig;

    fn checked(&self, profile: Profile) -> (BackoffConfig, Vec<Mistake>) {
        let config = self.resolve(profile);
        let mistakes = config.mistakes();
        (config, mistakes)
    }
}

/// A backoff, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct BackoffDesk {
    config: BackoffConfig,
    retry: u32,
    previous: Span,
}

/// A request to the backoff.
pub(super) enum BackoffRequest {
    /// With the word that says which wait of the range.
    Next(Option<u64>),
    Reset,
}

impl BackoffDesk {
    pub(super) const fn new(config: BackoffConfig) -> Self {
        Self { config, retry: 0, previous: Span::ZERO }
    }
}

impl Desk for BackoffDesk {
    type Request = BackoffRequest;

    fn read(operation: &str, fields: &mut Fields) -> Result<BackoffRequest, Bad> {
        Ok(match operation {
            // An integer of 63 bits, the largest that the protocol has, stands for a word of 64.
            "next" if fields.has("word") => {
                BackoffRequest::Next(Some(fields.natural("word")? << 1))
            }
            "next" => BackoffRequest::Next(None),
            "reset" => BackoffRequest::Reset,
            _ => return Err(unknown_operation(operation, &["next", "reset", "advance"])),
        })
    }

    fn due(&self) -> Option<Time> {
        None
    }

    fn wake(&mut self, _now: Time, _events: &mut Events) {}

    fn take(
        &mut self,
        _now: Time,
        _number: u64,
        request: BackoffRequest,
        _events: &mut Events,
    ) -> Result<Answer, Bad> {
        Ok(match request {
            BackoffRequest::Next(word) => {
                let waits = self.config.waits(self.retry, self.previous);
                let drawn = word.map_or(waits.calm, |word| waits.at(word));
                let told = |wait| self.config.taken(self.previous, wait).0.as_nanos();
                let (delay, min, max) = (told(drawn), told(waits.min), told(waits.max));
                (_, self.previous) = self.config.taken(self.previous, drawn);
                self.retry = self.retry.saturating_add(1);
                Answer::Wait { retry: self.retry, delay, min, max }
            }
            BackoffRequest::Reset => {
                (self.retry, self.previous) = (0, Span::ZERO);
                Answer::Done {}
            }
        })
    }

    fn is_pending(&self) -> bool {
        false
    }
}
