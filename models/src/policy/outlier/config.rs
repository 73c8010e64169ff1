//! How outliers are told and for how long they are out.

use serde::{Deserialize, Serialize};

use crate::profile::{Mistake, options};
use crate::{Ratio, Span, Time};

options! {
    /// How outliers are told and for how long they are out. The guide tells none; the other values
    /// are the defaults of Envoy and of gRPC's A50.
    config OutlierConfig;
    /// The configuration of outlier detection as it is written.
    options OutlierOptions as "Outlier";
    {
        /// The time between two looks at the rates and at those who are out; 10 s.
        interval: Span = Span::from_secs(10);
        /// Failures in a row that eject at once; off in the guide, 5 in `hardened`.
        consecutive_failures: ConsecutiveFailures =
            ConsecutiveFailures::Off, hardened ConsecutiveFailures::AtLeast(5);
        /// How far below the mean a success rate may lie; off in the guide, 1.9 standard deviations
        /// in `hardened`.
        success_rate: SuccessRate = SuccessRate::Off, hardened SuccessRate::StdevFactor(1_900);
        /// Hosts with enough calls below which rates are not compared; 5. With four or fewer the
        /// worst is never 1.9 deviations away: at most `sqrt(n - 1)`.
        success_rate_minimum_hosts: u32 = 5;
        /// Calls in an interval below which a host has no rate; 100.
        success_rate_request_volume: u32 = 100;
        /// The share of failures that ejects at the end of an interval; off, as in Envoy, where it is
        /// 85 % if switched on.
        failure_percentage: FailurePercentage = FailurePercentage::Off;
        /// Hosts with enough calls below which no percentage ejects; 5.
        failure_percentage_minimum_hosts: u32 = 5;
        /// Calls in an interval below which a host has no percentage; 50.
        failure_percentage_request_volume: u32 = 50;
        /// How long a host is out, times the times that it was out lately; 30 s.
        base_ejection_time: Span = Span::from_secs(30);
        /// The longest time out; 300 s.
        max_ejection_time: Span = Span::from_secs(300);
        /// Nobody is ejected while this share of the hosts is out, or more; 10 %. So one may always
        /// go.
        max_ejection_percent: Ratio = Ratio::new(1, 10).unwrap_or(Ratio::ONE);
    }
}

/// Whether failures in a row eject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConsecutiveFailures {
    /// No.
    Off,
    /// Yes, this many.
    AtLeast(u32),
}

/// Whether a low success rate ejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SuccessRate {
    /// No.
    Off,
    /// Yes, if it is below the mean by more than this many thousandths of a standard deviation.
    StdevFactor(u32),
}

/// Whether a share of failures ejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailurePercentage {
    /// No.
    Off,
    /// Yes, this one or a greater one.
    AtLeast(Ratio),
}

impl OutlierConfig {
    /// Everything that makes no sense.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        let mut wrong = |option, message: String, expected: &str, help| {
            mistakes.push(Mistake::new(option, message, expected, help));
        };
        if self.interval.is_zero() {
            let message = "the time between two looks is zero".to_owned();
            wrong("interval", message, "expected a span longer than 0s", "leave it out for 10s");
        }
        if self.consecutive_failures == ConsecutiveFailures::AtLeast(0) {
            let message = "0 failures in a row are always there".to_owned();
            let help = "write `Off`, or a number like `AtLeast(5)`";
            wrong("consecutive_failures", message, "expected 1 or more", help);
        }
        if self.failure_percentage == FailurePercentage::AtLeast(Ratio::ZERO) {
            let message = "every host has at least 0% failures".to_owned();
            let help = "write `Off`, or a share like `AtLeast(\"85%\")`";
            wrong("failure_percentage", message, "expected more than 0%", help);
        }
        if self.base_ejection_time.is_zero() {
            let message = "hosts are out for no time".to_owned();
            let help = "leave it out for 30s";
            wrong("base_ejection_time", message, "expected a span longer than 0s", help);
        }
        if self.max_ejection_time < self.base_ejection_time {
            let (most, base) = (self.max_ejection_time, self.base_ejection_time);
            let message = format!("the longest time out cannot be {most}");
            let help = "write a longer span, or a shorter `base_ejection_time`";
            let expected = format!("expected {base} or more");
            wrong("max_ejection_time", message, &expected, help);
        }
        if self.max_ejection_percent.is_zero() {
            let message = "nobody is ever ejected".to_owned();
            let help = "switch the detectors off, or write a share like `\"10%\"`";
            wrong("max_ejection_percent", message, "expected more than 0%", help);
        }
        mistakes
    }

    /// Whether anybody can be ejected at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.consecutive_failures != ConsecutiveFailures::Off
            || self.success_rate != SuccessRate::Off
            || self.failure_percentage != FailurePercentage::Off
    }

    /// Beyond this the time out does not grow.
    pub(super) fn multiplier_max(&self) -> u32 {
        let base = self.base_ejection_time.as_nanos().max(1);
        let most = self.max_ejection_time.as_nanos().div_ceil(base).max(1);
        u32::try_from(most).unwrap_or(u32::MAX)
    }

    /// When a host that went out at that time has been out for long enough.
    pub(super) fn ejection_end(&self, ejected_at: Option<Time>, multiplier: u32) -> Option<Time> {
        let longest = self.max_ejection_time.max(self.base_ejection_time);
        let out = self.base_ejection_time.times(u64::from(multiplier)).min(longest);
        ejected_at.map(|at| at + out)
    }
}
