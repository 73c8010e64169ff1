//! What only shows inside the process: a panic becomes a status, and so does a stranger's machine.

use std::fs;

use brownout_models::Fact;
use brownout_models::contract::{Choice, Input, Machine, Purpose, Turn};
use serde::Serialize;

use super::*;
use crate::choice::Plan;
use crate::kernel::What;
use crate::scenario::Scenario;
use crate::search::{Campaign, certify};

/// A machine that breaks its promise not to panic: always, or when a fault strikes.
#[derive(Clone, Debug, Serialize)]
struct Bomb {
    by_chance: bool,
}

impl Machine for Bomb {
    type Payload = ();
    type Timer = ();
    type Fact = ();

    const PHASES: &'static [&'static str] = &["ticking"];

    fn phase(&self) -> usize {
        0
    }

    fn step(&mut self, _: Input<(), ()>, turn: &mut Turn<'_, (), ()>) {
        let boom = turn.choose(Purpose("boom"), Choice::Fault(&["yes"])) > 0;
        assert!(self.by_chance && !boom, "the bomb went off");
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
    let kinds = Kinds::new().with("bomb", |(): (), _| Ok(Bomb { by_chance: false }));
    let statuses = [
        status_of(&kinds, &["brownout", "check", &name]),
        status_of(&Kinds::new(), &["brownout", "check", &name]),
        status_of(&kinds, &["brownout", "run", &name, "--calm"]),
        status_of(&kinds, &["brownout", "fuzz", &name, "--runs", "2"]),
        status_of(&kinds, &["brownout", "certify", &name]),
    ];
    fs::remove_file(&path).expect("the file is there");
    assert_eq!(statuses, [Status::Held, Status::Wrong, Status::Bug, Status::Bug, Status::Bug]);
}

#[test]
fn a_panic_names_the_run_that_panics_again() {
    let kinds = Kinds::new().with("bomb", |(): (), _| Ok(Bomb { by_chance: true }));
    let text = r#"(version: 1, title: "boom", nodes: {
        "b": Own(kind: "bomb"),
        "client": Clients(script: [Sleep("1s")]),
    }, faults: [Own(what: "boom", odds: "5%")])"#;
    let scenario = Scenario::parse("boom.ron", text, &kinds).expect("the scenario makes sense");
    let panics =
        |plan: &Plan| panic::catch_unwind(AssertUnwindSafe(|| scenario.run(plan))).is_err();
    let seed = (1..).find(|seed| panics(&Plan::seed(*seed))).expect("a bomb goes off");
    assert!(seed > 1, "not every bomb goes off");
    for jobs in [1, 2] {
        let found = jobs::with_workers(Some(jobs), u64::MAX, || {
            Campaign::default().run(&scenario, &|_, _| true)
        });
        let panicked = found.expect("there are workers").expect_err("a bomb goes off");
        assert_eq!(panicked.plan, Plan::seed(seed));
        let Trouble::Panicked(said) = Trouble::panicked(&panicked, &scenario, "brownout") else {
            panic!("a panic is no other trouble")
        };
        assert!(
            said.contains(&format!("`the bomb went off` in the run of seed {seed};")),
            "{said}"
        );
        assert!(said.ends_with(&format!("\n  brownout run boom.ron --seed {seed}")), "{said}");
    }
    let panicked = certify(&scenario, 1, None, &|_| ()).expect_err("every point is tried");
    let [boom] = panicked.plan.deviations.as_slice() else { panic!("{panicked}") };
    assert_eq!((boom.what.as_str(), boom.answer.as_str()), ("boom", "yes"));
    assert!(panics(&panicked.plan));
    let Trouble::Panicked(said) = Trouble::panicked(&panicked, &scenario, "brownout") else {
        panic!("a panic is no other trouble")
    };
    assert!(said.contains("what: \"boom\""), "{said}");
    assert!(said.ends_with("\n  brownout run boom.ron --plan FILE"), "{said}");
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
