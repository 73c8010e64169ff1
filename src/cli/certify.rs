//! `brownout certify`: every plan of a few faults, each once.

use std::fmt::Write as _;
use std::path::PathBuf;

use brownout_models::contract::FlowId;
use clap::Args;
use serde_json::json;

use super::jobs::{progress, with_workers};
use super::{Session, Status, Trouble, jobs, output};
use crate::choice::Plan;
use crate::render::lines::{counted, deviations, wrapped};
use crate::render::{heading, plan_report, story};
use crate::run::Keep;
use crate::scenario::Scenario;
use crate::scenario::diagnostic::did_you_mean;
use crate::search::{Certificate, Certifying, certify};

/// Runs every plan of at most K faults of the kinds that the scenario
/// lists, under calm weather, each once.
///
/// The number of plans grows with the load to the power of K: use --load to
/// look at a few pieces of work only.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct CertifyArgs {
    /// The scenario, a RON file.
    scenario: PathBuf,

    /// The most faults in a plan.
    #[arg(long, value_name = "K", default_value_t = 1)]
    faults: u32,

    /// Only this piece of work takes part, like shopper/0.1; may be given
    /// several times.
    #[arg(long, value_name = "FLOW")]
    load: Vec<String>,

    /// How many workers; one for each core.
    #[arg(long, short, value_name = "N", value_parser = jobs::at_least_one())]
    jobs: Option<usize>,

    /// One JSON document instead of text.
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Exit status:
  0  everything held after every plan
  1  a property was violated
  2  the input or the usage is wrong
  3  a bug of brownout

Examples:
  brownout certify shop.ron
  brownout certify shop.ron --faults 2 --load shopper/0.1";

/// How many failing plans are listed.
const LISTED_MAX: usize = 20;

pub(super) fn run(args: &CertifyArgs, session: &mut Session<'_>) -> Result<Status, Trouble> {
    let scenario = session.scenario(&args.scenario)?;
    output::warn_of(&scenario);
    let load = (!args.load.is_empty()).then(|| args.load.clone());
    if let Some(load) = &load {
        know(&scenario, load)?;
    }
    let bar = progress(1, "certify");
    bar.set_message("runs: what can strike at all");
    let certificate = with_workers(args.jobs, u64::MAX, || {
        certify(&scenario, args.faults, load, &|certifying| {
            bar.set_message(message(certifying));
            bar.set_length(certifying.points);
            bar.set_position(certifying.done);
        })
    })?;
    bar.finish_and_clear();
    let panicked = |panicked| Trouble::panicked(&panicked, &scenario, session.program);
    let certificate = certificate.map_err(panicked)?;
    if args.json {
        session.output.json(&document(&scenario, &certificate))?;
    } else {
        let text = text(&scenario, &certificate, session);
        session.output.text(&text)?;
    }
    Ok(if certificate.failures.is_empty() { Status::Held } else { Status::Violated })
}

/// Whether every piece of work that was asked for takes part in the calm run: a certificate about
/// nothing would hold.
fn know(scenario: &Scenario, load: &[String]) -> Result<(), Trouble> {
    let run = scenario.run_keeping(&Plan::calm(), Keep::VERDICT);
    let started = u32::try_from(run.world().flows()).unwrap_or(u32::MAX);
    let known: Vec<String> = (0..started).map(|flow| run.world().flow_name(FlowId(flow))).collect();
    match load.iter().find(|wanted| !known.contains(wanted)) {
        None => Ok(()),
        Some(unknown) => {
            let close = did_you_mean(unknown, known.iter().map(String::as_str));
            let help = close.map_or_else(String::new, |close| format!("; did you mean `{close}`?"));
            let message = format!("the calm run has no piece of work called `{unknown}`{help}");
            Err(Trouble::Usage(message))
        }
    }
}

/// What the bar says behind the points that are done: what there is to do, and what came of it.
fn message(certifying: Certifying) -> String {
    let Certifying { faults, known, plans, failed, .. } = certifying;
    let faults = counted(faults.into(), "fault", "faults");
    match known {
        Some(known) => format!("points: {plans} of {known} plans of {faults}, {failed} failed"),
        None => format!("points: {plans} plans of {faults}, {failed} failed"),
    }
}

fn text(scenario: &Scenario, certificate: &Certificate, session: &Session<'_>) -> String {
    let styles = session.output.styles;
    let mut text = heading(scenario, styles);
    let points: Vec<String> =
        certificate.points.iter().map(|(what, count)| format!("{count} {what}")).collect();
    let is_calm = |(plan, _): &(Plan, _)| plan.deviations.is_empty();
    let points = match certificate.failures.first() {
        Some(first) if is_calm(first) => "nobody looked, for the calm run fails already".to_owned(),
        _ if points.is_empty() => "none".to_owned(),
        _ => points.join(", "),
    };
    text.push_str(&wrapped(
        &format!("points where a fault can strike: {points}"),
        0,
        styles.columns,
    ));
    if !certificate.left_out.is_empty() {
        let kinds = certificate.left_out.join(", ");
        text.push_str(&wrapped(
            &format!("faults with odds of 0 % count as none: {kinds}"),
            0,
            styles.columns,
        ));
    }
    if certificate.crash_points > 0 {
        let _ = writeln!(text, "moments to crash: {}", certificate.crash_points);
    }
    let plans = counted(certificate.plans, "plan", "plans");
    let faults = counted(certificate.faults.into(), "fault", "faults");
    let _ = writeln!(text, "{plans} of at most {faults}, calm weather");
    let Some((first, _)) = certificate.failures.first() else {
        let held = if scenario.properties().next().is_none() {
            "nothing was asked to hold: the scenario has no properties\n"
        } else if certificate.plans == 1 {
            "everything held after it\n"
        } else {
            "everything held after every one of them\n"
        };
        text.push_str(held);
        return text;
    };
    let failures = certificate.failures.len();
    if certificate.faults > 1 {
        text.push_str("plans that contain one that fails were left out\n");
    }
    let violate = if failures == 1 { "violates" } else { "violate" };
    let _ = writeln!(text, "{failures} of them {violate} something:\n");
    for (plan, violation) in certificate.failures.iter().take(LISTED_MAX) {
        if plan.deviations.is_empty() {
            text.push_str("  no fault at all\n");
        }
        text.push_str(&deviations(&plan.deviations, 2, styles.columns));
        let violated = format!("{}: {}", violation.property, violation.message);
        text.push_str(&wrapped(&violated, 4, styles.columns));
    }
    let more = failures.saturating_sub(LISTED_MAX);
    if more > 0 {
        let _ = writeln!(text, "  and {more} more; --json has all of them");
    }
    let run = scenario.run_keeping(first, Keep { trace: true, ..Keep::VERDICT });
    if let Some(story) = story(&run, styles) {
        let which = if failures == 1 { "" } else { "The first of them:\n\n" };
        let _ = write!(text, "\n{which}{}", story.text + &story.sagas);
    }
    if let Some(planted) = &scenario.planted {
        text.push('\n');
        text.push_str(&wrapped(
            &format!("This bug is there on purpose: {planted}."),
            0,
            styles.columns,
        ));
    }
    text
}

fn document(scenario: &Scenario, certificate: &Certificate) -> serde_json::Value {
    let failures: Vec<_> = certificate
        .failures
        .iter()
        .map(|(plan, violation)| {
            json!({
                "property": violation.property,
                "message": violation.message,
                "plan": plan_report(plan),
            })
        })
        .collect();
    let points: serde_json::Map<String, serde_json::Value> =
        certificate.points.iter().map(|(what, count)| (what.clone(), json!(count))).collect();
    json!({
        "format": 1,
        "scenario": scenario.path,
        "title": scenario.title,
        "planted": scenario.planted,
        "faults": certificate.faults,
        "points": points,
        "crash_points": certificate.crash_points,
        "left_out": certificate.left_out,
        "plans": certificate.plans,
        "failures": failures,
    })
}
