//! Claims about a rate limiter.

use std::collections::{BTreeMap, BTreeSet};

use brownout_models::{Span, Time};
use serde::Deserialize;

use super::{Account, Exchange};

/// What a rate limiter must hold. Limits are a minute's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename = "LimiterClaim", deny_unknown_fields)]
pub enum LimiterClaim {
    /// Always: who asks for the first time on a route gets through (RL-1).
    FirstRequestsPass,
    /// Always: a client gets through a route that let it through less often than its limit within
    /// the last minute (RL-2). For drills without gaps, where nothing comes back meanwhile.
    LimitsFollow,
    /// Always: a client gets through if an exact bucket that holds the limit has enough left
    /// (RL-3, RL-4).
    GivesWhatIsEarned,
    /// Always: within less than a minute a client gets through a route at most this many times
    /// (RL-5).
    AtMostAMinute(u64),
    /// Always: two questions after a minute of silence, only who asked since then has a bucket
    /// (RL-7).
    IdleBucketsGo,
}

impl LimiterClaim {
    pub(super) fn account(self) -> Box<dyn Account> {
        Box::new(Books { claim: self, asked: BTreeMap::new(), since_silence: Since::default() })
    }
}

const MINUTE: Span = Span::from_secs(60);

/// Every client's requests on every route.
#[derive(Clone, Debug)]
struct Books {
    claim: LimiterClaim,
    asked: BTreeMap<(String, String), Book>,
    since_silence: Since,
}

#[derive(Clone, Debug, Default)]
struct Book {
    /// When it got through, and at what cost.
    admitted: Vec<(Time, u64)>,
    /// What an exact bucket lacks, in nanoseconds of a minute a token.
    lacks: u128,
    at: Time,
}

/// What happened since nobody had asked for a minute.
#[derive(Clone, Debug, Default)]
struct Since {
    last: Time,
    was_silent: bool,
    requests: u64,
    clients: BTreeSet<(String, String)>,
}

impl Since {
    fn ask(&mut self, at: Time, key: (String, String)) {
        if at.since(self.last) > MINUTE {
            *self = Self { was_silent: true, ..Self::default() };
        }
        (self.last, self.requests) = (at, self.requests + 1);
        self.clients.insert(key);
    }
}

impl Book {
    /// Whether an exact bucket of this limit has enough for the cost.
    fn has_earned(&mut self, at: Time, limit: u64, cost: u64) -> bool {
        let back = u128::from(at.since(self.at).as_nanos()) * u128::from(limit);
        (self.lacks, self.at) = (self.lacks.saturating_sub(back), at);
        let token = u128::from(MINUTE.as_nanos());
        self.lacks + u128::from(cost) * token <= u128::from(limit) * token
    }

    fn within_a_minute(&self, at: Time) -> u64 {
        let recent = self.admitted.iter().filter(|(when, _)| at.since(*when) < MINUTE);
        recent.map(|(_, cost)| cost).sum()
    }
}

impl Account for Books {
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        if exchange.op() == "buckets" {
            let (buckets, since) = (exchange.result["buckets"].as_u64(), &self.since_silence);
            let is_judged = since.was_silent && since.requests >= 2;
            let live = since.clients.len() as u64;
            if self.claim == LimiterClaim::IdleBucketsGo && is_judged && buckets > Some(live) {
                return Err(format!("{} buckets for {live} clients", buckets.unwrap_or(0)));
            }
            return Ok(());
        }
        if exchange.op() != "allow" {
            return Ok(());
        }
        let text = |field: &str| exchange.request[field].as_str().unwrap_or("").to_owned();
        let (key, at) = ((text("client"), text("route")), exchange.at);
        let limit = exchange.request["limit"].as_u64().unwrap_or(0);
        let cost = exchange.request["cost"].as_u64().unwrap_or(1);
        let allowed = exchange.result["allowed"] == true;
        self.since_silence.ask(at, key.clone());
        let is_first = !self.asked.contains_key(&key);
        let book = self.asked.entry(key).or_default();
        let has_earned = book.has_earned(at, limit, cost);
        let refused = !allowed;
        let (claim, recent) = (self.claim, book.within_a_minute(at));
        if refused && claim == LimiterClaim::FirstRequestsPass && is_first && cost <= limit {
            return Err("its first request on this route is refused".to_owned());
        }
        if refused && claim == LimiterClaim::LimitsFollow && recent + cost <= limit {
            return Err(format!("refused, though its limit is {limit} now"));
        }
        if refused && claim == LimiterClaim::GivesWhatIsEarned && has_earned {
            return Err(format!("refused, though {limit} a minute have earned it"));
        }
        if allowed {
            book.admitted.push((at, cost));
            book.lacks += u128::from(cost) * u128::from(MINUTE.as_nanos());
        }
        if let LimiterClaim::AtMostAMinute(most) = self.claim {
            let admitted = book.within_a_minute(at);
            if admitted > most {
                return Err(format!("{admitted} got through within a minute, {most} at most may"));
            }
        }
        Ok(())
    }

    fn copy(&self) -> Box<dyn Account> {
        Box::new(self.clone())
    }
}
