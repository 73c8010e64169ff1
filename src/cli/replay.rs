//! `brownout replay`: a finding or a seed again, byte for byte.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{Session, Status, Trouble, output};
use crate::choice::{Fate, Plan};
use crate::render::lines;
use crate::render::{
    Filter, Styles, heading, missed, run_plan_report, saga_reports, saga_trees, story,
};
use crate::run::Keep;
use crate::scenario::Scenario;
use crate::search::{Replay, ReplayOf};

/// Runs a saved finding again, in all its forms: the few faults that
/// matter, all faults of the run that found it, and its seed.
///
/// It passes when none of them fails any more. With --seed the file is a
/// scenario, and the run of that seed is made twice and compared.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ReplayArgs {
    /// The finding, as `brownout fuzz` saves it; with --seed, a scenario.
    file: PathBuf,

    /// Replay this seed of a scenario instead.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Show every saga of the run as a tree: of the first form that fails, or of
    /// the minimal plan.
    #[arg(long)]
    sagas: bool,

    /// Only sagas of this piece of work (`shopper/17`), or of all that start at
    /// one place (`shopper`); may be given several times.
    #[arg(long = "flow", value_name = "NAME", requires = "sagas")]
    flows: Vec<String>,

    /// One JSON document instead of text.
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Exit status:
  0  nothing fails any more
  1  something still fails
  2  the input or the usage is wrong
  3  a bug of brownout, two runs that differ among them

Examples:
  brownout replay findings/shop-every_call_ends.ron
  brownout replay shop.ron --seed 17";

impl ReplayArgs {
    /// Which sagas are shown, if any.
    fn sagas(&self, scenario: &Scenario) -> Result<Option<Filter>, Trouble> {
        let filter = Filter::new().of_flows(&self.flows, scenario.layout())?;
        Ok(self.sagas.then_some(filter))
    }
}

pub(super) fn run(args: &ReplayArgs, session: &mut Session<'_>) -> Result<Status, Trouble> {
    match args.seed {
        Some(seed) => replay_seed(args, seed, session),
        None => replay_finding(args, session),
    }
}

fn replay_finding(args: &ReplayArgs, session: &mut Session<'_>) -> Result<Status, Trouble> {
    let (regression, scenario) = session.finding(&args.file, "add `--seed N`")?;
    let sagas = args.sagas(&scenario)?;
    let keep = Keep { trace: true, ..Keep::VERDICT };
    let replays = regression.replay(&scenario, keep);
    let fails = replays.iter().any(|replay| replay.fails);
    if args.json {
        if let Some(filter) = &sagas {
            let runs = replays.iter().map(|replay| &replay.run);
            output::note_what_never_began_in_any(filter, runs);
        }
        let forms: Vec<_> = replays.iter().map(|replay| form(replay, sagas.as_ref())).collect();
        session.output.json(&json!({
            "format": 1,
            "scenario": scenario.path,
            "property": regression.property,
            "fails": fails,
            "forms": forms,
        }))?;
    } else {
        if let (Some(filter), Some(replay)) = (&sagas, with_sagas(&replays)) {
            output::note_what_never_began(filter, &replay.run);
        }
        let text = text(&scenario, &replays, sagas.as_ref(), session.output.styles);
        session.output.text(&text)?;
    }
    Ok(if fails { Status::Violated } else { Status::Held })
}

/// The form whose sagas are shown: the first that fails, or the minimal plan where none does.
fn with_sagas(replays: &[Replay]) -> Option<&Replay> {
    replays.iter().find(|replay| replay.fails).or_else(|| replays.first())
}

/// The word for a form.
const fn word(of: ReplayOf) -> &'static str {
    match of {
        ReplayOf::Minimal => "minimal plan",
        ReplayOf::Full => "full plan",
        ReplayOf::Seed => "seed",
    }
}

fn form(replay: &Replay, sagas: Option<&Filter>) -> Value {
    let mut form = json!({
        "form": word(replay.of),
        "fails": replay.fails,
        "digest": replay.run.digest.to_string(),
        "identical": replay.is_identical,
        "message": replay.run.violation.as_ref().map(|violation| &violation.message),
        "plan": run_plan_report(&replay.run),
    });
    if let Some(filter) = sagas {
        form["sagas"] = json!(saga_reports(&replay.run, filter));
    }
    form
}

fn text(scenario: &Scenario, replays: &[Replay], sagas: Option<&Filter>, styles: Styles) -> String {
    let mut text = heading(scenario, styles);
    for Replay { of, run, is_identical, fails } in replays {
        let (style, verdict) =
            if *fails { (styles.fault, "fails") } else { (styles.good, "holds") };
        let identical = match is_identical {
            Some(true) => ", byte-identical to the recorded run",
            Some(false) => ", not the run that was recorded",
            None => "",
        };
        let _ = writeln!(
            text,
            "{:<12}  {style}{verdict}{style:#}  digest {}{identical}",
            word(*of),
            run.digest
        );
        for fate in [Fate::Unreached, Fate::Inapplicable] {
            let (missed, possible) = missed(run, fate);
            if !missed.is_empty() {
                let _ = writeln!(text, "    {} {}:", missed.len(), fate.word());
            }
            if possible.iter().all(String::is_empty) {
                text.push_str(&lines::deviations(&missed, 6, styles.columns));
                continue;
            }
            for (deviation, remark) in missed.iter().zip(&possible) {
                text.push_str(&lines::deviations(
                    std::slice::from_ref(deviation),
                    6,
                    styles.columns,
                ));
                text.push_str(&lines::wrapped(remark, 8, styles.columns));
            }
        }
        let absent = run.absent_load();
        if !absent.is_empty() {
            let _ = writeln!(text, "    load that never arrived:");
            text.push_str(&lines::wrapped(&absent.join(", "), 6, styles.columns));
        }
    }
    let shown = replays.iter().find(|replay| replay.fails);
    if let (Some(filter), Some(replay)) = (sagas, with_sagas(replays)) {
        text.push('\n');
        text.push_str(&saga_trees(&replay.run, filter, styles));
    }
    if let Some(replay) = shown {
        if let Some(violation) = &replay.run.violation {
            let violated = format!("{}: {}", violation.property, violation.message);
            let _ = write!(text, "\n{}", lines::wrapped(&violated, 0, styles.columns));
        }
        let _ = writeln!(text, "\n{}", lines::plan_in_short(&replay.run.plan, 2, styles.columns));
        if let Some(story) = story(&replay.run, styles) {
            text.push_str(&story.text);
            if sagas.is_none() {
                text.push_str(&story.sagas);
            }
        }
        if let Some(planted) = &scenario.planted {
            text.push('\n');
            let planted = format!("This bug is there on purpose: {planted}.");
            text.push_str(&lines::wrapped(&planted, 0, styles.columns));
        }
    }
    text
}

fn replay_seed(args: &ReplayArgs, seed: u64, session: &mut Session<'_>) -> Result<Status, Trouble> {
    let scenario = session.scenario(&args.file)?;
    let sagas = args.sagas(&scenario)?;
    let keep = Keep { trace: args.sagas, ..Keep::VERDICT };
    let [first, second] = [(); 2].map(|()| scenario.run_keeping(&Plan::seed(seed), keep));
    if let Some(filter) = &sagas {
        output::note_what_never_began(filter, &first);
    }
    let is_identical = first.digest == second.digest;
    let violation = first.violation.as_ref();
    if args.json {
        let mut document = json!({
            "format": 1,
            "scenario": scenario.path,
            "seed": seed,
            "digest": first.digest.to_string(),
            "identical": is_identical,
            "fails": violation.is_some(),
            "property": violation.map(|violation| &violation.property),
            "message": violation.map(|violation| &violation.message),
        });
        if let Some(filter) = &sagas {
            document["sagas"] = json!(saga_reports(&first, filter));
        }
        session.output.json(&document)?;
    } else {
        let same = if is_identical { "byte-identical, twice" } else { "two runs that differ" };
        session.output.line(&format!("seed {seed}  digest {}  {same}", first.digest))?;
        let verdict = violation.map_or_else(
            || "everything held".to_owned(),
            |violation| format!("{}: {}", violation.property, violation.message),
        );
        session.output.text(&lines::wrapped(&verdict, 0, session.output.styles.columns))?;
        if let Some(filter) = &sagas {
            let trees = saga_trees(&first, filter, session.output.styles);
            session.output.text(&format!("\n{trees}"))?;
        }
    }
    Ok(match (is_identical, first.held()) {
        (false, _) => Status::Bug,
        (true, true) => Status::Held,
        (true, false) => Status::Violated,
    })
}
