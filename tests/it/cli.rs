//! The command as a process: what it writes where, and the status that it ends with.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const ORDERS: &str = "fixtures/order_system.ron";
const DEMO: &str = "fixtures/guide_demo.ron";
/// A seed under which an order is charged twice.
const BAD_SEED: &str = "19";
/// What scenarios say and nobody says over stdio.
const REDRIVE: &str = "(operator: [(at: \"1s\", says: Redrive())])";

pub(crate) fn brownout(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_brownout"));
    // It proposes commands in the words that it was called with.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::arg0(&mut command, "brownout");
    command.args(args).stdin(Stdio::null()).env_remove("COLUMNS");
    command
}

/// What a command says and how it ends.
pub(crate) struct Said {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn said(output: Output) -> Said {
    Said {
        status: output.status.code(),
        out: String::from_utf8(output.stdout).expect("stdout is text"),
        err: String::from_utf8(output.stderr).expect("stderr is text"),
    }
}

pub(crate) fn run(args: &[&str]) -> Said {
    said(brownout(args).output().expect("the command starts"))
}

/// A file of this test in the folder that Cargo gives to tests.
pub(crate) fn file(name: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).expect("the folder for tests takes files");
    path.to_str().expect("the path is text").to_owned()
}

#[test]
fn a_run_that_holds_ends_with_0() {
    let said = run(&["run", ORDERS]);
    assert_eq!(said.status, Some(0), "{}", said.err);
    assert!(said.out.contains("plan      weather of seed 1, random faults"), "{}", said.out);
    assert_eq!(said.err, "");
}

#[test]
fn a_violation_ends_with_1_and_shows_the_work_it_was_seen_in() {
    let said = run(&["run", ORDERS, "--seed", BAD_SEED]);
    assert_eq!(said.status, Some(1));
    assert!(said.out.contains("VIOLATED  an order is charged at most once"), "{}", said.out);
    assert!(said.out.contains("This bug is there on purpose"), "{}", said.out);
    assert!(said.out.contains("\n! "), "no fault is marked: {}", said.out);
    assert!(said.out.contains("\n> "), "the violation is not marked: {}", said.out);
    let see = "\n  brownout run fixtures/order_system.ron --seed 19 --trace --flow shopper/29.44\n";
    assert!(said.out.ends_with(see), "{}", said.out);
}

#[test]
fn commands_are_proposed_as_the_program_was_called() {
    let program = env!("CARGO_BIN_EXE_brownout");
    let output = Command::new(program).args(["run", ORDERS, "--seed", BAD_SEED]).output();
    let said = said(output.expect("the command starts"));
    assert!(said.out.contains(&format!("\n  {program} run {ORDERS} --seed 19 --trace")));
    assert!(said.out.contains(&format!("\n  {program} shrink {ORDERS} --seed 19\n")));
}

#[test]
fn the_command_that_a_violation_proposes_shows_its_work() {
    let said = run(&["run", ORDERS, "--seed", BAD_SEED, "--trace", "--flow", "shopper/29.44"]);
    assert_eq!(said.status, Some(1));
    let trace = said.out.split("\n\n").next().expect("the trace comes first");
    assert_eq!(trace.lines().count(), 47, "{trace}");
    assert!(trace.lines().all(|line| line.ends_with("  shopper/29.44")), "{trace}");
}

#[test]
fn wrong_input_and_wrong_usage_end_with_2_on_stderr_alone() {
    let typo = file("typo.ron", "(version: 1, title: \"x\", nods: {})");
    let plan = file("typo_plan.ron", "(deviatons: [])");
    let cases: [(&[&str], &str); 16] = [
        (&["run", "no_such.ron"], "cannot read `no_such.ron`"),
        (&["run", &typo], "did you mean `nodes`?"),
        (&["run", ORDERS, "--plan", &plan], "did you mean `deviations`?"),
        (&["run", ORDERS, "--plan", "no_such.ron"], "cannot read `no_such.ron`"),
        (&["run", ORDERS, "--trace", "--node", "paymnt"], "did you mean `payment`?"),
        (&["run", ORDERS, "--trace", "--kind", "writes"], "did you mean `write`?"),
        (&["run", ORDERS, "--node", "payment"], "--trace"),
        (&["run", ORDERS, "--flow", "shopper"], "--sagas"),
        (&["replay", ORDERS, "--seed", "1", "--flow", "shopper"], "--sagas"),
        (&["run", ORDERS, "--seed", "1", "--calm"], "cannot be used with"),
        (&["run", ORDERS, "--trace", "--from", "3"], "is not a span of time"),
        (&["rnu", ORDERS], "unrecognized subcommand 'rnu'"),
        (&["model", "breker"], "did you mean `breaker`?"),
        (&["model", "breaker", "--profile", "hard"], "there is no profile `hard`"),
        (&["model", "saga", "--config", "(retries: 1)"], "Unexpected field named `retries`"),
        (
            &["model", "broker", "--profile", "hardened", "--config", REDRIVE],
            "send a `redrive` when its time has come",
        ),
    ];
    for (args, expected) in cases {
        let said = run(args);
        assert_eq!(said.status, Some(2), "{args:?}");
        assert_eq!(said.out, "", "{args:?}");
        assert!(said.err.starts_with("error: "), "{args:?}: {}", said.err);
        assert!(said.err.contains(expected), "{args:?}: {}", said.err);
    }
    assert_eq!(run(&[]).status, Some(2));
}

#[test]
fn check_reports_every_file() {
    let first = file("check_1.ron", "(version: 1, title: \"x\", nods: {})");
    let second = file("check_2.ron", "(version: 2, title: \"x\", nodes: {})");
    let said = run(&["check", &first, DEMO, &second, ORDERS]);
    assert_eq!(said.status, Some(2));
    assert!(said.err.contains("unknown field `nods`"), "{}", said.err);
    assert!(said.err.contains("version 2 of the format"), "{}", said.err);
    assert!(said.out.contains("ok  fixtures/guide_demo.ron"), "{}", said.out);
    assert!(said.out.contains("ok  fixtures/order_system.ron"), "{}", said.out);
    assert_eq!(run(&["check", DEMO, ORDERS]).status, Some(0));
}

#[test]
fn a_certificate_of_what_fails_without_a_fault_does_not_say_that_nothing_can_strike() {
    let text = r#"(version: 1, title: "x",
        nodes: {
            "shop": Service(handlers: { "buy": [Work("1s")] }),
            "client": Clients(script: [Call(to: "shop", method: "buy")]),
        },
        faults: [Lose(odds: "1%")],
        properties: [EveryCallEnds(within: "1ms")],
    )"#;
    let said = run(&["certify", &file("fails_calm.ron", text)]);
    assert_eq!(said.status, Some(1), "{}", said.err);
    let expected =
        "points where a fault can strike: nobody looked, for the calm run fails already\n";
    assert!(said.out.contains(expected), "{}", said.out);
}

#[test]
fn a_certificate_says_which_faults_count_as_none() {
    let text = r#"(version: 1, title: "x",
        nodes: {
            "shop": Service(handlers: { "buy": [Work("1s")] }),
            "client": Clients(script: [Call(to: "shop", method: "buy")]),
        },
        faults: [
            Lose(odds: "0%", only: ["buy"]), Crash(odds: "0%"), Lose(odds: "0%"),
            Delay(odds: "1%", by: "1s"),
        ],
    )"#;
    let path = file("counts_as_none.ron", text);
    let said = run(&["certify", &path]);
    let line = "faults with odds of 0 % count as none: lose, crash\n";
    assert!(said.out.contains(line), "{}", said.out);
    let said = run(&["certify", &path, "--json"]);
    assert!(said.out.contains(r#""left_out":["lose","crash"]"#), "{}", said.out);
    let none = run(&["certify", "fixtures/dual_write.ron"]);
    assert!(!none.out.contains("count as none"), "{}", none.out);
}

#[test]
fn warnings_go_to_stderr_and_change_no_status() {
    let text = r#"(version: 1, title: "x",
        nodes: {
            "shop": Service(handlers: { "buy": [] }),
            "client": Clients(script: [Call(to: "shop", method: "buy")]),
        },
        faults: [Lose(odds: "0%"), Lose(odds: "1%")],
    )"#;
    let scenario = file("warned.ron", text);
    for args in [&["check", &scenario][..], &["run", &scenario], &["certify", &scenario]] {
        let said = run(args);
        assert_eq!(said.status, Some(0), "{args:?}: {}", said.err);
        assert!(said.err.starts_with("warning: this fault never strikes"), "{}", said.err);
        assert!(said.err.contains("warned.ron:6:36\n"), "{}", said.err);
        assert!(!said.out.contains("warning"), "{}", said.out);
    }
}

#[test]
fn nothing_is_coloured_when_piped_or_unwanted() {
    for variables in [&[][..], &[("NO_COLOR", "1")], &[("NO_COLOR", "1"), ("TERM", "xterm")]] {
        for args in [&["run", ORDERS, "--seed", BAD_SEED][..], &["run", "no_such.ron"]] {
            let mut command = brownout(args);
            command.envs(variables.iter().copied());
            let said = said(command.output().expect("the command starts"));
            assert!(!said.out.contains('\u{1b}') && !said.err.contains('\u{1b}'), "{variables:?}");
        }
    }
}

#[test]
fn colour_can_be_had_in_a_pipe_when_asked_for() {
    let mut command = brownout(&["run", DEMO, "--trace"]);
    let command = command.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1");
    let said = said(command.output().expect("the command starts"));
    assert!(said.out.contains('\u{1b}'), "{}", said.out);
}

#[test]
fn json_is_one_document_with_the_same_verdict() {
    let said = run(&["run", ORDERS, "--seed", BAD_SEED, "--json", "--trace", "--kind", "write"]);
    assert_eq!(said.status, Some(1));
    let report: Value = serde_json::from_str(&said.out).expect("one document");
    assert_eq!(report["format"], 1);
    assert_eq!(report["plan"]["seed"], 19);
    assert_eq!(report["held"], false);
    assert_eq!(report["violation"]["property"], "an order is charged at most once");
    let trace = report["trace"].as_array().expect("the trace was asked for");
    assert!(trace.iter().all(|entry| entry["kind"] == "write"));
    let last = trace.last().expect("the violation is a write");
    assert_eq!(last["seq"], report["violation"]["seq"]);
    assert_eq!((&last["table"], &last["value"]), (&Value::from("charges"), &Value::from(200)));
    assert_eq!(last["flow"], "shopper/29.44");
    let without: Value = serde_json::from_str(&run(&["run", DEMO, "--json"]).out).expect("JSON");
    assert_eq!(without.get("trace"), None);
}

#[test]
fn filters_of_the_trace_are_met_together() {
    let said = run(&[
        "run",
        DEMO,
        "--calm",
        "--trace",
        "--node",
        "bookkeeping",
        "--kind",
        "deliver",
        "--kind",
        "note",
        "--from",
        "0.6s",
        "--until",
        "600ms",
        "--flow",
        "main",
    ]);
    let trace = said.out.split("\n\n").next().expect("the trace comes first");
    assert_eq!(trace.lines().count(), 6, "{trace}");
    assert!(trace.lines().all(|line| line.contains(" bookkeeping-1 ")), "{trace}");
    let none = run(&["run", DEMO, "--calm", "--trace", "--flow", "main/999"]);
    assert!(none.out.starts_with("no entry of the trace fits\n"), "{}", none.out);
}

#[test]
fn a_plan_of_one_lost_reply_violates_and_says_what_did_not_apply() {
    let lost = r#"site: "payment-2>checkout-sidecar charge reply", what: "lose", count: 1"#;
    let plan = file(
        "one_lost_reply.ron",
        &format!(
            r#"(deviations: [
                ({lost}, flow: "shopper/29.44", answer: "yes"),
                ({lost}, flow: "shopper/77", answer: "yes"),
            ])"#
        ),
    );
    let said = run(&["run", ORDERS, "--plan", &plan]);
    assert_eq!(said.status, Some(1), "{}", said.err);
    assert!(said.out.contains("plan      calm weather, 2 deviations"), "{}", said.out);
    assert!(said.out.contains("faults    1 struck: 1 lose"), "{}", said.out);
    assert!(said.out.contains("unused    1 unreached: the run never came there"), "{}", said.out);
}

#[test]
fn a_violation_seen_at_the_end_shows_the_work_that_it_is_about() {
    let scenario = file(
        "unfinished.ron",
        r#"(version: 1, title: "too short a day", horizon: "10ms",
            nodes: {
                "shop": Service(handlers: { "buy": [Work("50ms")] }),
                "client": Clients(script: [Call(to: "shop", method: "buy")]),
            },
            properties: [EveryCallEnds()],
        )"#,
    );
    let said = run(&["run", &scenario, "--calm"]);
    assert_eq!(said.status, Some(1), "{}", said.err);
    assert!(said.out.contains("at the horizon, with work still pending"), "{}", said.out);
    assert!(said.out.contains("1 asked, 0 succeeded, 0 failed, 1 unfinished"), "{}", said.out);
    assert!(said.out.contains("seen at the end of the run, at 10ms"), "{}", said.out);
    assert!(said.out.contains("Everything in client/0 ("), "{}", said.out);
    assert!(said.out.contains("\nSee the whole run:\n"), "{}", said.out);
    assert!(said.out.ends_with("unfinished.ron --calm --trace\n"), "{}", said.out);
}

#[test]
fn a_reader_that_goes_away_is_no_trouble() {
    let mut child = brownout(&["run", ORDERS, "--trace"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut first = String::new();
    let mut reader = BufReader::new(child.stdout.take().expect("stdout is piped"));
    reader.read_line(&mut first).expect("a line comes");
    drop(reader);
    let said = said(child.wait_with_output().expect("the command ends"));
    assert!(first.contains("registry"), "{first}");
    assert_eq!((said.status, said.err.as_str()), (Some(0), ""));
}

#[test]
fn a_model_answers_lines_and_ends_with_2_after_a_bad_one() {
    for (line, status) in [(r#"{"at":0,"op":"failure"}"#, 0), ("nonsense", 2)] {
        let mut child = brownout(&["model", "breaker"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        writeln!(stdin, "{line}").expect("the line is taken");
        drop(stdin);
        let said = said(child.wait_with_output().expect("the command ends"));
        assert_eq!(said.status, Some(status), "{line}");
        assert_eq!(said.out.lines().count(), 2, "{}", said.out);
    }
}

#[test]
fn help_is_complete_and_fits_a_terminal() {
    for (args, expected) in [
        (&["--help"][..], "Exit status:"),
        (&["run", "--help"], "--sagas"),
        (&["fuzz", "--help"], "--enough"),
        (&["shrink", "--help"], "--seed"),
        (&["replay", "--help"], "two runs that differ"),
        (&["explain", "--help"], "--plan"),
        (&["diff", "--help"], "--scenario"),
        (&["certify", "--help"], "--load"),
        (&["check", "--help"], "Exit status:"),
        (&["model", "--help"], "--profile"),
    ] {
        let said = run(args);
        assert_eq!((said.status, said.err.as_str()), (Some(0), ""), "{args:?}");
        assert!(said.out.contains(expected) && said.out.contains("Examples:"), "{}", said.out);
        let widest = said.out.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        assert!(widest <= 80, "{args:?}: a line of {widest} columns");
    }
}
