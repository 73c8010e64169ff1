//! `brownout certify`: every plan of a few faults, each once.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::jobs::{progress, with_workers};
use super::{Session, Status, Trouble};
use crate::render::story;
use crate::run::Keep;
use crate::scenario::Scenario;
use crate::search::{Certificate, certify};

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
    #[arg(long, short, value_name = "N")]
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
    let scenario = Scenario::load_with(&args.scenario, session.kinds)?;
    let load = (!args.load.is_empty()).then(|| args.load.clone());
    let bar = progress(0, "certify");
    let certificate = with_workers(args.jobs, || {
        certify(&scenario, args.faults, load, &|done, points| {
            bar.set_length(points);
            bar.set_position(done);
        })
    })?;
    bar.finish_and_clear();
    if args.json {
        session.output.json(&document(&scenario, &certificate))?;
    } else {
        let text = text(&scenario, &certificate, session);
        session.output.text(&text)?;
    }
    Ok(if certificate.failures.is_empty() { Status::Held } else { Status::Violated })
}

fn text(scenario: &Scenario, certificate: &Certificate, session: &Session<'_>) -> String {
    let styles = session.output.styles;
    let strong = styles.strong;
    let mut text = format!("{strong}{}{strong:#}\n", scenario.title);
    let points: Vec<String> =
        certificate.points.iter().map(|(what, count)| format!("{count} {what}")).collect();
    let points = if points.is_empty() { "none".to_owned() } else { points.join(", ") };
    let _ = writeln!(text, "points where a fault can strike: {points}");
    if certificate.crash_points > 0 {
        let _ = writeln!(text, "moments to crash: {}", certificate.crash_points);
    }
    let (plans, faults) = (certificate.plans, certificate.faults);
    let _ = writeln!(text, "{plans} plans of at most {faults} faults, calm weather");
    if certificate.failures.is_empty() {
        text.push_str("everything held after every one of them\n");
        return text;
    }
    let _ = writeln!(text, "{} of them violate something:\n", certificate.failures.len());
    for (plan, violation) in certificate.failures.iter().take(LISTED_MAX) {
        let deviations: Vec<String> = plan.deviations.iter().map(ToString::to_string).collect();
        let _ = writeln!(
            text,
            "  {}\n    {}: {}",
            deviations.join("\n  "),
            violation.property,
            violation.message
        );
    }
    let more = certificate.failures.len().saturating_sub(LISTED_MAX);
    if more > 0 {
        let _ = writeln!(text, "  and {more} more; --json has all of them");
    }
    if let Some((plan, _)) = certificate.failures.first() {
        let run = scenario.run_keeping(plan, Keep { trace: true, ..Keep::VERDICT });
        if let Some((story, _)) = story(&run, styles) {
            let _ = writeln!(text, "\nThe first of them:\n\n{story}");
        }
    }
    if let Some(planted) = &scenario.planted {
        let _ = writeln!(text, "This bug is planted: {planted}.");
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
                "deviations": plan.deviations,
            })
        })
        .collect();
    let points: serde_json::Map<String, serde_json::Value> =
        certificate.points.iter().map(|(what, count)| (what.clone(), json!(count))).collect();
    json!({
        "scenario": scenario.path,
        "faults": certificate.faults,
        "points": points,
        "crash_points": certificate.crash_points,
        "plans": certificate.plans,
        "failures": failures,
    })
}
