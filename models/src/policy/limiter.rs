//! The rate limiter: how often a client may do something, and when to try again.
//!
//! Under the profile `guide` it follows the guide's `RateLimiter` and `TokenBucket` (lines 295-349). A
//! bucket belongs to a client and takes the limit of the first request it sees, for ever and on every
//! route (RL-1, RL-2); it starts full with a whole minute's quota (RL-5); a refill drops its fraction
//! (RL-3), and the floor of the floating-point product can be one short (RL-4); a limit of zero or less
//! admits nothing (RL-6); buckets are never evicted (RL-7). `hardened` is the generic cell rate algorithm
//! as in governor, exact for every limit. Each difference is an option of [`LimiterConfig`].
//!
//! What is *not* here: routes, fairness between clients, and limits shared by several machines (GW-14).
//!
//! ```
//! use brownout_models::policy::{Limiter, LimiterConfig, NextTry};
//! use brownout_models::{Name, Span, Time};
//!
//! let (client, route) = (Name(0), Name(1));
//! let mut limiter = Limiter::new(LimiterConfig::hardened());
//! # let mut clock = Time::ZERO;
//! // Twenty a minute, of which a tenth may come at once.
//! assert!(limiter.allow(clock, client, route, 20).allowed);
//! assert!(limiter.allow(clock, client, route, 20).allowed);
//! let refused = limiter.allow(clock, client, route, 20);
//! assert_eq!(refused.retry, NextTry::After(Span::from_secs(3)));
//! clock += Span::from_secs(3);
//! assert!(limiter.allow(clock, client, route, 20).allowed);
//! ```

mod config;
mod minute;
mod token;
mod window;

use std::sync::Arc;

use crate::hash::Map;
use serde::Serialize;

use crate::{Name, Span, Time};
pub use config::{
    Algorithm, Burst, Eviction, Floor, Fraction, LimitChanges, LimiterConfig, LimiterKey,
    LimiterOptions, ZeroLimit,
};
use minute::MinuteBucket;
use token::TokenBucket;
use window::{FixedWindow, SlidingWindow};

/// When trying again helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum NextTry {
    /// It was not refused.
    Now,
    /// This long from now at the earliest, and then surely if nobody else uses the bucket.
    After(Span),
    /// Not with this limit and cost.
    Never,
    /// The guide's arithmetic does not say.
    Unknown,
}

impl NextTry {
    /// How long to wait, where that helps and is known.
    #[must_use]
    pub const fn span(self) -> Option<Span> {
        match self {
            Self::Now => Some(Span::ZERO),
            Self::After(span) => Some(span),
            Self::Never | Self::Unknown => None,
        }
    }
}

/// A limiter's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Whether the request may go ahead.
    pub allowed: bool,
    /// How many requests of cost one would be admitted right after it.
    pub remaining: u64,
    /// When trying again helps.
    pub retry: NextTry,
}

/// A bucket for every client, or for every client and route.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Limiter {
    config: Arc<LimiterConfig>,
    buckets: Map<(Name, Option<Name>), Bucket>,
    /// Where the next look for idle buckets begins.
    cursor: usize,
}

#[derive(Clone, Debug, Serialize)]
enum Bucket {
    Minute(MinuteBucket),
    Token(TokenBucket),
    Sliding(SlidingWindow),
    Fixed(FixedWindow),
}

/// Buckets looked at with every request: two, so that idle ones go faster than new ones come.
const LOOKS: usize = 2;

impl Limiter {
    /// A limiter that has seen nobody; those of one configuration can share it.
    #[must_use]
    pub fn new(config: impl Into<Arc<LimiterConfig>>) -> Self {
        Self { config: config.into(), buckets: Map::default(), cursor: 0 }
    }

    /// Whether a request may go ahead; `limit` is the route's, in requests a period.
    pub fn allow(&mut self, now: Time, client: Name, route: Name, limit: i64) -> Decision {
        self.allow_cost(now, client, route, limit, 1)
    }

    /// Whether a request may go ahead that is worth `cost` requests. A refusal changes nothing.
    #[inline(always)]
    pub fn allow_cost(
        &mut self,
        now: Time,
        client: Name,
        route: Name,
        limit: i64,
        cost: u64,
    ) -> Decision {
        if limit <= 0
            && let Some(decision) = self.without_limit()
        {
            return decision;
        }
        let key = self.key(client, route);
        let config = &*self.config;
        let place = self.buckets.get_index_of(&key);
        let place = place.unwrap_or_else(|| insert(&mut self.buckets, key, (now, limit), config));
        let bucket = &mut self.buckets[place];
        if config.limit_changes == LimitChanges::Follow {
            bucket.follow(now, limit, config);
        }
        let decision = bucket.take(now, cost, config);
        match config.eviction {
            Eviction::Never => {}
            Eviction::Idle => self.evict_some(now),
        }
        decision
    }

    /// The decision about a route that has no limit, where no bucket makes it.
    #[cold]
    fn without_limit(&self) -> Option<Decision> {
        match (self.config.zero_limit, self.config.limit_changes) {
            (ZeroLimit::Unlimited, _) => {
                Some(Decision { allowed: true, remaining: u64::MAX, retry: NextTry::Now })
            }
            (ZeroLimit::Deny, LimitChanges::Follow) => {
                Some(Decision { allowed: false, remaining: 0, retry: NextTry::Never })
            }
            // The bucket is to remember that its first limit was none.
            (ZeroLimit::Deny, LimitChanges::First) => None,
        }
    }

    /// Gives back what an admitted request of this limit took, where it went no further.
    pub fn refund(&mut self, now: Time, client: Name, route: Name, limit: i64, cost: u64) {
        if limit <= 0 && self.config.zero_limit == ZeroLimit::Unlimited {
            // It took nothing.
            return;
        }
        let key = self.key(client, route);
        if let Some(bucket) = self.buckets.get_mut(&key) {
            bucket.refund(now, cost, &self.config);
        }
    }

    /// Forgets every idle bucket, whatever the configuration: one that is full is as good as none.
    pub fn evict(&mut self, now: Time) {
        self.buckets.retain(|_, bucket| !bucket.is_idle(now, &self.config));
        self.cursor = 0;
    }

    /// How many buckets there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Whether there is no bucket.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// How it behaves.
    #[must_use]
    pub fn config(&self) -> &LimiterConfig {
        &self.config
    }

    fn key(&self, client: Name, route: Name) -> (Name, Option<Name>) {
        match self.config.key {
            LimiterKey::Client => (client, None),
            LimiterKey::ClientAndRoute => (client, Some(route)),
        }
    }

    #[inline(never)]
    fn evict_some(&mut self, now: Time) {
        for _ in 0..LOOKS.min(self.buckets.len()) {
            if self.cursor >= self.buckets.len() {
                self.cursor = 0;
            }
            let (_, bucket) = self.buckets.get_index(self.cursor).expect("the cursor is inside");
            if bucket.is_idle(now, &self.config) {
                self.buckets.swap_remove_index(self.cursor);
            } else {
                self.cursor += 1;
            }
        }
    }
}

/// Gives a bucket to somebody who was not seen before.
#[cold]
fn insert(
    buckets: &mut Map<(Name, Option<Name>), Bucket>,
    key: (Name, Option<Name>),
    (now, limit): (Time, i64),
    config: &LimiterConfig,
) -> usize {
    buckets.insert_full(key, Bucket::new(now, limit, config)).0
}

impl Bucket {
    fn new(now: Time, limit: i64, config: &LimiterConfig) -> Self {
        match config.algorithm {
            Algorithm::MinuteBucket => Self::Minute(MinuteBucket::new(now, limit, config)),
            Algorithm::TokenBucket => Self::Token(TokenBucket::new(now, limit)),
            Algorithm::SlidingWindow => Self::Sliding(SlidingWindow::new(limit)),
            Algorithm::FixedWindow => Self::Fixed(FixedWindow::new(now, limit)),
        }
    }

    /// Takes over the limit of the request; what is used stays used.
    #[inline(never)]
    fn follow(&mut self, now: Time, limit: i64, config: &LimiterConfig) {
        match self {
            Self::Minute(bucket) => bucket.follow(now, limit, config),
            Self::Token(bucket) => bucket.follow(now, limit),
            Self::Sliding(window) => window.follow(limit),
            Self::Fixed(window) => window.follow(limit),
        }
    }

    #[inline(always)]
    fn take(&mut self, now: Time, cost: u64, config: &LimiterConfig) -> Decision {
        match self {
            Self::Minute(bucket) => bucket.take(now, cost, config),
            Self::Token(bucket) => bucket.take(now, cost, config),
            Self::Sliding(window) => window.take(now, cost, config),
            Self::Fixed(window) => window.take(now, cost, config),
        }
    }

    fn refund(&mut self, now: Time, cost: u64, config: &LimiterConfig) {
        match self {
            Self::Minute(bucket) => bucket.refund(cost, config),
            Self::Token(bucket) => bucket.refund(cost, config),
            Self::Sliding(window) => window.refund(cost),
            Self::Fixed(window) => window.refund(now, cost, config),
        }
    }

    /// Whether a new bucket would answer the same from now on.
    fn is_idle(&self, now: Time, config: &LimiterConfig) -> bool {
        match self {
            Self::Minute(bucket) => bucket.is_idle(now, config),
            Self::Token(bucket) => bucket.is_idle(now),
            Self::Sliding(window) => window.is_idle(now, config),
            Self::Fixed(window) => window.is_idle(now, config),
        }
    }
}
