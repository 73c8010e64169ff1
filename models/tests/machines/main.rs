//! Machines by hand: one step at a time, and every effect as a line that a person reads.
//!
//! ```text
//! ask 3 with 10 of 7 within 1s    a call: to whom, the method, the key, the timeout
//! answer 9: done                  an answer: to whom, and how it went
//! wake 0 in 5s                    a timer: its code, and when
//! flow breaker 2                  a piece of work begins: its source, and which one it is
//! ```

mod broker;
mod broker_operator;
mod client;
mod composition;
mod deployment;
mod dialer;
mod gateway;
mod handlers;
mod managed;
mod registry;
mod saga;
mod scribe;
mod service;
mod sidecar;

use brownout_models::contract::{
    Answer, Body, CallId, Context, Input, Machine, NodeId, Outcome, Request, Sender, Store, Timer,
    Turn,
};
use brownout_models::{Fact, Name, Span, Time};

use scribe::{IDLE, Scribe};

/// The machine under test.
pub(crate) const ME: NodeId = NodeId(1);

/// Who asks it.
pub(crate) const CALLER: NodeId = NodeId(9);

/// One machine, and a world that does nothing by itself.
pub(crate) struct Rig<M> {
    pub(crate) machine: M,
    pub(crate) scribe: Scribe,
    /// On whose behalf messages come.
    pub(crate) behalf: Context,
    /// How many sends, replies and writes the power lasts in the next step.
    power: Option<u32>,
}

impl<M: Machine<Payload = (), Fact = Fact>> Rig<M> {
    pub(crate) fn new(machine: M) -> Self {
        Self { machine, scribe: Scribe::new(), behalf: IDLE, power: None }
    }

    /// Its database flushes what was written this long after it was.
    pub(crate) fn flushing_every(machine: M, period: &str) -> Self {
        let mut rig = Self::new(machine);
        rig.scribe.store = Store::flushed_every(period.parse().expect("a span"));
        rig
    }

    /// The next choices are answered so.
    pub(crate) fn answers(&mut self, answers: impl IntoIterator<Item = u64>) {
        self.scribe.answers.extend(answers);
    }

    /// The power fails in the next step, after so many sends, replies and writes.
    pub(crate) fn power_for(&mut self, acts: u32) -> &mut Self {
        self.power = Some(acts);
        self
    }

    /// One step, so long after the beginning.
    pub(crate) fn step(&mut self, at: &str, input: Input<(), M::Timer>) -> Vec<String> {
        self.step_for(self.behalf, at, input)
    }

    fn step_for(&mut self, context: Context, at: &str, input: Input<(), M::Timer>) -> Vec<String> {
        let now = Time::ZERO + at.parse::<Span>().expect("a span");
        self.scribe.now = now;
        let power = self.power.take();
        let turn = Turn::new(now, ME, context, &mut self.scribe);
        self.machine.step(input, &mut turn.with_power_for(power.unwrap_or(u32::MAX)));
        if power.is_some() {
            self.power_cut();
        }
        self.scribe.lines()
    }

    /// The timer of this code is due.
    pub(crate) fn wake(&mut self, at: &str, code: u64) -> Vec<String> {
        let set = self.scribe.timers.iter().rfind(|(timer, _)| *timer == code);
        let context = set.map_or(IDLE, |(_, context)| *context);
        self.step_for(context, at, Input::Wake(M::Timer::from_code(code)))
    }

    /// A request of the caller that waits for its answer.
    pub(crate) fn request(&mut self, at: &str, method: u32, key: u64) -> Vec<String> {
        self.deliver(at, Body::Request(request(method, key)))
    }

    /// A message of the caller that wants an answer.
    pub(crate) fn deliver(&mut self, at: &str, body: Body<()>) -> Vec<String> {
        self.deliver_from(at, CALLER, body)
    }

    pub(crate) fn deliver_from(&mut self, at: &str, node: NodeId, body: Body<()>) -> Vec<String> {
        let from = Sender { node, life: 1, call: Some(CallId(77)) };
        self.step(at, Input::Deliver { from, body })
    }

    /// The `index`-th call of all is answered; nothing happens where it is over already.
    pub(crate) fn reply(&mut self, at: &str, index: usize, outcome: Outcome<()>) -> Vec<String> {
        match self.scribe.calls.settle(self.scribe.placed[index]) {
            Some(call) => self.step_for(call.context, at, Input::Reply { tag: call.tag, outcome }),
            None => Vec::new(),
        }
    }

    /// The `index`-th call of all expires.
    pub(crate) fn expire(&mut self, at: &str, index: usize) -> Vec<String> {
        let call = self.scribe.calls.settle(self.scribe.placed[index]).expect("a call under way");
        self.step_for(call.context, at, Input::Expired { tag: call.tag })
    }

    pub(crate) fn power_cut(&mut self) {
        self.machine.power_cut();
        self.scribe.calls.clear();
    }

    /// The power fails, and takes with it the latest so many transactions, which were not flushed yet.
    pub(crate) fn lose(&mut self, transactions: u32) {
        self.power_cut();
        assert!(self.unflushed() >= transactions, "they were not flushed");
        self.scribe.store.lose(transactions);
    }

    /// How many transactions a loss of power could take along.
    pub(crate) fn unflushed(&mut self) -> u32 {
        self.scribe.store.unflushed(self.scribe.now)
    }

    pub(crate) fn phase(&self) -> &'static str {
        M::PHASES[self.machine.phase()]
    }
}

pub(crate) fn request(method: u32, key: u64) -> Request<()> {
    let client = Name(CALLER.0);
    Request { service: Name(0), method: Name(method), client, key, amount: 0, payload: None }
}

pub(crate) const DONE: Outcome<()> = Ok(Answer::Done(None));

pub(crate) fn instances(numbers: &[u32]) -> Outcome<()> {
    Ok(Answer::Instances(numbers.iter().copied().map(NodeId).collect()))
}
