//! Failure sequences for proptest: plans made of faults that a scenario can really meet.
//!
//! ```
//! use brownout::strategy::plans;
//! use brownout::{Kinds, Scenario};
//! use proptest::prelude::*;
//! use proptest::test_runner::TestRunner;
//!
//! let scenario = Scenario::parse("shop.ron", r#"(
//!     version: 1,
//!     nodes: {
//!         "shop": Service(handlers: { "buy": [Work("5ms")] }),
//!         "shopper": Clients(script: [Call(to: "shop", method: "buy", timeout: "1s")]),
//!     },
//!     faults: [Lose(odds: "1%"), Crash(odds: "1%", at: ["shop"])],
//!     properties: [EveryCallEnds(within: "1s")],
//! )"#, &Kinds::new()).unwrap();
//! TestRunner::deterministic()
//!     .run(&plans(&scenario, 3), |plan| {
//!         let run = scenario.run(&plan);
//!         prop_assert!(run.held(), "{plan}\n{:?}", run.violation);
//!         Ok(())
//!     })
//!     .unwrap();
//! ```

use indexmap::IndexSet;
use proptest::prelude::*;
use proptest::sample::subsequence;

use crate::choice::{Deviation, Plan};
use crate::run::Keep;
use crate::scenario::Scenario;

/// Plans of at most `faults_max` faults under calm weather: any that the calm run of the scenario
/// comes to, of the kinds that the scenario lists. Shrinking takes faults away.
pub fn plans(scenario: &Scenario, faults_max: usize) -> BoxedStrategy<Plan> {
    let keep = Keep { points: true, ..Keep::VERDICT };
    let points = scenario.run_keeping(&Plan::calm(), keep).points;
    let faults: Vec<Deviation> = points
        .into_iter()
        .flat_map(|point| {
            let address = point.address;
            point.menu.into_iter().map(move |answer| Deviation { answer, ..address.clone() })
        })
        .collect();
    let most = faults_max.min(faults.len());
    subsequence(faults, 0..=most)
        .prop_map(|faults| Plan::calm().with_deviations(once(faults)))
        .boxed()
}

/// One answer for each address: the first.
fn once(faults: Vec<Deviation>) -> Vec<Deviation> {
    let mut met = IndexSet::new();
    faults
        .into_iter()
        .filter(|fault| {
            met.insert((fault.site.clone(), fault.what.clone(), fault.flow.clone(), fault.count))
        })
        .collect()
}
