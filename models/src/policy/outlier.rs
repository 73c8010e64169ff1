//! Outlier detection: hosts whose calls fail more than others' are taken out for a while.
//!
//! The guide has none (LB-6, GW-5): under `guide` every detector is off. Under `hardened` it is that
//! of Envoy and of gRPC's A50: consecutive failures eject at once; at the end of each interval the
//! success rates are compared with each other; a host stays out for longer each time, and never too
//! many at once. All arithmetic is on whole numbers: no square root is drawn.
//!
//! One value watches the hosts of one service. What is *not* here: who picks among the others
//! ([`balancer`](super::balancer)), and what counts as a failure.
//!
//! ```
//! use brownout_models::policy::{Outlier, OutlierConfig};
//! use brownout_models::{Name, Span, Time};
//!
//! let mut outlier = Outlier::new(OutlierConfig::hardened());
//! let (well, ill) = (Name(1), Name(2));
//! // With every list that discovery brings:
//! outlier.show(Time::ZERO, &[well, ill]);
//! // After every call:
//! for _ in 0..5 {
//!     outlier.record(Time::ZERO, ill, false);
//! }
//! // Before every pick:
//! outlier.advance(Time::ZERO + Span::from_secs(29));
//! assert!(outlier.is_ejected(ill) && !outlier.is_ejected(well));
//! outlier.advance(Time::ZERO + Span::from_secs(30));
//! assert!(!outlier.is_ejected(ill));
//! ```

mod config;

use crate::hash::Map;
use serde::Serialize;

pub use config::{
    ConsecutiveFailures, FailurePercentage, OutlierConfig, OutlierOptions, SuccessRate,
};

use crate::{Name, Span, Time};

/// A host that was taken out or let in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// When.
    pub at: Time,
    /// The host.
    pub host: Name,
    /// Until when it is out at least; nothing when it is let in.
    pub ejected_until: Option<Time>,
}

/// Watches the hosts of one service.
#[derive(Clone, Debug, Serialize)]
pub struct Outlier {
    config: OutlierConfig,
    hosts: Map<Name, Record>,
    /// The end of the interval; it begins when the first host is shown.
    tick: Option<Time>,
}

/// What is known of a host.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Record {
    /// Of this interval.
    successes: u64,
    failures: u64,
    /// Failures since the last success.
    consecutive: u32,
    ejected_at: Option<Time>,
    /// How many times over the base time it is, or would be, out.
    multiplier: u32,
}

impl Outlier {
    /// Nobody is known yet.
    #[must_use]
    pub fn new(config: OutlierConfig) -> Self {
        Self { config, hosts: Map::default(), tick: None }
    }

    /// Notes who belongs to the service now; whoever does not is forgotten.
    pub fn show(&mut self, now: Time, hosts: &[Name]) {
        if self.hosts.len() == hosts.len() && hosts.iter().all(|host| self.hosts.contains_key(host))
        {
            return;
        }
        self.tick.get_or_insert(now + self.interval());
        self.hosts.retain(|known, _| hosts.contains(known));
        for host in hosts {
            self.hosts.entry(*host).or_default();
        }
    }

    /// Takes in how a call ended; what that changed. Calls to hosts that are out, or unknown, tell
    /// nothing.
    pub fn record(&mut self, now: Time, host: Name, ok: bool) -> Option<Verdict> {
        let record = self.hosts.get_mut(&host).filter(|record| record.ejected_at.is_none())?;
        if ok {
            record.successes = record.successes.saturating_add(1);
            record.consecutive = 0;
            return None;
        }
        record.failures = record.failures.saturating_add(1);
        record.consecutive = record.consecutive.saturating_add(1);
        let ConsecutiveFailures::AtLeast(threshold) = self.config.consecutive_failures else {
            return None;
        };
        if record.consecutive < threshold {
            return None;
        }
        record.consecutive = 0;
        self.eject(now, host)
    }

    /// Lives through the ends of all intervals up to and including `now`.
    pub fn advance(&mut self, now: Time) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        while let Some(tick) = self.tick.filter(|tick| *tick <= now) {
            let next = self.skip_idle(tick, now);
            if next > now {
                self.tick = Some(next);
                break;
            }
            self.end_interval(next, &mut verdicts);
            self.tick =
                next.as_nanos().checked_add(self.interval().as_nanos()).map(Time::from_nanos);
        }
        verdicts
    }

    /// The first end of an interval that may change something if no call ends until then.
    #[must_use]
    pub fn due(&self) -> Option<Time> {
        let is_restless = self.hosts.values().any(|record| {
            record.successes + record.failures > 0
                || record.ejected_at.is_some()
                || record.multiplier > 0
        });
        self.tick.filter(|_| is_restless)
    }

    /// Whether the host is out.
    #[must_use]
    pub fn is_ejected(&self, host: Name) -> bool {
        self.hosts.get(&host).is_some_and(|record| record.ejected_at.is_some())
    }

    /// The hosts that are not out, in the order in which they were shown first.
    pub fn available(&self) -> impl Iterator<Item = Name> {
        let known = self.hosts.iter();
        known.filter(|(_, record)| record.ejected_at.is_none()).map(|(host, _)| *host)
    }

    /// How it behaves.
    #[must_use]
    pub const fn config(&self) -> &OutlierConfig {
        &self.config
    }

    fn interval(&self) -> Span {
        self.config.interval.max(Span::from_nanos(1))
    }

    /// From the end of an interval at `tick` on: the first that may change more than multipliers,
    /// whose fall in the intervals left out is made up for, or the first one after `now`.
    fn skip_idle(&mut self, tick: Time, now: Time) -> Time {
        if self.hosts.values().any(|record| record.successes + record.failures > 0) {
            return tick;
        }
        let ends = self.hosts.values().filter_map(|record| self.ejection_end(record));
        let until = ends.min().unwrap_or(Time::NEVER).min(now + Span::from_nanos(1));
        let interval = self.interval().as_nanos();
        let skipped = until.since(tick).as_nanos().div_ceil(interval);
        let Some(next) =
            skipped.checked_mul(interval).and_then(|on| on.checked_add(tick.as_nanos()))
        else {
            return Time::NEVER;
        };
        let fall = u32::try_from(skipped).unwrap_or(u32::MAX);
        for record in self.hosts.values_mut().filter(|record| record.ejected_at.is_none()) {
            record.multiplier = record.multiplier.saturating_sub(fall);
        }
        Time::from_nanos(next)
    }

    fn end_interval(&mut self, now: Time, verdicts: &mut Vec<Verdict>) {
        let mut outliers = self.low_success_rates();
        outliers.extend(self.high_failure_percentages());
        for host in outliers {
            verdicts.extend(self.eject(now, host));
        }
        let Self { config, hosts, .. } = self;
        for (host, record) in hosts {
            (record.successes, record.failures) = (0, 0);
            if record.ejected_at.is_none() {
                record.multiplier = record.multiplier.saturating_sub(1);
            } else if config.ejection_end(record.ejected_at, record.multiplier) <= Some(now) {
                (record.ejected_at, record.consecutive) = (None, 0);
                verdicts.push(Verdict { at: now, host: *host, ejected_until: None });
            }
        }
    }

    /// Those in the running with at least this many calls in the interval, if they are enough.
    fn eligible(&self, volume: u32, minimum: u32) -> Vec<(Name, Record)> {
        let hosts: Vec<_> = self
            .hosts
            .iter()
            .filter(|(_, record)| record.ejected_at.is_none())
            .filter(|(_, record)| record.successes + record.failures >= u64::from(volume.max(1)))
            .map(|(host, record)| (*host, *record))
            .collect();
        if hosts.len() < minimum as usize { Vec::new() } else { hosts }
    }

    /// Hosts whose success rate is below the mean by more than some standard deviations. With the
    /// rates `r` in millionths, their sum `s` and `n` hosts, `mean - r > k * deviation` is
    /// `n * (s - n*r)^2 > k^2 * sum of (n*r - s)^2`, where `s > n*r`.
    fn low_success_rates(&self) -> Vec<Name> {
        let SuccessRate::StdevFactor(factor) = self.config.success_rate else { return Vec::new() };
        let hosts = self.eligible(
            self.config.success_rate_request_volume,
            self.config.success_rate_minimum_hosts,
        );
        let count = hosts.len() as u128;
        let rate = |record: &Record| {
            let all = u128::from(record.successes) + u128::from(record.failures);
            u128::from(record.successes) * 1_000_000 / all
        };
        let sum: u128 = hosts.iter().map(|(_, record)| rate(record)).sum();
        let off = |record: &Record| sum.abs_diff(count * rate(record));
        let below = |record: &Record| sum.saturating_sub(count * rate(record));
        let squares: u128 = hosts.iter().map(|(_, record)| off(record) * off(record)).sum();
        // The factor is in thousandths.
        let limit = squares * u128::from(factor) * u128::from(factor);
        let is_low = |record: &Record| 1_000_000 * count * below(record) * below(record) > limit;
        hosts.iter().filter(|(_, record)| is_low(record)).map(|(host, _)| *host).collect()
    }

    fn high_failure_percentages(&self) -> Vec<Name> {
        let FailurePercentage::AtLeast(threshold) = self.config.failure_percentage else {
            return Vec::new();
        };
        let hosts = self.eligible(
            self.config.failure_percentage_request_volume,
            self.config.failure_percentage_minimum_hosts,
        );
        let is_high = |record: &Record| {
            let all = u128::from(record.successes) + u128::from(record.failures);
            u128::from(record.failures) * u128::from(threshold.den())
                >= all * u128::from(threshold.num())
        };
        hosts.iter().filter(|(_, record)| is_high(record)).map(|(host, _)| *host).collect()
    }

    /// Takes a host out, unless it is or too many are.
    fn eject(&mut self, now: Time, host: Name) -> Option<Verdict> {
        let out = self.hosts.values().filter(|record| record.ejected_at.is_some()).count() as u128;
        let share = self.config.max_ejection_percent;
        if out * u128::from(share.den()) >= self.hosts.len() as u128 * u128::from(share.num()) {
            return None;
        }
        let most = self.config.multiplier_max();
        let record = self.hosts.get_mut(&host).filter(|record| record.ejected_at.is_none())?;
        record.multiplier = record.multiplier.saturating_add(1).min(most);
        record.ejected_at = Some(now);
        let record = *record;
        Some(Verdict { at: now, host, ejected_until: self.ejection_end(&record) })
    }

    fn ejection_end(&self, record: &Record) -> Option<Time> {
        self.config.ejection_end(record.ejected_at, record.multiplier)
    }
}
