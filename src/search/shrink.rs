//! Shrinking: from a failing run to the few deviations that matter.
//!
//! What is tried, in this order: only the piece of work that showed the violation; calm weather;
//! whole kinds of faults, whole sites, whole flows; delta debugging; another arrival in the place of
//! the one that only random weather brings; values nearer to calm; and at the end each deviation
//! alone. After every success the plan becomes its applied part, up to the violation. Only the same
//! property counts: anything else is another finding.

use brownout_models::contract::FlowId;
use indexmap::IndexSet;

use super::minimise::{Tried, ddmin, one_minimal};
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
    let keeps_load = scenario.is_about_load(&property);
    let mut shrinker = Shrinker { scenario, property, keeps_load, runs: 1, steps: run.steps };
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
    /// The property is about all the load together.
    keeps_load: bool,
    runs: u64,
    /// Steps of all runs together.
    steps: u64,
}

/// Shrinking gives up after this many steps, about a minute of work; it is counted in steps so that
/// every machine gives up at the same point.
const STEPS_MAX: u64 = 200_000_000;

impl Shrunk {
    /// What makes a plan small: few deviations first, then calm weather, little load, short words.
    #[must_use]
    pub fn size(&self) -> impl Ord + use<> {
        size(&self.plan)
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
        if self.is_given_up() || (self.keeps_load && plan.load.is_some()) {
            return None;
        }
        self.runs += 1;
        let run = self.scenario.run_keeping(plan, Keep::VERDICT);
        self.steps += run.steps;
        self.same(plan, &run)
    }

    const fn is_given_up(&self) -> bool {
        self.steps >= STEPS_MAX
    }

    /// Tries a plan for a list that is made smaller; `keep` says what of the list mattered.
    fn tried<T>(
        &mut self,
        plan: &Plan,
        last: &mut Failing,
        keep: impl FnOnce(&Plan) -> Vec<T>,
    ) -> Tried<T> {
        if self.is_given_up() {
            return Tried::GivenUp;
        }
        let Some(smaller) = self.fails(plan) else { return Tried::Holds };
        let kept = keep(&smaller.plan);
        if size(&smaller.plan) <= size(&last.plan) {
            *last = smaller;
        }
        Tried::Fails(kept)
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
            weather: run.world().weather_purposes().to_vec(),
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
            .or_else(|| self.other_instance(&candidates[0]))
            .unwrap_or_else(|| self.only_struck(failing))
    }

    /// Without the rest of the load the work may go to another instance of a service, where the same
    /// fault does as well.
    fn other_instance(&mut self, plan: &Plan) -> Option<Failing> {
        let [deviation] = plan.deviations.as_slice() else { return None };
        let places = &self.scenario.layout().nodes;
        let sites: Vec<String> = places
            .iter()
            .flat_map(|place| {
                let siblings = places.iter().filter(|other| other.group == place.group);
                siblings.filter_map(|other| with_node(&deviation.site, &place.name, &other.name))
            })
            .filter(|site| *site != deviation.site)
            .collect();
        sites.into_iter().find_map(|site| {
            self.fails(&plan.with_deviations(vec![Deviation { site, ..deviation.clone() }]))
        })
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

    /// No more load than it takes: half of it, a quarter, and so on down to single pieces.
    fn lightest(&mut self, failing: Failing) -> Failing {
        if self.keeps_load {
            return failing;
        }
        let mut last = self.only_struck(failing);
        let base = last.plan.clone();
        let load = base.load.clone().unwrap_or_else(|| self.arrivals(&base));
        let lighter = |load: &[String]| Plan { load: Some(load.to_vec()), ..base.clone() };
        let load = ddmin(load, |load| self.tried(&lighter(load), &mut last, |_| load.to_vec()));
        one_minimal(load, |load| self.tried(&lighter(load), &mut last, |_| load.to_vec()));
        last
    }

    /// Every piece of load that a run begins, up to its end.
    fn arrivals(&mut self, plan: &Plan) -> Vec<String> {
        self.runs += 1;
        let run = self.scenario.run_keeping(plan, Keep::VERDICT);
        self.steps += run.steps;
        let started = u32::try_from(run.world().flows()).unwrap_or(u32::MAX);
        let names = (0..started).map(|flow| run.world().flow_name(FlowId(flow)));
        names.filter(|name| !name.contains(' ')).collect()
    }

    fn fewest(&mut self, failing: Failing) -> Failing {
        let (base, mut last) = (failing.plan.clone(), failing);
        ddmin(base.deviations.clone(), |deviations| {
            let plan = base.with_deviations(deviations.to_vec());
            self.tried(&plan, &mut last, |plan| plan.deviations.clone())
        });
        last
    }

    fn one_by_one(&mut self, failing: Failing) -> Failing {
        let (base, mut last) = (failing.plan.clone(), failing);
        one_minimal(base.deviations.clone(), |deviations| {
            let plan = base.with_deviations(deviations.to_vec());
            self.tried(&plan, &mut last, |plan| plan.deviations.clone())
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
        let is_one_minimal = !self.is_given_up()
            && (0..deviations.len()).all(|at| {
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

/// The site with another node in the place of one; `None` when that node is no part of it.
fn with_node(site: &str, node: &str, other: &str) -> Option<String> {
    let (ends, kind) = site.split_once(' ').map_or((site, None), |(ends, kind)| (ends, Some(kind)));
    let mut ends: Vec<&str> = ends.split('>').collect();
    let at = ends.iter().position(|end| *end == node)?;
    ends[at] = other;
    let ends = ends.join(">");
    Some(kind.map_or_else(|| ends.clone(), |kind| format!("{ends} {kind}")))
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
