//! A population of clients: work arrives, and each arrival goes through a script.

use std::sync::Arc;

use serde::Serialize;

use crate::contract::{
    Body, Choice, Failure, Ground, Input, Machine, Outcome, Purpose, Request, Timer as _, Turn,
};
use crate::fact::Fact;
use crate::machine::{Dialer, Discovery, Jobs, Program, Progress};
use crate::{Name, Span};

crate::timers! {
    /// What can be overdue in a population.
    pub enum Timer {
        /// The next slot of arrivals.
        Slot,
        /// An arrival of this slot, from 1; 0 for the only one of a regular stream.
        Arrival(u32),
        /// The work or the sleep of a script.
        Job(u32),
    }
}

/// How a population behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientConfig {
    /// When work arrives.
    pub arrivals: Arrivals,
    /// What each arrival does.
    pub script: Program,
    /// Who asks, in turn; at least one.
    pub clients: Vec<Name>,
    /// The amount of every request.
    pub amount: i64,
    /// Added to the number of an arrival, it makes the business key.
    pub first_key: u64,
    /// How services are found, and which instance of one is called.
    pub discovery: Discovery,
}

/// When work arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Arrivals {
    /// This many, this far apart, the first one at the start.
    Every {
        /// The time between two arrivals.
        period: Span,
        /// How many.
        count: u64,
    },
    /// A Poisson stream: in each slot a Poisson number of arrivals, anywhere in the slot.
    Poisson {
        /// The length of a slot.
        slot: Span,
        /// How many slots.
        slots: u64,
        /// The mean number of arrivals of a slot, in millionths.
        mean_millionths: u64,
    },
}

/// A population of clients.
#[derive(Clone, Debug, Serialize)]
pub struct ClientNode<P> {
    config: Arc<ClientConfig>,
    jobs: Jobs<P>,
    /// Slots that began.
    slots: u64,
}

const SLOT: Purpose = Purpose("slot");
/// The flow of an arrival bears the name of the population.
const ARRIVAL: Purpose = Purpose("");
/// How many arrive in a slot.
const COUNT: Purpose = Purpose("arrivals");
/// When in the slot they arrive.
const MOMENT: Purpose = Purpose("moment");
/// The low bits of a flow's index number the arrivals within a slot.
const WITHIN: u32 = 20;

/// How many arrive calmly before the slot of this number.
const fn until(slot: u64, mean_millionths: u64) -> u64 {
    slot.saturating_mul(mean_millionths) / 1_000_000
}

impl<P: Clone + std::fmt::Debug + Serialize> ClientNode<P> {
    /// A population that has not begun.
    #[must_use]
    pub fn new(config: Arc<ClientConfig>) -> Self {
        let jobs = Jobs::new(Dialer::new(config.discovery.clone()));
        Self { config, jobs, slots: 0 }
    }

    /// When work arrives.
    #[must_use]
    pub fn arrivals(&self) -> Arrivals {
        self.config.arrivals
    }

    /// A slot begins: how many arrive in it, and when? Where it is but one, it comes at once; only the
    /// first of all lets the others start before it. Slots in which nothing is decided are one flow.
    fn begin_slot(&mut self, turn: &mut Turn<'_, P, Fact>) {
        let number = self.slots;
        self.slots += 1;
        match self.config.arrivals {
            Arrivals::Every { period, count } if number == 0 => {
                turn.start_flow(SLOT, 0, Ground::Foreground);
                turn.set(Timer::Arrival(0), Span::ZERO);
                self.set_slot(period, count, turn);
            }
            Arrivals::Every { period, count } => {
                self.set_slot(period, count, turn);
                self.arrive(0, turn);
            }
            Arrivals::Poisson { slot, slots, mean_millionths } => {
                self.begin_random_slot(number, (slot, slots), mean_millionths, turn);
            }
        }
    }

    /// A slot begins in which nobody may arrive, or many.
    #[inline(never)]
    fn begin_random_slot(
        &self,
        number: u64,
        (slot, slots): (Span, u64),
        mean_millionths: u64,
        turn: &mut Turn<'_, P, Fact>,
    ) {
        turn.start_flow(SLOT, number << WITHIN, Ground::Foreground);
        let calm = until(number + 1, mean_millionths) - until(number, mean_millionths);
        let calm = u32::try_from(calm).unwrap_or(u32::MAX);
        let count = turn.choose(COUNT, Choice::Count { mean_millionths, calm });
        for index in 1..=count.min((1 << WITHIN) - 1) {
            let calm = Span::from_nanos(slot.as_nanos() / count * (index - 1));
            let choice = Choice::Within { width: slot, calm };
            let moment = Span::from_nanos(turn.choose(MOMENT, choice));
            turn.set(Timer::Arrival(u32::try_from(index).unwrap_or(u32::MAX)), moment);
        }
        self.set_slot(slot, slots, turn);
    }

    /// The next slot begins after this one, unless it was the last.
    fn set_slot(&self, length: Span, slots: u64, turn: &mut Turn<'_, P, Fact>) {
        if self.slots < slots {
            turn.set(Timer::Slot, length);
        }
    }

    /// Work arrives.
    fn arrive(&mut self, within: u32, turn: &mut Turn<'_, P, Fact>) {
        let index = (self.slots - 1) << WITHIN | u64::from(within);
        if !turn.takes_part(ARRIVAL, index) {
            return;
        }
        turn.start_flow(ARRIVAL, index, Ground::Foreground);
        // How many came before, or would have calmly: who asks depends on nobody else's coming.
        let number = match self.config.arrivals {
            Arrivals::Every { .. } => self.slots - 1,
            Arrivals::Poisson { mean_millionths, .. } => {
                until(self.slots - 1, mean_millionths) + u64::from(within.saturating_sub(1))
            }
        };
        let which = usize::try_from(number).unwrap_or(0) % self.config.clients.len().max(1);
        let client = self.config.clients.get(which).copied().unwrap_or(Name(0));
        let key = self.config.first_key.saturating_add(index);
        let (amount, method) = (self.config.amount, client);
        let request = Request { service: client, method, client, key, amount, payload: None };
        turn.note(Fact::Asked { key });
        let slot = self.jobs.begin(turn.now(), turn.context(), None, request, 0);
        self.go_on(slot, turn);
    }

    #[inline(always)]
    fn go_on(&mut self, slot: u32, turn: &mut Turn<'_, P, Fact>) {
        match self.jobs.advance(slot, &self.config.script, Timer::Job(slot), turn) {
            Progress::Waiting => {}
            Progress::Over(None) => self.finish(slot, None, turn),
            Progress::Over(Some(failure)) => self.fail(slot, failure, turn),
        }
    }

    /// The work failed.
    #[cold]
    fn fail(&mut self, slot: u32, failure: Failure, turn: &mut Turn<'_, P, Fact>) {
        self.finish(slot, Some(failure), turn);
    }

    #[inline(always)]
    fn finish(&mut self, slot: u32, failure: Option<Failure>, turn: &mut Turn<'_, P, Fact>) {
        let Some(job) = self.jobs.end(slot, failure, turn) else { return };
        let latency = turn.now().since(job.began);
        turn.note(Fact::Ended { key: job.key, failure, latency });
    }

    /// The timeout of a call passed.
    #[cold]
    fn expired(&mut self, tag: u64, turn: &mut Turn<'_, P, Fact>) {
        self.heard(tag, Err(Failure::TimedOut), turn);
    }

    #[inline(always)]
    fn heard(&mut self, tag: u64, outcome: Outcome<P>, turn: &mut Turn<'_, P, Fact>) {
        match self.jobs.answered(tag, outcome, &self.config.script, turn) {
            None => {}
            Some(Ok(())) => self.go_on(Dialer::slot(tag), turn),
            Some(Err(failure)) => self.fail(Dialer::slot(tag), failure, turn),
        }
    }
}

impl<P: Clone + std::fmt::Debug + Serialize> Machine for ClientNode<P> {
    type Payload = P;
    type Timer = Timer;
    type Fact = Fact;

    const PHASES: &'static [&'static str] = &["idle", "waiting"];

    fn phase(&self) -> usize {
        usize::from(!self.jobs.is_empty())
    }

    fn step(&mut self, input: Input<P, Timer>, turn: &mut Turn<'_, P, Fact>) {
        self.step_coded(input.map_timer(Timer::code), turn);
    }

    fn step_coded(&mut self, input: Input<P, u64>, turn: &mut Turn<'_, P, Fact>) {
        match input {
            Input::Start => {
                let none = match self.config.arrivals {
                    Arrivals::Every { count, .. } => count == 0,
                    Arrivals::Poisson { slots, .. } => slots == 0,
                };
                if !none {
                    self.begin_slot(turn);
                }
            }
            Input::Deliver { from, body } => {
                turn.reply_failure(from, Body::name(&body), Failure::UnknownMethod);
            }
            Input::Wake(timer) => match Timer::from_code(timer) {
                Timer::Slot => self.begin_slot(turn),
                Timer::Arrival(within) => self.arrive(within, turn),
                Timer::Job(slot) => self.go_on(slot, turn),
            },
            Input::Reply { tag, outcome } => self.heard(tag, outcome, turn),
            Input::Expired { tag } => self.expired(tag, turn),
        }
    }

    fn power_cut(&mut self) {
        *self = Self::new(Arc::clone(&self.config));
    }
}
