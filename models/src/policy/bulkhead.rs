//! The bulkhead: at most so many at once, and at most so many who wait for their turn.
//!
//! The guide has none (GW-10): its profile lets everybody in. `hardened` is resilience4j's semaphore
//! bulkhead. Who waits is let in first come, first served, and gives up after a while, or when nobody
//! waits for them any more. How many may be inside is a number, or [follows](Limit) what calls tell.
//!
//! What is *not* here: the work, and a timer: one that calls [`Bulkhead::expire`] at
//! [`Bulkhead::due`], or one for everybody who waits, that [withdraws](Bulkhead::withdraw) them.
//!
//! ```
//! use brownout_models::policy::{Bulkhead, BulkheadConfig, Concurrency, Entrance};
//! use brownout_models::{Span, Time, Timeout};
//!
//! let mut bulkhead = Bulkhead::new(BulkheadConfig {
//!     max_concurrent: Concurrency::AtMost(1),
//!     max_waiting: 1,
//!     max_wait: Timeout::After(Span::from_secs(1)),
//!     ..BulkheadConfig::hardened()
//! });
//! assert_eq!(bulkhead.enter(Time::ZERO), Entrance::Entered);
//! let Entrance::Waits(ticket) = bulkhead.enter(Time::ZERO) else { panic!("one may wait") };
//! assert_eq!(bulkhead.enter(Time::ZERO), Entrance::Full);
//! assert_eq!(bulkhead.leave(), Some(ticket), "whoever leaves lets the first in");
//! ```

mod limit;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use limit::Estimate;
pub use limit::{Limit, Sample};

use crate::profile::{Mistake, options};
use crate::{Span, Time, Timeout};

options! {
    /// How many are let in at once, and how many may wait.
    config BulkheadConfig;
    /// A bulkhead's configuration as it is written.
    options BulkheadOptions as "Bulkhead";
    {
        /// What bounds how many are inside; `Fixed`, which is `max_concurrent`.
        limit: Limit = Limit::Fixed;
        /// `Fixed`: how many may be inside; 25, as in resilience4j.
        max_concurrent: Concurrency = Concurrency::Unlimited, hardened Concurrency::AtMost(25);
        /// How many more may wait to be let in; 0, as in resilience4j: who finds it full is refused.
        max_waiting: u32 = 0;
        /// How long they wait at most; 1 s.
        max_wait: Timeout = Timeout::Never, hardened Timeout::After(Span::from_secs(1));
    }
}

/// How many may do something at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Concurrency {
    /// Everybody.
    Unlimited,
    /// So many, from 1.
    AtMost(u32),
}

impl BulkheadConfig {
    /// Everything that makes no sense.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = self.limit.mistakes();
        if self.max_concurrent == Concurrency::AtMost(0) {
            mistakes.push(Mistake::new(
                "max_concurrent",
                "a bulkhead of 0 lets nobody in",
                "expected 1 or more",
                "write `AtMost(1)` for one after the other, or `Unlimited`",
            ));
        }
        if self.max_waiting > 0 && self.max_wait == Timeout::After(Span::ZERO) {
            mistakes.push(Mistake::new(
                "max_wait",
                "nobody waits for no time",
                "expected a span longer than 0s",
                "write `\"never\"` for a wait without end, or `max_waiting: 0`",
            ));
        }
        mistakes
    }
}

/// The answer to somebody who wants in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Entrance {
    /// Inside.
    Entered,
    /// In the queue, under this ticket.
    Waits(u64),
    /// Neither inside nor in the queue is any room.
    Full,
}

/// A bulkhead: who is inside, and who waits.
#[derive(Clone, Debug, Serialize)]
pub struct Bulkhead {
    config: BulkheadConfig,
    estimate: Estimate,
    inside: u32,
    /// In the order in which they came.
    waiting: VecDeque<Waiting>,
    tickets: u64,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Waiting {
    ticket: u64,
    /// When they give up.
    until: Time,
}

impl Bulkhead {
    /// A bulkhead with nobody inside.
    #[must_use]
    pub fn new(config: BulkheadConfig) -> Self {
        let estimate = Estimate::new(&config.limit);
        Self { config, estimate, inside: 0, waiting: VecDeque::new(), tickets: 0 }
    }

    /// Somebody wants in.
    pub fn enter(&mut self, now: Time) -> Entrance {
        self.enter_by(now, Time::NEVER)
    }

    /// Somebody wants in, and does not wait for it beyond their deadline.
    pub fn enter_by(&mut self, now: Time, deadline: Time) -> Entrance {
        if self.has_room() {
            self.inside += 1;
            return Entrance::Entered;
        }
        if self.waiting.len() >= self.config.max_waiting as usize {
            return Entrance::Full;
        }
        let ticket = self.tickets;
        self.tickets += 1;
        let until = self.config.max_wait.from(now).min(deadline);
        self.waiting.push_back(Waiting { ticket, until });
        Entrance::Waits(ticket)
    }

    /// Somebody who was inside is not any more, and tells nothing of how it went; whoever waited
    /// longest is, unless the limit fell meanwhile.
    ///
    /// # Panics
    /// When nobody is inside: somebody left twice.
    pub fn leave(&mut self) -> Option<u64> {
        assert!(self.inside > 0, "whoever leaves was inside");
        self.inside -= 1;
        self.admit()
    }

    /// Somebody who was inside is not any more, and tells how it went, which may move the limit;
    /// whoever has room now is, in the order in which they came. Netflix counts how many are inside
    /// when a call begins; this does when it ends.
    ///
    /// # Panics
    /// When nobody is inside: somebody left twice.
    pub fn finish(&mut self, sample: Sample) -> Vec<u64> {
        assert!(self.inside > 0, "whoever leaves was inside");
        self.estimate.observe(&self.config.limit, sample, self.inside);
        self.inside -= 1;
        std::iter::from_fn(|| self.admit()).collect()
    }

    /// Somebody does not want to wait any longer; whether they still did.
    pub fn withdraw(&mut self, ticket: u64) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.ticket != ticket);
        self.waiting.len() < before
    }

    /// The next whose time to wait is over gives up; of several with one deadline, whoever came first.
    pub fn expire(&mut self, now: Time) -> Option<u64> {
        let due = self.due().filter(|due| *due <= now)?;
        let place = self.waiting.iter().position(|waiting| waiting.until == due)?;
        self.waiting.remove(place).map(|waiting| waiting.ticket)
    }

    /// When somebody next gives up.
    #[must_use]
    pub fn due(&self) -> Option<Time> {
        let until = self.waiting.iter().map(|waiting| waiting.until).min();
        until.filter(|until| *until < Time::NEVER)
    }

    /// When whoever has this ticket gives up; [`Time::NEVER`] for nobody who waits.
    #[must_use]
    pub fn until(&self, ticket: u64) -> Time {
        let waiting = self.waiting.iter().find(|waiting| waiting.ticket == ticket);
        waiting.map_or(Time::NEVER, |waiting| waiting.until)
    }

    /// How many may be inside now.
    #[must_use]
    pub fn limit(&self) -> Concurrency {
        self.estimate.calls().map_or(self.config.max_concurrent, Concurrency::AtMost)
    }

    /// How many are inside.
    #[must_use]
    pub const fn inside(&self) -> u32 {
        self.inside
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn has_room(&self) -> bool {
        match self.limit() {
            Concurrency::Unlimited => true,
            Concurrency::AtMost(most) => self.inside < most,
        }
    }

    /// Whoever waited longest gets in, where there is room.
    fn admit(&mut self) -> Option<u64> {
        if !self.has_room() {
            return None;
        }
        let Waiting { ticket, .. } = self.waiting.pop_front()?;
        self.inside += 1;
        Some(ticket)
    }
}
