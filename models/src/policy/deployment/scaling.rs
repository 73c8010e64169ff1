//! Scaling out and in: as many instances as the load asks for, without flapping.
//!
//! `hardened` is Kubernetes' horizontal autoscaler: `ceil(current * usage / target)`, no change within
//! a tolerance of the target, and scaling in only to the highest wish of the last five minutes.
//! `guide` has no such thing; the naive reading takes the formula at its word, so that a usage that
//! swings around the target starts and stops instances with every look.
//!
//! What is *not* here: starting and stopping, and the limits of how fast either may go.
//!
//! ```
//! use brownout_models::policy::{Scaler, ScalerConfig};
//! use brownout_models::{Span, Time};
//!
//! let mut scaler = Scaler::new(ScalerConfig::hardened());
//! let at = |seconds| Time::ZERO + Span::from_secs(seconds);
//! assert_eq!(scaler.wanted(at(0), 4, 120), 6, "4 * 120 / 80");
//! assert_eq!(scaler.wanted(at(15), 6, 40), 6, "the wish for 6 is 15 s old");
//! assert_eq!(scaler.wanted(at(301), 6, 40), 3);
//! ```

use std::collections::VecDeque;

use serde::Serialize;

use crate::profile::{Mistake, options};
use crate::{Span, Time};

options! {
    /// How a service is scaled.
    config ScalerConfig;
    /// A scaler's configuration as it is written.
    options ScalerOptions as "Scaler";
    {
        /// How busy instances shall be, in percent, from 1; 80.
        target_usage: u32 = 80;
        /// A usage this near to the target, in percent of it, changes nothing; Kubernetes has 10.
        tolerance: u32 = 0, hardened 10;
        /// Scaling in goes to the highest wish of this long; 300 s in Kubernetes.
        stabilization: Span = Span::ZERO, hardened Span::from_secs(300);
        /// How often the usage is looked at; 15 s in Kubernetes.
        interval: Span = Span::from_secs(15);
        /// The fewest instances, from 1.
        min_replicas: u32 = 1;
        /// The most instances.
        max_replicas: u32 = 10;
    }
}

impl ScalerConfig {
    /// Everything that makes no sense.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        if self.target_usage == 0 {
            mistakes.push(Mistake::new(
                "target_usage",
                "no number of instances is idle under load",
                "expected 1 or more",
                "write how busy instances shall be, in percent",
            ));
        }
        if self.interval.is_zero() {
            mistakes.push(Mistake::new(
                "interval",
                "the usage of no time is no number",
                "expected a span longer than 0s",
                "leave it out for 15s",
            ));
        }
        if self.min_replicas == 0 || self.max_replicas < self.min_replicas {
            let least = self.min_replicas.max(1);
            mistakes.push(Mistake::new(
                "max_replicas",
                format!(
                    "from {} to {} instances is no range",
                    self.min_replicas, self.max_replicas
                ),
                format!("expected {least} or more, and `min_replicas` from 1"),
                "write the fewest and the most instances",
            ));
        }
        mistakes
    }
}

/// Decides how many instances there shall be.
#[derive(Clone, Debug, Serialize)]
pub struct Scaler {
    config: ScalerConfig,
    /// Wishes that are still remembered and that no later one exceeds, oldest first.
    wishes: VecDeque<(Time, u32)>,
}

impl Scaler {
    /// A scaler that has seen nothing.
    #[must_use]
    pub const fn new(config: ScalerConfig) -> Self {
        Self { config, wishes: VecDeque::new() }
    }

    /// How many instances there shall be, of `current` that are `usage` percent busy on average.
    pub fn wanted(&mut self, now: Time, current: u32, usage: u32) -> u32 {
        let ScalerConfig { target_usage, tolerance, min_replicas, max_replicas, .. } = self.config;
        let target = u64::from(target_usage.max(1));
        let busy = u64::from(current) * u64::from(usage);
        let off = u64::from(usage).abs_diff(target) * 100;
        let wish = if off <= target * u64::from(tolerance) {
            current
        } else {
            u32::try_from(busy.div_ceil(target)).unwrap_or(u32::MAX)
        };
        let wish = wish.clamp(min_replicas, max_replicas.max(min_replicas));
        self.remember(now, wish);
        let highest = self.wishes.front().map_or(wish, |(_, wish)| *wish);
        // Scaling out is at once; scaling in waits for what was wished lately.
        if wish >= current { wish } else { highest.min(current) }
    }

    fn remember(&mut self, now: Time, wish: u32) {
        while self.wishes.back().is_some_and(|(_, earlier)| *earlier <= wish) {
            self.wishes.pop_back();
        }
        self.wishes.push_back((now, wish));
        let window = self.config.stabilization;
        while self.wishes.front().is_some_and(|(at, _)| now.since(*at) > window) {
            self.wishes.pop_front();
        }
    }

    /// How many wishes are remembered: at most one for each number of instances.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.wishes.len()
    }
}
