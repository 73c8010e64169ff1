//! What a balancer knows of its hosts from the calls it placed.

use crate::hash::Map;
use serde::Serialize;

use super::Host;
use crate::{Name, Ratio, Span, Time};

/// The calls to each host.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Loads {
    hosts: Map<Name, Load>,
}

/// The calls to one host.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Load {
    /// Calls under way.
    pub(super) active: u32,
    /// Since when it is known.
    pub(super) since: Time,
    seen: Time,
    latency: PeakEwma,
}

/// A moving average that jumps up to every peak and falls by half in each `decay`.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct PeakEwma {
    nanos: u64,
    at: Time,
}

impl Loads {
    pub(super) fn show(&mut self, now: Time, hosts: &[Host]) {
        for host in hosts {
            self.of(now, host.id).seen = now;
        }
    }

    /// Forgets whoever was not shown since and has no call under way.
    pub(super) fn forget_before(&mut self, since: Time) {
        self.hosts.retain(|_, load| load.seen >= since || load.active > 0);
    }

    pub(super) fn started(&mut self, now: Time, host: Name) {
        let load = self.of(now, host);
        load.active = load.active.saturating_add(1);
    }

    pub(super) fn ended(&mut self, now: Time, host: Name, latency: Span, decay: Span) {
        let load = self.of(now, host);
        load.active = load.active.saturating_sub(1);
        load.latency.observe(now, latency, decay);
    }

    pub(super) fn get(&self, host: Name) -> Option<&Load> {
        self.hosts.get(&host)
    }

    pub(super) fn active(&self, host: Name) -> u32 {
        self.get(host).map_or(0, |load| load.active)
    }

    pub(super) fn len(&self) -> usize {
        self.hosts.len()
    }

    fn of(&mut self, now: Time, host: Name) -> &mut Load {
        let latency = PeakEwma::default();
        self.hosts.entry(host).or_insert(Load { active: 0, since: now, seen: now, latency })
    }
}

impl Load {
    /// The latency to reckon with, times the calls that would be under way.
    pub(super) fn cost(&self, now: Time, decay: Span) -> u128 {
        // Not zero, lest a host that answers in no time never gets full.
        let latency = self.latency.at(now, decay).max(1);
        u128::from(latency) * (u128::from(self.active) + 1)
    }
}

impl PeakEwma {
    fn observe(&mut self, now: Time, latency: Span, decay: Span) {
        let (old, new) = (self.nanos, latency.as_nanos());
        let kept = kept(now.since(self.at), decay);
        self.nanos = if new >= old {
            new
        } else {
            let fall = u128::from(old - new) * u128::from(kept) / u128::from(UNIT);
            new + u64::try_from(fall).unwrap_or(u64::MAX)
        };
        self.at = now;
    }

    fn at(self, now: Time, decay: Span) -> u64 {
        let left = u128::from(self.nanos) * u128::from(kept(now.since(self.at), decay));
        u64::try_from(left / u128::from(UNIT)).unwrap_or(u64::MAX)
    }
}

const UNIT: u64 = 1 << 32;

/// What is left of [`UNIT`] after a while: halved in each `decay`, and a straight line between.
fn kept(elapsed: Span, decay: Span) -> u64 {
    let decay = decay.as_nanos().max(1);
    let (halvings, rest) = (elapsed.as_nanos() / decay, elapsed.as_nanos() % decay);
    let Some(whole) = u32::try_from(halvings).ok().and_then(|halvings| UNIT.checked_shr(halvings))
    else {
        return 0;
    };
    let lost = u128::from(whole) * u128::from(rest) / (2 * u128::from(decay));
    whole - u64::try_from(lost).unwrap_or(whole)
}

/// Weights are multiplied by this, so that a share of a weight is a whole number.
pub(super) const WEIGHT_UNIT: u64 = 10_000;

/// What a host of this age weighs while it warms up:
/// `weight * max(minimum, (age / window) ^ (1 / aggression))`, in ten-thousandths, rounded down.
pub(super) fn warming(
    weight: u32,
    age: Span,
    window: Span,
    (minimum, aggression): (Ratio, u32),
) -> u64 {
    let least = WEIGHT_UNIT * u64::from(minimum.num()) / u64::from(minimum.den());
    let share = if age >= window { WEIGHT_UNIT } else { root(age, window, aggression).max(least) };
    u64::from(weight) * share
}

/// The root of `age / window` in ten-thousandths, rounded down: the greatest `x` with
/// `x^n * window <= age * 10000^n`. Up to the fourth root nothing leaves 128 bits.
fn root(age: Span, window: Span, aggression: u32) -> u64 {
    let (age, window) = (u128::from(age.as_nanos()), u128::from(window.as_nanos()));
    let aggression = aggression.clamp(1, 4);
    let right = age * u128::from(WEIGHT_UNIT).pow(aggression);
    let (mut low, mut high) = (0, WEIGHT_UNIT);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if u128::from(middle).pow(aggression) * window <= right {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_jumps_to_peaks_and_halves_in_each_decay() {
        let decay = Span::from_nanos(1_000);
        let at = Time::from_nanos;
        let mut ewma = PeakEwma::default();
        ewma.observe(at(0), Span::from_nanos(8_000), decay);
        for (time, left) in [(0, 8_000), (500, 6_000), (1_000, 4_000), (3_000, 1_000), (1 << 40, 0)]
        {
            assert_eq!(ewma.at(at(time), decay), left, "at {time}");
        }
        ewma.observe(at(1_000), Span::from_nanos(2_000), decay);
        assert_eq!(ewma.nanos, 5_000, "half way down");
        ewma.observe(at(1_000), Span::from_nanos(9_000), decay);
        assert_eq!(ewma.nanos, 9_000);
    }

    #[test]
    fn a_host_warms_up_as_envoy_says() {
        let warm = |age, aggression| {
            let minimum = Ratio::new(1, 10).unwrap();
            warming(2, Span::from_secs(age), Span::from_secs(100), (minimum, aggression))
        };
        // A straight line above the minimum.
        for (age, weight) in [(0, 2_000), (10, 2_000), (11, 2_200), (50, 10_000), (99, 19_800)] {
            assert_eq!(warm(age, 1), weight, "at {age}");
        }
        let three_tenths = (Ratio::new(3, 10).unwrap(), 1);
        assert_eq!(warming(2, Span::ZERO, Span::from_secs(100), three_tenths), 6_000);
        assert_eq!(warm(100, 1), 20_000);
        assert_eq!(warm(u64::MAX, 4), 20_000);
        // The square root of 1/4, the third of 1/8 (12.5 s), the fourth of 1/16 = 6.25 s.
        assert_eq!(warm(25, 2), 10_000);
        assert_eq!(root(Span::from_millis(12_500), Span::from_secs(100), 3), 5_000);
        assert_eq!(root(Span::from_millis(6_250), Span::from_secs(100), 4), 5_000);
        assert_eq!(root(Span::from_nanos(u64::MAX - 1), Span::MAX, 4), 9_999);
    }
}
