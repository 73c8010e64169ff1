//! How long a run may go on, why it ended, and who watches it.

use brownout_models::{Span, Time};

use super::Entry;

/// Somebody who sees every entry as it happens.
pub trait Watch<F> {
    /// Sees an entry; returns whether the run may go on.
    fn see(&mut self, entry: &Entry<F>) -> bool;
}

impl<F> Watch<F> for () {
    fn see(&mut self, _: &Entry<F>) -> bool {
        true
    }
}

impl<F, W: FnMut(&Entry<F>) -> bool> Watch<F> for W {
    fn see(&mut self, entry: &Entry<F>) -> bool {
        self(entry)
    }
}

/// How long a run may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Nothing happens later than this.
    pub horizon: Time,
    /// At most this many steps.
    pub steps: u64,
    /// At most this many rounds at one instant.
    pub rounds: u32,
}

impl Default for Bounds {
    /// An hour, a hundred million steps, ten thousand rounds.
    fn default() -> Self {
        let horizon = Time::ZERO + Span::from_secs(3_600);
        Self { horizon, steps: 100_000_000, rounds: 10_000 }
    }
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// No foreground flow had anything pending.
    Quiet,
    /// The horizon came first.
    Horizon,
    /// The bound on steps came first.
    Steps,
    /// Too many rounds at one instant: the system goes in circles and time stands still.
    Stuck,
    /// Somebody who watched wanted it to stop.
    Stopped,
}
