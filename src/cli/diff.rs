//! `brownout diff`: where two runs part, and what follows.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::status::settle;
use super::{Session, Status, Trouble, plan_file};
use crate::choice::Plan;
use crate::render::lines::wrapped;
use crate::render::{Styles, divergence, flow_at, parted, what_follows};
use crate::run::{Keep, Run};
use crate::scenario::Scenario;

/// Shows where two runs part, and what each does from there.
///
/// A and B are findings. With --scenario each is `calm`, a seed, or a plan
/// or a finding for that scenario. With --without-faults B is what A would
/// be if nothing broke.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct DiffArgs {
    /// The first run.
    a: String,

    /// The second run.
    #[arg(required_unless_present = "without_faults")]
    b: Option<String>,

    /// The second run is the first one without its faults: of the same
    /// weather and the same load.
    #[arg(long, conflicts_with = "b")]
    without_faults: bool,

    /// The scenario of both.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,

    /// One JSON document instead of text.
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Exit status:
  0  both are the same run
  1  they part
  2  the input or the usage is wrong
  3  a bug of brownout

Examples:
  brownout diff findings/shop-once.ron regressions/charged_twice.ron
  brownout diff findings/shop-once.ron --without-faults
  brownout diff --scenario shop.ron calm lost_reply.ron
  brownout diff --scenario shop.ron 17 18";

pub(super) fn run(args: &DiffArgs, session: &mut Session<'_>) -> Result<Status, Trouble> {
    let scenario = match &args.scenario {
        Some(path) => Some(session.scenario(path)?),
        None => None,
    };
    let meant = |word: &String| meant(word, scenario.as_ref(), session);
    // What is wrong with one of them is no reason not to look at the other.
    let (a, b) = match (meant(&args.a), args.b.as_ref().map(meant).transpose()) {
        (Ok(a), Ok(b)) => (a, b),
        (Err(trouble), Ok(_)) | (Ok(_), Err(trouble)) => return Err(trouble),
        (Err(first), Err(second)) => {
            settle(Err(first));
            return Err(second);
        }
    };
    let (b, name) = match b {
        Some(b) => (b, args.b.as_deref().unwrap_or_default()),
        None if !a.plan.has_faults() => {
            let message = format!("`{}` has no faults that could be left out", args.a);
            return Err(Trouble::Usage(message));
        }
        None => (a.without_faults(), "without its faults"),
    };
    let (a, b) = (a.run(), b.run());
    let at = divergence(&a, &b);
    if args.json {
        session.output.json(&document(&a, &b, at))?;
    } else {
        let text = text((&args.a, &a), (name, &b), at, session.output.styles);
        session.output.text(&text)?;
    }
    Ok(if at.is_some() { Status::Violated } else { Status::Held })
}

/// A plan and the scenario that it is for.
#[derive(Clone)]
struct Meant<'a> {
    plan: Plan,
    scenario: Cow<'a, Scenario>,
}

impl Meant<'_> {
    fn without_faults(&self) -> Self {
        Self { plan: self.plan.without_faults(), scenario: self.scenario.clone() }
    }

    fn run(&self) -> Run {
        self.scenario.run_keeping(&self.plan, Keep { trace: true, ..Keep::VERDICT })
    }
}

/// What a word of the command line means.
fn meant<'a>(
    word: &str,
    scenario: Option<&'a Scenario>,
    session: &Session<'_>,
) -> Result<Meant<'a>, Trouble> {
    let Some(scenario) = scenario else {
        let otherwise =
            "name it as `--scenario`, and two runs of it: `calm`, seeds, plans, findings";
        let (regression, scenario) = session.finding(Path::new(word), otherwise)?;
        let plan = Plan::from(&regression.plan);
        return Ok(Meant { plan, scenario: Cow::Owned(scenario) });
    };
    let plan = match word.parse() {
        Ok(seed) => Plan::seed(seed),
        Err(_) if word == "calm" => Plan::calm(),
        Err(_) => plan_file::read(Path::new(word), scenario)?,
    };
    Ok(Meant { plan, scenario: Cow::Borrowed(scenario) })
}

fn text(a: (&str, &Run), b: (&str, &Run), at: Option<usize>, styles: Styles) -> String {
    let Some(at) = at else {
        return format!("the same run: digest {}\n", a.1.digest);
    };
    let (first, second) = if comes_first(b.1, a.1, at) { (b.1, a.1) } else { (a.1, b.1) };
    let flow = flow_at(first, at).or_else(|| flow_at(second, at));
    let mut text = String::new();
    let when = [a.1, b.1].into_iter().filter_map(|run| run.entries().nth(at)).map(|it| it.at).min();
    let when = when.map_or_else(String::new, |when| format!(" at {when}"));
    let of = flow.as_ref().map_or_else(String::new, |flow| format!(", in {flow}"));
    text.push_str(&wrapped(
        &format!("The runs share {at} entries and part{when}{of}."),
        0,
        styles.columns,
    ));
    let strong = styles.strong;
    for (name, run) in [a, b] {
        let verdict = match &run.violation {
            Some(violation) => format!("{}: {}", violation.property, violation.message),
            None => "everything held".to_owned(),
        };
        let _ = writeln!(text, "\n{strong}{name}{strong:#}");
        text.push_str(&what_follows(run, at, flow.as_deref(), styles));
        text.push_str(&wrapped(&verdict, 2, styles.columns));
    }
    let _ = write!(text, "\n{}", wrapped(&parted(a.1, b.1), 0, styles.columns));
    text
}

/// Whether what one run does where they part comes before what the other does.
fn comes_first(one: &Run, other: &Run, at: usize) -> bool {
    let when = |run: &Run| run.entries().nth(at).map(|entry| entry.at);
    when(one).is_some_and(|one| when(other).is_none_or(|other| one < other))
}

fn document(a: &Run, b: &Run, at: Option<usize>) -> serde_json::Value {
    let side = |run: &Run| {
        let entry = at.and_then(|at| run.entries().nth(at));
        json!({
            "digest": run.digest.to_string(),
            "held": run.held(),
            "property": run.violation.as_ref().map(|violation| &violation.property),
            "message": run.violation.as_ref().map(|violation| &violation.message),
            "at_ns": entry.map(|entry| entry.at.as_nanos()),
            "flow": entry.map(|entry| run.world().flow_name(entry.flow)),
        })
    };
    json!({ "format": 1, "same": at.is_none(), "shared": at, "a": side(a), "b": side(b) })
}
