//! API composition: several calls in parallel, and one answer of their parts.
//!
//! `guide` follows the guide's `CompositeService` (lines 889-962): any error discards the other
//! results (AC-1), the composition waits for all parts even when it is doomed (AC-2), errors come in
//! the order of arrival and do not name their part (AC-4). `hardened` knows which parts it can do
//! without, ends at the first failure of one that it cannot, has a deadline, says of every part where
//! it came from or why it is missing, and may ask a second time where an answer is slow (AC-9; Dean &
//! Barroso, The Tail at Scale, 2013).
//!
//! What is *not* here: the calls. The guide makes them through the plain client, around gateway and
//! breaker (AC-5). Nor a snapshot of the several databases at one instant (AC-8): there is none.
//!
//! ```
//! use brownout_models::policy::{Composition, CompositionConfig, Demand, Missing, Need, PartSpec};
//! use brownout_models::{Name, Time};
//!
//! let part = |name, need| PartSpec { name: Name(name), need };
//! let parts = vec![part(0, Need::Required), part(1, Need::Optional)];
//! let config = CompositionConfig::hardened();
//! let mut details = Composition::<&str, &str>::new(config, parts, Time::ZERO);
//! assert_eq!(details.begin().len(), 2);
//! assert_eq!(details.ended(Time::ZERO, (1, 1), Err("down")), []);
//! let done = details.ended(Time::ZERO, (0, 1), Ok("alice"));
//! let [Demand::Done(composed)] = done.as_slice() else { panic!("both parts are known") };
//! assert!(composed.is_ok());
//! assert_eq!(composed.parts, [Ok(("alice", 1)), Err(Missing::Failed("down"))]);
//! ```

mod config;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::{Name, Time};

pub use config::{CompositionConfig, CompositionOptions, ErrorOrder, OnPartFailure};

/// Whether a composition can do without a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Need {
    /// Without it there is no answer.
    #[default]
    Required,
    /// Without it the answer has a gap.
    Optional,
}

/// One part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PartSpec {
    /// Its name.
    pub name: Name,
    /// Whether it must be there.
    pub need: Need,
}

/// Why a part is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing<E> {
    /// Its last call failed so.
    Failed(E),
    /// It had not come by the deadline.
    TooLate,
    /// It was not waited for: a required part had failed.
    Cancelled,
}

/// What a composition wants done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Demand<R, E> {
    /// Ask for a part: which, and the how manyeth call it is, from 1.
    Ask {
        /// The part, counted from 0.
        part: usize,
        /// The call.
        attempt: u32,
    },
    /// A call is not waited for any more.
    Cancel {
        /// The part.
        part: usize,
        /// The call.
        attempt: u32,
    },
    /// It is over.
    Done(Composed<R, E>),
}

/// How a composition ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Composed<R, E> {
    /// Every part in the order of declaration: what came and with which call, or why it is missing.
    pub parts: Vec<Result<(R, u32), Missing<E>>>,
    /// The parts that are missing, in the order in which their errors are told.
    pub errors: Vec<usize>,
    /// Whether every required part is there.
    is_complete: bool,
}

impl<R, E> Composed<R, E> {
    /// Whether there is an answer, be it with gaps.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        self.is_complete
    }
}

/// One composition under way.
#[derive(Clone, Debug, Serialize)]
pub struct Composition<R, E> {
    config: CompositionConfig,
    specs: Vec<PartSpec>,
    parts: Vec<Part<R, E>>,
    /// The parts whose last call failed, in order.
    failed: Vec<usize>,
    began: Time,
    is_over: bool,
}

/// Where a part stands.
#[derive(Clone, Debug, Serialize)]
struct Part<R, E> {
    /// Calls under way.
    calls: Vec<u32>,
    /// Calls made.
    asked: u32,
    state: PartState<R, E>,
}

#[derive(Clone, Debug, Serialize)]
enum PartState<R, E> {
    Waiting,
    Here(R, u32),
    Failed(E),
}

impl<R: Clone, E: Clone> Composition<R, E> {
    /// A composition of these parts that has asked for none.
    #[must_use]
    pub fn new(config: CompositionConfig, specs: Vec<PartSpec>, now: Time) -> Self {
        let part = |_: &PartSpec| Part { calls: Vec::new(), asked: 0, state: PartState::Waiting };
        let parts = specs.iter().map(part).collect();
        Self { config, specs, parts, failed: Vec::new(), began: now, is_over: false }
    }

    /// Asks for every part; one without parts is over at once.
    pub fn begin(&mut self) -> Vec<Demand<R, E>> {
        let asks = (0..self.parts.len()).map(|part| self.ask(part)).collect();
        if self.parts.is_empty() { vec![self.finish()] } else { asks }
    }

    /// A call ended. One that was cancelled, or had ended before, changes nothing.
    pub fn ended(
        &mut self,
        _now: Time,
        (part, attempt): (usize, u32),
        outcome: Result<R, E>,
    ) -> Vec<Demand<R, E>> {
        let mut demands = Vec::new();
        let Some(state) = self.parts.get_mut(part).filter(|_| !self.is_over) else {
            return demands;
        };
        let Some(call) = state.calls.iter().position(|call| *call == attempt) else {
            return demands;
        };
        state.calls.remove(call);
        match outcome {
            Ok(value) => {
                state.state = PartState::Here(value, attempt);
                let others = std::mem::take(&mut state.calls);
                demands.extend(others.into_iter().map(|attempt| Demand::Cancel { part, attempt }));
            }
            Err(error) => {
                // While another call is under way it may still come.
                if state.calls.is_empty() {
                    state.state = PartState::Failed(error);
                    self.failed.push(part);
                }
            }
        }
        self.end_if_decided(&mut demands);
        demands
    }

    /// When time alone changes something.
    #[must_use]
    pub fn due(&self) -> Option<Time> {
        if self.is_over {
            return None;
        }
        let deadline = self.config.deadline.span().map(|span| self.began + span);
        let hedges = self.parts.iter().filter_map(|part| self.hedge_due(part));
        hedges.chain(deadline).min()
    }

    /// Time has passed.
    pub fn wake(&mut self, now: Time) -> Vec<Demand<R, E>> {
        let mut demands = Vec::new();
        if self.is_over {
            return demands;
        }
        if self.config.deadline.span().is_some_and(|span| self.began + span <= now) {
            self.cancel_all(&mut demands);
            demands.push(self.finish());
            return demands;
        }
        for part in 0..self.parts.len() {
            while self.hedge_due(&self.parts[part]).is_some_and(|due| due <= now) {
                demands.push(self.ask(part));
            }
        }
        demands
    }

    /// The parts.
    #[must_use]
    pub fn specs(&self) -> &[PartSpec] {
        &self.specs
    }

    fn ask(&mut self, part: usize) -> Demand<R, E> {
        let state = &mut self.parts[part];
        state.asked += 1;
        state.calls.push(state.asked);
        Demand::Ask { part, attempt: state.asked }
    }

    /// When a part is asked for once more: each time so long after the time before.
    fn hedge_due(&self, part: &Part<R, E>) -> Option<Time> {
        let delay = self.config.hedging_delay.span()?;
        let is_slow = matches!(part.state, PartState::Waiting) && !part.calls.is_empty();
        (is_slow && part.asked < self.config.hedging_attempts)
            .then(|| self.began + delay.times(u64::from(part.asked)))
    }

    fn end_if_decided(&mut self, demands: &mut Vec<Demand<R, E>>) {
        let is_doomed = self.failed.iter().any(|part| self.specs[*part].need == Need::Required);
        let is_waiting = self.parts.iter().any(|part| matches!(part.state, PartState::Waiting));
        if is_waiting && !(is_doomed && self.config.on_failure == OnPartFailure::Ends) {
            return;
        }
        self.cancel_all(demands);
        demands.push(self.finish());
    }

    fn cancel_all(&mut self, demands: &mut Vec<Demand<R, E>>) {
        for (part, state) in self.parts.iter_mut().enumerate() {
            let calls = std::mem::take(&mut state.calls);
            demands.extend(calls.into_iter().map(|attempt| Demand::Cancel { part, attempt }));
        }
    }

    fn finish(&mut self) -> Demand<R, E> {
        self.is_over = true;
        let is_doomed = self.failed.iter().any(|part| self.specs[*part].need == Need::Required);
        let why = if is_doomed && self.config.on_failure == OnPartFailure::Ends {
            Missing::Cancelled
        } else {
            Missing::TooLate
        };
        let outcome = |part: &Part<R, E>| match &part.state {
            PartState::Here(value, attempt) => Ok((value.clone(), *attempt)),
            PartState::Failed(error) => Err(Missing::Failed(error.clone())),
            PartState::Waiting => Err(why.clone()),
        };
        let parts: Vec<_> = self.parts.iter().map(outcome).collect();
        let waiting = (0..parts.len()).filter(|part| !self.failed.contains(part));
        let mut errors: Vec<usize> = self.failed.iter().copied().chain(waiting).collect();
        errors.retain(|part| parts[*part].is_err());
        if self.config.errors == ErrorOrder::ByPart {
            errors.sort_unstable();
        }
        let is_complete = errors.iter().all(|part| self.specs[*part].need == Need::Optional);
        Demand::Done(Composed { parts, errors, is_complete })
    }
}
