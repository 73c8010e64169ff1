//! Events that wait, and the rounds in which the events of one instant are taken.

use super::queue;
use brownout_models::contract::{Body, CallId, Context, Ground, Kind, NodeId, Outcome};
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
    Ask { way: Way, call: Option<CallId>, body: Option<Body<P>> },
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
    /// Who sent a message of which kind.
    pub(super) fn message(&self) -> Option<(NodeId, Kind)> {
        match self {
            Self::Start | Self::Wake { .. } | Self::Expire { .. } => None,
            Self::Ask { way, body, .. } => {
                let name = body.as_ref()?.name();
                Some((way.from, Kind { name, reply: false }))
            }
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
}

/// What orders the events of a round.
#[derive(Clone, Debug)]
struct Drawn {
    node: NodeId,
    is_own: bool,
    event: queue::Drawn,
}

impl Round {
    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.next == self.events.len()
    }

    /// Begins another round, once this one is empty.
    pub(super) fn begin(&mut self) {
        self.events.clear();
        self.next = 0;
    }

    /// Adds the event that was scheduled next: nodes stay in the order of their first event, each
    /// with its own events first and then deliveries.
    pub(super) fn add<P>(&mut self, drawn: queue::Drawn, event: &Event<P>) {
        let event = Drawn { node: event.node, is_own: event.is_own(), event: drawn };
        let mut place = None;
        for (index, other) in self.events.iter().enumerate() {
            if other.node != event.node {
                continue;
            }
            if other.is_own || !event.is_own {
                place = Some(index + 1);
            } else {
                place = place.or(Some(index));
                break;
            }
        }
        match place {
            Some(place) => self.events.insert(place, event),
            None => self.events.push(event),
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
        (event.node == first.node && event.is_own).then_some(&event.event)
    }

    /// Takes the `index`-th event of the node whose turn it is.
    #[inline]
    pub(super) fn take(&mut self, index: usize) -> Option<queue::Drawn> {
        if index > 0 {
            // Those that are passed over stay in order behind it.
            self.events.get_mut(self.next..=self.next + index)?.rotate_right(1);
        }
        let taken = self.events.get(self.next)?.event.clone();
        self.next += 1;
        Some(taken)
    }
}
