//! Delta debugging: the fewest things that still fail, by Zeller and Hildebrandt's ddmin.

/// A sublist of `things` that still `fails` and from which nothing can be taken alone. `fails` may
/// hand back fewer things than it was given: those that mattered.
pub(super) fn ddmin<T: Clone + PartialEq>(
    mut things: Vec<T>,
    mut fails: impl FnMut(&[T]) -> Option<Vec<T>>,
) -> Vec<T> {
    let mut parts = 2;
    while things.len() > 1 {
        let size = things.len().div_ceil(parts);
        let chunks: Vec<Vec<T>> = things.chunks(size).map(<[T]>::to_vec).collect();
        let without = |chunk: &[T]| -> Vec<T> {
            things.iter().filter(|thing| !chunk.contains(thing)).cloned().collect()
        };
        let only = chunks.iter().cloned();
        let complements = chunks.iter().map(|chunk| without(chunk));
        let candidates: Vec<Vec<T>> =
            if parts == 2 { only.collect() } else { only.chain(complements).collect() };
        let smaller = candidates
            .into_iter()
            .filter(|candidate| candidate.len() < things.len())
            .find_map(|candidate| fails(&candidate).filter(|kept| kept.len() < things.len()));
        match smaller {
            Some(kept) => {
                parts = if kept.len() * 2 <= things.len() { 2 } else { (parts - 1).max(2) };
                things = kept;
            }
            None if parts >= things.len() => break,
            None => parts = (parts * 2).min(things.len()),
        }
    }
    if things.len() == 1
        && let Some(kept) = fails(&[])
    {
        return kept;
    }
    things
}

/// Takes one thing away at a time until none can be missed.
pub(super) fn one_minimal<T: Clone>(
    mut things: Vec<T>,
    mut fails: impl FnMut(&[T]) -> Option<Vec<T>>,
) -> Vec<T> {
    let mut at = things.len();
    while at > 0 {
        at -= 1;
        let mut fewer = things.clone();
        fewer.remove(at);
        if let Some(kept) = fails(&fewer) {
            things = kept;
            at = things.len();
        }
    }
    things
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_conjunction_shrinks_to_its_terms(
            length in 1_usize..60,
            needed in proptest::collection::btree_set(0_usize..60, 0..5),
        ) {
            let needed: Vec<usize> = needed.into_iter().filter(|number| *number < length).collect();
            let fails = |things: &[usize]| {
                needed.iter().all(|number| things.contains(number)).then(|| things.to_vec())
            };
            let all: Vec<usize> = (0..length).collect();
            prop_assert_eq!(&ddmin(all.clone(), fails), &needed);
            prop_assert_eq!(&one_minimal(all, fails), &needed);
        }

        #[test]
        fn a_disjunction_shrinks_to_one_minimal_list(length in 2_usize..40, a in 0_usize..40, b in 0_usize..40) {
            let (a, b) = (a % length, b % length);
            let fails = |things: &[usize]| {
                ((things.contains(&a) && things.contains(&b)) || things.contains(&(length - 1)))
                    .then(|| things.to_vec())
            };
            let kept = ddmin((0..length).collect(), fails);
            prop_assert!(fails(&kept).is_some());
            for at in 0..kept.len() {
                let mut fewer = kept.clone();
                fewer.remove(at);
                prop_assert!(fails(&fewer).is_none(), "{kept:?} without {at}");
            }
        }
    }
}
