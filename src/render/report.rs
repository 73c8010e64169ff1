//! A run for machines: one JSON document, as `docs/cli.md` documents it. Fields are added, never
//! renamed; times and spans are nanoseconds.

mod diagnostic;
mod entry;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Number;

use super::saga::{SagaReport, saga_reports};
use super::summary::unfinished;
use super::{Filter, Standing};
use crate::choice::{Deviation, Plan, Weather};
use crate::kernel::End;
use crate::metrics::Metrics;
use crate::run::Run;
use crate::scenario::Scenario;

pub(crate) use diagnostic::{DiagnosticReport, diagnostic_reports};
use entry::EntryReport;
pub(super) use entry::failure_word;

/// The document.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    format: u32,
    scenario: String,
    title: String,
    plan: PlanReport,
    end: &'static str,
    at_ns: u64,
    steps: u64,
    digest: String,
    held: bool,
    violation: Option<ViolationReport>,
    properties: Vec<PropertyReport>,
    work: WorkReport,
    latency_ns: Option<LatencyReport>,
    goodput_per_second: Option<Number>,
    faults: Vec<Deviation>,
    weather: Vec<Deviation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<Vec<EntryReport>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sagas: Option<Vec<SagaReport>>,
}

impl Report {
    /// The same with the sagas of the run, or those of the pieces of work that a filter lets through.
    /// The run must have kept its trace.
    #[must_use]
    pub fn with_sagas(self, run: &Run, filter: &Filter) -> Self {
        Self { sagas: Some(saga_reports(run, filter)), ..self }
    }
}

/// A plan in a document.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PlanReport {
    seed: Option<u64>,
    calm: Vec<String>,
    random_faults: bool,
    load: Option<Vec<String>>,
    deviations: Vec<FateReport>,
}

#[derive(Clone, Debug, Serialize)]
struct FateReport {
    #[serde(flatten)]
    deviation: Deviation,
    #[serde(skip_serializing_if = "Option::is_none")]
    fate: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    possible: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct ViolationReport {
    property: String,
    message: String,
    at_ns: u64,
    seq: Option<u64>,
}

#[derive(Clone, Debug, Serialize)]
struct PropertyReport {
    name: String,
    standing: &'static str,
}

#[derive(Clone, Debug, Serialize)]
struct WorkReport {
    asked: u64,
    succeeded: u64,
    failed: u64,
    failed_by_reason: IndexMap<String, u64>,
    unfinished: u64,
}

#[derive(Clone, Debug, Serialize)]
struct LatencyReport {
    p50: u64,
    p90: u64,
    p99: u64,
    max: u64,
}

/// The report of a run; with a filter, it holds the entries that the filter lets through. The run
/// must have kept its trace then.
#[must_use]
pub fn report(scenario: &Scenario, run: &Run, trace: Option<&Filter>) -> Report {
    let standings = Standing::all(scenario, run).into_iter();
    let (weather, faults) = run.applied.iter().cloned().partition(Deviation::is_weather);
    Report {
        format: 1,
        scenario: scenario.path.display().to_string(),
        title: scenario.title.clone(),
        plan: run_plan_report(run),
        end: end_word(run.end),
        at_ns: run.at.as_nanos(),
        steps: run.steps,
        digest: run.digest.to_string(),
        held: run.held(),
        violation: run.violation.as_ref().map(|violation| ViolationReport {
            property: violation.property.clone(),
            message: violation.message.clone(),
            at_ns: violation.at.as_nanos(),
            seq: violation.seq,
        }),
        properties: standings
            .map(|(name, standing)| PropertyReport {
                name: name.to_owned(),
                standing: standing.word(),
            })
            .collect(),
        work: work(&run.metrics),
        latency_ns: latency(&run.metrics),
        goodput_per_second: goodput(&run.metrics),
        faults,
        weather,
        trace: trace.map(|filter| {
            let wanted = run.entries().filter(|entry| filter.lets(entry, run.world()));
            wanted.map(|entry| EntryReport::new(entry, run.world())).collect()
        }),
        sagas: None,
    }
}

/// A plan, without what became of its deviations.
pub(crate) fn plan_report(plan: &Plan) -> PlanReport {
    let (seed, calm) = match &plan.weather {
        Weather::Calm => (None, Vec::new()),
        Weather::Seed { seed, except } => (Some(*seed), except.clone()),
    };
    let deviations = plan.deviations.iter();
    PlanReport {
        seed,
        calm,
        random_faults: plan.random_faults,
        load: plan.load.clone(),
        deviations: deviations
            .map(|deviation| FateReport {
                deviation: deviation.clone(),
                fate: None,
                possible: None,
            })
            .collect(),
    }
}

/// The plan of a run, with what became of its deviations.
pub(crate) fn run_plan_report(run: &Run) -> PlanReport {
    let fates = run.fates.iter().zip(&run.possible);
    let deviations = fates.map(|((deviation, fate), possible)| FateReport {
        deviation: deviation.clone(),
        fate: Some(fate.word()),
        possible: (!possible.is_empty()).then(|| possible.clone()),
    });
    PlanReport { deviations: deviations.collect(), ..plan_report(&run.plan) }
}

fn work(metrics: &Metrics) -> WorkReport {
    let reasons = metrics.failed.iter();
    WorkReport {
        asked: metrics.asked,
        succeeded: metrics.succeeded,
        failed: metrics.failures(),
        failed_by_reason: reasons.map(|(failure, many)| (failure_word(*failure), *many)).collect(),
        unfinished: unfinished(metrics),
    }
}

fn latency(metrics: &Metrics) -> Option<LatencyReport> {
    Some(LatencyReport {
        p50: metrics.latency(50)?.as_nanos(),
        p90: metrics.latency(90)?.as_nanos(),
        p99: metrics.latency(99)?.as_nanos(),
        max: metrics.latency_max()?.as_nanos(),
    })
}

/// Read from its decimals: no arithmetic on floats.
fn goodput(metrics: &Metrics) -> Option<Number> {
    let millis = metrics.goodput_millis()?;
    let decimal = format!("{}.{:03}", millis / 1_000, millis % 1_000);
    Number::from_f64(decimal.parse().ok()?)
}

const fn end_word(end: End) -> &'static str {
    match end {
        End::Quiet => "quiet",
        End::Horizon => "horizon",
        End::Steps => "steps",
        End::Stuck => "stuck",
        End::Stopped => "stopped",
    }
}
