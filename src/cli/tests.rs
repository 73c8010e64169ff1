//! What only shows inside the process: a panic becomes a status, and so does a stranger's machine.

use std::fs;

use brownout_models::Fact;
use brownout_models::contract::{Input, Machine, Turn};
use serde::Serialize;

use super::*;
use crate::kernel::What;

/// A machine that breaks its promise not to panic.
#[derive(Clone, Debug, Serialize)]
struct Bomb;

impl Machine for Bomb {
    type Payload = ();
    type Timer = ();
    type Fact = ();

    const PHASES: &'static [&'static str] = &["ticking"];

    fn phase(&self) -> usize {
        0
    }

    fn step(&mut self, _: Input<(), ()>, _: &mut Turn<'_, (), ()>) {
        panic!("the bomb went off");
    }

    fn power_cut(&mut self) {}
}

fn status_of(kinds: &Kinds, arguments: &[&str]) -> Status {
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    caught(kinds, &arguments)
}

#[test]
fn a_panic_ends_with_status_3_and_nothing_else_does() {
    let path = std::env::temp_dir().join(format!("brownout_bomb_{}.ron", std::process::id()));
    let text = r#"(version: 1, title: "boom", nodes: {
        "b": Own(kind: "bomb"),
        "client": Clients(script: [Sleep("1s")]),
    })"#;
    fs::write(&path, text).expect("the temporary folder takes files");
    let name = path.to_string_lossy();
    let kinds = Kinds::new().with("bomb", |(): (), _| Ok(Bomb));
    let statuses = [
        status_of(&kinds, &["brownout", "check", &name]),
        status_of(&Kinds::new(), &["brownout", "check", &name]),
        status_of(&kinds, &["brownout", "run", &name, "--calm"]),
    ];
    fs::remove_file(&path).expect("the file is there");
    assert_eq!(statuses, [Status::Held, Status::Wrong, Status::Bug]);
}

#[test]
fn the_command_line_is_well_formed() {
    use clap::CommandFactory;
    Cli::command().debug_assert();
}

#[test]
fn the_help_of_run_names_every_kind_of_entry() {
    let help = Cli::try_parse_from(["brownout", "run", "--help"]).expect_err("help is no command");
    let help = help.to_string();
    for kind in What::<Fact>::KINDS {
        assert!(help.split_whitespace().any(|word| word == kind), "{kind}");
    }
}

#[test]
fn words_are_quoted_where_a_shell_would_split_them() {
    assert_eq!(quoted("shopper/12.4"), "shopper/12.4");
    assert_eq!(quoted("order-1 heartbeat/3"), "'order-1 heartbeat/3'");
    assert_eq!(quoted("it's"), r"'it'\''s'");
    assert_eq!(quoted(""), "''");
}
