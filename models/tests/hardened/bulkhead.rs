//! Bulkheads against a list of everybody who ever came.

use brownout_models::policy::{Bulkhead, BulkheadConfig, Concurrency, Entrance};
use brownout_models::{Span, Time, Timeout};
use proptest::prelude::*;

use super::{config, step};

/// Where somebody who came is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Waits { ticket: u64, until: u64 },
    Inside,
    Gone,
}

/// Everybody who was let in or told to wait, in the order in which they came.
#[derive(Clone, Debug, Default)]
struct Naive {
    everybody: Vec<Place>,
    tickets: u64,
}

impl Naive {
    fn inside(&self) -> usize {
        self.everybody.iter().filter(|place| **place == Place::Inside).count()
    }

    fn waiting(&self) -> Vec<(usize, u64, u64)> {
        let waits = |(at, place): (usize, &Place)| match place {
            Place::Waits { ticket, until } => Some((at, *ticket, *until)),
            Place::Inside | Place::Gone => None,
        };
        self.everybody.iter().enumerate().filter_map(waits).collect()
    }

    fn enter(&mut self, until: u64, most: Option<u32>, queue: u32) -> Entrance {
        if most.is_none_or(|most| self.inside() < most as usize) {
            self.everybody.push(Place::Inside);
            return Entrance::Entered;
        }
        if self.waiting().len() >= queue as usize {
            return Entrance::Full;
        }
        self.tickets += 1;
        let ticket = self.tickets - 1;
        self.everybody.push(Place::Waits { ticket, until });
        Entrance::Waits(ticket)
    }

    fn leave(&mut self) -> Option<u64> {
        let leaver = self.everybody.iter().position(|place| *place == Place::Inside).unwrap();
        self.everybody[leaver] = Place::Gone;
        let (at, ticket, _) = self.waiting().first().copied()?;
        self.everybody[at] = Place::Inside;
        Some(ticket)
    }

    fn withdraw(&mut self, ticket: u64) -> bool {
        let found = self.waiting().into_iter().find(|(_, of, _)| *of == ticket);
        found.is_some_and(|(at, ..)| {
            self.everybody[at] = Place::Gone;
            true
        })
    }

    /// Whoever has waited for as long as they may, in the order of their deadlines.
    fn expire(&mut self, now: u64) -> Vec<u64> {
        let waiting = self.waiting().into_iter();
        let mut late: Vec<_> = waiting.filter(|(.., until)| *until <= now).collect();
        late.sort_by_key(|(.., until)| *until);
        late.iter().for_each(|(at, ..)| self.everybody[*at] = Place::Gone);
        late.into_iter().map(|(_, ticket, _)| ticket).collect()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_bulkhead_is_a_list_of_everybody_who_came(
        most in prop::option::weighted(0.9, 1..4_u32),
        queue in 0..4_u32,
        wait in prop::option::weighted(0.8, prop::sample::select(vec![1_u64, 10, 20])),
        patience in prop::option::weighted(0.5, 0..25_u64),
        events in prop::collection::vec((step(), 0..8_u8, 0..12_u64), 1..80),
    ) {
        let mut bulkhead = Bulkhead::new(BulkheadConfig {
            max_concurrent: most.map_or(Concurrency::Unlimited, Concurrency::AtMost),
            max_waiting: queue,
            max_wait: wait.map_or(Timeout::Never, |wait| Timeout::After(Span::from_nanos(wait))),
            ..BulkheadConfig::hardened()
        });
        let mut naive = Naive::default();
        let mut now = Time::ZERO;
        for (step, operation, ticket) in events {
            now += Span::from_nanos(step);
            let nanos = now.as_nanos();
            let mut given_up = Vec::new();
            while let Some(ticket) = bulkhead.expire(now) {
                given_up.push(ticket);
            }
            prop_assert_eq!(given_up, naive.expire(nanos));
            match operation {
                0 | 1 => {
                    let until = wait.map_or(u64::MAX, |wait| nanos + wait);
                    prop_assert_eq!(bulkhead.enter(now), naive.enter(until, most, queue));
                }
                2 | 3 => {
                    // A deadline that has passed is over at once.
                    let deadline = patience.map_or(u64::MAX, |patience| nanos + patience);
                    let until = wait.map_or(u64::MAX, |wait| nanos + wait).min(deadline);
                    let entrance = bulkhead.enter_by(now, Time::from_nanos(deadline));
                    prop_assert_eq!(entrance, naive.enter(until, most, queue));
                    if let Entrance::Waits(ticket) = entrance {
                        prop_assert_eq!(bulkhead.until(ticket).as_nanos(), until);
                    }
                    let given_up: Vec<_> = std::iter::from_fn(|| bulkhead.expire(now)).collect();
                    prop_assert_eq!(given_up, naive.expire(nanos));
                }
                4 | 5 if naive.inside() > 0 => {
                    prop_assert_eq!(bulkhead.leave(), naive.leave());
                }
                6 => prop_assert_eq!(bulkhead.withdraw(ticket), naive.withdraw(ticket)),
                _ => {}
            }
            let waiting = naive.waiting();
            prop_assert_eq!(bulkhead.inside() as usize, naive.inside());
            prop_assert_eq!(bulkhead.waiting(), waiting.len());
            let due = waiting.iter().map(|(.., until)| *until).filter(|due| *due < u64::MAX).min();
            prop_assert_eq!(bulkhead.due().map(Time::as_nanos), due);
            prop_assert!(due.is_none_or(|due| due > nanos), "nobody waits longer than they may");
            // Conservation: nobody waits while there is room, and the bounds hold.
            prop_assert!(most.is_none_or(|most| bulkhead.inside() <= most));
            prop_assert!(waiting.is_empty() || most == Some(bulkhead.inside()));
            prop_assert!(waiting.len() <= queue as usize);
        }
    }
}

/// GW-10: the guide lets everybody in; the remedy alone bounds them.
#[test]
fn gw_10_the_guide_bounds_nobody() {
    let inside = |config: BulkheadConfig| {
        let mut bulkhead = Bulkhead::new(config);
        (0..1_000).for_each(|_| {
            bulkhead.enter(Time::ZERO);
        });
        bulkhead.inside()
    };
    assert_eq!(inside(BulkheadConfig::guide()), 1_000);
    assert_eq!(inside(BulkheadConfig::hardened()), 25);
    let max_concurrent = Concurrency::AtMost(25);
    assert_eq!(inside(BulkheadConfig { max_concurrent, ..BulkheadConfig::guide() }), 25);
}

#[test]
#[should_panic(expected = "whoever leaves was inside")]
fn who_leaves_twice_has_made_a_mistake() {
    let mut bulkhead = Bulkhead::new(BulkheadConfig::hardened());
    bulkhead.enter(Time::ZERO);
    bulkhead.leave();
    bulkhead.leave();
}

#[test]
fn a_bulkhead_without_room_and_a_wait_of_no_time_are_mistakes() {
    let (hardened, at_most) = (BulkheadConfig::hardened(), Concurrency::AtMost);
    for (max_concurrent, max_waiting, max_wait, wrong) in [
        (at_most(1), 0, Timeout::After(Span::ZERO), vec![]),
        (at_most(1), 1, Timeout::After(Span::ZERO), vec!["max_wait"]),
        (at_most(1), 2, Timeout::After(Span::ZERO), vec!["max_wait"]),
        (at_most(1), 1, Timeout::After(Span::from_nanos(1)), vec![]),
        (at_most(1), 0, Timeout::After(Span::from_nanos(1)), vec![]),
        (at_most(0), 1, Timeout::Never, vec!["max_concurrent"]),
        (Concurrency::Unlimited, 1, Timeout::Never, vec![]),
    ] {
        let config = BulkheadConfig { max_concurrent, max_waiting, max_wait, ..hardened.clone() };
        let options: Vec<_> = config.mistakes().into_iter().map(|wrong| wrong.option).collect();
        assert_eq!(options, wrong, "{config:?}");
    }
}
