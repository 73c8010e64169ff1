//! The text of a regression's file: one line for each deviation, so that a review sees each.

use std::fmt::Write as _;

use super::{PlanFile, Regression};
use crate::choice::{Deviation, Weather};

pub(super) fn text_of(regression: &Regression) -> String {
    let mut text = String::from("(\n");
    let mut field = |name: &str, value: String| {
        let _ = writeln!(text, "    {name}: {value},");
    };
    field("version", regression.version.to_string());
    field("scenario", quoted(&regression.scenario.to_string_lossy()));
    if let Some(property) = &regression.property {
        field("property", quoted(property));
    }
    if let Some(digest) = &regression.digest {
        field("digest", quoted(digest));
    }
    if let Some(seed) = regression.seed {
        field("seed", seed.to_string());
    }
    field("plan", plan_text(&regression.plan, "    "));
    if let Some(full) = &regression.full {
        field("full", plan_text(full, "    "));
    }
    text.push_str(")\n");
    text
}

/// A plan, set in as its first line is.
pub(super) fn plan_text(plan: &PlanFile, indent: &str) -> String {
    let mut text = String::from("(\n");
    if let Weather::Seed { seed, except } = &plan.weather {
        let except =
            if except.is_empty() { String::new() } else { format!(", except: {}", list(except)) };
        let _ = writeln!(text, "{indent}    weather: Seed(seed: {seed}{except}),");
    }
    if let Some(load) = &plan.load {
        let _ = writeln!(text, "{indent}    load: {},", list(load));
    }
    let _ = writeln!(text, "{indent}    deviations: [");
    for deviation in &plan.deviations {
        let Deviation { site, what, flow, count, answer } = deviation;
        let _ = writeln!(
            text,
            "{indent}        (site: {}, what: {}, flow: {}, count: {count}, answer: {}),",
            quoted(site),
            quoted(what),
            quoted(flow),
            quoted(answer),
        );
    }
    let _ = write!(text, "{indent}    ],\n{indent})");
    text
}

fn list(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    format!("[{}]", words.join(", "))
}

/// A string as RON writes it.
fn quoted(text: &str) -> String {
    ron::to_string(text).unwrap_or_else(|_| format!("{text:?}"))
}
