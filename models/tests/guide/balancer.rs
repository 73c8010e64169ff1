//! Round robin against a list of all picks so far.

use brownout_models::policy::{Balancer, BalancerConfig, Host, Pick};
use brownout_models::{Name, Time};
use proptest::prelude::*;

use super::config;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_pick_is_the_number_of_picks_before_modulo_the_list(
        calls in prop::collection::vec((0..3_u32, 0..5_usize), 1..100),
    ) {
        let mut balancer = Balancer::new(BalancerConfig::guide());
        let hosts = [0, 1, 2, 3, 4].map(|id| Host::new(Name(id)));
        let mut picks: Vec<u32> = Vec::new();
        for (service, count) in calls {
            let before = picks.iter().filter(|picked| **picked == service).count();
            let pick = Pick { now: Time::ZERO, service: Name(service), key: 0, word: 7 };
            prop_assert_eq!(balancer.pick(pick, &hosts[..count]), before.checked_rem(count));
            if count > 0 {
                picks.push(service);
            }
        }
    }
}
