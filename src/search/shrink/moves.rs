//! What is tried to make a failing plan smaller. Each move gives the plan back as it was when nothing
//! came of it.

use brownout_models::contract::FlowId;
use indexmap::IndexSet;

use super::names::{in_rotation, is_load, renamed, simpler};
use super::{Failing, Shrinker};
use crate::choice::{Deviation, Plan, Weather};
use crate::search::minimise::{ddmin, one_minimal};

impl Shrinker<'_> {
    /// Only the piece of work that showed the violation, and only what struck it.
    pub(super) fn focus(&mut self, failing: Failing) -> Failing {
        let Some(flow) = failing.flow.clone() else { return self.only_struck(failing) };
        let of_flow = |deviation: &&Deviation| deviation.flow == flow;
        let struck: Vec<Deviation> =
            failing.plan.deviations.iter().filter(of_flow).cloned().collect();
        let struck = failing.plan.with_deviations(struck);
        if let Some(alone) = self.alone(&struck, &flow) {
            return alone;
        }
        let all = Plan { load: Some(vec![flow]), ..failing.plan.clone() };
        self.fails(&all)
            .or_else(|| self.fails(&struck))
            .unwrap_or_else(|| self.only_struck(failing))
    }

    /// Everything else, until nothing gets smaller.
    pub(super) fn pare_down(&mut self, failing: Failing) -> Failing {
        let mut failing = self.fewest(failing);
        failing = self.calm(failing);
        failing = self.fewest(failing);
        if failing.plan.load.is_none() {
            failing = self.focus(failing);
            failing = self.calm(failing);
        }
        failing = self.lightest(failing);
        failing = self.calm(failing);
        failing = self.nearer_to_calm(failing);
        self.one_by_one(failing)
    }

    /// Nothing but the only piece of load that faults struck, if there is only one.
    fn on_its_own(&mut self, failing: Failing) -> Failing {
        let flows = struck(&failing.plan);
        let [flow] = flows.as_slice() else { return failing };
        if failing.is_as_small_as_can_be() {
            return failing;
        }
        self.alone(&failing.plan, flow).unwrap_or(failing)
    }

    /// A piece of load and nothing else, preferably in calm weather. Without the rest of the load it
    /// may go to another instance of a service, and calm weather may not bring it at all: then the
    /// same faults may do at the other instance, or for another arrival.
    fn alone(&mut self, plan: &Plan, flow: &str) -> Option<Failing> {
        if self.keeps_load {
            return None;
        }
        let plan = Plan { load: Some(vec![flow.to_owned()]), ..plan.clone() };
        let calm = Plan { weather: Weather::Calm, ..plan.clone() };
        let others = other_arrivals(flow).map(|other| renamed(&calm, flow, &other));
        let mut candidates = vec![calm.clone()];
        candidates.extend(others);
        if plan.weather != Weather::Calm {
            candidates.push(plan);
        }
        let layout = std::sync::Arc::clone(self.scenario.layout());
        let rotated = candidates.into_iter().flat_map(|plan| in_rotation(&plan, &layout));
        rotated.collect::<Vec<_>>().iter().find_map(|plan| self.fails(plan))
    }

    /// Only the load that faults struck.
    fn only_struck(&mut self, failing: Failing) -> Failing {
        let flows = struck(&failing.plan);
        if flows.is_empty() {
            return failing;
        }
        let plan = Plan { load: Some(flows), ..failing.plan.clone() };
        self.fails(&plan).unwrap_or(failing)
    }

    /// Calm weather altogether, or as much of it as can be.
    fn calm(&mut self, failing: Failing) -> Failing {
        let mut failing = self.on_its_own(failing);
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

    /// Random weather may bring arrivals that calm weather does not.
    fn other_arrival(&mut self, plan: &Plan) -> Option<Failing> {
        let flows = struck(plan);
        let [flow] = flows.as_slice() else { return None };
        other_arrivals(flow).find_map(|other| self.fails(&renamed(plan, flow, &other)))
    }

    /// Only some kinds of faults, then only some sites, then only some flows.
    pub(super) fn by_groups(&mut self, mut failing: Failing) -> Failing {
        let keys: [fn(&Deviation) -> &str; 3] =
            [|deviation| &deviation.what, |deviation| &deviation.site, |deviation| &deviation.flow];
        for key in keys {
            let base = failing.plan.clone();
            let groups = |plan: &Plan| -> Vec<String> {
                let groups: IndexSet<&str> = plan.deviations.iter().map(key).collect();
                groups.into_iter().map(str::to_owned).collect()
            };
            ddmin(groups(&base), |some| {
                let some: IndexSet<&str> = some.iter().map(String::as_str).collect();
                let rest = base.deviations.iter().filter(|deviation| some.contains(key(deviation)));
                let plan = base.with_deviations(rest.cloned().collect());
                self.tried(&plan, &mut failing, groups)
            });
        }
        failing
    }

    /// No more load than it takes: half of it, a quarter, and so on down to single pieces.
    fn lightest(&mut self, failing: Failing) -> Failing {
        if self.keeps_load || failing.is_as_small_as_can_be() {
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
    pub(super) fn arrivals(&mut self, plan: &Plan) -> Vec<String> {
        let Some(run) = self.run(plan) else { return Vec::new() };
        let started = u32::try_from(run.world().flows()).unwrap_or(u32::MAX);
        let names = (0..started).map(|flow| run.world().flow_name(FlowId(flow)));
        names.filter(|name| is_load(name)).collect()
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
            if self.is_spent() {
                self.gave_up = true;
                break;
            }
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
    pub(super) fn single(&mut self, all: &[Deviation], best: Failing) -> Failing {
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
}

/// The pieces of load that the faults of a plan struck.
fn struck(plan: &Plan) -> Vec<String> {
    let flows = plan.deviations.iter().map(|deviation| deviation.flow.as_str());
    let flows: IndexSet<&str> = flows.filter(|flow| is_load(flow)).collect();
    flows.into_iter().map(str::to_owned).collect()
}

/// What may arrive in calm weather in the place of an arrival: the first of the same slot, or of the
/// first two slots.
fn other_arrivals(flow: &str) -> impl Iterator<Item = String> {
    let slot = flow.rsplit_once('.').map(|(slot, _)| slot);
    let both = slot.and_then(|slot| Some((slot, slot.rsplit_once('/')?.0)));
    both.into_iter().flat_map(|(slot, source)| {
        [format!("{slot}.1"), format!("{source}/0.1"), format!("{source}/1.1")]
    })
}
