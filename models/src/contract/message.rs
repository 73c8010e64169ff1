//! The one vocabulary in which machines meet. The user's payload travels in it unopened.

use std::sync::Arc;

use serde::Serialize;

use crate::Span;
use crate::contract::{CallId, NodeId};
use crate::name::{self, Name};

/// A request to do `method`, as clients, gateways, sidecars and services exchange it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Request<P> {
    /// The service that it is meant for; gateways and sidecars go by their own routes.
    pub service: Name,
    /// The method, path or topic.
    pub method: Name,
    /// Who asks, for limits and quotas.
    pub client: Name,
    /// The business key: which order. It is also the idempotency key.
    pub key: u64,
    /// What it is worth: the amount that a write adds.
    pub amount: i64,
    /// The user's own data, opaque to the machines of this crate.
    pub payload: Option<P>,
}

/// What a message asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Body<P> {
    /// Do something.
    Request(Request<P>),
    /// Put this on the topic `method`.
    Publish(Request<P>),
    /// The same with a number that tells the message from every other one of its `client`, so that
    /// a broker can leave it out the second time.
    PublishNumbered(u64, Request<P>),
    /// The same for a message that its key tells from every other one of this name.
    PublishOnce(Name, Request<P>),
    /// Which instances of a service are healthy? Answered with [`Answer::Instances`]
    /// or [`Answer::Subset`].
    Discover(Name),
    /// The sender is an instance of this service.
    Register(Name),
    /// The sender, an instance of this service, is alive.
    Heartbeat(Name),
    /// The sender is no instance of this service any more.
    Deregister(Name),
}

/// What is carried from node to node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Message<P> {
    /// A body that is answered, if it came with a call.
    Ask {
        /// The call of the sender that waits for the answer.
        call: Option<CallId>,
        /// What is asked.
        body: Body<P>,
    },
    /// The answer to a call.
    Answer {
        /// The call that it settles.
        call: CallId,
        /// What kind of message it answers.
        to: Name,
        /// How the call ended.
        outcome: Outcome<P>,
        /// When the caller may come back, where a refusal says so.
        retry_after: Option<Span>,
    },
}

/// What a successful call brings back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Answer<P> {
    /// It is done; the user's data, if any.
    Done(Option<P>),
    /// The healthy instances of a service, in order of registration; a snapshot, never changed.
    Instances(Arc<[NodeId]>),
    /// The healthy instances of a subset of it, where its traffic is split.
    Subset(Arc<Subset>),
}

/// Some of the instances of a service, those of one version for instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Subset {
    /// Its name: callers that take turns take them within a subset.
    pub name: Name,
    /// The healthy instances, in order of registration; a snapshot, never changed.
    pub instances: Arc<[NodeId]>,
}

/// How a call ended.
pub type Outcome<P> = Result<Answer<P>, Failure>;

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Failure {
    /// The registry knows no instance of the service.
    NoInstances,
    /// The registry knows instances of the service, and none is healthy.
    NoHealthyInstances,
    /// The gateway has no route for the path.
    RouteNotFound,
    /// The client has used up its limit.
    RateLimited,
    /// The circuit breaker is open.
    BreakerOpen,
    /// The queue of the service is full.
    Overloaded,
    /// The connection was reset: nothing listens there, or it stopped while it was working.
    Reset,
    /// The caller's timeout passed; whether the work was done is unknown.
    TimedOut,
    /// The handler failed and says that trying again may help.
    Failed,
    /// The handler failed and says that trying again will not help.
    Rejected,
    /// The service does not know the method.
    UnknownMethod,
    /// The saga failed and was rolled back.
    RolledBack,
    /// The saga can go neither forward nor back, and somebody has to look.
    NeedsIntervention,
}

impl Failure {
    /// Every failure, in the order of declaration.
    pub const ALL: [Self; 13] = [
        Self::NoInstances,
        Self::NoHealthyInstances,
        Self::RouteNotFound,
        Self::RateLimited,
        Self::BreakerOpen,
        Self::Overloaded,
        Self::Reset,
        Self::TimedOut,
        Self::Failed,
        Self::Rejected,
        Self::UnknownMethod,
        Self::RolledBack,
        Self::NeedsIntervention,
    ];

    /// The words for a trace.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoInstances => "no instances",
            Self::NoHealthyInstances => "no healthy instances",
            Self::RouteNotFound => "route not found",
            Self::RateLimited => "rate limit exceeded",
            Self::BreakerOpen => "circuit breaker open",
            Self::Overloaded => "queue full",
            Self::Reset => "connection reset",
            Self::TimedOut => "timed out",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::UnknownMethod => "unknown method",
            Self::RolledBack => "rolled back",
            Self::NeedsIntervention => "needs intervention",
        }
    }
}

/// What a message is, for the sites of a link: `charge`, or the reply to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Kind {
    /// The method, path, topic or registry operation.
    pub name: Name,
    /// Whether it is the answer to that.
    pub reply: bool,
}

impl<P> Body<P> {
    /// What the body asks for, as one name.
    #[must_use]
    pub const fn name(&self) -> Name {
        match self {
            Self::Request(request)
            | Self::Publish(request)
            | Self::PublishNumbered(_, request)
            | Self::PublishOnce(_, request) => request.method,
            Self::Discover(_) => name::DISCOVER,
            Self::Register(_) => name::REGISTER,
            Self::Heartbeat(_) => name::HEARTBEAT,
            Self::Deregister(_) => name::DEREGISTER,
        }
    }

    /// The same body with every payload passed through `map`.
    pub fn map_payload<Q>(self, map: impl FnOnce(P) -> Q) -> Body<Q> {
        self.open_payload(|payload| payload.map(map))
    }

    /// The same body with its payload, if any, passed through `open`.
    pub fn open_payload<Q>(self, open: impl FnOnce(Option<P>) -> Option<Q>) -> Body<Q> {
        match self {
            Self::Request(request) => Body::Request(request.open_payload(open)),
            Self::Publish(request) => Body::Publish(request.open_payload(open)),
            Self::PublishNumbered(number, request) => {
                Body::PublishNumbered(number, request.open_payload(open))
            }
            Self::PublishOnce(of, request) => Body::PublishOnce(of, request.open_payload(open)),
            Self::Discover(service) => Body::Discover(service),
            Self::Register(service) => Body::Register(service),
            Self::Heartbeat(service) => Body::Heartbeat(service),
            Self::Deregister(service) => Body::Deregister(service),
        }
    }
}

impl<P> Request<P> {
    /// The same request with its payload, if any, passed through `open`.
    pub fn open_payload<Q>(self, open: impl FnOnce(Option<P>) -> Option<Q>) -> Request<Q> {
        Request {
            service: self.service,
            method: self.method,
            client: self.client,
            key: self.key,
            amount: self.amount,
            payload: open(self.payload),
        }
    }
}

impl<P> Answer<P> {
    /// The same answer with its payload passed through `map`.
    pub fn map_payload<Q>(self, map: impl FnOnce(P) -> Q) -> Answer<Q> {
        self.open_payload(|payload| payload.map(map))
    }

    /// The same answer with its payload, if any, passed through `open`.
    pub fn open_payload<Q>(self, open: impl FnOnce(Option<P>) -> Option<Q>) -> Answer<Q> {
        match self {
            Self::Done(payload) => Answer::Done(open(payload)),
            Self::Instances(instances) => Answer::Instances(instances),
            Self::Subset(subset) => Answer::Subset(subset),
        }
    }
}

impl<P> Message<P> {
    /// What kind of message it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Ask { body, .. } => Kind { name: body.name(), reply: false },
            Self::Answer { to, .. } => Kind { name: *to, reply: true },
        }
    }

    /// The same message with every payload passed through `map`.
    pub fn map_payload<Q>(self, map: impl FnOnce(P) -> Q) -> Message<Q> {
        match self {
            Self::Ask { call, body } => Message::Ask { call, body: body.map_payload(map) },
            Self::Answer { call, to, outcome, retry_after } => {
                let outcome = outcome.map(|answer| answer.map_payload(map));
                Message::Answer { call, to, outcome, retry_after }
            }
        }
    }
}
