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

use serde::{Deserialize, Serialize};

use crate::policy::Timeout;
use crate::profile::{Mistake, options};
use crate::{Name, Span, Time};

options! {
    /// How parts are put together.
    config CompositionConfig;
    /// A composition's configuration as it is written.
    options CompositionOptions as "Composition";
    {
        /// What the first failure of a required part leads to: the guide waits for the rest (AC-2).
        on_failure: OnPartFailure = OnPartFailure::Waits, hardened OnPartFailure::Ends;
        /// In which order errors are told: that of their arrival changes from run to run (AC-4).
        errors: ErrorOrder = ErrorOrder::ByArrival, hardened ErrorOrder::ByPart;
        /// How long a composition may take, `"never"` for as long as its calls; 30 s, Polly's
        /// timeout. What is missing by then is missing.
        deadline: Timeout = Timeout::Never, hardened Timeout::After(Span::from_secs(30));
        /// After how long an unanswered part is asked for again, while the first call goes on.
        /// Never, as in gRPC: it doubles the work of whatever is not idempotent. The 95th
        /// percentile of the latency adds 5 % of load.
        hedging_delay: Timeout = Timeout::Never;
        /// How often a part is asked for at most, the first time included, from 1; 2 as in Polly.
        hedging_attempts: u32 = 2;
    }
}

/// What the first failure of a required part leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnPartFailure {
    /// The other parts are waited for.
    Waits,
    /// The composition ends, and the other calls are cancelled.
    Ends,
}

/// In which order errors are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorOrder {
    /// As they came.
    ByArrival,
    /// As the parts are declared.
    ByPart,
}

impl CompositionConfig {
    /// Everything that makes no sense.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        let zero = |option: &str, what: &str| {
            Mistake::new(
                option,
                format!("{what} is zero"),
                "expected a span longer than 0s",
                "write \"never\" to do without",
            )
        };
        if self.deadline == Timeout::After(Span::ZERO) {
            mistakes.push(zero("deadline", "the deadline"));
        }
        if self.hedging_delay == Timeout::After(Span::ZERO) {
            mistakes.push(zero("hedging_delay", "the wait before a second call"));
        }
        if self.hedging_attempts == 0 {
            mistakes.push(Mistake::new(
                "hedging_attempts",
                "no part is ever asked for",
                "expected 1 or more",
                "write 1 to ask once; the first call counts",
            ));
        }
        mistakes
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Span = Span::from_secs(1);

    fn composition(config: CompositionConfig, needs: &[Need]) -> Composition<char, char> {
        let part = |(name, need): (u32, &Need)| PartSpec { name: Name(name), need: *need };
        let mut composition =
            Composition::new(config, (0..).zip(needs).map(part).collect(), Time::ZERO);
        composition.begin();
        composition
    }

    fn done(demands: &[Demand<char, char>]) -> &Composed<char, char> {
        match demands.last() {
            Some(Demand::Done(composed)) => composed,
            other => panic!("not over: {other:?}"),
        }
    }

    const ALL: [Need; 3] = [Need::Required; 3];

    #[test]
    fn ac_2_a_doomed_composition_ends_at_once_or_waits_for_nothing() {
        let mut waits = composition(CompositionConfig::guide(), &ALL);
        assert_eq!(waits.ended(Time::ZERO, (1, 1), Err('x')), []);
        assert_eq!(waits.ended(Time::ZERO, (0, 1), Ok('a')), []);
        let demands = waits.ended(Time::ZERO, (2, 1), Ok('c'));
        assert!(!done(&demands).is_ok());
        let mut ends = composition(CompositionConfig::hardened(), &ALL);
        let demands = ends.ended(Time::ZERO, (1, 1), Err('x'));
        let cancel = |part| Demand::Cancel { part, attempt: 1 };
        assert_eq!(demands[..2], [cancel(0), cancel(2)]);
        let cancelled = Err(Missing::Cancelled);
        assert_eq!(done(&demands).parts, [cancelled, Err(Missing::Failed('x')), cancelled]);
        assert_eq!(ends.ended(Time::ZERO, (0, 1), Ok('a')), [], "it is over");
    }

    #[test]
    fn ac_4_errors_come_as_they_arrive_or_as_the_parts_are_declared() {
        let errors = |errors| {
            let on_failure = OnPartFailure::Waits;
            let config = CompositionConfig { errors, on_failure, ..CompositionConfig::guide() };
            let mut composition = composition(config, &ALL);
            composition.ended(Time::ZERO, (2, 1), Err('z'));
            composition.ended(Time::ZERO, (0, 1), Err('x'));
            done(&composition.ended(Time::ZERO, (1, 1), Ok('b'))).errors.clone()
        };
        assert_eq!(errors(ErrorOrder::ByArrival), [2, 0]);
        assert_eq!(errors(ErrorOrder::ByPart), [0, 2]);
    }

    #[test]
    fn ac_1_what_can_be_missed_is_missed() {
        let needs = [Need::Required, Need::Optional];
        let mut composition = composition(CompositionConfig::hardened(), &needs);
        assert_eq!(composition.ended(Time::ZERO, (1, 1), Err('x')), []);
        let demands = composition.ended(Time::ZERO, (0, 1), Ok('a'));
        assert!(done(&demands).is_ok());
        assert_eq!(done(&demands).errors, [1]);
    }

    #[test]
    fn what_is_not_there_by_the_deadline_is_too_late() {
        let deadline = Timeout::After(SECOND);
        let needs = [Need::Required, Need::Optional];
        for (arrives, is_ok) in [(0, true), (1, false)] {
            let config = CompositionConfig { deadline, ..CompositionConfig::hardened() };
            let mut composition = composition(config, &needs);
            composition.ended(Time::ZERO, (arrives, 1), Ok('a'));
            assert_eq!(composition.due(), Some(Time::ZERO + SECOND));
            assert_eq!(composition.wake(Time::from_nanos(999_999_999)), []);
            let demands = composition.wake(Time::ZERO + SECOND);
            assert_eq!(demands[0], Demand::Cancel { part: 1 - arrives, attempt: 1 });
            assert_eq!(done(&demands).parts[1 - arrives], Err(Missing::TooLate));
            assert_eq!(done(&demands).is_ok(), is_ok);
            assert_eq!((composition.due(), composition.wake(Time::NEVER)), (None, vec![]));
        }
    }

    #[test]
    fn a_slow_part_is_asked_for_again_and_the_first_answer_counts() {
        let hedging_delay = Timeout::After(SECOND);
        let config = CompositionConfig {
            hedging_delay,
            hedging_attempts: 3,
            ..CompositionConfig::hardened()
        };
        let mut composition = composition(config, &[Need::Required]);
        let ask = |attempt| Demand::Ask { part: 0, attempt };
        assert_eq!(composition.wake(Time::from_nanos(999_999_999)), []);
        assert_eq!(composition.wake(Time::ZERO + SECOND), [ask(2)]);
        assert_eq!(composition.due(), Some(Time::ZERO + SECOND.times(2)));
        assert_eq!(composition.wake(Time::ZERO + SECOND.times(2)), [ask(3)]);
        assert_eq!(composition.due(), Some(Time::ZERO + SECOND.times(30)));
        assert_eq!(composition.ended(Time::NEVER, (0, 2), Err('x')), [], "two may still come");
        let demands = composition.ended(Time::NEVER, (0, 3), Ok('c'));
        assert_eq!(demands[0], Demand::Cancel { part: 0, attempt: 1 });
        assert_eq!(done(&demands).parts, [Ok(('c', 3))]);
    }

    #[test]
    fn a_composition_of_nothing_is_there_at_once() {
        let mut nothing =
            Composition::<char, char>::new(CompositionConfig::guide(), vec![], Time::ZERO);
        assert!(done(&nothing.begin()).is_ok());
    }

    #[test]
    fn numbers_that_make_no_sense_are_mistakes() {
        let config = CompositionConfig {
            deadline: Timeout::After(Span::ZERO),
            hedging_delay: Timeout::After(Span::ZERO),
            hedging_attempts: 0,
            ..CompositionConfig::hardened()
        };
        let options: Vec<_> = config.mistakes().into_iter().map(|wrong| wrong.option).collect();
        assert_eq!(options, ["deadline", "hedging_delay", "hedging_attempts"]);
        assert_eq!(CompositionConfig::hardened().mistakes(), []);
        assert_eq!(CompositionConfig::guide().mistakes(), []);
    }
}
