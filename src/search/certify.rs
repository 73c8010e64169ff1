//! Certificates: every plan of at most k faults, each once, under calm weather.
//!
//! From a plan, only points met after its last applied deviation are added, with every answer of
//! their menu; the world is cloned just before the point, so that nothing is run twice for one length.
//! Points that exist only after earlier deviations are met naturally. Shorter plans come first: what
//! contains one that fails says nothing new and is left out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indexmap::IndexSet;
use rayon::prelude::*;

use super::panicked::{Panicked, guarded};
use crate::choice::{Deviation, Plan, Point};
use crate::kernel::World;
use crate::property::{Judge, Violation};
use crate::scenario::Scenario;
use crate::system::Stock;

/// What an enumeration found: the same for any number of workers.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The most faults in a plan.
    pub faults: u32,
    /// Points of the calm run where a fault could strike, by kind of fault in the order of meeting.
    pub points: Vec<(String, u64)>,
    /// Ways to crash: points of kind `crash`, times the moments within the step.
    pub crash_points: u64,
    /// Kinds of faults that the scenario lists with odds of zero: these count as none.
    pub left_out: Vec<String>,
    /// Plans that were run, the calm one included.
    pub plans: u64,
    /// Every plan after which a property did not hold, shorter ones first and else in the order of
    /// enumeration. Plans that contain one of these were not run.
    pub failures: Vec<(Plan, Violation)>,
}

/// How far an enumeration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certifying {
    /// How many faults the plans have that are run now.
    pub faults: u32,
    /// At how many points of the calm run their first fault can strike.
    pub points: u64,
    /// How many of these points are done.
    pub done: u64,
    /// How many plans there are, where that is known beforehand: of one fault.
    pub known: Option<u64>,
    /// How many of them were run.
    pub plans: u64,
    /// How many plans violated something, shorter ones included.
    pub failed: u64,
}

/// A world that stands still, and its judge.
#[derive(Clone)]
struct Branch {
    world: World<Stock>,
    judge: Judge,
}

/// How many points a worker takes at a time.
const CHUNK: usize = 64;

/// Failing plans, by each of their deviations.
#[derive(Default)]
struct Failing(BTreeMap<Deviation, Vec<Arc<[Deviation]>>>);

/// Runs every plan of at most `faults` faults of the kinds that the scenario lists, with calm
/// weather, on all threads of the current pool. `progress` hears before the plans of each length
/// what there is to do, and after each point of the calm run how far it is.
///
/// # Errors
/// A machine panicked.
pub fn certify(
    scenario: &Scenario,
    faults: u32,
    load: Option<Vec<String>>,
    progress: &(dyn Fn(Certifying) + Sync),
) -> Result<Certificate, Panicked> {
    let plan = Plan { load, ..Plan::calm() };
    let shared = Arc::new(plan.clone());
    let start = Branch { world: scenario.world_with_points(&shared), judge: scenario.judge() };
    let mut calm = start.clone();
    let mut certificate = Certificate {
        faults,
        points: Vec::new(),
        crash_points: 0,
        left_out: left_out(scenario),
        plans: 1,
        failures: Vec::new(),
    };
    if let Some(violation) = guarded(&plan, || calm.finish())? {
        certificate.failures.push((plan, violation));
        return Ok(certificate);
    }
    let points = calm.world.take_points();
    certificate.count(&points);
    let mut failing = Failing::default();
    for length in 1..=faults {
        let meter = Meter::new(length, &points, certificate.failures.len());
        progress(meter.read());
        let results: Vec<Result<Found<'_>, Panicked>> = points
            .par_chunks(CHUNK)
            .map(|chunk| {
                let mut found = Found { failing: &failing, plans: 0, failures: Vec::new() };
                // Plans of one point share the worlds before it with those of the next.
                let mut base = start.clone();
                for point in chunk {
                    let before = (found.plans, found.failures.len());
                    found.extend_at(&mut base, &plan, point, length)?;
                    let plans = found.plans - before.0;
                    meter.count(plans, found.failures.len() - before.1);
                    progress(meter.read());
                }
                Ok(found)
            })
            .collect();
        let mut failures = Vec::new();
        for found in results {
            let found = found?;
            certificate.plans += found.plans;
            failures.extend(found.failures);
        }
        failures.iter().for_each(|(plan, _)| failing.add(plan));
        certificate.failures.extend(failures);
    }
    Ok(certificate)
}

/// Kinds of faults with odds of zero, each once.
fn left_out(scenario: &Scenario) -> Vec<String> {
    let never = scenario.layout().faults.iter().filter(|rule| rule.odds.num() == 0);
    let kinds: IndexSet<&str> = never.map(|rule| rule.what.word()).collect();
    kinds.into_iter().map(str::to_owned).collect()
}

impl Certificate {
    fn count(&mut self, points: &[Point]) {
        for point in points {
            let what = &point.address.what;
            match self.points.iter_mut().find(|(known, _)| known == what) {
                Some((_, count)) => *count += 1,
                None => self.points.push((what.clone(), 1)),
            }
            if what == "crash" {
                self.crash_points += point.menu.len() as u64;
            }
        }
    }
}

impl Failing {
    fn add(&mut self, plan: &Plan) {
        let deviations: Arc<[Deviation]> = plan.deviations.clone().into();
        for deviation in &*deviations {
            self.0.entry(deviation.clone()).or_default().push(Arc::clone(&deviations));
        }
    }

    /// Whether a plan contains one of these, its last deviation among what it has in common.
    fn is_part_of(&self, plan: &Plan) -> bool {
        let known = plan.deviations.last().and_then(|last| self.0.get(last));
        known
            .into_iter()
            .flatten()
            .any(|failing| failing.iter().all(|deviation| plan.deviations.contains(deviation)))
    }
}

/// Counts what all workers have done; nothing but what is told of it depends on them.
struct Meter {
    start: Certifying,
    done: AtomicU64,
    plans: AtomicU64,
    failed: AtomicU64,
}

impl Meter {
    fn new(faults: u32, points: &[Point], failed: usize) -> Self {
        let known = points.iter().map(|point| point.menu.len() as u64).sum();
        let known = (faults == 1).then_some(known);
        let points = points.len() as u64;
        let start = Certifying { faults, points, done: 0, known, plans: 0, failed: failed as u64 };
        let [done, plans, failed] = [0, 0, 0].map(AtomicU64::new);
        Self { start, done, plans, failed }
    }

    fn count(&self, plans: u64, failed: usize) {
        self.plans.fetch_add(plans, Ordering::Relaxed);
        self.failed.fetch_add(failed as u64, Ordering::Relaxed);
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> Certifying {
        Certifying {
            done: self.done.load(Ordering::Relaxed),
            plans: self.plans.load(Ordering::Relaxed),
            failed: self.start.failed + self.failed.load(Ordering::Relaxed),
            ..self.start
        }
    }
}

/// What one worker found.
struct Found<'a> {
    failing: &'a Failing,
    plans: u64,
    failures: Vec<(Plan, Violation)>,
}

impl Found<'_> {
    /// Runs every extension of the plan by `more` faults, the first of them at one of these points.
    fn extend(
        &mut self,
        start: &Branch,
        plan: &Plan,
        points: &[Point],
        more: u32,
    ) -> Result<(), Panicked> {
        let mut base = start.clone();
        points.iter().try_for_each(|point| self.extend_at(&mut base, plan, point, more))
    }

    /// The same at one point, to which the world goes on from an earlier one.
    fn extend_at(
        &mut self,
        base: &mut Branch,
        plan: &Plan,
        point: &Point,
        more: u32,
    ) -> Result<(), Panicked> {
        guarded(plan, || base.world.run_to_step(point.step - 1, &mut base.judge))?;
        for answer in &point.menu {
            let mut deviation = point.address.clone();
            deviation.answer.clone_from(answer);
            let mut longer = plan.clone();
            longer.deviations.push(deviation);
            if !self.failing.is_part_of(&longer) {
                self.explore(base.clone(), longer, more - 1)?;
            }
        }
        Ok(())
    }

    /// Runs the plan from a world just before its last deviation, or its extensions by `more` faults.
    fn explore(&mut self, mut branch: Branch, plan: Plan, more: u32) -> Result<(), Panicked> {
        branch.world.deviate(&Arc::new(plan.clone()), more > 0);
        let mut run = branch.clone();
        let violation = guarded(&plan, || run.finish())?;
        if more == 0 {
            self.plans += 1;
            self.failures.extend(violation.map(|violation| (plan, violation)));
            return Ok(());
        }
        let points = run.world.take_points();
        self.extend(&branch, &plan, &points, more)
    }
}

impl Branch {
    /// Runs to the end.
    fn finish(&mut self) -> Option<Violation> {
        let end = self.world.run(&mut self.judge);
        self.judge.end(end, self.world.now());
        self.judge.violation().cloned()
    }
}
