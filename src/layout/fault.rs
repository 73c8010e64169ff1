//! What can break, and where.

use brownout_models::contract::Distribution;
use brownout_models::{Factor, Span};
use serde::{Deserialize, Serialize};

use super::{LinkSet, NodeSet};
use crate::choice::{Ratio, purpose};

/// One kind of fault at some sites.
#[derive(Clone, Debug)]
pub struct FaultRule {
    /// What breaks.
    pub what: Fault,
    /// The odds of each decision, as random runs draw it.
    pub odds: Ratio,
}

/// What can break, and where.
#[derive(Clone, Debug)]
pub enum Fault {
    /// A message is lost.
    Lose(LinkSet),
    /// A message arrives twice.
    Duplicate(LinkSet),
    /// A message arrives later than others by this much.
    Delay(LinkSet, Distribution),
    /// A node crashes, before a step or after one of its effects, and starts again after a while.
    Crash(NodeSet, Span),
    /// A node stands still for this long.
    Pause(NodeSet, Distribution),
    /// No message gets from one side to the other for this long, nor back unless it is one-way.
    Partition(LinkSet, Distribution, Ways),
    /// The work that a node begins in this long takes so many times as long.
    Slow(NodeSet, Distribution, Factor),
    /// The clock of a node's host is set ahead or back by this much.
    Skew(NodeSet, Distribution, Jump),
    /// The clock of a node's host goes so many millionths faster than true for this long.
    Drift(NodeSet, Distribution, i32),
    /// Callers of a node that crashed see silence instead of a reset connection.
    Silence(NodeSet),
    /// A message for an earlier life of a node reaches its successor.
    Successor(NodeSet),
    /// As a node crashes, its database loses the end of its log that is not flushed yet.
    Unflushed(NodeSet),
    /// Among events of one node at one instant, another than the first is taken.
    Tie(NodeSet),
    /// A machine's own way to fail, by purpose.
    Machine(NodeSet, String),
}

/// Which ways a partition cuts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ways {
    /// Both: neither side hears of the other.
    #[default]
    Both,
    /// One: what is sent back arrives.
    One,
}

/// Which ways a clock may be set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Jump {
    /// Ahead only.
    Ahead,
    /// Back only; never beyond the time at which the run began.
    Back,
    /// Ahead or back.
    #[default]
    Either,
}

/// How many millionths faster than true a clock goes that drifts, where no rule says otherwise.
pub const DRIFT_PPM: i32 = 1_000;

/// How long a crashed node stays down where no rule says otherwise.
pub const RESTART_AFTER: Span = Span::from_secs(1);

/// How many times as long work takes at a slow node where no rule says otherwise.
pub const SLOWNESS: Factor = Factor::from_thousandths(10_000);

impl Fault {
    /// The word for it in plans.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Lose(_) => purpose::LOSE.0,
            Self::Duplicate(_) => purpose::DUPLICATE.0,
            Self::Delay(..) => purpose::DELAY.0,
            Self::Crash(..) => purpose::CRASH.0,
            Self::Pause(..) => purpose::PAUSE.0,
            Self::Partition(..) => purpose::PARTITION.0,
            Self::Slow(..) => purpose::SLOW.0,
            Self::Skew(..) => purpose::SKEW.0,
            Self::Drift(..) => purpose::DRIFT.0,
            Self::Successor(_) => purpose::SUCCESSOR.0,
            Self::Unflushed(_) => purpose::UNFLUSHED.0,
            Self::Silence(_) => purpose::SILENCE.0,
            Self::Tie(_) => purpose::TIE.0,
            Self::Machine(_, name) => name,
        }
    }

    /// Whether it strikes messages on their way.
    #[must_use]
    pub const fn is_on_links(&self) -> bool {
        match self {
            Self::Lose(_) | Self::Duplicate(_) | Self::Delay(..) | Self::Partition(..) => true,
            Self::Crash(..)
            | Self::Pause(..)
            | Self::Slow(..)
            | Self::Skew(..)
            | Self::Drift(..)
            | Self::Silence(_)
            | Self::Successor(_)
            | Self::Unflushed(_)
            | Self::Tie(_)
            | Self::Machine(..) => false,
        }
    }

    /// Whether it strikes nodes at their steps.
    #[must_use]
    pub const fn is_at_steps(&self) -> bool {
        match self {
            Self::Crash(..)
            | Self::Pause(..)
            | Self::Slow(..)
            | Self::Skew(..)
            | Self::Drift(..) => true,
            Self::Lose(_)
            | Self::Duplicate(_)
            | Self::Delay(..)
            | Self::Partition(..)
            | Self::Silence(_)
            | Self::Successor(_)
            | Self::Unflushed(_)
            | Self::Tie(_)
            | Self::Machine(..) => false,
        }
    }
}
