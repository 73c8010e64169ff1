//! Files that are missing or wrong beside others that are not.

use serde_json::Value;

use crate::cli::{Said, file, run};

const ORDERS: &str = "fixtures/order_system.ron";
const DUAL_WRITE: &str = "fixtures/dual_write.ron";

/// Fuzzes these files for a few runs, with seeds under which nothing fails.
fn fuzz(files: &[&str], flags: &[&str]) -> Said {
    let save = file("wrong_files_findings", "");
    run(&[&["fuzz", "--runs", "2", "--save", &save][..], flags, files].concat())
}

#[test]
fn a_wrong_file_keeps_no_other_from_running_and_every_mistake_is_told() {
    let typo = file("wrong_beside.ron", "(version: 1, nods: {})");
    let alone = fuzz(&[ORDERS, DUAL_WRITE], &[]);
    assert_eq!((alone.status, alone.err.as_str()), (Some(0), ""));
    let each = [ORDERS, DUAL_WRITE].map(|path| fuzz(&[path], &[]).out);
    assert_eq!(alone.out, each.join("\n"), "a blank line between two reports");
    let said = fuzz(&["no_such.ron", ORDERS, &typo, DUAL_WRITE], &[]);
    assert_eq!(said.status, Some(2));
    assert_eq!(said.out, alone.out, "the others run as if they were alone");
    let (missing, wrong) = said.err.split_once('\n').unwrap();
    assert!(missing.starts_with("error: cannot read `no_such.ron`: "), "{missing}");
    assert!(wrong.starts_with("error: unknown field `nods`"), "{wrong}");

    let json = fuzz(&["no_such.ron", ORDERS], &["--json"]);
    let documents: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(documents.as_array().map(Vec::len), Some(1), "{}", json.out);
    assert_eq!((json.status, &documents[0]["scenario"]), (Some(2), &Value::from(ORDERS)));
    for flags in [&[][..], &["--json"]] {
        let said = fuzz(&["no_such.ron", "nor_this.ron"], flags);
        assert_eq!((said.status, said.out.as_str()), (Some(2), ""));
        assert_eq!(said.err.lines().count(), 2, "{}", said.err);
    }
}

#[test]
fn what_is_violated_counts_less_than_a_wrong_file() {
    let violated = fuzz(&[ORDERS], &["--seed", "19"]);
    assert_eq!(violated.status, Some(2), "its finding cannot be saved: {}", violated.err);
    assert_eq!(violated.err.lines().count(), 1, "{}", violated.err);
    let said = fuzz(&[ORDERS, "no_such.ron"], &["--seed", "19"]);
    assert_eq!((said.status, said.out), (Some(2), violated.out));
    assert_eq!(said.err.lines().count(), 2, "{}", said.err);
}

#[test]
fn two_wrong_findings_are_both_told() {
    let said = run(&["diff", "no_such.ron", ORDERS]);
    assert_eq!((said.status, said.out.as_str()), (Some(2), ""));
    let (missing, wrong) = said.err.split_once('\n').unwrap();
    assert!(missing.starts_with("error: cannot read `no_such.ron`: "), "{missing}");
    assert!(wrong.starts_with("error: `fixtures/order_system.ron` is a scenario"), "{wrong}");
}
