//! A stranger's machine among stock ones: the whole command line works on it.

use std::process::{Command, Output};

/// Runs the example's program on its scenario.
fn bulkhead(arguments: &[&str]) -> Output {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_brownout"))
        .with_file_name("examples")
        .join("bulkhead");
    let findings = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("bulkhead");
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/bulkhead.ron");
    let finding = findings.join("bulkhead-one_loss_costs_one_order.ron");
    let arguments = arguments.iter().map(|argument| match *argument {
        "SCENARIO" => scenario.to_owned(),
        "FINDINGS" => findings.to_string_lossy().into_owned(),
        "FINDING" => finding.to_string_lossy().into_owned(),
        other => other.to_owned(),
    });
    Command::new(program).args(arguments).output().unwrap()
}

#[test]
fn a_strangers_bulkhead_runs_fuzzes_shrinks_replays_and_certifies() {
    let text = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap();
    let calm = bulkhead(&["run", "SCENARIO", "--calm"]);
    assert_eq!(calm.status.code(), Some(0), "{}", text(&calm));

    let fuzz = bulkhead(&["fuzz", "SCENARIO", "--save", "FINDINGS"]);
    assert_eq!(fuzz.status.code(), Some(1), "{}", text(&fuzz));
    assert!(text(&fuzz).contains("1 matters"), "{}", text(&fuzz));

    let replay = bulkhead(&["replay", "FINDING"]);
    assert_eq!(replay.status.code(), Some(1), "{}", text(&replay));
    assert!(text(&replay).contains("byte-identical to the recorded run"), "{}", text(&replay));
    assert!(text(&replay).contains("\"out of patience\""), "its own fact: {}", text(&replay));

    let shrink = bulkhead(&["shrink", "FINDING"]);
    assert_eq!(shrink.status.code(), Some(1), "{}", text(&shrink));

    let certify = bulkhead(&["certify", "SCENARIO"]);
    assert_eq!(certify.status.code(), Some(1), "{}", text(&certify));
    assert!(text(&certify).contains("33 plans"), "{}", text(&certify));
}

#[test]
fn a_strangers_machine_takes_sixty_lines() {
    let source = include_str!("../../examples/bulkhead.rs");
    assert!(source.lines().count() <= 60, "{} lines", source.lines().count());
}
