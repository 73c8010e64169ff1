//! Events that wait, and the rounds in which the events of one instant are taken.

use std::mem;

use brownout_models::contract::{Body, CallId, Context, Ground, Kind, NodeId, Outcome, Sender};
use brownout_models::{Name, Span};

use super::queue::{Goes, Place};

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

/// The order of a round: nodes in the order of their first event, each with its own events first and
/// then deliveries, and else as they were scheduled.
#[derive(Clone, Debug, Default)]
pub(super) struct Round {
    /// Which round it is, so that seats of earlier ones need not be cleared.
    number: u64,
    /// By node.
    seats: Vec<Seat>,
}

/// Where the events of a node lie in a round.
#[derive(Clone, Copy, Debug, Default)]
struct Seat {
    round: u64,
    last: Place,
    /// The first delivery; nowhere if there is none.
    delivery: Place,
}

impl Round {
    /// Begins another round.
    pub(super) const fn begin(&mut self) {
        self.number += 1;
    }

    /// Where the event goes that was scheduled next.
    #[inline(always)]
    pub(super) fn seat<P>(&mut self, place: Place, event: &Event<P>) -> Goes {
        let node = event.node.0 as usize;
        let delivery = if event.is_own() { Place::NOWHERE } else { place };
        let seat = match self.seats.get(node) {
            Some(_) => &mut self.seats[node],
            None => seat_up_to(&mut self.seats, node),
        };
        if seat.round != self.number {
            *seat = Seat { round: self.number, last: place, delivery };
            return Goes::Last;
        }
        if seat.delivery == Place::NOWHERE {
            seat.delivery = delivery;
        } else if delivery == Place::NOWHERE {
            return Goes::Before(seat.delivery);
        }
        Goes::Behind(mem::replace(&mut seat.last, place))
    }
}

/// Makes room for the seat of a node.
#[cold]
fn seat_up_to(seats: &mut Vec<Seat>, node: usize) -> &mut Seat {
    seats.resize(node + 1, Seat::default());
    &mut seats[node]
}

#[cfg(test)]
mod tests {
    use brownout_models::Time;
    use brownout_models::contract::FlowId;
    use proptest::prelude::*;

    use super::super::queue::Queue;
    use super::*;

    /// A timer of a node, or a delivery to it, known by its cause.
    fn event(node: u32, is_own: bool, cause: u32) -> Event<()> {
        let way = Way { from: NodeId(9), from_life: 1, to_life: 1 };
        let kind = if is_own {
            EventKind::Wake { timer: 0, number: cause }
        } else {
            EventKind::Ask { way, call: None, name: Name(0), body: None }
        };
        let context = Context { flow: FlowId(0), cause, deadline: Time::NEVER, span: None };
        Event { node: NodeId(node), ground: Ground::Foreground, context, kind }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

        #[test]
        fn a_round_goes_from_node_to_node_each_with_its_own_events_first(
            rounds in prop::collection::vec(
                prop::collection::vec((0..5_u32, any::<bool>()), 2..14), 1..3),
        ) {
            let (mut queue, mut round) = (Queue::new(), Round::default());
            for (at, events) in (1..).zip(&rounds) {
                for (number, (node, is_own)) in (0..).zip(events) {
                    queue.push(Time::from_nanos(at), event(*node, *is_own, number));
                }
                let (_, lead) = queue.lead().unwrap();
                round.begin();
                queue.begin_round(lead, |place, event| round.seat(place, event));
                let first = |node: u32| events.iter().position(|(other, _)| *other == node);
                let mut expected: Vec<_> = (0_u32..).zip(events).collect();
                expected.sort_by_key(|(number, (node, is_own))| (first(*node), !is_own, *number));
                for (number, _) in expected {
                    let drawn = queue.draw_round();
                    prop_assert_eq!(queue.take(drawn).context.cause, number);
                }
                prop_assert!(!queue.is_in_round() && queue.is_empty());
            }
        }
    }
}
