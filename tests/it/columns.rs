//! How wide text is, as `COLUMNS` has it, and what never depends on it.

use std::fs;
use std::path::Path;

use crate::cli::{Said, brownout, run, said};

const ORDERS: &str = "fixtures/order_system.ron";
const FINDING: &str = "fixtures/regressions/charged_twice.ron";
const SAGA: &str = "fixtures/sagas/crash.ron";
const SAGAS: [&str; 5] = ["run", "fixtures/sagas/orders.ron", "--seed", "3", "--sagas"];

fn run_within(columns: &str, args: &[&str]) -> Said {
    let output = brownout(args).env("COLUMNS", columns).output();
    said(output.expect("the command starts"))
}

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

/// The lines of a trace, which end with their pieces of work.
fn margins(columns: &str) -> Vec<usize> {
    let args = ["run", SAGA, "--calm", "--trace", "--kind", "write", "--node", "payment"];
    let said = run_within(columns, &args);
    let trace = said.out.split("\n\n").next().unwrap();
    trace.lines().map(|line| line.chars().count()).collect()
}

#[test]
fn the_margin_of_a_trace_is_where_the_columns_end() {
    for (columns, expected) in [("70", 70), ("100", 100), ("80", 80), ("", 80), ("wide", 80)] {
        let margins = margins(columns);
        assert!(!margins.is_empty());
        assert!(margins.iter().all(|margin| *margin == expected), "{columns}: {margins:?}");
    }
    assert_eq!(margins("0"), margins("80"), "no terminal has none");
}

#[test]
fn paragraphs_and_trees_keep_within_the_columns() {
    let title =
        "an order is written and its event is published: two writes, and a gap between them";
    for (columns, first) in [("100", title), ("80", &title[..77]), ("40", &title[..36])] {
        let said = run_within(columns, &["certify", "fixtures/dual_write.ron"]);
        assert_eq!(said.out.lines().next(), Some(first), "{columns}");
    }
    let tree = |columns| run_within(columns, &SAGAS).out.split("\n\n").next().unwrap().to_owned();
    assert_eq!(tree("80"), tree("200"), "there is room enough");
    assert!(widest(&tree("80")) > 46 && widest(&tree("46")) <= 46, "{}", tree("46"));
    // In less room nothing can be told.
    assert_eq!(tree("1"), tree("40"));
}

#[test]
fn mistakes_are_shown_as_wide_as_the_columns_allow() {
    let wide = "fixtures/rejected/line_wider_than_a_screen.ron";
    let [narrow, usual, whole] = ["50", "80", "400"].map(|columns| {
        let said = run_within(columns, &["check", wide]);
        assert_eq!((said.status, said.out.as_str()), (Some(2), ""));
        said.err
    });
    assert_eq!(usual, run(&["check", wide]).err, "what a pipe has without them");
    assert!(narrow.contains("...") && usual.contains("...") && !whole.contains("..."), "{whole}");
    assert!(widest(&narrow) < widest(&usual) && widest(&usual) < widest(&whole));
}

#[test]
fn documents_and_findings_do_not_depend_on_columns() {
    for args in [
        &["run", ORDERS, "--seed", "19", "--json", "--trace", "--flow", "shopper/29.44"][..],
        &["replay", FINDING, "--json", "--sagas"],
        &["explain", FINDING, "--json"],
        &["check", "--json", "fixtures/rejected/line_wider_than_a_screen.ron"],
    ] {
        assert_eq!(run_within("41", args).out, run(args).out, "{args:?}");
    }
    let saved = |columns: &str| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("columns_{columns}"));
        let into = folder.to_str().unwrap();
        let args = ["fuzz", ORDERS, "--seed", "19", "--runs", "1", "--save", into];
        assert_eq!(run_within(columns, &args).status, Some(1));
        let finding = "order_system-an_order_is_charged_at_most_once.ron";
        fs::read_to_string(folder.join(finding)).unwrap()
    };
    assert_eq!(saved("41"), saved("200"));
}
