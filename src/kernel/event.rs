//! Events that wait, and the rounds in which the events of one instant are taken.

use super::queue;
use brownout_models::contract::{Body, CallId, Context, Ground, Kind, NodeId, Outcome, Sender};
use brownout_models::{Name, Span};

/// Something that will happen to a node.
#[derive(Clone, Debug)]
pub(super) struct Event<P> {
    pub(super) node: NodeId,
    /// Whether the run waits for it: the ground of its flow.
    pub(super) ground: Ground,
    pub(super) context: Context,
    pub(super) kind: EventKind<P>,
}

/// What will happen. What a message carries is taken out of its place in the queue when it happens.
#[derive(Clone, Debug)]
pub(super) enum EventKind<P> {
    /// A life begins.
    Start,
    /// A timer is due, if it is still the one of this number.
    Wake { timer: u64, number: u32 },
    /// The timeout of a call passes, unless it is settled.
    Expire { call: CallId, life: u32 },
    /// A message that is no answer arrives.
    Ask { way: Way, call: Option<CallId>, name: Name, body: Option<Body<P>> },
    /// The answer to a call arrives.
    Answer {
        way: Way,
        call: CallId,
        to: Name,
        outcome: Option<Outcome<P>>,
        /// When the caller may come back.
        retry_after: Option<Span>,
    },
}

/// Where a message comes from, and the lives of both ends when it left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) from: NodeId,
    pub(super) from_life: u32,
    pub(super) to_life: u32,
}

impl<P> Event<P> {
    /// Whether the node does this to itself: such events go before deliveries.
    const fn is_own(&self) -> bool {
        match self.kind {
            EventKind::Start | EventKind::Wake { .. } | EventKind::Expire { .. } => true,
            EventKind::Ask { .. } | EventKind::Answer { .. } => false,
        }
    }
}

impl<P> EventKind<P> {
    /// Takes what a message that is no answer carries, and says where its answer goes.
    #[inline]
    pub(super) fn take_body(&mut self) -> Option<(Sender, Body<P>)> {
        match self {
            Self::Ask { way, call, body, .. } => {
                let sender = Sender { node: way.from, life: way.from_life, call: *call };
                body.take().map(|body| (sender, body))
            }
            Self::Start | Self::Wake { .. } | Self::Expire { .. } | Self::Answer { .. } => None,
        }
    }

    /// Takes what an answer carries.
    #[inline]
    pub(super) fn take_outcome(&mut self) -> Option<Outcome<P>> {
        match self {
            Self::Answer { outcome, .. } => outcome.take(),
            Self::Start | Self::Wake { .. } | Self::Expire { .. } | Self::Ask { .. } => None,
        }
    }

    /// Who sent a message of which kind.
    pub(super) fn message(&self) -> Option<(NodeId, Kind)> {
        match self {
            Self::Start | Self::Wake { .. } | Self::Expire { .. } => None,
            Self::Ask { way, name, .. } => Some((way.from, Kind { name: *name, reply: false })),
            Self::Answer { way, to, .. } => Some((way.from, Kind { name: *to, reply: true })),
        }
    }
}

/// The events of the current round: what waited when the round began, in the order in which it is
/// taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Round {
    events: Vec<Drawn>,
    /// Where the next one stands; those before it were taken.
    next: usize,
    /// How many nodes have events in it.
    nodes: u32,
    is_in_order: bool,
    /// The order of the last event.
    last: Order,
    /// Which round it is, so that seats of earlier ones need not be cleared.
    number: u64,
    /// By node.
    seats: Vec<Seat>,
}

/// When the turn of a node comes in a round.
#[derive(Clone, Copy, Debug, Default)]
struct Seat {
    round: u64,
    rank: u32,
}

/// An event of a round.
#[derive(Clone, Debug)]
struct Drawn {
    order: Order,
    node: NodeId,
    event: queue::Drawn,
}

/// Where an event stands in its round: from the highest bit, the rank of its node, whether it is a
/// delivery, and its number among all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Order(u64);

impl Order {
    const DELIVERY: u64 = 1 << 31;

    #[inline]
    fn new(rank: u32, is_own: bool, number: usize) -> Self {
        let delivery = if is_own { 0 } else { Self::DELIVERY };
        Self(u64::from(rank) << 32 | delivery | number as u64)
    }

    const fn is_own(self) -> bool {
        self.0 & Self::DELIVERY == 0
    }
}

impl Round {
    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.next == self.events.len()
    }

    /// Begins another round, once this one is empty.
    pub(super) fn begin(&mut self) {
        self.events.clear();
        (self.next, self.nodes, self.is_in_order, self.last) = (0, 0, true, Order(0));
        self.number += 1;
    }

    /// Adds the event that was scheduled next; its order is that of [`settle`](Self::settle).
    #[inline(always)]
    pub(super) fn add<P>(&mut self, drawn: queue::Drawn, event: &Event<P>) {
        let node = event.node.0 as usize;
        if node >= self.seats.len() {
            self.seat_up_to(node);
        }
        let seat = &mut self.seats[node];
        if seat.round != self.number {
            *seat = Seat { round: self.number, rank: self.nodes };
            self.nodes += 1;
        }
        let order = Order::new(seat.rank, event.is_own(), self.events.len());
        self.is_in_order &= self.last <= order;
        self.last = order;
        self.events.push(Drawn { order, node: event.node, event: drawn });
    }

    #[cold]
    fn seat_up_to(&mut self, node: usize) {
        self.seats.resize(node + 1, Seat::default());
    }

    /// Once all are added: nodes stay in the order of their first event, each with its own events
    /// first and then deliveries.
    #[inline]
    pub(super) fn settle(&mut self) {
        if !self.is_in_order {
            self.events.sort_unstable_by_key(|event| event.order);
        }
    }

    /// How many events of the node whose turn it is are left.
    pub(super) fn rivals(&self) -> usize {
        let Some(first) = self.events.get(self.next) else { return 0 };
        self.events[self.next..].iter().take_while(|event| event.node == first.node).count()
    }

    /// The events of the node whose turn it is.
    pub(super) fn of_next_node(&self) -> impl Iterator<Item = &queue::Drawn> {
        self.events[self.next..].iter().take(self.rivals()).map(|rival| &rival.event)
    }

    /// The `index`-th event of the node whose turn it is, if the node does it to itself.
    pub(super) fn own(&self, index: usize) -> Option<&queue::Drawn> {
        let first = self.events.get(self.next)?;
        let event = self.events.get(self.next + index)?;
        (event.node == first.node && event.order.is_own()).then_some(&event.event)
    }

    /// Puts the `index`-th event of the node whose turn it is before its others, which stay in order.
    pub(super) fn prefer(&mut self, index: usize) {
        if let Some(passed) = self.events.get_mut(self.next..=self.next + index) {
            passed.rotate_right(1);
        }
    }

    /// Takes the `index`-th event of the node whose turn it is.
    pub(super) fn remove(&mut self, index: usize) -> Option<queue::Drawn> {
        self.prefer(index);
        self.take_next()
    }

    /// Takes the next event.
    #[inline]
    pub(super) fn take_next(&mut self) -> Option<queue::Drawn> {
        let taken = self.events.get(self.next)?.event.clone();
        self.next += 1;
        Some(taken)
    }
}
