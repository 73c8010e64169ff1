//! How often, how long and for what a call is tried again, as it is written.

use serde::{Deserialize, Serialize};

use crate::policy::backoff::{BackoffConfig, BackoffOptions, backoff_or_base};
use crate::policy::{
    BalancerOptions, BudgetConfig, OutlierOptions, TelemetryConfig, TelemetryOptions,
};
use crate::profile::{Mistake, options};
use crate::{Span, Timeout};

options! {
    /// How often, how long and for what a call is tried again.
    config RetryConfig;
    /// A sidecar as it is written: how it retries, and what it measures.
    options SidecarOptions as "Sidecar";
    {
        /// Attempts, the first one included; 4 in the guide, which writes it as 3 retries, and 3
        /// hardened (AWS standard mode).
        max_attempts: u32 = 4, hardened 3;
        /// How long an attempt may take; for ever in the guide, 10 s hardened (the .NET standard
        /// resilience handler).
        attempt_timeout: Timeout = Timeout::Never, hardened Timeout::After(Span::from_secs(10));
        /// How long all attempts and waits may take together; for ever in the guide, 30 s hardened
        /// (the .NET standard resilience handler).
        total_timeout: Timeout = Timeout::Never, hardened Timeout::After(Span::from_secs(30));
        /// What the caller's own deadline means; nothing in the guide.
        deadline: Deadline = Deadline::Ignored, hardened Deadline::Respected;
        /// Which failures are worth a retry; all of them in the guide (SC-4).
        retryable: Retryable = Retryable::Everything, hardened Retryable::Transient;
        /// Whether what a limiter or a breaker on our own side refused is tried again (SC-15).
        own_rejections: OwnRejections = OwnRejections::Retried, hardened OwnRejections::Final;
        /// Which methods may be done twice: after an ambiguous failure no other is retried, and no
        /// other is hedged. All of them in the guide (SC-4), hardened only those named here.
        idempotent: Idempotent = Idempotent::Every, hardened Idempotent::Only(Vec::new());
        /// Whether a server may say when to come back (`grpc-retry-pushback-ms`, `Retry-After`).
        pushback: Pushback = Pushback::Ignored, hardened Pushback::Honoured;
        /// What the retries of all calls together are paid from; nobody counts in the guide (SC-4),
        /// hardened it is the quota of AWS standard mode.
        budget: BudgetConfig = BudgetConfig::Unlimited, hardened BudgetConfig::quota();
        /// Whether attempts overlap; not unless asked for. A good delay is the 95th percentile of the
        /// latency, so that hedges add 5 % to the load.
        hedging: Hedging = Hedging::Off;
    }
    with {
        /// How long to wait between two attempts.
        #[serde(deserialize_with = "backoff_or_base")]
        backoff: BackoffOptions => BackoffConfig;
    }
    also {
        /// Attempts after the first, the guide's way to say it; instead of `max_attempts`.
        max_retries: Option<u32>;
        /// What it measures and traces.
        telemetry: TelemetryOptions;
        /// Former names of the node, which recorded plans may use.
        aliases: Vec<String>;
        /// The node that gets every call, where the sidecar stands in front of one.
        upstream: Option<String>;
        /// The zone where it is; none, and scenarios only.
        zone: Option<String>;
        /// How it chooses among the instances of a service that it calls; round robin.
        balancer: BalancerOptions;
        /// How it tells instances that had better not be called; not at all.
        outlier: OutlierOptions;
    }
}

/// What the caller's deadline means to retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deadline {
    /// Nothing: attempts go on when nobody waits any more.
    Ignored,
    /// No attempt starts at it or later, no wait reaches it, and none outlasts it.
    Respected,
}

/// Which failures are worth a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Retryable {
    /// All of them.
    Everything,
    /// Those that may not happen again.
    Transient,
}

/// What becomes of a call that our own limiter or breaker turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OwnRejections {
    /// It is tried again like any other.
    Retried,
    /// That was the answer.
    Final,
}

/// Which methods may be done twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Idempotent {
    /// All of them.
    Every,
    /// These.
    Only(Vec<String>),
}

impl Idempotent {
    /// Whether the method may be done twice.
    #[must_use]
    pub fn covers(&self, method: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Only(methods) => methods.iter().any(|known| known == method),
        }
    }
}

/// Whether the server's word on when to come back counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pushback {
    /// It does not.
    Ignored,
    /// It replaces the backoff, which begins anew; a negative one ends the call (gRPC A6).
    Honoured,
}

/// Whether attempts overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hedging {
    /// One after the other, with backoff between them.
    Off,
    /// The next starts when those under way have been silent for this long, or one failed.
    After(Span),
}

impl RetryConfig {
    /// Everything that makes no sense.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        if self.max_attempts == 0 {
            mistakes.push(Mistake::new(
                "max_attempts",
                "no attempt at all",
                "expected 1 or more",
                "write 1 for calls that are never tried again",
            ));
        }
        for (option, what, timeout) in [
            ("attempt_timeout", "the timeout of an attempt", self.attempt_timeout),
            ("total_timeout", "the timeout of all attempts", self.total_timeout),
        ] {
            if timeout == Timeout::After(Span::ZERO) {
                mistakes.push(Mistake::new(
                    option,
                    format!("{what} is zero"),
                    "expected a span longer than 0s",
                    "write `\"never\"` to wait for ever",
                ));
            }
        }
        if self.total_timeout < self.attempt_timeout && self.attempt_timeout != Timeout::Never {
            mistakes.push(Mistake::new(
                "total_timeout",
                format!(
                    "all attempts have {}, one of them {}",
                    self.total_timeout, self.attempt_timeout
                ),
                "expected at least the timeout of an attempt",
                "raise it, or lower `attempt_timeout`",
            ));
        }
        if self.hedging != Hedging::Off && self.max_attempts == 1 {
            mistakes.push(Mistake::new(
                "hedging",
                "a single attempt has no hedge",
                "expected `Off`",
                "raise `max_attempts`: it counts hedges, too",
            ));
        }
        mistakes.extend(self.budget.mistakes());
        let backoff = self.backoff.mistakes().into_iter();
        mistakes.extend(backoff.map(|mistake| mistake.within("backoff")));
        mistakes
    }
}

impl SidecarOptions {
    /// How it retries, and everything wrong with that.
    #[must_use]
    pub fn retry(&self, profile: crate::Profile) -> (RetryConfig, Vec<Mistake>) {
        let mut config = self.resolve(profile);
        if let Some(retries) = self.max_retries {
            config.max_attempts = retries.saturating_add(1);
        }
        let mut mistakes = config.mistakes();
        if self.max_retries.is_some() && self.max_attempts.is_some() {
            mistakes.push(Mistake::new(
                "max_retries",
                "`max_retries` and `max_attempts` both say how often it tries",
                "expected one of the two",
                "remove `max_retries`: `max_attempts` counts the first attempt as well",
            ));
        }
        let telemetry = self.telemetry(profile).mistakes().into_iter();
        mistakes.extend(telemetry.map(|mistake| mistake.within("telemetry")));
        (config, mistakes)
    }

    /// What it measures and traces.
    #[must_use]
    pub fn telemetry(&self, profile: crate::Profile) -> TelemetryConfig {
        self.telemetry.resolve(self.profile.unwrap_or(profile))
    }
}
