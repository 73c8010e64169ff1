//! Round robin: the next instance of a list, by a counter per service.
//!
//! Follows the guide's `RoundRobinBalancer` (lines 176-201): the counter belongs to the service and
//! is taken modulo the length of whatever list is shown, so it is fair only while membership stays
//! (LB-2), every balancer starts at the first instance (LB-4), and counters are never pruned
//! (LB-5). An empty list is answered without counting.
//!
//! What is *not* here: discovery, and which service a mixed list counts for (the guide takes its
//! first entry's, LB-1; the owner passes it in). The guide's counter is signed and would fail after
//! 2^63 picks (LB-3); this one goes on.
//!
//! ```
//! use brownout_models::Name;
//! use brownout_models::policy::RoundRobin;
//!
//! let mut balancer = RoundRobin::default();
//! let picks: Vec<_> = [2, 2, 2, 3].map(|count| balancer.select(Name(0), count)).into();
//! assert_eq!(picks, [Some(0), Some(1), Some(0), Some(0)]);
//! ```

use indexmap::IndexMap;
use serde::Serialize;

use crate::Name;

/// A counter of picks for every service.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RoundRobin {
    picks: IndexMap<Name, u64>,
}

impl RoundRobin {
    /// The place of the next instance in a list of `count`; nothing for an empty list.
    pub fn select(&mut self, service: Name, count: usize) -> Option<usize> {
        let count = u64::try_from(count).ok()?;
        if count == 0 {
            return None;
        }
        let picks = self.picks.entry(service).or_default();
        let place = *picks % count;
        *picks = picks.wrapping_add(1);
        usize::try_from(place).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_is_not_counted() {
        let mut balancer = RoundRobin::default();
        assert_eq!(balancer.select(Name(0), 0), None);
        assert_eq!(balancer.select(Name(0), 2), Some(0));
        assert_eq!(balancer.select(Name(0), 0), None);
        assert_eq!(balancer.select(Name(0), 2), Some(1));
    }

    #[test]
    fn services_count_apart() {
        let mut balancer = RoundRobin::default();
        assert_eq!(balancer.select(Name(0), 2), Some(0));
        assert_eq!(balancer.select(Name(1), 2), Some(0));
        assert_eq!(balancer.select(Name(0), 2), Some(1));
    }

    #[test]
    fn an_instance_that_flaps_with_the_calls_is_never_picked() {
        let mut balancer = RoundRobin::default();
        for _ in 0..500 {
            assert_eq!(balancer.select(Name(0), 2), Some(0), "both up: the first of two");
            assert_eq!(balancer.select(Name(0), 1), Some(0), "the second is down");
        }
    }
}
