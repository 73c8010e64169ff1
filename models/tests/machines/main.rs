//! Machines by hand: one step at a time, and every effect as a line that a person reads.
//!
//! ```text
//! ask 3 with 10 of 7 within 1s    a call: to whom, the method, the key, the timeout
//! answer 9: done                  an answer: to whom, and how it went
//! wake 0 in 5s                    a timer: its code, and when
//! flow breaker 2                  a piece of work begins: its source, and which one it is
//! ```

mod broker;
mod client;
mod composition;
mod deployment;
mod dialer;
mod gateway;
mod handlers;
mod managed;
mod registry;
mod saga;
mod service;
mod sidecar;

use std::collections::VecDeque;

use brownout_models::contract::{
    Answer, Body, CallId, Calls, Choice, Context, Desk, Effect, Failure, FlowId, Ground, Input,
    Machine, Message, NodeId, Outcome, Purpose, Request, Sender, Store, Surroundings, Timer, Turn,
};
use brownout_models::{Fact, Name, Span, Time};

/// The machine under test.
pub(crate) const ME: NodeId = NodeId(1);

/// Who asks it.
pub(crate) const CALLER: NodeId = NodeId(9);

/// On nobody's behalf.
const IDLE: Context = Context { flow: FlowId(0), cause: 0, deadline: Time::NEVER, span: None };

/// One machine, its calls, and a world that does nothing by itself.
pub(crate) struct Rig<M> {
    pub(crate) machine: M,
    calls: Calls,
    /// Every call so far, in the order of calling.
    placed: Vec<CallId>,
    /// On whose behalf each timer was set.
    timers: Vec<(u64, Context)>,
    /// On whose behalf the last message left.
    pub(crate) context: Context,
    store: Store,
    pub(crate) script: Script,
}

/// Answers choices as it was told, then calmly.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) answers: VecDeque<u64>,
    said: Vec<String>,
    flows: u32,
    /// Load that takes no part, by its index.
    pub(crate) left_out: Option<u64>,
}

impl Surroundings for Script {
    fn choose(&mut self, _: NodeId, _: &Context, purpose: Purpose, choice: Choice<'_>) -> u64 {
        let calm = match choice {
            Choice::Span(distribution) => distribution.calm().as_nanos(),
            Choice::Node { calm, .. } => calm as u64,
            Choice::Within { calm, .. } => calm.as_nanos(),
            Choice::Count { calm, .. } => u64::from(calm),
            Choice::Fault(_) => 0,
        };
        self.said.push(format!("choose {}", purpose.0));
        self.answers.pop_front().unwrap_or(calm)
    }

    fn takes_part(&mut self, _: NodeId, _: Purpose, index: u64) -> bool {
        self.left_out != Some(index)
    }

    fn start_flow(&mut self, _: NodeId, source: Purpose, index: u64, _: Ground) -> FlowId {
        let (number, within) = (index >> 20, index % (1 << 20));
        self.said.push(match within {
            0 => format!("flow {} {number}", source.0),
            within => format!("flow {} {number}.{within}", source.0),
        });
        self.flows += 1;
        FlowId(self.flows)
    }
}

impl<M: Machine<Payload = (), Fact = Fact>> Rig<M> {
    pub(crate) fn new(machine: M) -> Self {
        Self {
            machine,
            calls: Calls::default(),
            placed: Vec::new(),
            timers: Vec::new(),
            context: IDLE,
            store: Store::default(),
            script: Script::default(),
        }
    }

    /// The next choices are answered so.
    pub(crate) fn answers(&mut self, answers: impl IntoIterator<Item = u64>) {
        self.script.answers.extend(answers);
    }

    /// One step, so long after the beginning.
    pub(crate) fn step(&mut self, at: &str, input: Input<(), M::Timer>) -> Vec<String> {
        self.step_for(IDLE, at, input)
    }

    fn step_for(&mut self, context: Context, at: &str, input: Input<(), M::Timer>) -> Vec<String> {
        let now = Time::ZERO + at.parse::<Span>().expect("a span");
        let mut effects = Vec::new();
        let mut desk = Desk {
            effects: &mut effects,
            calls: &mut self.calls,
            store: &mut self.store,
            surroundings: &mut self.script,
        };
        let mut turn = Turn::new(now, ME, context, &mut desk);
        self.machine.step(input, &mut turn);
        let mut lines = std::mem::take(&mut self.script.said);
        for effect in effects {
            self.say(effect, &mut lines);
        }
        lines
    }

    fn say(&mut self, effect: Effect<(), Fact>, lines: &mut Vec<String>) {
        match effect {
            Effect::Send { to, message: Message::Ask { call, body }, context, .. } => {
                self.context = context;
                let verb = if call.is_some() { "ask" } else { "tell" };
                self.placed.extend(call);
                lines.push(format!("{verb} {} {}", to.0, asked(&body)));
            }
            Effect::Send {
                to,
                message: Message::Answer { outcome, retry_after, .. },
                context,
                ..
            } => {
                self.context = context;
                let again = retry_after.map(|after| format!(", again in {after}"));
                let (again, answer) = (again.unwrap_or_default(), answered(&outcome));
                lines.push(format!("answer {}: {answer}{again}", to.0));
            }
            Effect::Expire { after, .. } => {
                let call = lines.last_mut().expect("a call that expires");
                call.push_str(&format!(" within {after}"));
            }
            Effect::Set { timer, after, context, .. } => {
                self.timers.push((timer, context));
                lines.push(format!("wake {timer} in {after}"));
            }
            Effect::Cancel { timer } => lines.push(format!("sleep {timer}")),
            Effect::Wrote { table, key, value, .. } => {
                lines.push(format!("row {} {key} is {value}", table.0));
            }
            Effect::Note { fact, .. } => lines.push(format!("{fact:?}")),
        }
    }

    /// The timer of this code is due.
    pub(crate) fn wake(&mut self, at: &str, code: u64) -> Vec<String> {
        let set = self.timers.iter().rfind(|(timer, _)| *timer == code);
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
        match self.calls.settle(self.placed[index]) {
            Some(call) => self.step_for(call.context, at, Input::Reply { tag: call.tag, outcome }),
            None => Vec::new(),
        }
    }

    /// The `index`-th call of all expires.
    pub(crate) fn expire(&mut self, at: &str, index: usize) -> Vec<String> {
        let call = self.calls.settle(self.placed[index]).expect("a call under way");
        self.step_for(call.context, at, Input::Expired { tag: call.tag })
    }

    pub(crate) fn power_cut(&mut self) {
        self.machine.power_cut();
        self.calls.clear();
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

fn asked(body: &Body<()>) -> String {
    match body {
        Body::Request(request) if request.payload.is_some() => {
            format!("with {} of {} and its payload", request.method.0, request.key)
        }
        Body::Request(request) if request.amount != 0 => {
            format!("with {} of {}, {}", request.method.0, request.key, request.amount)
        }
        Body::Request(request) => format!("with {} of {}", request.method.0, request.key),
        Body::Publish(request)
        | Body::PublishNumbered(_, request)
        | Body::PublishOnce(_, request) => {
            format!("to publish {} of {}", request.method.0, request.key)
        }
        Body::Discover(service) => format!("where {} is", service.0),
        Body::Register(service) => format!("to register for {}", service.0),
        Body::Heartbeat(service) => format!("alive for {}", service.0),
        Body::Deregister(service) => format!("to leave {}", service.0),
    }
}

fn answered(outcome: &Outcome<()>) -> String {
    let numbers = |instances: &[NodeId]| {
        let numbers: Vec<_> = instances.iter().map(|instance| instance.0.to_string()).collect();
        numbers.join(" ")
    };
    match outcome {
        Ok(Answer::Done(_)) => "done".to_owned(),
        Ok(Answer::Instances(instances)) => format!("at {}", numbers(instances)),
        Ok(Answer::Subset(subset)) => {
            format!("subset {} at {}", subset.name.0, numbers(&subset.instances))
        }
        Err(failure) => Failure::words(*failure).to_owned(),
    }
}
