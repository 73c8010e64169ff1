//! How the instances under a deployment are watched, and how they are stopped.
//!
//! The guide's diagrams stop instances and say nothing of what they are doing: `guide` kills them,
//! and their places in the registry run out by themselves (DEP-1, DEP-3). `hardened` is a pod's
//! termination in Kubernetes with the usual pause before it: the instance takes its leave, serves on
//! while those who found it earlier still come, finishes what is under way, and is killed only when
//! that takes too long.
//!
//! What is *not* here: what follows from an instance that is not ready; the strategies know.

use serde::{Deserialize, Serialize};

use crate::Span;
use crate::profile::{Mistake, options};

options! {
    /// How instances are watched and stopped.
    config LifecycleConfig;
    /// How instances are watched and stopped, as it is written.
    options LifecycleOptions as "Lifecycle";
    {
        /// How an instance stops.
        on_stop: OnStop = OnStop::Kill, hardened OnStop::Drain;
        /// How long an instance that took its leave serves on, for callers that found it before; 5 s,
        /// the usual `preStop` pause.
        drain_delay: Span = Span::from_secs(5);
        /// How long after it was told to stop a draining instance is killed; 30 s, as
        /// `terminationGracePeriodSeconds` in Kubernetes.
        grace: Span = Span::from_secs(30);
        /// How often instances are asked how they are; 1 s, where Kubernetes takes 10 s.
        probe_interval: Span = Span::from_secs(1);
        /// How long an instance may take to say so; 1 s, as in Kubernetes.
        probe_timeout: Span = Span::from_secs(1);
        /// After how many answers in a row that did not come an instance is not well, from 1; 3, as in
        /// Kubernetes.
        probe_failures: u32 = 3;
    }
}

/// How an instance stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnStop {
    /// At once: what is under way is cut off, and nobody is told.
    Kill,
    /// It takes its leave, and finishes what is under way.
    Drain,
}

impl LifecycleConfig {
    /// Everything that makes no sense.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        if self.grace <= self.drain_delay {
            mistakes.push(Mistake::new(
                "grace",
                format!("an instance is killed {} after it took its leave", self.grace),
                format!("expected a span longer than `drain_delay`, {}", self.drain_delay),
                "leave time to finish what is under way",
            ));
        }
        for (option, span) in
            [("probe_interval", self.probe_interval), ("probe_timeout", self.probe_timeout)]
        {
            if span.is_zero() {
                mistakes.push(Mistake::new(
                    option,
                    "the span is zero",
                    "expected a span longer than 0s",
                    "leave it out for 1s",
                ));
            }
        }
        if self.probe_failures == 0 {
            mistakes.push(Mistake::new(
                "probe_failures",
                "an instance would not be well before it was asked",
                "expected 1 or more",
                "leave it out for 3",
            ));
        }
        mistakes
    }
}
