//! The composition against arithmetic: when each part is known follows from its calls, and when the
//! whole is over from the parts.

use brownout_models::policy::{
    Composition, CompositionConfig, Demand, ErrorOrder, Missing, Need, OnPartFailure, PartSpec,
    Timeout,
};
use brownout_models::{Name, Span, Time};
use proptest::prelude::*;

use super::config;

/// How long each call for a part takes, and whether it succeeds.
type Calls = Vec<(u64, bool)>;

/// When a part is known, and from which call; or when its last call failed. `hedge` is the wait
/// before the next call.
fn known(calls: &Calls, hedge: Option<u64>, most: usize) -> (u64, Option<u32>) {
    let mut ends: Vec<(u64, bool, u32)> = Vec::new();
    for (number, (takes, ok)) in (1..).zip(calls).take(if hedge.is_some() { most } else { 1 }) {
        let starts = hedge.unwrap_or(0) * (u64::from(number) - 1);
        let is_known = ends.iter().any(|(end, ok, _)| *ok && *end <= starts);
        let is_given_up = !ends.is_empty() && ends.iter().all(|(end, _, _)| *end <= starts);
        if is_known || is_given_up {
            break;
        }
        ends.push((starts + takes, *ok, number));
    }
    let first = ends.iter().filter(|(_, ok, _)| *ok).min();
    match first {
        Some((end, _, number)) => (*end, Some(*number)),
        None => (ends.iter().map(|(end, _, _)| *end).max().unwrap(), None),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_composition_is_over_when_arithmetic_says_so(
        parts in prop::collection::vec(
            (any::<bool>(), prop::collection::vec((1..400_u64, any::<bool>()), 3)), 1..5),
        ends_early in any::<bool>(),
        by_part in any::<bool>(),
        deadline in prop::option::of(1..500_u64),
        hedge in prop::option::of(1..200_u64),
        most in 1..4_u32,
    ) {
        let timeout = |span: Option<u64>| {
            span.map_or(Timeout::Never, |nanos| Timeout::After(Span::from_nanos(nanos)))
        };
        let config = CompositionConfig {
            on_failure: if ends_early { OnPartFailure::Ends } else { OnPartFailure::Waits },
            errors: if by_part { ErrorOrder::ByPart } else { ErrorOrder::ByArrival },
            deadline: timeout(deadline),
            hedging_delay: timeout(hedge),
            hedging_attempts: most,
        };
        let times: Vec<_> =
            parts.iter().map(|(_, calls)| known(calls, hedge, most as usize)).collect();
        // Ties are the owner's to decide, and not of interest here.
        let mut moments: Vec<u64> = times.iter().map(|(at, _)| *at).chain(deadline).collect();
        if let Some(hedge) = hedge {
            moments.extend((1..3).map(|number| number * hedge));
            for (_, calls) in &parts {
                for (number, (takes, _)) in (0..).zip(calls) {
                    let end = number * hedge + takes;
                    prop_assume!(!(1..3).any(|number| number * hedge == end));
                }
            }
        }
        moments.sort_unstable();
        prop_assume!(moments.windows(2).all(|pair| pair[0] != pair[1]));

        // By arithmetic.
        let doom = parts.iter().zip(&times)
            .filter(|((required, _), (_, came))| *required && came.is_none())
            .map(|(_, (at, _))| *at)
            .min();
        let all = times.iter().map(|(at, _)| *at).max().unwrap();
        let over = [Some(all), doom.filter(|_| ends_early), deadline].into_iter().flatten().min();
        let over = over.unwrap();
        let why = if ends_early && doom == Some(over) { Missing::Cancelled } else { Missing::TooLate };
        let expected: Vec<Result<(usize, u32), Missing<usize>>> = (0..).zip(&times)
            .map(|(part, (at, came))| match came {
                _ if *at > over => Err(why),
                Some(number) => Ok((part, *number)),
                None => Err(Missing::Failed(part)),
            })
            .collect();

        // By the composition.
        let need = |required| if required { Need::Required } else { Need::Optional };
        let specs = parts.iter().map(|(required, _)| PartSpec {
            name: Name(0),
            need: need(*required),
        });
        let mut composition = Composition::<usize, usize>::new(config, specs.collect(), Time::ZERO);
        let mut calls: Vec<(u64, usize, u32)> = Vec::new();
        let mut demands = composition.begin();
        let mut now = 0;
        let composed = loop {
            let mut done = None;
            for demand in demands.drain(..) {
                match demand {
                    Demand::Ask { part, attempt } => {
                        let (takes, _) = parts[part].1[attempt as usize - 1];
                        calls.push((now + takes, part, attempt));
                    }
                    Demand::Cancel { part, attempt } => {
                        calls.retain(|(_, of, number)| (*of, *number) != (part, attempt));
                    }
                    Demand::Done(composed) => done = Some(composed),
                }
            }
            if let Some(composed) = done {
                prop_assert_eq!(&calls, &[], "nothing is left under way");
                break composed;
            }
            calls.sort_unstable();
            let due = composition.due().map(Time::as_nanos);
            match calls.first().copied().filter(|(end, _, _)| due.is_none_or(|due| *end < due)) {
                Some((end, part, attempt)) => {
                    now = end;
                    calls.remove(0);
                    let outcome =
                        if parts[part].1[attempt as usize - 1].1 { Ok(part) } else { Err(part) };
                    demands =
                        composition.ended(Time::from_nanos(now), (part, attempt), outcome);
                }
                None => {
                    now = due.unwrap();
                    demands = composition.wake(Time::from_nanos(now));
                }
            }
        };
        prop_assert_eq!(now, over);
        prop_assert_eq!(&composed.parts, &expected);
        let lacks = |part: &usize| expected[*part].is_err();
        let mut missing: Vec<usize> = (0..parts.len()).filter(lacks).collect();
        prop_assert_eq!(composed.is_ok(), missing.iter().all(|part| !parts[*part].0));
        if !by_part {
            // Failures as they came, and behind them what never did.
            missing.sort_by_key(|part| {
                let failed = matches!(expected[*part], Err(Missing::Failed(_)));
                (!failed, if failed { times[*part].0 } else { 0 }, *part)
            });
        }
        prop_assert_eq!(composed.errors, missing);
    }
}

#[test]
fn a_composition_knows_its_parts() {
    let part = |name, need| PartSpec { name: Name(name), need };
    let parts = vec![part(3, Need::Required), part(4, Need::Optional)];
    let config = CompositionConfig::hardened();
    let composition = Composition::<u8, u8>::new(config, parts.clone(), Time::ZERO);
    assert_eq!(composition.specs(), parts);
}
