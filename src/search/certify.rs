//! Certificates: every plan of at most k faults, each once, under calm weather.
//!
//! From a plan, only points met after its last applied deviation are added, with every answer of
//! their menu; the world is cloned just before the point, so that nothing is run twice. Points that
//! exist only after earlier deviations are met naturally.

use std::sync::Arc;

use rayon::prelude::*;

use crate::choice::{Plan, Point};
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
    /// Plans that were run, the calm one included.
    pub plans: u64,
    /// Every plan after which a property did not hold, in the order of enumeration; extensions of a
    /// failing plan are not run.
    pub failures: Vec<(Plan, Violation)>,
}

/// A world that stands still, and its judge.
#[derive(Clone)]
struct Branch {
    world: World<Stock>,
    judge: Judge,
}

/// How many points a worker takes at a time.
const CHUNK: usize = 64;

/// Runs every plan of at most `faults` faults of the kinds that the scenario lists, with calm
/// weather, on all threads of the current pool. `progress` hears how many points of the calm run
/// are done, of how many.
#[must_use]
pub fn certify(
    scenario: &Scenario,
    faults: u32,
    load: Option<Vec<String>>,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Certificate {
    let plan = Plan { load, ..Plan::calm() };
    let shared = Arc::new(plan.clone());
    let start = Branch { world: scenario.world_with_points(&shared), judge: scenario.judge() };
    let mut calm = start.clone();
    let mut certificate =
        Certificate { faults, points: Vec::new(), crash_points: 0, plans: 1, failures: Vec::new() };
    if let Some(violation) = calm.finish() {
        certificate.failures.push((plan, violation));
        return certificate;
    }
    let points = calm.world.take_points();
    for point in &points {
        let what = &point.address.what;
        match certificate.points.iter_mut().find(|(known, _)| known == what) {
            Some((_, count)) => *count += 1,
            None => certificate.points.push((what.clone(), 1)),
        }
        if what == "crash" {
            certificate.crash_points += point.menu.len() as u64;
        }
    }
    if faults == 0 {
        return certificate;
    }
    let done = std::sync::atomic::AtomicU64::new(0);
    let results: Vec<(u64, Vec<(Plan, Violation)>)> = points
        .par_chunks(CHUNK)
        .map(|chunk| {
            let mut found = Found::default();
            found.extend(&start, &plan, chunk, faults);
            let chunk = chunk.len() as u64;
            let before = done.fetch_add(chunk, std::sync::atomic::Ordering::Relaxed);
            progress(before + chunk, points.len() as u64);
            (found.plans, found.failures)
        })
        .collect();
    for (plans, failures) in results {
        certificate.plans += plans;
        certificate.failures.extend(failures);
    }
    certificate
}

/// What one worker found.
#[derive(Default)]
struct Found {
    plans: u64,
    failures: Vec<(Plan, Violation)>,
}

impl Found {
    /// Runs every extension of the plan by one of these points, and extends those in turn.
    fn extend(&mut self, start: &Branch, plan: &Plan, points: &[Point], faults: u32) {
        let mut base = start.clone();
        for point in points {
            base.world.run_to_step(point.step - 1, &mut base.judge);
            for answer in &point.menu {
                let mut deviation = point.address.clone();
                deviation.answer.clone_from(answer);
                let mut longer = plan.clone();
                longer.deviations.push(deviation);
                self.explore(base.clone(), longer, faults - 1);
            }
        }
    }

    /// Runs the plan from a world just before its last deviation, and its extensions.
    fn explore(&mut self, mut branch: Branch, plan: Plan, faults: u32) {
        self.plans += 1;
        branch.world.deviate(&Arc::new(plan.clone()), faults > 0);
        let mut run = branch.clone();
        if let Some(violation) = run.finish() {
            self.failures.push((plan, violation));
            return;
        }
        if faults > 0 {
            let points = run.world.take_points();
            self.extend(&branch, &plan, &points, faults);
        }
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
