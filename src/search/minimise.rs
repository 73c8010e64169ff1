//! Delta debugging: the fewest things that still fail, by Zeller and Hildebrandt's ddmin.

/// What came of trying fewer things.
pub(super) enum Tried<T> {
    /// Still failing; these are the things that mattered.
    Fails(Vec<T>),
    /// Not failing any more.
    Holds,
    /// There is no time to try more.
    GivenUp,
}

/// A sublist of `things` that still `fails` and, unless it gave up, from which nothing can be taken
/// alone. `fails` may hand back fewer things than it was given: those that mattered.
pub(super) fn ddmin<T: Clone>(
    mut things: Vec<T>,
    mut fails: impl FnMut(&[T]) -> Tried<T>,
) -> Vec<T> {
    let mut parts = 2;
    while things.len() > 1 {
        let size = things.len().div_ceil(parts);
        let starts = (0..things.len()).step_by(size);
        let without = [false, true].into_iter().filter(|without| !without || parts > 2);
        let candidates = without.flat_map(|without| starts.clone().map(move |at| (at, without)));
        let mut smaller = None;
        for (at, is_complement) in candidates {
            let end = (at + size).min(things.len());
            let candidate = if is_complement {
                [&things[..at], &things[end..]].concat()
            } else {
                things[at..end].to_vec()
            };
            if candidate.len() == things.len() {
                continue;
            }
            match fails(&candidate) {
                Tried::Fails(kept) if kept.len() < things.len() => {
                    smaller = Some(kept);
                    break;
                }
                Tried::Fails(_) | Tried::Holds => {}
                Tried::GivenUp => return things,
            }
        }
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
        && let Tried::Fails(kept) = fails(&[])
    {
        return kept;
    }
    things
}

/// Takes one thing away at a time until none can be missed, or until it gives up.
pub(super) fn one_minimal<T: Clone>(
    mut things: Vec<T>,
    mut fails: impl FnMut(&[T]) -> Tried<T>,
) -> Vec<T> {
    let mut at = things.len();
    while at > 0 {
        at -= 1;
        let mut fewer = things.clone();
        fewer.remove(at);
        match fails(&fewer) {
            Tried::Fails(kept) => {
                things = kept;
                at = things.len();
            }
            Tried::Holds => {}
            Tried::GivenUp => break,
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
                if needed.iter().all(|number| things.contains(number)) {
                    Tried::Fails(things.to_vec())
                } else {
                    Tried::Holds
                }
            };
            let all: Vec<usize> = (0..length).collect();
            prop_assert_eq!(&ddmin(all.clone(), fails), &needed);
            prop_assert_eq!(&one_minimal(all, fails), &needed);
        }

        #[test]
        fn a_disjunction_shrinks_to_one_minimal_list(length in 2_usize..40, a in 0_usize..40, b in 0_usize..40) {
            let (a, b) = (a % length, b % length);
            let fails = |things: &[usize]| {
                if (things.contains(&a) && things.contains(&b)) || things.contains(&(length - 1)) {
                    Tried::Fails(things.to_vec())
                } else {
                    Tried::Holds
                }
            };
            let kept = ddmin((0..length).collect(), fails);
            prop_assert!(matches!(fails(&kept), Tried::Fails(_)));
            for at in 0..kept.len() {
                let mut fewer = kept.clone();
                fewer.remove(at);
                prop_assert!(matches!(fails(&fewer), Tried::Holds), "{kept:?} without {at}");
            }
        }
    }
}
