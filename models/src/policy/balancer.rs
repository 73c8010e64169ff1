//! Balancers: which host of a list gets the next call.
//!
//! Under `guide` it is the guide's `RoundRobinBalancer` (lines 176-201): a counter for each service,
//! taken modulo the length of whatever list is shown, so that it is fair only while membership stays
//! (LB-2), every balancer starts at the first host (LB-4), and counters are never pruned (LB-5). An
//! empty list is answered without counting. The guide's counter is signed and would fail after 2^63
//! picks (LB-3); this one goes on.
//!
//! Under `hardened` it is gRPC's round robin with its random start, and hosts keep their place in the
//! queue while they are away: between two turns of a host no other one has more than one turn in its
//! presence. The other rules are options of [`BalancerConfig`].
//!
//! Randomness comes in as a word of the caller's; [`Balancer::draw`] says what it stands for. What is
//! *not* here: discovery, ejecting hosts that fail ([`outlier`](super::outlier)), and which service a
//! mixed list counts for (the guide takes its first entry's, LB-1; the owner passes it in).
//!
//! ```
//! use brownout_models::policy::balancer::{Balancer, BalancerConfig, BalancerKind, Host, Pick};
//! use brownout_models::{Name, Span, Time};
//!
//! let config = BalancerConfig { kind: BalancerKind::LeastRequest, ..BalancerConfig::hardened() };
//! let mut balancer = Balancer::new(config);
//! let hosts = [Host::new(Name(7)), Host::new(Name(8))];
//! // In production `word` is 64 random bits and `key` a hash of what should stay together.
//! let pick = Pick { now: Time::ZERO, service: Name(0), key: 0, word: 0 };
//! let index = balancer.pick(pick, &hosts).expect("there is a host");
//! balancer.started(Time::ZERO, hosts[index].id);
//! assert_ne!(balancer.pick(pick, &hosts), Some(index), "the other one is idle");
//! balancer.ended(Time::ZERO, hosts[index].id, Span::from_millis(5));
//! ```

mod config;
mod hashing;
mod load;
mod queue;
mod rotation;
#[cfg(test)]
mod tests;
mod zones;

use crate::hash::Map;
use serde::Serialize;

pub use config::{
    BalancerConfig, BalancerKind, BalancerOptions, BoundedLoad, Forget, Position, SlowStart, Start,
    ZoneRouting,
};
use hashing::{Tables, hash};
use load::{Loads, WEIGHT_UNIT, warming};
use queue::Queue;
use rotation::Rotation;
pub use zones::Zones;

use crate::{Name, Span, Time};

/// A host that can be picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Host {
    /// Which host; the same id is the same host for all services.
    pub id: Name,
    /// Its share, relative to the others'; with 0 it gets nothing from rules that heed weights.
    pub weight: u32,
}

impl Host {
    /// A host of weight 1.
    #[must_use]
    pub const fn new(id: Name) -> Self {
        Self { id, weight: 1 }
    }
}

/// What a pick depends on besides the hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    /// The time.
    pub now: Time,
    /// Whose hosts they are.
    pub service: Name,
    /// What the call is about: the same key finds the same host, where the rule hashes.
    pub key: u64,
    /// Random bits; what they stand for, the [draw](Balancer::draw) says.
    pub word: u64,
}

/// What the word of a pick stands for. Random bits do for all of them; who draws by other means
/// makes the word of what was drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Draw {
    /// Nothing.
    Nothing,
    /// A place of a list of `n`, which is `word % n`.
    Place,
    /// Two different places: one is `word % n`, the other `word / n % (n - 1)` of those left.
    TwoPlaces,
    /// A place, each as likely as its weight: the one in whose share `word % (sum of all)` falls.
    Weighted(Vec<u64>),
}

/// A balancer for any number of services.
#[derive(Clone, Debug, Serialize)]
pub struct Balancer {
    config: BalancerConfig,
    /// Picks of each service.
    #[serde(rename = "counters")]
    rotation: Rotation,
    queues: Map<Name, Queue>,
    loads: Loads,
    tables: Tables,
    /// When something may be forgotten.
    forgets_at: Time,
}

impl Balancer {
    /// A balancer that has picked nothing.
    #[must_use]
    pub fn new(config: BalancerConfig) -> Self {
        Self {
            config,
            rotation: Rotation::default(),
            queues: Map::default(),
            loads: Loads::default(),
            tables: Tables::default(),
            forgets_at: Time::ZERO,
        }
    }

    /// The place of the host that gets the next call; nothing for an empty list, which changes
    /// nothing, and where every host weighs nothing.
    pub fn pick(&mut self, pick: Pick, hosts: &[Host]) -> Option<usize> {
        if hosts.is_empty() {
            return None;
        }
        let index = if self.heeds_loads() {
            self.pick_by_load(pick, hosts)
        } else {
            self.round_robin(pick, hosts)
        };
        if let Forget::After(span) = self.config.forget {
            self.forget(pick.now, span);
        }
        index
    }

    #[inline(never)]
    fn pick_by_load(&mut self, pick: Pick, hosts: &[Host]) -> Option<usize> {
        let index = match self.config.kind {
            BalancerKind::RoundRobin => self.round_robin(pick, hosts),
            BalancerKind::Random => {
                let weights = self.weights(pick.now, hosts);
                if are_alike(&weights) {
                    (weights[0] > 0).then(|| place(pick.word, hosts.len()))
                } else {
                    place_of(&weights, pick.word % weights.iter().sum::<u64>())
                }
            }
            BalancerKind::Weighted => {
                let weights = self.weights(pick.now, hosts);
                self.queue(pick, hosts).most_due(&weights)
            }
            BalancerKind::PowerOfTwo => {
                let (one, other) = two(pick.word, hosts.len());
                let is_less = self.cross_load(&hosts[other], &hosts[one])
                    < self.cross_load(&hosts[one], &hosts[other]);
                Some(if is_less { other } else { one })
            }
            BalancerKind::LeastRequest => self.least_request(pick.word, hosts),
            BalancerKind::PeakEwma => {
                let cost = |at: usize| {
                    let load = self.loads.get(hosts[at].id);
                    load.map_or(0, |load| load.cost(pick.now, self.config.decay))
                };
                let (one, other) = two(pick.word, hosts.len());
                Some(if cost(other) < cost(one) { other } else { one })
            }
            BalancerKind::RingHash => self.ring_hash(pick, hosts),
            BalancerKind::Maglev => self.maglev(pick, hosts),
        };
        self.loads.show(pick.now, hosts);
        index
    }

    /// The same where it is known who is in which zone: first the zone is chosen, where
    /// [`zone_routing`](BalancerConfig::zone_routing) says so, then a host there by the rule.
    pub fn pick_in_zones(&mut self, pick: Pick, hosts: &[Host], zones: Zones<'_>) -> Option<usize> {
        let Some(zone) = self.zone(zones) else { return self.pick(pick, hosts) };
        let is_there = |at: &usize| zones.hosts.get(*at) == Some(&zone);
        let places: Vec<usize> = (0..hosts.len()).filter(is_there).collect();
        let there: Vec<Host> = places.iter().map(|at| hosts[*at]).collect();
        self.pick(pick, &there).map(|at| places[at])
    }

    /// The zone whose hosts may be picked; nothing where all of them may. Who asks this and picks
    /// among those picks as [`pick_in_zones`](Self::pick_in_zones) does.
    #[must_use]
    pub fn zone(&self, zones: Zones<'_>) -> Option<Name> {
        zones::chosen(&self.config, zones)
    }

    /// Whether the zone depends on the zones' word, as not everything can stay near.
    #[must_use]
    pub fn draws_zone(&self, zones: Zones<'_>) -> bool {
        zones::room(&self.config, zones).is_some_and(|(stay, all)| stay < all)
    }

    /// What the word of the next pick stands for, where it is `now` and these are the hosts.
    #[must_use]
    pub fn draw(&self, now: Time, service: Name, hosts: &[Host]) -> Draw {
        match self.config.kind {
            BalancerKind::RoundRobin | BalancerKind::Weighted => {
                let is_known = match (self.config.kind, self.config.position) {
                    (BalancerKind::RoundRobin, Position::Counter) => self.rotation.knows(service),
                    _ => self.queues.contains_key(&service),
                };
                if self.config.start == Start::Random && !is_known {
                    Draw::Place
                } else {
                    Draw::Nothing
                }
            }
            BalancerKind::Random => {
                let weights = self.weights(now, hosts);
                if are_alike(&weights) { Draw::Place } else { Draw::Weighted(weights) }
            }
            BalancerKind::LeastRequest => Draw::Place,
            BalancerKind::PowerOfTwo | BalancerKind::PeakEwma => Draw::TwoPlaces,
            BalancerKind::RingHash | BalancerKind::Maglev => Draw::Nothing,
        }
    }

    /// Notes that a call to the host began.
    pub fn started(&mut self, now: Time, host: Name) {
        if self.heeds_loads() {
            self.loads.started(now, host);
        }
    }

    /// Notes that a call to the host ended, well or not.
    pub fn ended(&mut self, now: Time, host: Name, latency: Span) {
        if self.heeds_loads() {
            self.loads.ended(now, host, latency, self.config.decay);
        }
    }

    /// Whether it must be told of calls: round robin forgets them at once.
    #[must_use]
    pub const fn heeds_loads(&self) -> bool {
        !matches!(self.config.kind, BalancerKind::RoundRobin)
    }

    /// How it behaves.
    #[must_use]
    pub const fn config(&self) -> &BalancerConfig {
        &self.config
    }

    /// How many services and hosts it remembers.
    #[must_use]
    pub fn remembered(&self) -> (usize, usize) {
        (self.rotation.len().max(self.queues.len()), self.loads.len())
    }

    fn round_robin(&mut self, pick: Pick, hosts: &[Host]) -> Option<usize> {
        match self.config.position {
            Position::Counter => {
                let first = match self.config.start {
                    Start::First => 0,
                    Start::Random => pick.word,
                };
                self.rotation.next(pick, first, hosts.len())
            }
            Position::PerHost => self.longest_waiting(pick, hosts),
        }
    }

    #[inline(never)]
    fn longest_waiting(&mut self, pick: Pick, hosts: &[Host]) -> Option<usize> {
        self.queue(pick, hosts).longest_waiting()
    }

    /// The queue of a service, after these hosts were shown.
    fn queue(&mut self, pick: Pick, hosts: &[Host]) -> &mut Queue {
        let start = match self.config.start {
            Start::First => 0,
            Start::Random => place(pick.word, hosts.len()),
        };
        let queue = self.queues.entry(pick.service).or_default();
        queue.show(pick.now, hosts, start);
        queue
    }

    /// Weights in ten-thousandths, those of new hosts as far as they have warmed up.
    fn weights(&self, now: Time, hosts: &[Host]) -> Vec<u64> {
        let shape = (self.config.slow_start_minimum, self.config.slow_start_aggression);
        let weight = |host: &Host| match self.config.slow_start {
            SlowStart::Off => u64::from(host.weight) * WEIGHT_UNIT,
            SlowStart::Over(window) => {
                let since = self.loads.get(host.id).map_or(now, |load| load.since);
                warming(host.weight, now.since(since), window, shape)
            }
        };
        hosts.iter().map(weight).collect()
    }

    /// The load of `host`, with one more call, as it compares with `other`'s: `(active + 1) / weight`
    /// crosswise.
    fn cross_load(&self, host: &Host, other: &Host) -> u64 {
        (u64::from(self.loads.active(host.id)) + 1) * u64::from(other.weight)
    }

    fn least_request(&self, word: u64, hosts: &[Host]) -> Option<usize> {
        let first = place(word, hosts.len());
        (first..hosts.len()).chain(0..first).reduce(|best, index| {
            let (one, other) = (&hosts[best], &hosts[index]);
            if self.cross_load(other, one) < self.cross_load(one, other) { index } else { best }
        })
    }

    fn ring_hash(&mut self, pick: Pick, hosts: &[Host]) -> Option<usize> {
        let ring = self.tables.ring(pick.service, hosts, self.config.ring_size);
        let key = hash(pick.key);
        let first = ring.partition_point(|(point, _)| *point < key);
        self.first_with_room(hosts, &ring, first)
    }

    fn maglev(&mut self, pick: Pick, hosts: &[Host]) -> Option<usize> {
        let table = self.tables.maglev(pick.service, hosts, self.config.table_size);
        let first = hash(pick.key) % table.len().max(1) as u64;
        self.first_with_room(hosts, &table, usize::try_from(first).unwrap_or(0))
    }

    /// From a place of the table on, round once, the first host that may have another call.
    fn first_with_room(&self, hosts: &[Host], table: &[(u64, u32)], from: usize) -> Option<usize> {
        let around = (from..table.len()).chain(0..from.min(table.len()));
        let mut candidates = around.map(|at| table[at].1 as usize);
        let BoundedLoad::Percent(percent) = self.config.hash_balance_factor else {
            return candidates.next();
        };
        let all: u64 = hosts.iter().map(|host| u64::from(self.loads.active(host.id))).sum();
        let room = ((all + 1) * u64::from(percent)).div_ceil(100 * hosts.len() as u64);
        candidates.find(|at| u64::from(self.loads.active(hosts[*at].id)) < room)
    }

    /// Forgets, now and then, what was not shown for long.
    #[inline(never)]
    fn forget(&mut self, now: Time, span: Span) {
        if now < self.forgets_at {
            return;
        }
        self.forgets_at = now + span;
        let since = Time::from_nanos(now.as_nanos().saturating_sub(span.as_nanos()));
        self.rotation.forget_before(since);
        self.queues.retain(|_, queue| queue.seen >= since);
        for queue in self.queues.values_mut() {
            queue.forget_before(since);
        }
        self.loads.forget_before(since);
        // Tables are made again where they are still wanted.
        self.tables = Tables::default();
    }
}

/// One place of `count`.
fn place(word: u64, count: usize) -> usize {
    usize::try_from(word % count.max(1) as u64).unwrap_or(0)
}

/// Two different places of `count`; the same twice where there is only one.
fn two(word: u64, count: usize) -> (usize, usize) {
    let one = place(word, count);
    if count < 2 {
        return (one, one);
    }
    let other = place(word / count as u64, count - 1);
    (one, if other < one { other } else { other + 1 })
}

/// Whether no weight differs from another.
fn are_alike(weights: &[u64]) -> bool {
    weights.iter().all(|weight| *weight == weights[0])
}

/// In whose share of all weights a number falls.
fn place_of(weights: &[u64], mut drawn: u64) -> Option<usize> {
    for (index, weight) in weights.iter().enumerate() {
        match drawn.checked_sub(*weight) {
            Some(rest) => drawn = rest,
            None => return Some(index),
        }
    }
    None
}
