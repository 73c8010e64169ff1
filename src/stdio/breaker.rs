//! `breaker`: one circuit breaker.

use brownout_models::policy::{Breaker, BreakerConfig, BreakerOptions, Transition};
use brownout_models::{Mistake, Profile, Span, Time};

use super::Options;
use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::vocabulary::{Answer, Event, Events};

impl Options for BreakerOptions {
    type Config = BreakerConfig;

    fn checked(&self, profile: Profile) -> (BreakerConfig, Vec<Mistake>) {
        let config = self.resolve(profile);
        let mistakes = config.mistakes();
        (config, mistakes)
    }
}

/// A breaker, and whether it may still be configured.
#[derive(Clone, Debug)]
pub(super) struct BreakerDesk {
    breaker: Breaker,
    in_use: bool,
}

/// A request to the breaker.
pub(super) enum BreakerRequest {
    Configure { failure_threshold: i64, open_timeout: Span },
    Allow,
    Success,
    Failure,
    State,
}

impl BreakerDesk {
    pub(super) fn new(config: BreakerConfig) -> Self {
        Self { breaker: Breaker::new(config), in_use: false }
    }

    fn state(&self) -> Answer {
        Answer::State { state: Some(self.breaker.state()) }
    }
}

fn note(now: Time, transition: Option<Transition>, events: &mut Events) {
    if let Some(Transition { from, to }) = transition {
        events.note(now, Event::Transition { service: None, from, to });
    }
}

impl Desk for BreakerDesk {
    type Request = BreakerRequest;

    fn read(operation: &str, fields: &mut Fields) -> Result<BreakerRequest, Bad> {
        Ok(match operation {
            "configure" => BreakerRequest::Configure {
                failure_threshold: fields.integer("failure_threshold")?,
                open_timeout: Span::from_nanos(fields.natural("open_timeout")?),
            },
            "allow" => BreakerRequest::Allow,
            "success" => BreakerRequest::Success,
            "failure" => BreakerRequest::Failure,
            "state" => BreakerRequest::State,
            _ => {
                let known = ["configure", "allow", "success", "failure", "state", "advance"];
                return Err(unknown_operation(operation, &known));
            }
        })
    }

    fn due(&self) -> Option<Time> {
        None
    }

    fn wake(&mut self, _now: Time, _events: &mut Events) {}

    fn take(
        &mut self,
        now: Time,
        _number: u64,
        request: BreakerRequest,
        events: &mut Events,
    ) -> Result<Answer, Bad> {
        let in_use = std::mem::replace(&mut self.in_use, true);
        match request {
            BreakerRequest::Configure { .. } if in_use => {
                Err(Bad("`configure` must be the first request".to_owned()))
            }
            BreakerRequest::Configure { failure_threshold, open_timeout } => {
                let mut config = self.breaker.config().clone();
                (config.failure_threshold, config.open_timeout) = (failure_threshold, open_timeout);
                self.breaker = Breaker::new(config);
                Ok(Answer::Done {})
            }
            BreakerRequest::Allow => {
                let admission = self.breaker.allow(now);
                note(now, admission.transition, events);
                let state = self.breaker.state();
                Ok(Answer::Admission { allowed: admission.admitted, state })
            }
            BreakerRequest::Success => {
                note(now, self.breaker.success(now), events);
                Ok(self.state())
            }
            BreakerRequest::Failure => {
                note(now, self.breaker.failure(now), events);
                Ok(self.state())
            }
            BreakerRequest::State => Ok(self.state()),
        }
    }

    fn is_pending(&self) -> bool {
        false
    }
}
