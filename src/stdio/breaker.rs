//! `breaker`: one circuit breaker.
//!
//! Permits are numbers here, counted from 0; a result without one counts where the breaker stands.

use std::collections::{BTreeMap, VecDeque};

use brownout_models::policy::{
    Admission, Breaker, BreakerConfig, BreakerOptions, CallResult, FailureClass, Look, Override,
    Permit, Refusal, Transition,
};
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

/// A breaker, its permits, and whether it may still be configured.
#[derive(Clone, Debug)]
pub(super) struct BreakerDesk {
    breaker: Breaker,
    in_use: bool,
    /// Permits whose result is still out.
    permits: BTreeMap<u64, Permit>,
    permits_given: u64,
    /// What was seen and not acted upon yet, oldest first.
    looks: VecDeque<Look>,
}

/// A request to the breaker.
pub(super) enum BreakerRequest {
    Configure { failure_threshold: i64, open_timeout: Span },
    Allow,
    Look,
    Act,
    Result { permit: Option<u64>, result: CallResult },
    Force(Override),
    Jitter(u64),
    State,
}

const OPERATIONS: [&str; 11] = [
    "configure",
    "allow",
    "look",
    "act",
    "success",
    "failure",
    "abandon",
    "force",
    "jitter",
    "state",
    "advance",
];

const OVERRIDES: [(&str, Override); 3] =
    [("closed", Override::Closed), ("open", Override::Open), ("disabled", Override::Disabled)];

impl BreakerDesk {
    pub(super) fn new(config: BreakerConfig) -> Self {
        Self {
            breaker: Breaker::new(config),
            in_use: false,
            permits: BTreeMap::new(),
            permits_given: 0,
            looks: VecDeque::new(),
        }
    }

    fn state(&self) -> Answer {
        Answer::State { state: Some(self.breaker.state()) }
    }

    /// Whether answers say more than the guide's breaker could: with no option but its own two they
    /// are the guide's.
    fn says_more(&self) -> bool {
        !is_plain(self.breaker.config())
    }

    fn admit(&mut self, now: Time, admission: Admission, events: &mut Events) -> Answer {
        note(now, admission.transitions, events);
        let (says_more, state) = (self.says_more(), self.breaker.state());
        match admission.outcome {
            Ok(permit) => {
                let number = self.permits_given;
                self.permits_given += 1;
                self.permits.insert(number, permit);
                let permit = says_more.then_some(number);
                Answer::Admission { allowed: true, state, permit, retry_after: None }
            }
            Err(Refusal { retry_after }) => {
                let after = retry_after.map(Span::as_nanos);
                let retry_after = says_more.then_some(after);
                Answer::Admission { allowed: false, state, permit: None, retry_after }
            }
        }
    }

    fn result(
        &mut self,
        now: Time,
        permit: Option<u64>,
        result: CallResult,
        events: &mut Events,
    ) -> Result<Answer, Bad> {
        let Some(number) = permit else {
            note(now, self.breaker.unasked(now, result), events);
            return Ok(self.state());
        };
        if number >= self.permits_given {
            return Err(Bad(format!("permit {number} was never given")));
        }
        // A permit is good for one result; another one changes nothing.
        if let Some(permit) = self.permits.remove(&number) {
            note(now, self.breaker.record(now, permit, result), events);
        }
        Ok(self.state())
    }
}

/// Whether a breaker is the guide's but for its two numbers.
pub(super) fn is_plain(config: &BreakerConfig) -> bool {
    let (failure_threshold, open_timeout) = (config.failure_threshold, config.open_timeout);
    *config == BreakerConfig { failure_threshold, open_timeout, ..BreakerConfig::guide() }
}

fn note(now: Time, transitions: impl IntoIterator<Item = Transition>, events: &mut Events) {
    for Transition { from, to } in transitions {
        let (service, path, instance) = (None, None, None);
        events.note(now, Event::Transition { service, path, instance, from, to });
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
            "look" => BreakerRequest::Look,
            "act" => BreakerRequest::Act,
            "success" | "abandon" => {
                let permit = fields.optional_natural("permit")?;
                let success = operation == "success";
                let result = if success { CallResult::Success } else { CallResult::Abandoned };
                BreakerRequest::Result { permit, result }
            }
            "failure" => {
                let permit = fields.optional_natural("permit")?;
                let class = if fields.has("class") {
                    fields.word("class", &FailureClass::ALL)?
                } else {
                    FailureClass::Error
                };
                BreakerRequest::Result { permit, result: CallResult::Failure(class) }
            }
            "force" => BreakerRequest::Force(fields.word("to", &OVERRIDES)?),
            "jitter" => BreakerRequest::Jitter(fields.natural("word")?),
            "state" => BreakerRequest::State,
            _ => return Err(unknown_operation(operation, &OPERATIONS)),
        })
    }

    fn due(&self) -> Option<Time> {
        self.breaker.due()
    }

    fn wake(&mut self, now: Time, events: &mut Events) {
        note(now, self.breaker.wake(now), events);
    }

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
                Ok(self.admit(now, admission, events))
            }
            BreakerRequest::Look => {
                let look = self.breaker.look(now);
                self.looks.push_back(look);
                Ok(Answer::Look { look })
            }
            BreakerRequest::Act => {
                let admission = match self.looks.pop_front() {
                    Some(look) => self.breaker.act(now, look),
                    None => self.breaker.allow(now),
                };
                Ok(self.admit(now, admission, events))
            }
            BreakerRequest::Result { permit, result } => self.result(now, permit, result, events),
            BreakerRequest::Force(what) => {
                note(now, self.breaker.force(now, what), events);
                Ok(self.state())
            }
            BreakerRequest::Jitter(word) => {
                // Words of 63 bits on the wire, of 64 in the breaker.
                self.breaker.jitter(word << 1);
                Ok(self.state())
            }
            BreakerRequest::State => Ok(self.state()),
        }
    }

    fn is_pending(&self) -> bool {
        false
    }
}
