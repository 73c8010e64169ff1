//! The clock of a host, which may be wrong: set ahead or back, or too fast or too slow for a while.
//! Timers count on it, and machines see no other time; a timer that is set already stays as it is.
//! Deadlines go from node to node as the time that is left, as gRPC's do, so that clocks which differ
//! do not spoil them.
//!
//! What is *not* here: pauses and slow processors, which no clock tells.

use brownout_models::contract::NodeId;
use brownout_models::{Span, Time};

use super::fabric::Fabric;

/// One million: rates are in millionths.
const MILLION: u128 = 1_000_000;

/// What a clock reads, from the last time at which it was set or its pace changed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HostClock {
    /// The time of the world then, and what the clock read.
    set_at: Time,
    read: Time,
    /// Until when it keeps a pace of its own, and how many millionths that is of the true one.
    paced_until: Time,
    rate: u32,
}

impl HostClock {
    /// What the clock reads at a time of the world that is not before it was last set.
    pub(super) fn reads(&self, now: Time) -> Time {
        let own_pace = now.min(self.paced_until).since(self.set_at);
        let true_pace = now.since(self.set_at.max(self.paced_until));
        self.read + self.told(own_pace) + true_pace
    }

    /// The first time of the world at which it reads `then` or later.
    pub(super) fn when(&self, then: Time) -> Time {
        let wait = then.since(self.read);
        let own_pace = self.paced_until.since(self.set_at);
        let told = self.told(own_pace);
        if wait > told {
            return self.set_at + own_pace + (wait - told);
        }
        let nanos = u128::from(wait.as_nanos()) * MILLION;
        let nanos = nanos.div_ceil(u128::from(self.rate).max(1));
        self.set_at + Span::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Sets it ahead by a span, or back, though not before the beginning of all times. Returns by how
    /// much.
    pub(super) fn jump(&mut self, now: Time, by: Span, is_back: bool) -> Span {
        let read = self.reads(now);
        let then = if is_back { Time::ZERO + read.since(Time::ZERO + by) } else { read + by };
        *self = Self { set_at: now, read: then, ..*self };
        if is_back { read.since(then) } else { then.since(read) }
    }

    /// Makes it go so many millionths faster than true for a while.
    pub(super) fn drift(&mut self, now: Time, ppm: i32, until: Time) {
        let rate = u32::try_from(1_000_000_i64 + i64::from(ppm)).unwrap_or(1);
        *self = Self { set_at: now, read: self.reads(now), paced_until: until, rate };
    }

    /// How much it goes on in a span while it keeps its own pace.
    fn told(&self, span: Span) -> Span {
        let nanos = u128::from(span.as_nanos()) * u128::from(self.rate) / MILLION;
        Span::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl<P, F> Fabric<P, F> {
    /// What the node takes for the time.
    #[inline]
    pub(super) fn now_at(&self, node: NodeId) -> Time {
        if self.clocks_differ {
            return self.hosts[self.host_of(node)].clock.reads(self.now);
        }
        self.now
    }

    /// A deadline of this world on the clock of a node: the time that is left is the same, as where
    /// messages carry timeouts and not timestamps.
    #[cold]
    pub(super) fn inward(&self, node: NodeId, deadline: Time) -> Time {
        moved(deadline, self.now, self.now_at(node))
    }

    /// A deadline on the clock of a node in the time of this world.
    #[cold]
    pub(super) fn outward(&self, node: NodeId, deadline: Time) -> Time {
        moved(deadline, self.now_at(node), self.now)
    }

    pub(super) fn host_of(&self, node: NodeId) -> usize {
        self.heads[node.0 as usize].host as usize
    }
}

/// A deadline that is as far from the second time as it was from the first one.
fn moved(deadline: Time, from: Time, to: Time) -> Time {
    if deadline == Time::NEVER {
        return deadline;
    }
    let late = from.since(deadline);
    if late.is_zero() {
        to + deadline.since(from)
    } else {
        Time::ZERO + to.since(Time::ZERO + late)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time(nanos: u64) -> Time {
        Time::from_nanos(nanos)
    }

    #[test]
    fn a_clock_that_nobody_touched_is_right() {
        let clock = HostClock::default();
        assert_eq!(clock.reads(time(7)), time(7));
        assert_eq!(clock.when(time(7)), time(7));
    }

    #[test]
    fn a_jump_moves_what_it_reads_and_a_drift_how_fast() {
        let mut clock = HostClock::default();
        assert_eq!(clock.jump(time(100), Span::from_nanos(30), false), Span::from_nanos(30));
        assert_eq!(clock.reads(time(100)), time(130));
        assert_eq!(clock.jump(time(110), Span::from_nanos(500), true), Span::from_nanos(140));
        assert_eq!(clock.reads(time(115)), time(5), "it began anew");
        clock.drift(time(115), 500_000, time(125));
        assert_eq!(clock.reads(time(121)), time(14), "half as fast again");
        assert_eq!(clock.reads(time(135)), time(5 + 15 + 10));
        clock.drift(time(135), -500_000, time(155));
        assert_eq!(clock.reads(time(145)), time(35));
        clock.jump(time(145), Span::from_nanos(5), false);
        assert_eq!(clock.reads(time(155)), time(45), "still half as fast");
    }

    proptest! {
        #[test]
        fn a_timer_is_due_as_soon_as_its_clock_says_so(
            changes in prop::collection::vec(
                (0..50_u64, 0..60_u64, any::<bool>(), prop::option::of(-900_000..900_000_i32)), 0..6,
            ),
            wait in 0..200_u64,
        ) {
            let (mut clock, mut now) = (HostClock::default(), 0);
            for (gap, by, is_back, ppm) in changes {
                now += gap;
                let before = clock.reads(time(now));
                match ppm {
                    Some(ppm) => {
                        clock.drift(time(now), ppm, time(now + by));
                        prop_assert_eq!(clock.reads(time(now)), before, "no jump");
                    }
                    None => {
                        clock.jump(time(now), Span::from_nanos(by), is_back);
                    }
                }
            }
            let then = clock.reads(time(now)) + Span::from_nanos(wait);
            let due = clock.when(then).as_nanos();
            prop_assert!(due >= now);
            prop_assert!(clock.reads(time(due)) >= then);
            prop_assert!(due == now || clock.reads(time(due - 1)) < then);
        }
    }
}
