//! Campaigns: many random runs, what they found, and what they never reached.

use indexmap::IndexMap;
use rayon::prelude::*;

use super::panicked::{Panicked, guarded};
use super::{Shrunk, shrink};
use crate::choice::Plan;
use crate::property::Violation;
use crate::run::Keep;
use crate::scenario::Scenario;

/// Which runs a campaign makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// The seed of the first run; the others count up from it.
    pub first_seed: u64,
    /// How many runs at most.
    pub runs: u64,
    /// Stop once this many runs have failed; the batch in which that happens is finished.
    pub enough: u64,
    /// How many failing runs of each property are shrunk; the smallest result is kept.
    pub shrink: usize,
}

impl Default for Campaign {
    /// A thousand runs from seed 1, until sixteen have failed; five of each property are shrunk.
    fn default() -> Self {
        Self { first_seed: 1, runs: 1_000, enough: 16, shrink: 5 }
    }
}

/// What a campaign found: the same for any number of workers.
#[derive(Clone, Debug)]
pub struct CampaignReport {
    /// How many runs were made.
    pub runs: u64,
    /// How many of them failed.
    pub failed: u64,
    /// Steps of all runs together.
    pub steps: u64,
    /// One finding for each property that did not hold, in the order of discovery.
    pub findings: Vec<Finding>,
    /// What should be reached by some run and was by none.
    pub unreached: Vec<String>,
    /// Properties that never had anything to look at, in any run.
    pub toothless: Vec<String>,
}

/// A property that did not hold in some run.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The seed of the run that was shrunk to the smallest plan.
    pub seed: u64,
    /// How many runs violated this property.
    pub failed: u64,
    /// How the run of that seed failed.
    pub violation: Violation,
    /// The faults of that run, as a plan.
    pub full: Plan,
    /// What is left of them.
    pub shrunk: Shrunk,
}

/// What is kept of one run of a campaign.
struct Verdict {
    seed: u64,
    steps: u64,
    violation: Option<Violation>,
    toothless: Vec<String>,
    sometimes: Vec<(String, bool)>,
}

/// Runs between two decisions to go on: the same for any number of workers.
const BATCH: usize = 32;

/// Small runs are made several batches at a time, so that workers wait for each other less often: as many
/// as have about so many steps. Whatever was made past a decision to stop is forgotten.
const STEPS_AT_A_TIME: u64 = 200_000;
const MOST_BATCHES: u64 = 64;

impl Campaign {
    /// Makes the runs on all threads of the current pool. `progress` hears after every batch how many
    /// runs are done and how many of them failed, and says whether to go on.
    ///
    /// # Errors
    /// A machine panicked: in the first run of a batch, by number, in which one did.
    pub fn run(
        &self,
        scenario: &Scenario,
        progress: &dyn Fn(u64, u64) -> bool,
    ) -> Result<CampaignReport, Panicked> {
        let mut verdicts: Vec<Verdict> = Vec::new();
        let (mut failed, mut batches) = (0, 1);
        'enough: while (verdicts.len() as u64) < self.runs && failed < self.enough {
            let done = verdicts.len() as u64;
            let runs = (BATCH as u64 * batches).min(self.runs - done);
            let seeds: Vec<u64> =
                (0..runs).map(|number| self.first_seed.wrapping_add(done + number)).collect();
            // All of them are made before the first panic is picked: it is the same one every time.
            let results: Vec<Result<Verdict, Panicked>> =
                seeds.into_par_iter().map(|seed| verdict(scenario, seed)).collect();
            let mut results = results.into_iter().peekable();
            let mut steps = 0;
            while results.peek().is_some() {
                let batch = results.by_ref().take(BATCH);
                let batch: Vec<Verdict> = batch.collect::<Result<_, _>>()?;
                failed += batch.iter().filter(|verdict| verdict.violation.is_some()).count() as u64;
                steps += batch.iter().map(|verdict| verdict.steps).sum::<u64>();
                verdicts.extend(batch);
                if !progress(verdicts.len() as u64, failed) || failed >= self.enough {
                    break 'enough;
                }
            }
            batches = (STEPS_AT_A_TIME * batches / steps.max(1)).clamp(1, MOST_BATCHES);
        }
        Ok(self.report(scenario, &verdicts, failed))
    }

    fn report(&self, scenario: &Scenario, verdicts: &[Verdict], failed: u64) -> CampaignReport {
        let mut by_property: IndexMap<&str, Vec<&Verdict>> = IndexMap::new();
        for verdict in verdicts {
            if let Some(violation) = &verdict.violation {
                by_property.entry(&violation.property).or_default().push(verdict);
            }
        }
        let findings = by_property.values().filter_map(|found| self.finding(scenario, found));
        let never = |names: &dyn Fn(&Verdict) -> Vec<String>| -> Vec<String> {
            let first = verdicts.first().map(names).unwrap_or_default();
            let in_all =
                |name: &String| verdicts.iter().all(|verdict| names(verdict).contains(name));
            first.into_iter().filter(in_all).collect()
        };
        CampaignReport {
            runs: verdicts.len() as u64,
            failed,
            steps: verdicts.iter().map(|verdict| verdict.steps).sum(),
            findings: findings.collect(),
            unreached: never(&|verdict| {
                let unreached = verdict.sometimes.iter().filter(|(_, reached)| !reached);
                unreached.map(|(name, _)| name.clone()).collect()
            }),
            toothless: never(&|verdict| verdict.toothless.clone()),
        }
    }

    /// Shrinks the first failing runs of a property and keeps the smallest result.
    fn finding(&self, scenario: &Scenario, found: &[&Verdict]) -> Option<Finding> {
        let tried: Vec<(u64, Shrunk)> = found
            .par_iter()
            .take(self.shrink.max(1))
            .filter_map(|verdict| {
                shrink(scenario, &Plan::seed(verdict.seed)).map(|shrunk| (verdict.seed, shrunk))
            })
            .collect();
        let (seed, shrunk) =
            tried.into_iter().min_by_key(|(seed, shrunk)| (shrunk.size(), *seed))?;
        let run = scenario.run_keeping(&Plan::seed(seed), Keep::VERDICT);
        let full = Plan { random_faults: false, deviations: run.applied, ..Plan::seed(seed) };
        let failed = found.len() as u64;
        Some(Finding { seed, failed, violation: run.violation?, full, shrunk })
    }
}

fn verdict(scenario: &Scenario, seed: u64) -> Result<Verdict, Panicked> {
    let plan = Plan::seed(seed);
    guarded(&plan, || {
        let run = scenario.run_keeping(&plan, Keep::VERDICT);
        Verdict {
            seed,
            steps: run.steps,
            violation: run.violation,
            toothless: run.toothless,
            sometimes: run.sometimes,
        }
    })
}
