//! Shrinking: from a failing run to the few deviations that matter.
//!
//! What is tried, in this order: only the piece of work that showed the violation; calm weather;
//! whole kinds of faults, whole sites, whole flows; delta debugging; another arrival in the place of
//! the one that only random weather brings; values nearer to calm; and at the end each deviation
//! alone. After every success the plan becomes its applied part, up to the violation. Only the same
//! property counts: anything else is another finding.

use indexmap::IndexSet;

use super::minimise::{ddmin, one_minimal};
use crate::choice::{Deviation, Plan, Weather};
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
}

/// Shrinks a failing plan; `None` when it does not fail.
#[must_use]
pub fn shrink(scenario: &Scenario, plan: &Plan) -> Option<Shrunk> {
    let run = scenario.run_keeping(plan, Keep::VERDICT);
    let property = run.violation.as_ref()?.property.clone();
    let mut shrinker = Shrinker { scenario, property, runs: 1 };
    let recorded = shrinker.fails(&Plan {
        random_faults: false,
        deviations: run.applied.clone(),
        ..plan.clone()
    })?;
    let focused = shrinker.focus(recorded);
    let grouped = shrinker.by_groups(focused.clone());
    let grouped = shrinker.pare_down(grouped);
    let flat = shrinker.pare_down(focused);
    let best = if size(&flat.plan) < size(&grouped.plan) { flat } else { grouped };
    let best = shrinker.single(&run.applied, best);
    Some(shrinker.finish(best))
}

/// A plan that fails, and its run.
#[derive(Clone, Debug)]
struct Failing {
    plan: Plan,
    violation: Violation,
    digest: String,
    /// The name of the piece of work that showed the violation.
    flow: Option<String>,
    weather: Vec<&'static str>,
}

struct Shrinker<'a> {
    scenario: &'a Scenario,
    property: String,
    runs: u64,
}

impl Shrunk {
    /// What makes a plan small: few deviations first, then calm weather, little load, short words.
    #[must_use]
    pub fn size(&self) -> impl Ord + use<> {
        size(&self.plan)
    }
}

fn size(plan: &Plan) -> (usize, usize, bool, usize) {
    let weather = match &plan.weather {
        Weather::Calm => 0,
        Weather::Seed { except, .. } => 100_usize.saturating_sub(except.len()),
    };
    let words = plan.deviations.iter().map(|deviation| deviation.answer.len()).sum();
    (plan.deviations.len(), weather, plan.load.is_none(), words)
}

impl Shrinker<'_> {
    /// Runs a plan. If the property does not hold, the plan comes back as its applied part.
    fn fails(&mut self, plan: &Plan) -> Option<Failing> {
        self.runs += 1;
        let run = self.scenario.run_keeping(plan, Keep::VERDICT);
        self.same(plan, &run)
    }

    fn same(&self, plan: &Plan, run: &Run) -> Option<Failing> {
        let violation = run.violation.clone().filter(|found| found.property == self.property)?;
        let flow = violation.flow.map(|flow| run.world().flow_name(flow));
        let deviations = run.applied.clone();
        Some(Failing {
            plan: plan.with_deviations(deviations),
            violation,
            digest: run.digest.to_string(),
            flow,
            weather: run.world().weather_purposes(),
        })
    }

    /// Only the piece of work that showed the violation, and only what struck it.
    fn focus(&mut self, failing: Failing) -> Failing {
        let Some(flow) = failing.flow.clone() else { return self.only_struck(failing) };
        let of_flow = |deviation: &&Deviation| deviation.flow == flow;
        let struck: Vec<Deviation> =
            failing.plan.deviations.iter().filter(of_flow).cloned().collect();
        let load = Some(vec![flow]);
        let candidates = [
            Plan { load: load.clone(), deviations: struck.clone(), ..failing.plan.clone() },
            Plan { load, ..failing.plan.clone() },
            failing.plan.with_deviations(struck),
        ];
        candidates
            .iter()
            .find_map(|plan| self.fails(plan))
            .unwrap_or_else(|| self.only_struck(failing))
    }

    /// Only the load that faults struck.
    fn only_struck(&mut self, failing: Failing) -> Failing {
        let flows: IndexSet<String> = failing
            .plan
            .deviations
            .iter()
            .filter(|deviation| !deviation.flow.contains(' '))
            .map(|deviation| deviation.flow.clone())
            .collect();
        if flows.is_empty() {
            return failing;
        }
        let plan = Plan { load: Some(flows.into_iter().collect()), ..failing.plan.clone() };
        self.fails(&plan).unwrap_or(failing)
    }

    /// Calm weather altogether, or as much of it as can be.
    fn calm(&mut self, mut failing: Failing) -> Failing {
        let Weather::Seed { seed, except } = failing.plan.weather.clone() else { return failing };
        let calm = Plan { weather: Weather::Calm, ..failing.plan.clone() };
        if let Some(calm) = self.fails(&calm).or_else(|| self.other_arrival(&calm)) {
            return calm;
        }
        let mut except = except;
        for purpose in failing.weather.clone() {
            if except.iter().any(|known| known == purpose) {
                continue;
            }
            let mut more = except.clone();
            more.push(purpose.to_owned());
            let weather = Weather::Seed { seed, except: more.clone() };
            if let Some(calmer) = self.fails(&Plan { weather, ..failing.plan.clone() }) {
                (failing, except) = (calmer, more);
            }
        }
        failing
    }

    /// Random weather may bring arrivals that calm weather does not: the first arrival of the same
    /// slot, or of the first slot, may do as well.
    fn other_arrival(&mut self, plan: &Plan) -> Option<Failing> {
        let flows: IndexSet<&String> =
            plan.deviations.iter().map(|deviation| &deviation.flow).collect();
        let [flow] = flows.into_iter().collect::<Vec<_>>()[..] else { return None };
        let (slot, _) = flow.rsplit_once('.')?;
        let (source, _) = slot.rsplit_once('/')?;
        [format!("{slot}.1"), format!("{source}/0.1"), format!("{source}/1.1")]
            .iter()
            .find_map(|other| self.fails(&renamed(plan, flow, other)))
    }

    /// Whole kinds of faults, then whole sites, then whole flows.
    fn by_groups(&mut self, mut failing: Failing) -> Failing {
        let keys: [fn(&Deviation) -> &str; 3] =
            [|deviation| &deviation.what, |deviation| &deviation.site, |deviation| &deviation.flow];
        for key in keys {
            let groups: IndexSet<String> =
                failing.plan.deviations.iter().map(|deviation| key(deviation).to_owned()).collect();
            for group in groups {
                let rest: Vec<Deviation> = failing
                    .plan
                    .deviations
                    .iter()
                    .filter(|deviation| key(deviation) != group)
                    .cloned()
                    .collect();
                if rest.len() == failing.plan.deviations.len() {
                    continue;
                }
                if let Some(fewer) = self.fails(&failing.plan.with_deviations(rest)) {
                    failing = fewer;
                }
            }
        }
        failing
    }

    /// Everything else, until nothing gets smaller.
    fn pare_down(&mut self, failing: Failing) -> Failing {
        let mut failing = self.fewest(failing);
        failing = self.calm(failing);
        failing = self.fewest(failing);
        if failing.plan.load.is_none() {
            failing = self.focus(failing);
            failing = self.calm(failing);
        }
        failing = self.nearer_to_calm(failing);
        failing = self.one_by_one(failing);
        self.lightest(failing)
    }

    /// No more load than it takes.
    fn lightest(&mut self, failing: Failing) -> Failing {
        let lighter = self.only_struck(failing);
        let Some(load) = lighter.plan.load.clone() else { return lighter };
        let mut last = lighter.clone();
        one_minimal(load, |fewer| {
            let plan = Plan { load: Some(fewer.to_vec()), ..lighter.plan.clone() };
            let found = self.fails(&plan)?;
            // A deviation that no longer applies is no part of the finding any more.
            last = found;
            Some(fewer.to_vec())
        });
        last
    }

    fn fewest(&mut self, failing: Failing) -> Failing {
        let mut last = failing.clone();
        let base = failing.plan;
        ddmin(base.deviations.clone(), |deviations| {
            let smaller = self.fails(&base.with_deviations(deviations.to_vec()))?;
            let kept = smaller.plan.deviations.clone();
            if kept.len() < last.plan.deviations.len() {
                last = smaller;
            }
            Some(kept)
        });
        last
    }

    fn one_by_one(&mut self, failing: Failing) -> Failing {
        let mut last = failing.clone();
        let base = failing.plan;
        one_minimal(base.deviations.clone(), |deviations| {
            let smaller = self.fails(&base.with_deviations(deviations.to_vec()))?;
            let kept = smaller.plan.deviations.clone();
            last = smaller;
            Some(kept)
        });
        last
    }

    /// Shorter spans, in round numbers; crashes before the step rather than within it.
    fn nearer_to_calm(&mut self, mut failing: Failing) -> Failing {
        for at in 0..failing.plan.deviations.len() {
            let Some(deviation) = failing.plan.deviations.get(at).cloned() else { break };
            for answer in simpler(&deviation) {
                let mut deviations = failing.plan.deviations.clone();
                deviations[at].answer = answer;
                if let Some(simple) = self.fails(&failing.plan.with_deviations(deviations)) {
                    if simple.plan.deviations.len() == failing.plan.deviations.len() {
                        failing = simple;
                    }
                    break;
                }
            }
        }
        failing
    }

    /// A single deviation that does it alone, if the plan has several.
    fn single(&mut self, all: &[Deviation], best: Failing) -> Failing {
        /// More are not tried: the list is in order of time, and what matters comes last.
        const TRIED_MAX: usize = 100;
        if best.plan.deviations.len() <= 1 {
            return best;
        }
        for deviation in all.iter().rev().take(TRIED_MAX) {
            let plan = best.plan.with_deviations(vec![deviation.clone()]);
            let found = self.fails(&Plan { load: None, ..plan });
            if let Some(found) = found {
                let found = self.focus(found);
                return self.pare_down(found);
            }
        }
        best
    }

    fn finish(mut self, best: Failing) -> Shrunk {
        let deviations = &best.plan.deviations;
        let is_one_minimal = (0..deviations.len()).all(|at| {
            let mut fewer = deviations.clone();
            fewer.remove(at);
            self.fails(&best.plan.with_deviations(fewer)).is_none()
        });
        Shrunk {
            plan: best.plan,
            violation: best.violation,
            digest: best.digest,
            runs: self.runs,
            is_one_minimal,
        }
    }
}

/// The plan with another arrival in the place of one.
fn renamed(plan: &Plan, flow: &str, other: &str) -> Plan {
    let rename = |name: &String| if name == flow { other.to_owned() } else { name.clone() };
    let mut plan = plan.clone();
    for deviation in &mut plan.deviations {
        deviation.flow = rename(&deviation.flow);
    }
    plan.load = plan.load.map(|load| load.iter().map(rename).collect());
    plan
}

/// Simpler answers, the simplest first.
fn simpler(deviation: &Deviation) -> Vec<String> {
    use brownout_models::Span;
    if deviation.what == "crash" {
        let effects = deviation.answer.strip_prefix("after effect ").and_then(|n| n.parse().ok());
        let earlier = (1..effects.unwrap_or(1_u32)).map(|effect| format!("after effect {effect}"));
        let before = (deviation.answer != "before the step").then(|| "before the step".to_owned());
        return before.into_iter().chain(earlier).collect();
    }
    let Ok(span) = deviation.answer.parse::<Span>() else { return Vec::new() };
    let mut round = Vec::new();
    let mut power = Span::from_micros(1);
    while power < span {
        for times in 1..=9 {
            let candidate = power.times(times);
            if candidate < span {
                round.push(candidate.to_string());
            }
        }
        power = power.times(10);
    }
    round
}
