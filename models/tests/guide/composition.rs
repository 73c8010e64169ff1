//! A composition against the set of its results, in every order of arrival.

use brownout_models::policy::{Composition, CompositionConfig, Demand, Missing, Need, PartSpec};
use brownout_models::{Name, Time};
use proptest::prelude::*;

use super::config;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_error_discards_the_rest_and_the_last_part_decides(
        order in Just(vec![0, 1, 2_usize]).prop_shuffle(),
        ok in prop::array::uniform3(any::<bool>()),
    ) {
        let part = |name| PartSpec { name: Name(name), need: Need::Required };
        let parts = [0, 1, 2].map(part).to_vec();
        let mut composition =
            Composition::<usize, usize>::new(CompositionConfig::guide(), parts, Time::ZERO);
        let asks: Vec<_> = (0..3).map(|part| Demand::Ask { part, attempt: 1 }).collect();
        prop_assert_eq!(composition.begin(), asks);
        prop_assert_eq!(composition.due(), None);
        let mut demands = Vec::new();
        for (part, ok) in order.iter().zip(ok) {
            prop_assert_eq!(&demands, &[]);
            let outcome = if ok { Ok(*part) } else { Err(*part) };
            demands = composition.ended(Time::ZERO, (*part, 1), outcome);
        }
        let [Demand::Done(composed)] = demands.as_slice() else { panic!("three parts decide") };
        let failed: Vec<_> =
            order.iter().zip(ok).filter(|(_, ok)| !ok).map(|(part, _)| *part).collect();
        prop_assert_eq!(composed.is_ok(), failed.is_empty());
        prop_assert_eq!(&composed.errors, &failed);
        for part in 0..3 {
            let expected =
                if failed.contains(&part) { Err(Missing::Failed(part)) } else { Ok((part, 1)) };
            prop_assert_eq!(&composed.parts[part], &expected);
        }
    }
}
