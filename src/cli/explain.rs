//! `brownout explain`: how a failing plan leads to its violation, and which of its faults it takes.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::{Session, Status, Trouble, plan_file};
use crate::choice::{Deviation, Plan, Weather};
use crate::property::Violation;
use crate::render::lines::{self, wrapped};
use crate::render::{Styles, divergence, periods, periods_table, plan_report, story, what_follows};
use crate::scenario::Scenario;
use crate::search::{Explanation, Part, explain, shrink};

/// Tells how a failing plan leads to its violation.
///
/// Each fault is left out in turn: does the property hold without it, and
/// what happens instead? At the end stands a test that fails as the plan
/// does. The file is a finding; with --seed or --plan it is a scenario, and
/// the run of that seed is shrunk first.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ExplainArgs {
    /// The finding, as `brownout fuzz` saves it; with --seed or --plan, a
    /// scenario.
    file: PathBuf,

    /// Shrink the run of this seed of a scenario, and explain what is left.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Explain the plan in this file.
    #[arg(long, value_name = "FILE", conflicts_with = "seed")]
    plan: Option<PathBuf>,

    /// One JSON document instead of text.
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Exit status:
  0  the plan does not fail: there is nothing to explain
  1  it fails, and this is how
  2  the input or the usage is wrong
  3  a bug of brownout

Examples:
  brownout explain findings/shop-every_call_ends.ron
  brownout explain shop.ron --seed 17
  brownout explain shop.ron --plan lost_reply.ron";

pub(super) fn run(args: &ExplainArgs, session: &mut Session<'_>) -> Result<Status, Trouble> {
    let (scenario, plan) = subject(args, session)?;
    let explanation = plan.and_then(|plan| explain(&scenario, &plan));
    if args.json {
        session.output.json(&document(&scenario, explanation.as_ref()))?;
    } else if let Some(explanation) = &explanation {
        let text = text(&scenario, explanation, session.output.styles);
        session.output.text(&text)?;
    } else {
        session.output.line("everything held: there is nothing to explain")?;
    }
    Ok(if explanation.is_some() { Status::Violated } else { Status::Held })
}

/// The scenario, and the plan to explain; `None` when the run of a seed does not fail.
fn subject(args: &ExplainArgs, session: &Session<'_>) -> Result<(Scenario, Option<Plan>), Trouble> {
    if args.seed.is_none() && args.plan.is_none() {
        let (regression, scenario) =
            session.finding(&args.file, "add `--seed N` or `--plan FILE`")?;
        return Ok((scenario, Some(Plan::from(&regression.plan))));
    }
    let scenario = session.scenario(&args.file)?;
    let plan = match (&args.plan, args.seed) {
        (Some(path), _) => Some(plan_file::read(path, &scenario)?),
        (None, Some(seed)) => shrink(&scenario, &Plan::seed(seed)).map(|shrunk| shrunk.plan),
        (None, None) => None,
    };
    Ok((scenario, plan))
}

fn text(scenario: &Scenario, explanation: &Explanation, styles: Styles) -> String {
    let Explanation { run, parts } = explanation;
    let Some(violation) = &run.violation else { return String::new() };
    let mut text =
        wrapped(&format!("{}: {}", violation.property, violation.message), 0, styles.columns);
    let _ = writeln!(
        text,
        "\n{}",
        lines::plan(&run.plan.with_deviations(run.applied.clone()), 2, styles.columns)
    );
    if let Some(story) = story(run, styles) {
        text.push_str(&story.text);
        text.push_str(&story.sagas);
    }
    if scenario.is_about_load(&violation.property) {
        let table = periods_table(run, styles);
        let gap = if table.is_empty() { "" } else { "\n" };
        let _ = write!(text, "{gap}{table}");
    }
    let strong = styles.strong;
    for Part { deviation, is_necessary, without } in parts {
        let (is, otherwise) = match (is_necessary, &without.violation) {
            (true, None) => ("Necessary", "without it everything holds"),
            (true, Some(_)) => {
                ("Necessary", "without it the property holds, though another does not")
            }
            (false, _) => ("Not necessary", "it fails without it, too"),
        };
        let _ = writeln!(text, "\n{strong}{is}{strong:#}: {otherwise}");
        text.push_str(&lines::deviations(std::slice::from_ref(deviation), 2, styles.columns));
        let Some(at) = divergence(run, without) else { continue };
        text.push_str("  What happens instead:\n");
        text.push_str(&what_follows(without, at, Some(&deviation.flow), styles));
    }
    if parts.is_empty() {
        text.push_str("\nNo fault is needed: it fails in this weather and under this load.\n");
    }
    let _ = write!(text, "\n{strong}As a test{strong:#}, which passes once the bug is fixed:\n\n");
    text.push_str(&test(scenario, &run.plan.with_deviations(run.applied.clone()), violation));
    text
}

/// A test in Rust that fails as the plan does.
fn test(scenario: &Scenario, plan: &Plan, violation: &Violation) -> String {
    let name: String = violation
        .property
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let name = if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name
    } else {
        format!("it_{name}")
    };
    let list = |words: &[String]| {
        let words: Vec<String> = words.iter().map(|word| format!("{word:?}.into()")).collect();
        format!("vec![{}]", words.join(", "))
    };
    let mut fields = String::new();
    if let Weather::Seed { seed, except } = &plan.weather {
        let except = list(except);
        let _ = writeln!(
            fields,
            "        weather: brownout::Weather::Seed {{ seed: {seed}, except: {except} }},"
        );
    }
    if plan.random_faults {
        fields.push_str("        random_faults: true,\n");
    }
    if let Some(load) = &plan.load {
        let _ = writeln!(fields, "        load: Some({}),", list(load));
    }
    fields.push_str("        deviations: vec![\n");
    for Deviation { site, what, flow, count, answer } in &plan.deviations {
        let _ = write!(
            fields,
            "            brownout::Deviation {{\n                site: {site:?}.into(),\n                \
             what: {what:?}.into(),\n                flow: {flow:?}.into(),\n                \
             count: {count},\n                answer: {answer:?}.into(),\n            }},\n"
        );
    }
    fields.push_str("        ],\n");
    let path = without_detours(&scenario.path);
    let path = path.to_string_lossy();
    format!(
        "#[test]\nfn {name}() {{\n    let scenario = brownout::Scenario::load({path:?}).unwrap();\n    \
         let plan = brownout::Plan {{\n{fields}        ..brownout::Plan::calm()\n    }};\n    \
         let run = scenario.run(&plan);\n    assert!(run.held(), \"{{:?}}\", run.violation);\n}}\n"
    )
}

/// A path without `..` where a folder stands before it.
fn without_detours(path: &Path) -> PathBuf {
    let mut short = PathBuf::new();
    for part in path.components() {
        let is_folder = matches!(short.components().next_back(), Some(Component::Normal(_)));
        if part == Component::ParentDir && is_folder {
            short.pop();
        } else {
            short.push(part);
        }
    }
    short
}

fn document(scenario: &Scenario, explanation: Option<&Explanation>) -> serde_json::Value {
    let run = explanation.map(|explanation| &explanation.run);
    let violation = run.and_then(|run| run.violation.as_ref());
    let is_about_load = violation.is_some_and(|it| scenario.is_about_load(&it.property));
    let part = |part: &Part| {
        json!({
            "deviation": part.deviation,
            "necessary": part.is_necessary,
            "otherwise": part.without.violation.as_ref().map(|violation| {
                json!({ "property": violation.property, "message": violation.message })
            }),
        })
    };
    json!({
        "format": 1,
        "scenario": scenario.path,
        "fails": explanation.is_some(),
        "property": violation.map(|violation| &violation.property),
        "message": violation.map(|violation| &violation.message),
        "plan": run.map(|run| plan_report(&run.plan.with_deviations(run.applied.clone()))),
        "digest": run.map(|run| run.digest.to_string()),
        "periods": run.filter(|_| is_about_load).map(periods),
        "parts": explanation.map(|explanation| {
            explanation.parts.iter().map(part).collect::<Vec<_>>()
        }),
    })
}
