//! How a balancer chooses: every difference between the profiles, by name.

use serde::{Deserialize, Serialize};

use crate::profile::{Mistake, options};
use crate::{Ratio, Span};

options! {
    /// How a balancer chooses among the hosts of a service.
    config BalancerConfig;
    /// A balancer's configuration as it is written.
    options BalancerOptions as "Balancer";
    {
        /// The rule; `RoundRobin` in both profiles, as in the guide and in gRPC.
        kind: BalancerKind = BalancerKind::RoundRobin;
        /// What round robin counts: its own picks in the guide, which starves hosts that come and go
        /// with them (LB-2); in `hardened` each host's place in the queue, kept while it is away.
        position: Position = Position::Counter, hardened Position::PerHost;
        /// Where round robin begins: at the first host in the guide, so that fresh clients herd
        /// (LB-4); at a random one in `hardened`, as in gRPC.
        start: Start = Start::First, hardened Start::Random;
        /// When a host or a service that is not shown any more is forgotten: never in the guide
        /// (LB-5), after 1 m in `hardened`.
        forget: Forget = Forget::Never, hardened Forget::After(Span::from_secs(60));
        /// Hosts whose picks are as if they took this long to warm up; `Off`. Envoy's formula: the
        /// weight is multiplied by `max(slow_start_minimum, (age / window) ^ (1 / aggression))`.
        slow_start: SlowStart = SlowStart::Off;
        /// The least share of its weight that a host gets while it warms up; 10 %, as in Envoy.
        slow_start_minimum: Ratio = Ratio::new(1, 10).unwrap_or(Ratio::ONE);
        /// How steeply it warms up, 1 to 4; 1, a straight line, as in Envoy.
        slow_start_aggression: u32 = 1;
        /// The least number of points on the ring of `RingHash`, 1 to 8,388,608; 1,024, as in Envoy
        /// and gRPC.
        ring_size: u32 = 1_024;
        /// The size of the table of `Maglev`, a prime up to 5,000,011; 65,537, as in Envoy.
        table_size: u32 = 65_537;
        /// How much more than the average of its calls under way a hashed host may have; no limit.
        hash_balance_factor: BoundedLoad = BoundedLoad::Unlimited;
        /// The time in which `PeakEwma` forgets half of a latency; 10 s, the decay of tower.
        decay: Span = Span::from_secs(10);
        /// Whether calls stay in the caller's zone as far as its share of the hosts allows; `Off`.
        /// Only where it is said who is in which zone.
        zone_routing: ZoneRouting = ZoneRouting::Off;
        /// Where fewer hosts than this are shown, zones do not matter; 6, as in Envoy.
        min_cluster_size: u32 = 6;
    }
}

/// The rule by which a host is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BalancerKind {
    /// One after the other.
    RoundRobin,
    /// Any, each as likely as its weight.
    Random,
    /// One after the other, as often as its weight: smooth weighted round robin, as in nginx.
    Weighted,
    /// Of two drawn at random the one with fewer calls under way for its weight.
    PowerOfTwo,
    /// The one with the fewest calls under way for its weight.
    LeastRequest,
    /// The next on a ring of hashes, by the key of the call.
    RingHash,
    /// By a table in which every host has as many entries, by the key of the call.
    Maglev,
    /// Of two drawn at random the one with the lower latency times calls under way.
    PeakEwma,
}

impl BalancerKind {
    /// Whether hosts of different weights get different shares.
    #[must_use]
    pub const fn heeds_weights(self) -> bool {
        match self {
            Self::Random
            | Self::Weighted
            | Self::PowerOfTwo
            | Self::LeastRequest
            | Self::RingHash => true,
            Self::RoundRobin | Self::Maglev | Self::PeakEwma => false,
        }
    }
}

/// What round robin counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Position {
    /// The picks of the service, modulo the length of whatever list is shown.
    Counter,
    /// When each host had its turn: the one that waits longest is next.
    PerHost,
}

/// Where round robin begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Start {
    /// At the first host.
    First,
    /// At a random one.
    Random,
}

/// When something that is not shown any more is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Forget {
    /// Never.
    Never,
    /// Once it was away for this long.
    After(Span),
}

/// Whether new hosts warm up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SlowStart {
    /// They get their whole share at once.
    Off,
    /// For this long they get less.
    Over(Span),
}

/// How many calls a hashed host may have under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BoundedLoad {
    /// As many as its keys bring.
    Unlimited,
    /// This percentage of the average, rounded up; the next host takes the others.
    Percent(u32),
}

/// Whether zones matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ZoneRouting {
    /// Hosts in all zones are alike.
    Off,
    /// Calls stay in the caller's zone as far as that loads none of its hosts more than others:
    /// Envoy's zone aware routing.
    Aware,
}

/// The largest ring of Envoy.
pub(super) const RING_MAX: u32 = 8 << 20;
/// The largest table of Envoy.
pub(super) const TABLE_MAX: u32 = 5_000_011;
/// Roots beyond the fourth would leave 128 bits.
const AGGRESSION_MAX: u32 = 4;

impl BalancerConfig {
    /// Everything that makes no sense.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        let mut wrong = |option, message: String, expected: &str, help| {
            mistakes.push(Mistake::new(option, message, expected, help));
        };
        if self.forget == Forget::After(Span::ZERO) {
            let message = "a host that is not shown is forgotten at once".to_owned();
            let help = "write `Never`, or a span like `After(\"1m\")`";
            wrong("forget", message, "expected a span longer than 0s", help);
        }
        if self.slow_start == SlowStart::Over(Span::ZERO) {
            let message = "hosts warm up in no time".to_owned();
            let help = "write `Off`, or a span like `Over(\"30s\")`";
            wrong("slow_start", message, "expected a span longer than 0s", help);
        }
        if self.slow_start_minimum.is_zero() {
            let message = "a new host gets nothing".to_owned();
            let help = "write a share like `\"10%\"`";
            wrong("slow_start_minimum", message, "expected more than 0%", help);
        }
        if !(1..=AGGRESSION_MAX).contains(&self.slow_start_aggression) {
            let message = format!("the aggression cannot be {}", self.slow_start_aggression);
            let help = "write 1 for a straight line";
            wrong("slow_start_aggression", message, "expected 1 to 4", help);
        }
        if !(1..=RING_MAX).contains(&self.ring_size) {
            let message = format!("a ring cannot have {} points", self.ring_size);
            let help = "write 1024, some hundred points a host";
            wrong("ring_size", message, "expected 1 to 8388608", help);
        }
        if !is_prime(self.table_size) || self.table_size > TABLE_MAX {
            let message = format!("a table cannot have {} entries", self.table_size);
            let help = "write 65537, or another prime a hundred times the number of hosts";
            wrong("table_size", message, "expected a prime up to 5000011", help);
        }
        if let BoundedLoad::Percent(percent @ 0..=99) = self.hash_balance_factor {
            let message = format!("not every host can have {percent} % of the average");
            let help = "write `Unlimited`, or a percentage like `Percent(125)`";
            wrong("hash_balance_factor", message, "expected 100 or more", help);
        }
        if self.decay.is_zero() {
            let message = "latencies are forgotten in no time".to_owned();
            let help = "leave it out for 10s";
            wrong("decay", message, "expected a span longer than 0s", help);
        }
        if self.zone_routing == ZoneRouting::Aware {
            if matches!(self.kind, BalancerKind::RingHash | BalancerKind::Maglev) {
                let message = "a key that finds its host by its hash has no zone".to_owned();
                let help = "write `Off`, or another `kind`";
                wrong("zone_routing", message, "expected `Off` beside a rule that hashes", help);
            }
            if (self.kind, self.position) == (BalancerKind::RoundRobin, Position::Counter) {
                let message = "picks of several zones cannot be counted together".to_owned();
                let help = "write `position: PerHost` beside it";
                wrong("zone_routing", message, "expected turns that hosts keep", help);
            }
        }
        mistakes
    }

    /// Everything that makes no sense where nobody says who is in which zone.
    #[must_use]
    pub fn mistakes_without_zones(&self) -> Vec<Mistake> {
        let mut mistakes = self.mistakes();
        if self.zone_routing != ZoneRouting::Off {
            mistakes.push(Mistake::new(
                "zone_routing",
                "nothing is in any zone here",
                "expected `Off`",
                "leave it out; scenarios and the machine `balancer` know zones",
            ));
        }
        mistakes
    }
}

fn is_prime(number: u32) -> bool {
    let number = u64::from(number);
    number > 1 && (2..).take_while(|n| n * n <= number).all(|n| !number.is_multiple_of(n))
}
