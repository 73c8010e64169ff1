//! A driver that does nothing by itself and says every effect as a line.

use std::collections::VecDeque;

use brownout_models::contract::{
    Answer, Body, CallId, Calls, Choice, Clock, Context, Driver, Failure, FlowId, Ground, NodeId,
    OpenCall, Outcome, Purpose, Request, Sender, Store, Surroundings, Written,
};
use brownout_models::{Fact, Name, Span, Time};

/// On nobody's behalf.
pub(crate) const IDLE: Context =
    Context { flow: FlowId(0), cause: 0, deadline: Time::NEVER, span: None };

/// Answers choices as it was told, then calmly.
pub(crate) struct Scribe {
    /// Choices and flows, which are said before all effects.
    said: Vec<String>,
    done: Vec<String>,
    pub(super) now: Time,
    pub(super) calls: Calls,
    /// Every call so far, in the order of calling.
    pub(super) placed: Vec<CallId>,
    /// On whose behalf each timer was set.
    pub(super) timers: Vec<(u64, Context)>,
    pub(crate) store: Store,
    /// On whose behalf the last message left.
    pub(crate) context: Context,
    /// The last request of all.
    pub(crate) request: Option<Request<()>>,
    pub(crate) answers: VecDeque<u64>,
    /// The nodes of the last choice among some.
    pub(crate) offered: Vec<NodeId>,
    flows: u32,
    /// Load that takes no part, by its index.
    pub(crate) left_out: Option<u64>,
    /// When callers may come back, as every answer says.
    pub(crate) retry_after: Option<Span>,
}

impl Scribe {
    pub(super) fn new() -> Self {
        Self {
            said: Vec::new(),
            done: Vec::new(),
            now: Time::ZERO,
            calls: Calls::default(),
            placed: Vec::new(),
            timers: Vec::new(),
            store: Store::default(),
            context: IDLE,
            request: None,
            answers: VecDeque::new(),
            offered: Vec::new(),
            flows: 0,
            left_out: None,
            retry_after: None,
        }
    }

    /// Everything that was said since this was asked last.
    pub(super) fn lines(&mut self) -> Vec<String> {
        let mut lines = std::mem::take(&mut self.said);
        lines.append(&mut self.done);
        lines
    }
}

impl Surroundings for Scribe {
    fn choose(&mut self, _: NodeId, _: &Context, purpose: Purpose, choice: Choice<'_>) -> u64 {
        let calm = match choice {
            Choice::Span(distribution) => distribution.calm().as_nanos(),
            Choice::Node { of, calm, .. } => {
                self.offered = of.to_vec();
                calm as u64
            }
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

impl Driver<(), Fact> for Scribe {
    fn ask(&mut self, to: NodeId, _: Span, call: Option<CallId>, body: Body<()>, of: &Context) {
        self.context = *of;
        let verb = if call.is_some() { "ask" } else { "tell" };
        self.placed.extend(call);
        self.done.push(format!("{verb} {} {}", to.0, asked(&body)));
        if let Body::Request(request) = body {
            self.request = Some(request);
        }
    }

    fn answer(
        &mut self,
        to: Sender,
        _: CallId,
        _: Name,
        outcome: Outcome<()>,
        retry_after: Option<Span>,
        of: &Context,
    ) {
        self.context = *of;
        let again = retry_after.map(|after| format!(", again in {after}")).unwrap_or_default();
        self.done.push(format!("answer {}: {}{again}", to.node.0, answered(&outcome)));
    }

    fn retry_after(&self) -> Option<Span> {
        self.retry_after
    }

    fn open(&mut self, call: OpenCall) -> CallId {
        self.calls.open(call)
    }

    fn expire(&mut self, _: CallId, after: Span, _: &Context) {
        let call = self.done.last_mut().expect("a call that expires");
        call.push_str(&format!(" within {after}"));
    }

    fn set(&mut self, timer: u64, after: Span, _: Clock, of: &Context) {
        self.timers.push((timer, *of));
        self.done.push(format!("wake {timer} in {after}"));
    }

    fn cancel(&mut self, timer: u64) {
        self.done.push(format!("sleep {timer}"));
    }

    fn wrote(&mut self, Written { table, key, value, .. }: Written, _: &Context) {
        self.done.push(format!("row {} {key} is {value}", table.0));
    }

    fn note(&mut self, fact: Fact, _: &Context) {
        self.done.push(format!("{fact:?}"));
    }

    fn store(&self) -> &Store {
        &self.store
    }

    fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }

    fn committed(&mut self) {
        self.store.commit(self.now);
    }
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
