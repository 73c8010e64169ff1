//! The envelope of a token bucket: at most the burst and what is refilled, in any window of time.

use brownout_models::Map;
use brownout_models::contract::NodeId;
use brownout_models::fact::WaitingFact;
use brownout_models::{Fact, Name, Time};

use super::{Ending, Observer};
use crate::kernel::{Entry, What};
use crate::layout::Layout;

/// Always, in every window of t minutes a client gets at most `limit * (1 + t)` requests through a
/// route: an ideal bucket that holds `limit`, starts full and refills continuously never runs dry. What
/// got no further than a bulkhead and has its token back does not count.
#[derive(Clone, Debug, Default)]
pub struct TokenEnvelope {
    buckets: Map<(NodeId, Name, Name), Bucket>,
    looked: u64,
}

/// An ideal bucket, counted in parts of a token so that no fraction is ever lost.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    parts: i128,
    at: Time,
}

/// Parts of a token: the nanoseconds of a minute, so that one limit refills `limit` parts a
/// nanosecond.
const PARTS: i128 = 60_000_000_000;

impl Observer for TokenEnvelope {
    fn see(&mut self, entry: &Entry<Fact>, layout: &Layout) -> Result<(), String> {
        let What::Noted(
            ref fact @ (Fact::Admitted { client, route, limit }
            | Fact::Waiting(WaitingFact::Refunded { client, route, limit })),
        ) = entry.what
        else {
            return Ok(());
        };
        let taken = if let Fact::Admitted { .. } = fact { PARTS } else { -PARTS };
        self.looked += 1;
        let full = i128::from(limit) * PARTS;
        let key = (entry.node, client, route);
        let bucket = self.buckets.entry(key).or_insert(Bucket { parts: full, at: entry.at });
        let refill = i128::from(entry.at.since(bucket.at).as_nanos()) * i128::from(limit);
        let parts = ((bucket.parts + refill).min(full) - taken).min(full);
        *bucket = Bucket { parts, at: entry.at };
        if bucket.parts >= 0 {
            return Ok(());
        }
        let (client, route) = (layout.names.text(client), layout.names.text(route));
        Err(format!(
            "{client} got through {route} more often than its limit of {limit} a minute allows"
        ))
    }

    fn end(&mut self, _: &Ending<'_>) -> Result<(), String> {
        Ok(())
    }

    fn looked(&self) -> u64 {
        self.looked
    }

    fn copy(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }
}
