//! Plans that nobody thought of: random deviations at the points of a calm run.

use std::sync::LazyLock;

use brownout::choice::{Fate, Point};
use brownout::{Deviation, Keep, Plan, Scenario, Weather};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::fixtures;

static EVERYTHING: LazyLock<(Scenario, Vec<Point>)> = LazyLock::new(|| {
    let scenario = fixtures::scenario(include_str!("everything.ron"));
    let keep = Keep { points: true, ..Keep::VERDICT };
    let points = scenario.run_keeping(&Plan::calm(), keep).points;
    // Background flows and foreground ones, links and nodes: a thousand places to break.
    assert!(points.len() > 1_000, "only {} points", points.len());
    (scenario, points.into_iter().filter(|point| !point.menu.is_empty()).collect())
});

/// A few points, each with one of the answers of its menu.
fn deviations() -> impl Strategy<Value = Vec<Deviation>> {
    let chosen = (any::<prop::sample::Index>(), any::<prop::sample::Index>());
    prop::collection::vec(chosen, 0..12).prop_map(|chosen| {
        let mut deviations: Vec<Deviation> = Vec::new();
        for (point, answer) in chosen {
            let point = point.get(&EVERYTHING.1);
            let address = &point.address;
            let is_new = |known: &Deviation| {
                (&known.site, &known.what, &known.flow, known.count)
                    != (&address.site, &address.what, &address.flow, address.count)
            };
            if deviations.iter().all(is_new) {
                let answer = answer.get(&point.menu).clone();
                deviations.push(Deviation { answer, ..address.clone() });
            }
        }
        deviations
    })
}

fn plans() -> impl Strategy<Value = Plan> {
    let seeded = |seed| Weather::Seed { seed, except: Vec::new() };
    let weather = prop_oneof![Just(Weather::Calm), (0..50_u64).prop_map(seeded)];
    (weather, deviations()).prop_map(|(weather, deviations)| Plan {
        weather,
        random_faults: false,
        load: None,
        deviations,
    })
}

/// The same plans every time.
fn fixed() -> ProptestConfig {
    let (rng_seed, failure_persistence) = (RngSeed::Fixed(1), None);
    ProptestConfig { cases: CASES, rng_seed, failure_persistence, ..ProptestConfig::default() }
}

const CASES: u32 = 200;

proptest! {
    #![proptest_config(fixed())]

    #[test]
    fn the_applied_part_of_a_plan_is_the_whole_of_it(plan in plans()) {
        let (scenario, _) = &*EVERYTHING;
        let run = scenario.run_keeping(&plan, Keep::VERDICT);
        prop_assert_eq!(run.fates.len(), plan.deviations.len());
        let applied = |fate: Fate| fate == Fate::Applied;
        let named: Vec<_> =
            run.fates.iter().filter(|(_, fate)| applied(*fate)).map(|(it, _)| it.clone()).collect();
        prop_assert_eq!(named.len(), run.applied.len());
        prop_assert!(named.iter().all(|it| run.applied.contains(it)));

        let again = scenario.run_keeping(&plan.with_deviations(named), Keep::VERDICT);
        prop_assert_eq!(again.digest, run.digest);
        prop_assert_eq!(&again.violation, &run.violation);
        prop_assert!(again.fates.iter().all(|(_, fate)| applied(*fate)));

        let in_order = scenario.run_keeping(&plan.with_deviations(run.applied.clone()), Keep::VERDICT);
        prop_assert_eq!(in_order.digest, run.digest);
    }

    #[test]
    fn a_deviation_at_a_point_of_the_calm_run_is_applied(deviations in deviations()) {
        let Some(deviation) = deviations.into_iter().next() else { return Ok(()) };
        let plan = Plan::calm().with_deviations(vec![deviation.clone()]);
        let run = EVERYTHING.0.run_keeping(&plan, Keep::VERDICT);
        prop_assert_eq!(run.fates, vec![(deviation, Fate::Applied)]);
    }
}
