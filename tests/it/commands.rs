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
