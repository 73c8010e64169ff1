//! The saga against the guide's two loops over scripted steps.

use brownout_models::Name;
use brownout_models::policy::{Next, Saga};
use proptest::prelude::*;

use super::config;

/// What happens in one execution: whether each call was an action, and of which step.
fn execute(
    steps: &[(u32, bool)],
    completed: &mut Vec<u32>,
    current: &mut usize,
    mut ok: impl FnMut() -> bool,
) -> (Vec<(bool, usize)>, bool) {
    let mut calls = Vec::new();
    for (i, (name, _)) in steps.iter().enumerate() {
        *current = i;
        calls.push((true, i));
        if !ok() {
            for done in completed.iter().rev() {
                let step = steps.iter().position(|(name, _)| name == done);
                if let Some(j) = step
                    && steps[j].1
                {
                    calls.push((false, j));
                    ok();
                }
            }
            return (calls, false);
        }
        completed.push(*name);
    }
    (calls, true)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn executions_follow_the_guides_loops(
        batches in prop::collection::vec(
            (prop::collection::vec((0..4_u32, any::<bool>()), 0..4),
                prop::collection::vec(prop::bool::weighted(0.8), 60)),
            1..5,
        ),
    ) {
        let mut saga = Saga::default();
        let (mut steps, mut completed, mut current) = (Vec::new(), Vec::new(), 0);
        for (added, outcomes) in batches {
            for (name, has_compensation) in added {
                saga.add_step(Name(name), has_compensation);
                steps.push((name, has_compensation));
            }
            let mut outcome = outcomes.iter().copied();
            let ok = || outcome.next().unwrap();
            let expected = execute(&steps, &mut completed, &mut current, ok);
            let mut outcome = outcomes.iter().copied();
            let (mut calls, mut next) = (Vec::new(), saga.begin().unwrap());
            let committed = loop {
                match next {
                    Next::Act(step) => calls.push((true, step)),
                    Next::Compensate(step) => calls.push((false, step)),
                    Next::Committed => break true,
                    Next::RolledBack => break false,
                    Next::Pause(_) | Next::NeedsIntervention => unreachable!("the guide knows neither"),
                }
                prop_assert_eq!(saga.begin(), None);
                next = saga.ended(outcome.next().unwrap()).unwrap();
            };
            prop_assert_eq!((calls, committed), expected);
            prop_assert_eq!(saga.current_step(), current);
            let names = saga.completed().iter().map(|name| name.0);
            prop_assert_eq!(names.collect::<Vec<_>>(), completed.clone());
        }
    }
}
