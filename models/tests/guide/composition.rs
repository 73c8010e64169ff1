//! A composition against the set of its results, in every order of arrival.

use brownout_models::policy::{Composed, Composition, Part};
use proptest::prelude::*;

use super::config;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_error_discards_the_rest_and_the_last_part_decides(
        order in Just(Part::ALL.to_vec()).prop_shuffle(),
        ok in prop::array::uniform3(any::<bool>()),
    ) {
        let mut composition = Composition::<Part, Part>::default();
        let mut ends = Vec::new();
        for (part, ok) in order.iter().zip(ok) {
            ends.push(composition.ended(*part, if ok { Ok(*part) } else { Err(*part) }));
        }
        let errors: Vec<_> =
            order.iter().zip(ok).filter(|(_, ok)| !ok).map(|(part, _)| *part).collect();
        let last = if errors.is_empty() {
            let (user, product, payment) = (Part::User, Part::Product, Part::Payment);
            Composed::Details { user, product, payment }
        } else {
            Composed::Failed { errors }
        };
        prop_assert_eq!(ends, vec![None, None, Some(last)]);
    }
}
