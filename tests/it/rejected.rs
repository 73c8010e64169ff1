//! What a person reads when a scenario is wrong: one small file for each claim.

use std::fs;
use std::path::{Path, PathBuf};

use brownout::scenario::{Scenario, ScenarioError};
use brownout::system::Kinds;

/// The scenarios of a folder, by stem, in alphabetical order.
pub(crate) fn scenarios(folder: &str) -> Vec<(String, String)> {
    let folder = root().join(folder);
    let entries = fs::read_dir(&folder).expect("the folder is part of the repository");
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "ron"));
    files.sort();
    let read = |file: &PathBuf| {
        let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let text = fs::read_to_string(file).expect("scenarios can be read");
        (stem.unwrap_or_default(), text)
    };
    files.iter().map(read).collect()
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_rejected_scenario_is_refused_in_words_that_help() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("snapshots/rejected"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _settings = settings.bind_to_scope();
    let scenarios = scenarios("fixtures/rejected");
    assert!(scenarios.len() >= 32, "{} scenarios are too few", scenarios.len());
    let mut poor = Vec::new();
    for (stem, text) in scenarios {
        let name = format!("rejected/{stem}.ron");
        let Err(error) = Scenario::parse(&name, &text, &Kinds::new()) else {
            panic!("{name} is accepted")
        };
        let ScenarioError::Wrong { source, diagnostics } = &error else {
            panic!("{name} could not even be judged")
        };
        assert!(!diagnostics.is_empty(), "{name} is refused without a reason");
        for diagnostic in diagnostics {
            let is_marked = !source.slice(diagnostic.place).is_empty();
            let is_at_end = diagnostic.place.start >= text.trim_end().len();
            let is_helpful = (is_marked || is_at_end)
                && !diagnostic.label.is_empty()
                && diagnostic.help.as_ref().is_some_and(|help| !help.is_empty())
                && !diagnostic.message.ends_with('.');
            if !is_helpful {
                poor.push((name.clone(), diagnostic.message.clone()));
            }
        }
        insta::assert_snapshot!(stem, error.render(false));
    }
    assert!(poor.is_empty(), "no mark, no expectation or no remedy: {poor:#?}");
}

#[test]
fn seven_mistakes_are_reported_at_once_in_the_order_of_the_file() {
    let (_, text) = scenarios("fixtures/rejected")
        .into_iter()
        .find(|(stem, _)| stem == "seven_mistakes_at_once")
        .unwrap();
    let Err(ScenarioError::Wrong { diagnostics, .. }) = Scenario::parse("x", &text, &Kinds::new())
    else {
        panic!("seven mistakes are accepted")
    };
    let lines: Vec<usize> = diagnostics.iter().map(|diagnostic| diagnostic.place.line).collect();
    assert!(lines.len() >= 7, "{lines:?}");
    assert!(lines.is_sorted(), "{lines:?}");
}

#[test]
fn every_shipped_scenario_is_accepted() {
    for (stem, text) in scenarios("fixtures") {
        if let Err(error) = Scenario::parse(&format!("{stem}.ron"), &text, &Kinds::new()) {
            panic!("{error}");
        }
    }
}
