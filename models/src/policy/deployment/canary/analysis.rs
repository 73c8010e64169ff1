//! An analysis under way.

use serde::Serialize;

use super::CanaryConfig;
use crate::Time;

/// What was counted in the interval under way, and what became of those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Analysis {
    pub(super) until: Time,
    pub(super) requests: u64,
    pub(super) errors: u64,
    pub(super) taken: u32,
    pub(super) failed: u32,
    pub(super) inconclusive: u32,
}

impl Analysis {
    pub(super) fn new(now: Time, config: &CanaryConfig) -> Self {
        let until = now + config.interval;
        Self { until, requests: 0, errors: 0, taken: 0, failed: 0, inconclusive: 0 }
    }
}
