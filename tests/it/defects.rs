//! The defects of the guide: found and shrunk under `guide`, gone under `hardened`, and listed.

#[path = "../../examples/defects.rs"]
#[expect(unreachable_pub, reason = "an example is a program, and its items are public to nobody")]
mod example;

use std::collections::BTreeSet;

#[test]
fn every_shown_defect_is_found_short_and_gone_when_hardened() {
    for id in example::shown().0 {
        let proof = example::prove(&id, 2_000, 2_000);
        assert!(proof.holds(), "{id}: {proof:?}");
    }
}

#[test]
fn defects_without_a_remedy_are_found_short() {
    for id in example::shown().1 {
        let proof = example::prove(&id, 2_000, 1);
        assert!(proof.is_found(), "{id}: {proof:?}");
    }
}

#[test]
fn the_table_of_defects_is_the_one_that_the_example_prints() {
    let page = std::fs::read_to_string("docs/defects.md").unwrap();
    assert!(page.ends_with(&example::table()), "print it anew:\n{}", example::table());
}

#[test]
fn every_fixture_of_a_defect_is_in_the_index() {
    let (shown, open) = example::shown();
    let listed: BTreeSet<String> = shown.into_iter().chain(open).collect();
    let files = std::fs::read_dir(example::folder()).unwrap();
    let drills: BTreeSet<String> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "ron"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        // Fixtures of whole systems have names that are claims.
        .filter(|stem| stem.chars().any(|letter| letter.is_ascii_uppercase()))
        .collect();
    assert_eq!(drills, listed);
}
