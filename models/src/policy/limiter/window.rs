//! Windows: at most the limit in any period, or in each.

use std::collections::VecDeque;

use serde::Serialize;

use super::config::LimiterConfig;
use super::{Decision, NextTry};
use crate::{Span, Time};

/// The admitted requests of the last period, oldest first, those of one instant together.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SlidingWindow {
    admitted: VecDeque<(Time, u64)>,
    total: u64,
    limit: i64,
}

impl SlidingWindow {
    pub(super) const fn new(limit: i64) -> Self {
        Self { admitted: VecDeque::new(), total: 0, limit }
    }

    pub(super) const fn follow(&mut self, limit: i64) {
        self.limit = limit;
    }

    #[inline(never)]
    pub(super) fn take(&mut self, now: Time, cost: u64, config: &LimiterConfig) -> Decision {
        while let Some((at, earlier)) = self.admitted.front().copied()
            && now.since(at) >= config.period
        {
            self.admitted.pop_front();
            self.total -= earlier;
        }
        let limit = u64::try_from(self.limit).unwrap_or(0);
        let allowed = cost <= limit.saturating_sub(self.total);
        if allowed {
            self.total += cost;
            match self.admitted.back_mut() {
                Some((at, admitted)) if *at == now => *admitted += cost,
                Some(_) | None => self.admitted.push_back((now, cost)),
            }
        }
        let retry =
            if allowed { NextTry::Now } else { self.retry(now, cost, limit, config.period) };
        Decision { allowed, remaining: limit.saturating_sub(self.total), retry }
    }

    pub(super) fn refund(&mut self, cost: u64) {
        let mut left = cost.min(self.total);
        self.total -= left;
        while left > 0
            && let Some((_, admitted)) = self.admitted.back_mut()
        {
            let part = left.min(*admitted);
            (left, *admitted) = (left - part, *admitted - part);
            if *admitted == 0 {
                self.admitted.pop_back();
            }
        }
    }

    pub(super) fn is_idle(&self, now: Time, config: &LimiterConfig) -> bool {
        self.admitted.back().is_none_or(|(at, _)| now.since(*at) >= config.period)
    }

    /// When enough of what was admitted is a period old.
    fn retry(&self, now: Time, cost: u64, limit: u64, period: Span) -> NextTry {
        if cost > limit {
            return NextTry::Never;
        }
        let mut total = self.total;
        for (at, admitted) in &self.admitted {
            total -= admitted;
            if total <= limit - cost {
                return NextTry::After((*at + period).since(now));
            }
        }
        NextTry::Never
    }
}

/// What was admitted between two multiples of the period.
#[derive(Clone, Debug, Serialize)]
pub(super) struct FixedWindow {
    /// When the window began that `admitted` counts, or any instant in it.
    at: Time,
    admitted: u64,
    limit: i64,
}

impl FixedWindow {
    pub(super) const fn new(now: Time, limit: i64) -> Self {
        Self { at: now, admitted: 0, limit }
    }

    pub(super) const fn follow(&mut self, limit: i64) {
        self.limit = limit;
    }

    #[inline(never)]
    pub(super) fn take(&mut self, now: Time, cost: u64, config: &LimiterConfig) -> Decision {
        if !self.is_current(now, config) {
            (self.at, self.admitted) = (now, 0);
        }
        let limit = u64::try_from(self.limit).unwrap_or(0);
        let allowed = cost <= limit.saturating_sub(self.admitted);
        let retry = if allowed {
            self.admitted += cost;
            NextTry::Now
        } else if cost > limit {
            NextTry::Never
        } else {
            let period = config.period.as_nanos().max(1);
            NextTry::After(Span::from_nanos(period - now.as_nanos() % period))
        };
        Decision { allowed, remaining: limit.saturating_sub(self.admitted), retry }
    }

    pub(super) fn refund(&mut self, now: Time, cost: u64, config: &LimiterConfig) {
        if self.is_current(now, config) {
            self.admitted = self.admitted.saturating_sub(cost);
        }
    }

    pub(super) fn is_idle(&self, now: Time, config: &LimiterConfig) -> bool {
        self.admitted == 0 || !self.is_current(now, config)
    }

    fn is_current(&self, now: Time, config: &LimiterConfig) -> bool {
        let period = config.period.as_nanos().max(1);
        self.at.as_nanos() / period == now.as_nanos() / period
    }
}
