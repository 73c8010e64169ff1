//! The reference of the command line keeps its word: what its examples show is what comes out.

use std::fs;
use std::path::PathBuf;

use crate::cli::run;
use crate::rejected::root;

/// An example: the line where it stands, its arguments, and what it shows.
struct Example<'a> {
    line: usize,
    args: Vec<&'a str>,
    shown: Vec<&'a str>,
}

/// Everything that is indented behind a line with a prompt.
fn examples(document: &str) -> Vec<Example<'_>> {
    let mut examples: Vec<Example<'_>> = Vec::new();
    let mut is_open = false;
    for (line, text) in (1..).zip(document.lines()) {
        let indented = text.strip_prefix("    ");
        if let Some(command) = indented.and_then(|text| text.strip_prefix("$ brownout ")) {
            let args = command.split(' ').collect();
            examples.push(Example { line, args, shown: Vec::new() });
            is_open = true;
        } else if let (true, Some(example)) = (is_open, examples.last_mut()) {
            is_open = indented.is_some() || text.is_empty();
            example.shown.extend(indented.or(is_open.then_some("")));
        }
    }
    for example in &mut examples {
        while example.shown.last().is_some_and(|line| line.is_empty()) {
            example.shown.pop();
        }
    }
    examples
}

/// A line as one reads it: columns may stand elsewhere.
fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first line that does not come out where it should; `..` stands for any number of others.
fn missing<'a>(shown: &[&'a str], out: &str) -> Option<&'a str> {
    let out: Vec<String> = out.lines().map(words).collect();
    let (mut at, mut may_skip) = (0, true);
    for line in shown {
        if line.trim() == ".." || (line.is_empty() && may_skip) {
            may_skip = true;
            continue;
        }
        let rest = out.get(at..)?;
        let found = rest.iter().position(|other| *other == words(line));
        match found {
            Some(skipped) if may_skip || skipped == 0 => at += skipped + 1,
            Some(_) | None => return Some(line),
        }
        may_skip = false;
    }
    None
}

#[test]
fn examples_of_the_command_line_show_what_comes_out() {
    let document = fs::read_to_string(root().join("docs/cli.md")).unwrap();
    let saved = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("commands");
    let saved = saved.to_str().unwrap();
    let mut seen = 0;
    for Example { line, mut args, shown } in examples(&document) {
        let files = args.iter().filter(|arg| arg.ends_with(".ron"));
        // Some files stand for the reader's own.
        if !files.clone().all(|file| root().join(file).exists()) {
            continue;
        }
        if args[0] == "fuzz" {
            args.extend(["--save", saved]);
        }
        let said = run(&args);
        let out = said.out.replace(saved, "findings");
        if let Some(missing) = missing(&shown, &out) {
            panic!("docs/cli.md, example in line {line}, has `{missing}`, which is not in\n{out}");
        }
        seen += 1;
    }
    assert!(seen >= 9, "the reference has {seen} examples");
}

/// `TurnedBack` as `turned_back`.
fn snake_case(name: &str) -> String {
    let mut word = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

/// The variants of an enum in a source file.
fn variants(path: &str, name: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(path)).unwrap();
    let start = text.find(&format!("pub enum {name} {{")).unwrap();
    let body = text[start..].split("\n}").next().unwrap();
    let variant = |line: &str| {
        let line = line.strip_prefix("    ")?;
        let name: String = line.chars().take_while(char::is_ascii_alphanumeric).collect();
        name.starts_with(|first: char| first.is_ascii_uppercase()).then_some(name)
    };
    body.lines().filter_map(variant).collect()
}

#[test]
fn every_fact_is_in_the_reference() {
    let document = fs::read_to_string(root().join("docs/cli.md")).unwrap();
    let nested = |prefix: &str, path: &str, name: &str| -> Vec<String> {
        variants(path, name).into_iter().map(|variant| format!("{prefix}{variant}")).collect()
    };
    let mut facts = variants("models/src/fact.rs", "Fact");
    facts.retain(|fact| !["Own", "Deployment", "Waiting", "Redrive"].contains(&fact.as_str()));
    facts.extend(nested("Deployment", "models/src/fact/deployment.rs", "DeploymentFact"));
    facts.extend(nested("Waiting", "models/src/fact/waiting.rs", "WaitingFact"));
    facts.extend(nested("Redrive", "models/src/fact/redrive.rs", "RedriveFact"));
    assert!(facts.len() > 55, "{facts:?}");
    for fact in facts {
        let word = format!("`{}`", snake_case(&fact));
        assert!(document.contains(&word), "docs/cli.md says nothing of {word}");
    }
}

#[test]
fn notes_in_json_are_words_and_names() {
    let page = r#"(
        version: 1,
        nodes: {
            "registry": Registry(),
            "stock": Service(handlers: { "count": [] }),
            "page": Composition(
                profile: hardened,
                parts: [
                    (name: "stock", to: "stock", method: "count"),
                    (name: "reviews", to: "stock", method: "count", need: Optional),
                ],
            ),
            "reader": Clients(script: [Call(to: "page", method: "show")]),
        },
    )"#;
    let page = crate::cli::file("page.ron", page);
    for scenario in [page.as_str(), "fixtures/deployments/canary.ron"] {
        let said = run(&["run", scenario, "--trace", "--kind", "note", "--json"]);
        let document: serde_json::Value = serde_json::from_str(&said.out).expect(&said.err);
        let notes = document["trace"].as_array().unwrap();
        assert!(!notes.is_empty(), "{scenario}");
        for note in notes {
            assert!(note["fact"].is_string(), "{note}");
            for (field, value) in note.as_object().unwrap() {
                let is_name = ["service", "instance", "subset", "composition", "part"]
                    .contains(&field.as_str());
                assert_eq!(is_name, is_name && value.is_string(), "{note}");
                let is_word = ["fact", "state", "why", "word"].contains(&field.as_str());
                let word = value.as_str().unwrap_or_default();
                assert!(!is_word || word == word.to_lowercase(), "{note}");
                assert_ne!(field, "own", "{note}");
            }
        }
    }
}

/// The histogram has three digits; the longest latency is the one that was.
#[test]
fn the_longest_latency_is_told_to_the_nanosecond() {
    let text = r#"(
        version: 1,
        nodes: {
            "server": Service(registered: false, handlers: { "get": [Work("20000001ns")] }),
            "client": Clients(script: [Call(to: "server", method: "get")]),
        },
    )"#;
    let run = crate::fixtures::scenario(text).run_calm();
    let metrics = &run.metrics;
    let longest = brownout::models::Span::from_nanos(20_000_001);
    assert_eq!(metrics.latency_max(), Some(longest));
    assert_eq!([50, 99].map(|percentile| metrics.latency(percentile)), [Some(longest); 2]);
}

/// Whichever of the two is named first: the work is that of the run that does something else earlier.
#[test]
fn two_runs_part_in_the_same_work_in_either_order() {
    let parts = |a: &str, b: &str| {
        let said = run(&["diff", "--scenario", "fixtures/order_system.ron", a, b]);
        said.out.lines().next().unwrap_or_default().to_owned()
    };
    let parted = parts("calm", "19");
    assert!(parted.ends_with("part at 0s, in shopper slot/0."), "{parted}");
    assert_eq!(parts("19", "calm"), parted);
}

#[test]
fn a_scenario_without_properties_holds_nothing() {
    let text = r#"(
        version: 1,
        nodes: {
            "server": Service(registered: false, handlers: { "get": [] }),
            "client": Clients(script: [Call(to: "server", method: "get")]),
        },
        faults: [Lose(odds: "1%")],
    )"#;
    let path = crate::cli::file("nothing_to_hold.ron", text);
    for args in [&["fuzz", &path, "--runs", "2"][..], &["certify", &path]] {
        let said = run(args);
        assert_eq!(said.status, Some(0), "{}", said.err);
        let nothing = "nothing was asked to hold: the scenario has no properties\n";
        assert!(said.out.ends_with(nothing), "{}", said.out);
        assert!(!said.out.contains("everything held"), "{}", said.out);
    }
}

#[test]
fn a_plan_that_lets_nothing_arrive_says_so() {
    let plan = brownout::Plan { load: Some(Vec::new()), ..brownout::Plan::calm() };
    assert_eq!(plan.to_string(), "calm weather, no load");
}
