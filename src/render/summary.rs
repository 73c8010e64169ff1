//! What a run amounts to: how it ended, the work, the faults and the properties.

use std::fmt::{self, Write as _};

use brownout_models::contract::NodeId;
use brownout_models::policy::AttemptView;
use brownout_models::{Span, Time};
use indexmap::IndexMap;

use super::{Standing, Styles, lines};
use crate::choice::{Deviation, Fate};
use crate::kernel::End;
use crate::metrics::Metrics;
use crate::run::Run;
use crate::scenario::Scenario;
use crate::system::Stock;

/// More faults than this are counted, not listed.
const FAULTS_LISTED: usize = 10;

/// The summary of a run, for a person.
#[must_use]
pub fn summary(scenario: &Scenario, run: &Run, styles: Styles) -> String {
    let mut text = String::new();
    write_summary(&mut text, scenario, run, styles).expect("a string takes any text");
    text
}

fn write_summary(text: &mut String, scenario: &Scenario, run: &Run, styles: Styles) -> fmt::Result {
    let heading = heading(scenario, styles);
    if !heading.is_empty() {
        writeln!(text, "{heading}")?;
    }
    writeln!(text, "scenario  {}", scenario.path.display())?;
    writeln!(text, "plan      {}", plan_text(run))?;
    let steps = lines::counted(run.steps, "step", "steps");
    writeln!(text, "ended     at {} after {steps}, {}", run.at, end_words(run.end))?;
    writeln!(text, "digest    {}", run.digest)?;
    write_work(text, &run.metrics)?;
    write_sidecars(text, run)?;
    write_faults(text, run, styles)?;
    write_properties(text, scenario, run, styles)
}

/// The title of a scenario, as a heading; nothing where it has none.
pub(crate) fn heading(scenario: &Scenario, styles: Styles) -> String {
    if scenario.title.trim().is_empty() {
        return String::new();
    }
    let (strong, title) = (styles.strong, lines::wrapped(&scenario.title, 0, styles.columns));
    format!("{strong}{}{strong:#}\n", title.trim_end())
}

/// The plan in one line.
fn plan_text(run: &Run) -> String {
    let base = run.plan.with_deviations(Vec::new()).to_string();
    match run.plan.deviations.len() {
        0 => base,
        1 => format!("{base}, 1 deviation"),
        many => format!("{base}, {many} deviations"),
    }
}

const fn end_words(end: End) -> &'static str {
    match end {
        End::Quiet => "when nothing was pending any more",
        End::Horizon => "at the horizon, with work still pending",
        End::Steps => "at the bound on steps, with work still pending",
        End::Stuck => "stuck: time stands still while the system goes in circles",
        End::Stopped => "stopped by the violation",
    }
}

fn write_work(text: &mut String, metrics: &Metrics) -> fmt::Result {
    let (asked, succeeded) = (metrics.asked, metrics.succeeded);
    write!(text, "work      {asked} asked, {succeeded} succeeded, {} failed", metrics.failures())?;
    let reasons =
        metrics.failed.iter().map(|(failure, many)| format!("{many} {}", failure.words()));
    let reasons: Vec<String> = reasons.collect();
    if !reasons.is_empty() {
        write!(text, " ({})", reasons.join(", "))?;
    }
    let open = unfinished(metrics);
    if open > 0 {
        write!(text, ", {open} unfinished")?;
    }
    text.push('\n');
    if let Some(max) = metrics.latency_max() {
        text.push_str("latency ");
        for percentile in [50, 90, 99] {
            let latency = metrics.latency(percentile).unwrap_or(max);
            write!(text, "  p{percentile} {}", brief(latency))?;
        }
        writeln!(text, "  max {}", brief(max))?;
    }
    if let Some(millis) = metrics.goodput_millis() {
        let tenths = millis.saturating_add(50) / 100;
        let goodput = match millis {
            0..1_000 => format!("0.{millis:03}"),
            _ => format!("{}.{}", tenths / 10, tenths % 10),
        };
        writeln!(text, "goodput   {goodput} a second")?;
    }
    Ok(())
}

/// What each sidecar counted, as it publishes it.
fn write_sidecars(text: &mut String, run: &Run) -> fmt::Result {
    let nodes = 0..u32::try_from(run.world().layout().nodes.len()).unwrap_or(u32::MAX);
    for node in nodes.map(NodeId) {
        let Some(Stock::Sidecar(sidecar)) = run.world().machine(node) else { continue };
        let (name, metrics) = (run.world().layout().node_name(node), sidecar.metrics());
        let (requests, errors) = (metrics.requests(), metrics.errors());
        let (rate, average) = (metrics.error_rate(), brief(metrics.average_latency()));
        writeln!(
            text,
            "sidecar   {name}: {}, {} ({rate}), average {average}",
            lines::counted(requests, "request", "requests"),
            lines::counted(errors, "error", "errors"),
        )?;
        if sidecar.telemetry().attempts == AttemptView::Measured {
            let (attempts, again) = (metrics.attempts(), metrics.resends());
            let (in_flight, waited) = (metrics.in_flight(), brief(metrics.backoff()));
            writeln!(
                text,
                "          {}, {again} of them again after {waited} of backoff; {} in flight",
                lines::counted(attempts, "attempt", "attempts"),
                lines::counted(in_flight, "call", "calls"),
            )?;
        }
    }
    Ok(())
}

/// Work that had not ended when the run did.
pub(super) fn unfinished(metrics: &Metrics) -> u64 {
    metrics.asked.saturating_sub(metrics.succeeded).saturating_sub(metrics.failures())
}

/// A span to three digits, which is as exact as latencies are kept.
pub(super) fn brief(span: Span) -> Span {
    let nanos = span.as_nanos();
    let unit = 10_u64.pow(nanos.checked_ilog10().unwrap_or(0).saturating_sub(2));
    Span::from_nanos(nanos.saturating_add(unit / 2) / unit * unit)
}

/// What struck, and what the plan answered for the weather, which breaks nothing.
fn write_faults(text: &mut String, run: &Run, styles: Styles) -> fmt::Result {
    let (weather, faults): (Vec<Deviation>, Vec<Deviation>) =
        run.applied.iter().cloned().partition(Deviation::is_weather);
    let fault = styles.fault;
    if faults.is_empty() {
        writeln!(text, "faults    none struck")?;
    } else {
        let (many, kinds) = (faults.len(), kinds(&faults));
        write!(text, "faults    {fault}{many} struck{fault:#}: {kinds}")?;
        write_last(text, &faults)?;
    }
    if !weather.is_empty() {
        write!(text, "weather   {} as the plan says: {}", weather.len(), kinds(&weather))?;
        write_last(text, &weather)?;
    }
    write_unused(text, run, styles)
}

/// How many there are of each kind, in the order of the first of each.
fn kinds(deviations: &[Deviation]) -> String {
    let mut kinds: IndexMap<&str, usize> = IndexMap::new();
    for Deviation { what, .. } in deviations {
        *kinds.entry(what).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.iter().map(|(kind, many)| format!("{many} {kind}")).collect();
    kinds.join(", ")
}

/// The end of the line, and the last of them as a table.
fn write_last(text: &mut String, deviations: &[Deviation]) -> fmt::Result {
    let earlier = deviations.len().saturating_sub(FAULTS_LISTED);
    writeln!(text, "{}", if earlier > 0 { "; the last of them:" } else { "" })?;
    text.push_str(&lines::table(&deviations[earlier..], 4));
    Ok(())
}

/// The deviations of the plan that this became of, and a remark on each: the answers that were possible
/// instead, or nothing.
pub(crate) fn missed(run: &Run, fate: Fate) -> (Vec<Deviation>, Vec<String>) {
    let missed = run.fates.iter().zip(&run.possible).filter(|((_, became), _)| *became == fate);
    let remark = |possible: &str| match possible {
        "" => String::new(),
        possible => format!("possible there: {possible}"),
    };
    missed.map(|((deviation, _), possible)| (deviation.clone(), remark(possible))).unzip()
}

/// What of the plan made no difference.
fn write_unused(text: &mut String, run: &Run, styles: Styles) -> fmt::Result {
    let bad = styles.bad;
    for fate in [Fate::Unreached, Fate::Inapplicable] {
        let (missed, possible) = missed(run, fate);
        if !missed.is_empty() {
            let why = match fate {
                Fate::Unreached => "the run never came there",
                Fate::Inapplicable => "not a possible answer there",
                Fate::Applied => "the answer",
            };
            let (many, word) = (missed.len(), fate.word());
            writeln!(text, "unused    {bad}{many} {word}{bad:#}: {why}")?;
            text.push_str(&lines::with_remarks(
                &lines::table(&missed, 4),
                &possible,
                6,
                styles.columns,
            ));
        }
    }
    let absent = run.absent_load();
    if !absent.is_empty() {
        let many = lines::counted(absent.len() as u64, "piece of load", "pieces of load");
        writeln!(text, "unused    {bad}{many} unreached{bad:#}: it never arrived in this run")?;
        text.push_str(&lines::wrapped(&absent.join(", "), 4, styles.columns));
    }
    Ok(())
}

fn write_properties(
    text: &mut String,
    scenario: &Scenario,
    run: &Run,
    styles: Styles,
) -> fmt::Result {
    let standings = Standing::all(scenario, run);
    if standings.is_empty() {
        return writeln!(text, "\nnothing was asked to hold: the scenario has no properties");
    }
    text.push('\n');
    for (name, standing) in standings {
        let (style, remark) = match standing {
            Standing::Held => (styles.good, ""),
            Standing::SoFar => (styles.good, " (so far)"),
            Standing::Reached => (styles.good, ""),
            Standing::Violated => (styles.fault, ""),
            Standing::NotReached => (styles.bad, " (not by this run)"),
            Standing::NeverLooked if !run.held() => (styles.dim, " (nothing to look at so far)"),
            Standing::NeverLooked => (styles.bad, " (never had anything to look at)"),
        };
        let (word, dim) = (standing.words(), styles.dim);
        writeln!(text, "{style}{word:8}{style:#}  {name}{dim}{remark}{dim:#}")?;
        if let (Standing::Violated, Some(violation)) = (standing, &run.violation) {
            text.push_str(&lines::wrapped(&violation.message, 10, styles.columns));
            writeln!(text, "          {}", seen(violation.at, violation.seq))?;
        }
    }
    if let (Some(planted), false) = (&scenario.planted, run.held()) {
        text.push('\n');
        let planted = format!("This bug is there on purpose: {planted}.");
        text.push_str(&lines::wrapped(&planted, 0, styles.columns));
    }
    Ok(())
}

fn seen(at: Time, seq: Option<u64>) -> String {
    match seq {
        Some(seq) => format!("seen at {at}, in entry {seq} of the trace"),
        None => format!("seen at the end of the run, at {at}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_told_to_three_digits() {
        let cases = [
            (0, "0s"),
            (999, "999ns"),
            (1_234, "1.23us"),
            (27_164_671, "27.2ms"),
            (99_960_000, "100ms"),
            (u64::MAX - 1, "18400000000s"),
        ];
        for (nanos, expected) in cases {
            assert_eq!(brief(Span::from_nanos(nanos)).to_string(), expected);
        }
    }
}
