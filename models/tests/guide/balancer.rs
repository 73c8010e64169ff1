//! Round robin against a list of all picks so far.

use brownout_models::Name;
use brownout_models::policy::RoundRobin;
use proptest::prelude::*;

use super::config;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_pick_is_the_number_of_picks_before_modulo_the_list(
        calls in prop::collection::vec((0..3_u32, 0..5_usize), 1..100),
    ) {
        let mut balancer = RoundRobin::default();
        let mut picks: Vec<u32> = Vec::new();
        for (service, count) in calls {
            let before = picks.iter().filter(|picked| **picked == service).count();
            prop_assert_eq!(balancer.select(Name(service), count), before.checked_rem(count));
            if count > 0 {
                picks.push(service);
            }
        }
    }
}
