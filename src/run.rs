//! One run of a scenario: follow a plan, watch, judge.

use std::sync::Arc;

use brownout_models::contract::FlowId;
use brownout_models::{Fact, Time};
use indexmap::IndexSet;

use crate::choice::{Deviation, Fate, Plan, Point};
use crate::kernel::{Digest, End, Entry, Watch, What, World};
use crate::metrics::Metrics;
use crate::property::{Judge, Violation};
use crate::scenario::Scenario;
use crate::system::Stock;

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The plan that it followed.
    pub plan: Plan,
    /// Why it ended.
    pub end: End,
    /// When it ended.
    pub at: Time,
    /// How many steps it took.
    pub steps: u64,
    /// The digest of its trace.
    pub digest: Digest,
    /// The first property that did not hold.
    pub violation: Option<Violation>,
    /// Properties that never had anything to look at, but for what should be reached sometimes.
    pub toothless: Vec<String>,
    /// What should be reached sometimes, and whether this run did.
    pub sometimes: Vec<(String, bool)>,
    /// The faults that struck, by plan or by chance, as deviations.
    pub applied: Vec<Deviation>,
    /// What became of each deviation of the plan.
    pub fates: Vec<(Deviation, Fate)>,
    /// For each of them that was inapplicable, which answers were possible instead, in words; empty for
    /// the others.
    pub possible: Vec<String>,
    /// The numbers; empty where only the verdict was wanted.
    pub metrics: Metrics,
    /// The points where the scenario's faults could strike, where they were wanted.
    pub points: Vec<Point>,
    world: World<Stock>,
}

/// What is kept of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Every entry of the trace.
    pub trace: bool,
    /// The numbers.
    pub metrics: bool,
    /// The points where faults could strike.
    pub points: bool,
}

impl Keep {
    /// Only the verdict and the digest.
    pub const VERDICT: Self = Self { trace: false, metrics: false, points: false };
    /// The trace and the numbers.
    pub const ALL: Self = Self { trace: true, metrics: true, points: false };
}

impl Scenario {
    /// Runs with everything kept.
    #[must_use]
    pub fn run(&self, plan: &Plan) -> Run {
        self.run_keeping(plan, Keep::ALL)
    }

    /// Runs calmly: no weather and no faults.
    #[must_use]
    pub fn run_calm(&self) -> Run {
        self.run(&Plan::calm())
    }

    /// Runs with the weather and the faults of a seed.
    #[must_use]
    pub fn run_seed(&self, seed: u64) -> Run {
        self.run(&Plan::seed(seed))
    }

    /// Runs and keeps what is wanted.
    #[must_use]
    pub fn run_keeping(&self, plan: &Plan, keep: Keep) -> Run {
        let shared = Arc::new(plan.clone());
        let mut world =
            if keep.points { self.world_with_points(&shared) } else { self.world(&shared) };
        if keep.trace {
            world.record();
        }
        finish(plan, world, self.judge(), keep)
    }
}

/// Runs a world to its end under the eyes of a judge.
pub(crate) fn finish(plan: &Plan, mut world: World<Stock>, mut judge: Judge, keep: Keep) -> Run {
    let mut metrics = Metrics::default();
    let end = if keep.metrics {
        world.run(&mut Both(&mut judge, &mut metrics))
    } else {
        world.run(&mut judge)
    };
    judge.end(end, world.now());
    let (mut toothless, mut sometimes) = (Vec::new(), Vec::new());
    for property in judge.properties() {
        if let Some(reached) = property.observer.reached() {
            sometimes.push((property.name.clone(), reached));
        } else if property.observer.looked() == 0 {
            toothless.push(property.name.clone());
        }
    }
    Run {
        plan: plan.clone(),
        end,
        at: world.now(),
        steps: world.steps(),
        digest: world.digest(),
        violation: judge.violation().cloned(),
        toothless,
        sometimes,
        applied: world.applied().to_vec(),
        fates: world.fates().map(|(deviation, fate)| (deviation.clone(), fate)).collect(),
        possible: world.possible().map(str::to_owned).collect(),
        metrics,
        points: world.take_points(),
        world,
    }
}

/// Two that watch together.
struct Both<'a>(&'a mut Judge, &'a mut Metrics);

impl Watch<Fact> for Both<'_> {
    fn see(&mut self, entry: &Entry<Fact>) -> bool {
        self.1.see(entry);
        self.0.see(entry)
    }
}

impl Run {
    /// Whether everything held.
    #[must_use]
    pub const fn held(&self) -> bool {
        self.violation.is_none()
    }

    /// The pieces of load in the plan that never arrived.
    #[must_use]
    pub fn absent_load(&self) -> Vec<&str> {
        let Some(load) = &self.plan.load else { return Vec::new() };
        let started = u32::try_from(self.world.flows()).unwrap_or(u32::MAX);
        let started: IndexSet<String> =
            (0..started).map(|flow| self.world.flow_name(FlowId(flow))).collect();
        let layout = self.world.layout();
        let in_todays_names = |name: &str| {
            let (source, index) = name.rsplit_once('/')?;
            Some(format!("{}/{index}", layout.node_name(layout.find(source)?)))
        };
        let is_absent =
            |name: &&str| in_todays_names(name).is_none_or(|name| !started.contains(&name));
        load.iter().map(String::as_str).filter(is_absent).collect()
    }

    /// Every entry, or the most recent ones where the trace was not kept; oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry<Fact>> {
        self.world.trace().entries()
    }

    /// Every fact that a machine noted, with its entry.
    pub fn facts(&self) -> impl Iterator<Item = (&Entry<Fact>, &Fact)> {
        self.entries().filter_map(|entry| {
            if let What::Noted(fact) = &entry.what { Some((entry, fact)) } else { None }
        })
    }

    /// The world as the run left it.
    #[must_use]
    pub const fn world(&self) -> &World<Stock> {
        &self.world
    }
}
