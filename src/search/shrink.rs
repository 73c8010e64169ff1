//! Shrinking: from a failing run to the few deviations, and the little load, that matter.
//!
//! What is tried, in this order: only the piece of work that showed the violation; whole kinds of
//! faults, whole sites, whole flows; delta debugging; calm weather; another arrival, or another
//! instance, in the place of one that only random weather or other load brings; delta debugging of
//! the load; values nearer to calm; and at the end each deviation alone. After every success the
//! plan becomes its applied part, up to the violation. Only the same property counts: anything else
//! is another finding.
//!
//! Shrinking has a budget, counted in steps and not in seconds: every machine gives up at the same
//! point, and the result says so.

mod moves;
mod names;

use super::minimise::Tried;
use super::panicked::guarded;
use crate::choice::{Plan, Weather};
use crate::property::Violation;
use crate::run::{Keep, Run};
use crate::scenario::Scenario;

/// A failing plan that was made as small as it goes.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smallest plan found.
    pub plan: Plan,
    /// How it fails.
    pub violation: Violation,
    /// The digest of its run.
    pub digest: String,
    /// How many runs it took.
    pub runs: u64,
    /// Whether taking away any one deviation makes the property hold.
    pub is_one_minimal: bool,
    /// What is left of the load.
    pub load: LoadLeft,
    /// There was something left to try when the budget was spent: the plan may not be the smallest.
    pub gave_up: bool,
}

/// What is left of the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadLeft {
    /// All of it, as the property is about all the load together.
    All,
    /// So many pieces, and without any one of them the property holds.
    Minimal(usize),
    /// So many pieces; not each of them was shown to matter.
    Unproven(usize),
}

impl LoadLeft {
    /// Whether none of the pieces can be missed; `None` where the property is about all of them.
    #[must_use]
    pub const fn is_minimal(self) -> Option<bool> {
        match self {
            Self::All => None,
            Self::Minimal(_) => Some(true),
            Self::Unproven(_) => Some(false),
        }
    }
}

/// Shrinks a failing plan; `None` when it does not fail.
#[must_use]
pub fn shrink(scenario: &Scenario, plan: &Plan) -> Option<Shrunk> {
    let run = scenario.run_keeping(plan, Keep::VERDICT);
    let budget = BUDGET.saturating_add(cost(&run).saturating_mul(RUNS_AFFORDED));
    shrink_within(scenario, &run, budget)
}

/// The same, while its runs have cost less than the budget.
fn shrink_within(scenario: &Scenario, run: &Run, budget: u64) -> Option<Shrunk> {
    let (plan, spent) = (&run.plan, cost(run));
    let property = run.violation.as_ref()?.property.clone();
    let keeps_load = scenario.is_about_load(&property);
    let mut shrinker =
        Shrinker { scenario, property, keeps_load, runs: 1, spent, budget, gave_up: false };
    let recorded = shrinker.fails(&Plan {
        random_faults: false,
        deviations: run.applied.clone(),
        ..plan.clone()
    })?;
    let focused = shrinker.focus(recorded);
    let grouped = shrinker.by_groups(focused.clone());
    let mut best = shrinker.pare_down(grouped);
    if !best.is_as_small_as_can_be() {
        let flat = shrinker.pare_down(focused);
        if size(&flat.plan) < size(&best.plan) {
            best = flat;
        }
    }
    let best = shrinker.single(&run.applied, best);
    Some(shrinker.finish(best))
}

/// A plan that fails, and its run.
#[derive(Clone, Debug)]
struct Failing {
    plan: Plan,
    violation: Violation,
    digest: String,
    /// The name of the piece of work that the violation is about.
    flow: Option<String>,
    weather: Vec<&'static str>,
}

impl Failing {
    fn is_as_small_as_can_be(&self) -> bool {
        let Plan { weather, load, deviations, .. } = &self.plan;
        let is_light = load.as_ref().is_some_and(|load| load.len() <= 1);
        deviations.len() <= 1 && *weather == Weather::Calm && is_light
    }
}

struct Shrinker<'a> {
    scenario: &'a Scenario,
    property: String,
    /// The property is about all the load together.
    keeps_load: bool,
    runs: u64,
    /// What all runs together cost, in steps.
    spent: u64,
    /// What they may cost.
    budget: u64,
    /// A run was not made, as the budget was spent.
    gave_up: bool,
}

/// Shrinking gives up when its runs have cost this many steps, which is a matter of seconds ..
const BUDGET: u64 = 20_000_000;

/// .. and that of so many runs like the first, where those are long.
const RUNS_AFFORDED: u64 = 12;

/// Taking a deviation in, and writing down a fault that strikes, takes as long as so many steps.
const COST_OF_DEVIATION: u64 = 20;

fn cost(run: &Run) -> u64 {
    let deviations = run.fates.len().saturating_add(run.applied.len()) as u64;
    run.steps.saturating_add(deviations.saturating_mul(COST_OF_DEVIATION))
}

impl Shrunk {
    /// What makes a plan small: few deviations first, then calm weather, little load, short words,
    /// and a short run.
    #[must_use]
    pub fn size(&self) -> impl Ord + use<> {
        (size(&self.plan), self.violation.at)
    }
}

fn size(plan: &Plan) -> (usize, usize, usize, usize) {
    let weather = match &plan.weather {
        Weather::Calm => 0,
        Weather::Seed { except, .. } => 100_usize.saturating_sub(except.len()),
    };
    let words = plan.deviations.iter().map(|deviation| deviation.answer.len()).sum();
    let load = plan.load.as_ref().map_or(usize::MAX, Vec::len);
    (plan.deviations.len(), weather, load, words)
}

impl Shrinker<'_> {
    /// Runs a plan. If the property does not hold, the plan comes back as its applied part.
    fn fails(&mut self, plan: &Plan) -> Option<Failing> {
        if self.keeps_load && plan.load.is_some() {
            return None;
        }
        if self.is_spent() {
            self.gave_up = true;
            return None;
        }
        let run = self.run(plan)?;
        self.same(plan, &run)
    }

    /// Runs a plan, if no machine panics: then it fails in another way.
    fn run(&mut self, plan: &Plan) -> Option<Run> {
        self.runs += 1;
        let run = guarded(plan, || self.scenario.run_keeping(plan, Keep::VERDICT)).ok()?;
        self.spent = self.spent.saturating_add(cost(&run));
        Some(run)
    }

    const fn is_spent(&self) -> bool {
        self.spent >= self.budget
    }

    /// Tries a plan for a list that is made smaller; `keep` says what of the list mattered.
    fn tried<T>(
        &mut self,
        plan: &Plan,
        last: &mut Failing,
        keep: impl FnOnce(&Plan) -> Vec<T>,
    ) -> Tried<T> {
        let Some(smaller) = self.fails(plan) else {
            return if self.gave_up { Tried::GivenUp } else { Tried::Holds };
        };
        let kept = keep(&smaller.plan);
        if size(&smaller.plan) <= size(&last.plan) {
            *last = smaller;
        }
        Tried::Fails(kept)
    }

    fn same(&self, plan: &Plan, run: &Run) -> Option<Failing> {
        let violation = run.violation.clone().filter(|found| found.property == self.property)?;
        let flow = violation.flow_name(run.world());
        let deviations = run.applied.clone();
        Some(Failing {
            plan: plan.with_deviations(deviations),
            violation,
            digest: run.digest.to_string(),
            flow,
            weather: run.world().weather_purposes().to_vec(),
        })
    }

    /// Proves that nothing can be missed, as far as the budget goes.
    fn finish(mut self, mut best: Failing) -> Shrunk {
        // A system without arrivals, a drill for instance, has no load that could be left out.
        if best.plan.load.as_ref().is_some_and(Vec::is_empty) {
            let all = Plan { load: None, ..best.plan.clone() };
            if self.arrivals(&all).is_empty() {
                best.plan = all;
            }
        }
        let deviations = best.plan.deviations.clone();
        let is_one_minimal = (0..deviations.len()).all(|at| {
            let mut fewer = deviations.clone();
            fewer.remove(at);
            self.is_needed(&best.plan.with_deviations(fewer))
        });
        let load = if self.keeps_load {
            LoadLeft::All
        } else {
            let load = best.plan.load.clone().unwrap_or_else(|| self.arrivals(&best.plan));
            let is_minimal = (0..load.len()).all(|at| {
                let mut lighter = load.clone();
                lighter.remove(at);
                self.is_needed(&Plan { load: Some(lighter), ..best.plan.clone() })
            });
            if is_minimal { LoadLeft::Minimal(load.len()) } else { LoadLeft::Unproven(load.len()) }
        };
        Shrunk {
            plan: best.plan,
            violation: best.violation,
            digest: best.digest,
            runs: self.runs,
            is_one_minimal,
            load,
            gave_up: self.gave_up,
        }
    }

    /// Whether the property holds after a plan that lacks something, and there was time to see it.
    fn is_needed(&mut self, without: &Plan) -> bool {
        self.fails(without).is_none() && !self.gave_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::Kinds;

    /// Orders that never end, as no reply to a charge arrives: every order has a fault, and any one
    /// of them does it.
    fn endless(orders: u32) -> Scenario {
        let text = format!(
            r#"(
                version: 1,
                nodes: {{
                    "shop": Service(registered: false, workers: 10000, handlers: {{
                        "buy": [Work("5ms"), Call(to: "pay-1", method: "charge")],
                    }}),
                    "pay": Service(registered: false, workers: 10000, handlers: {{
                        "charge": [Work("5ms"), Write(table: "charges")],
                    }}),
                    "client": Clients(
                        arrivals: Every(period: "1ms", count: {orders}),
                        script: [Call(to: "shop", method: "buy")],
                    ),
                }},
                faults: [Lose(odds: "100%", only: ["charge reply"]), Delay(odds: "100%", by: "1ms..5ms")],
                properties: [EveryCallEnds()],
            )"#
        );
        Scenario::parse("endless.ron", &text, &Kinds::new())
            .unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn thousands_of_faults_shrink_in_few_runs() {
        let scenario = endless(2_000);
        let run = scenario.run_keeping(&Plan::seed(1), Keep::VERDICT);
        assert!(run.applied.len() > 5_000, "only {} faults struck", run.applied.len());
        let shrunk = shrink(&scenario, &Plan::seed(1)).expect("no order ends");
        assert!(shrunk.runs < 60, "{} runs", shrunk.runs);
        assert_eq!((shrunk.plan.deviations.len(), shrunk.load), (1, LoadLeft::Minimal(1)));
        assert!(shrunk.is_one_minimal && !shrunk.gave_up);
    }

    #[test]
    fn what_shrinking_gave_up_still_fails_and_is_not_called_minimal() {
        let scenario = endless(50);
        let run = scenario.run_keeping(&Plan::seed(1), Keep::VERDICT);
        let enough = shrink(&scenario, &Plan::seed(1)).expect("no order ends");
        let recorded = 2 * cost(&run);
        for budget in [recorded, recorded + 1, recorded * 2, recorded * 4] {
            let shrunk = shrink_within(&scenario, &run, budget).expect("no order ends");
            assert!(!scenario.run_keeping(&shrunk.plan, Keep::VERDICT).held(), "{}", shrunk.plan);
            let is_minimal = shrunk.is_one_minimal && shrunk.load.is_minimal() == Some(true);
            assert_eq!(shrunk.gave_up, !is_minimal, "within {budget}");
            assert_eq!(shrunk.gave_up, shrunk.runs < enough.runs, "within {budget}");
        }
        assert!(shrink_within(&scenario, &run, recorded).expect("no order ends").gave_up);
    }
}
