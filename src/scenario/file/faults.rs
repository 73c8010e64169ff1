//! The network, and what may break in it and on it.

use brownout_models::{Factor, Ratio, Span};
use serde::Deserialize;

use super::Duration;
use crate::layout::{Jump, Ways};

/// How messages travel.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename = "Network", deny_unknown_fields, default)]
pub struct NetworkFile {
    /// How long messages travel between hosts; no time.
    pub latency: Option<Duration>,
    /// Links that differ; the first that fits holds.
    pub links: Vec<LinkFile>,
}

/// A link that differs.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "Link", deny_unknown_fields)]
pub struct LinkFile {
    /// Which links: `"order>payment"`, `"*>registry"`.
    pub on: String,
    /// How long messages travel on them.
    pub latency: Duration,
}

/// One kind of fault.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "Fault", deny_unknown_fields)]
pub enum FaultFile {
    /// Messages are lost.
    Lose {
        /// The odds for each message.
        odds: Ratio,
        /// Which links; all of them.
        #[serde(default)]
        on: Option<String>,
        /// Only these messages: `"charge"`, `"charge reply"`; all of them.
        #[serde(default)]
        only: Vec<String>,
    },
    /// Messages arrive twice.
    Duplicate {
        /// The odds for each message.
        odds: Ratio,
        /// Which links; all of them.
        #[serde(default)]
        on: Option<String>,
        /// Only these messages; all of them.
        #[serde(default)]
        only: Vec<String>,
    },
    /// Messages arrive late.
    Delay {
        /// The odds for each message.
        odds: Ratio,
        /// By how much.
        by: Duration,
        /// Which links; all of them.
        #[serde(default)]
        on: Option<String>,
        /// Only these messages; all of them.
        #[serde(default)]
        only: Vec<String>,
    },
    /// Nodes crash, and start again.
    Crash {
        /// The odds for each step.
        odds: Ratio,
        /// Which services or nodes; all but clients.
        #[serde(default)]
        at: Vec<String>,
        /// How long they stay down; 1 s.
        #[serde(default)]
        restart: Option<Span>,
    },
    /// Nodes stand still.
    Pause {
        /// The odds for each step.
        odds: Ratio,
        /// Which services or nodes; all but clients.
        #[serde(default)]
        at: Vec<String>,
        /// For how long.
        lasting: Duration,
    },
    /// No message gets from one side to the other.
    Partition {
        /// The odds for each message.
        odds: Ratio,
        /// Which links it cuts, all at once.
        on: String,
        /// Which ways it cuts them; both.
        #[serde(default)]
        ways: Ways,
        /// For how long.
        lasting: Duration,
    },
    /// Nodes work slowly.
    Slow {
        /// The odds for each step.
        odds: Ratio,
        /// Which services or nodes; all but clients.
        #[serde(default)]
        at: Vec<String>,
        /// How many times as long work takes that begins meanwhile; 10.
        #[serde(default)]
        by: Option<Factor>,
        /// For how long.
        lasting: Duration,
    },
    /// Messages for an earlier life of a node reach its successor.
    Successor {
        /// The odds for each message.
        odds: Ratio,
        /// Which services or nodes; all but clients.
        #[serde(default)]
        at: Vec<String>,
    },
    /// Clocks are set ahead or back.
    Skew {
        /// The odds for each step.
        odds: Ratio,
        /// Which services or nodes; all but clients.
        #[serde(default)]
        at: Vec<String>,
        /// By how much.
        by: Duration,
        /// Which ways; either.
        #[serde(default)]
        ways: Jump,
    },
    /// Clocks go too fast or too slow.
    Drift {
        /// The odds for each step.
        odds: Ratio,
        /// Which services or nodes; all but clients.
        #[serde(default)]
        at: Vec<String>,
        /// How many millionths too fast, or too slow where it is negative.
        ppm: i32,
        /// For how long.
        lasting: Duration,
    },
    /// As a node crashes, its database loses the end of its log that is not flushed yet.
    Unflushed {
        /// The odds for each crash while something is not flushed.
        odds: Ratio,
        /// Which services or nodes; all but clients.
        #[serde(default)]
        at: Vec<String>,
    },
    /// Callers of a crashed node see silence instead of a reset connection.
    Silence {
        /// The odds for each call.
        odds: Ratio,
        /// Which services or nodes; all but clients.
        #[serde(default)]
        at: Vec<String>,
    },
    /// Handlers fail: at once, for good, or after their effects.
    Fail {
        /// The odds for each request.
        odds: Ratio,
        /// Which services or nodes; all but clients.
        #[serde(default)]
        at: Vec<String>,
    },
    /// Databases refuse writes: for once, or because they are full.
    RefuseWrite {
        /// The odds for each write or transaction.
        odds: Ratio,
        /// Which services or nodes; all but clients.
        #[serde(default)]
        at: Vec<String>,
    },
    /// Among events of one node at one instant another than the first is taken.
    Tie {
        /// The odds for each tie.
        odds: Ratio,
        /// Which services or nodes; all but clients.
        #[serde(default)]
        at: Vec<String>,
    },
    /// A machine of the user's own has a fault of its own.
    Own {
        /// Its purpose, as the machine asks for it.
        what: String,
        /// The odds for each time it asks.
        odds: Ratio,
        /// Which services or nodes; all but clients.
        #[serde(default)]
        at: Vec<String>,
    },
}
