//! Where a campaign saves what it finds, and what it says when it cannot.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::cli::{file, run};
use crate::fixtures;
use crate::search::folder;

/// A till whose payments are doubled when a reply is lost; most seeds lose one.
fn till() -> String {
    fixtures::till(20, "5%")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_cannot_be_saved_is_told_all_the_same_and_the_error_names_the_path() {
    let folder = folder("unwritable");
    let scenario = folder.join("till.ron");
    fs::write(&scenario, till()).unwrap();
    // A file stands where the folder should be.
    let save = folder.join("taken");
    fs::write(&save, "").unwrap();
    let (scenario, save) = (scenario.to_str().unwrap(), save.to_str().unwrap());

    let said = run(&["fuzz", scenario, "--runs", "32", "--save", save]);
    assert_eq!(said.status, Some(2), "{}", said.out);
    assert!(said.out.contains("\nVIOLATED  paid once\n"), "{}", said.out);
    assert!(said.out.contains("  till-1>proxy pay reply  lose  "), "{}", said.out);
    assert!(
        said.out.contains("\nNot saved; see it again with\n  brownout shrink "),
        "{}",
        said.out
    );
    assert!(said.err.starts_with(&format!("error: cannot write `{save}`: ")), "{}", said.err);

    let said = run(&["fuzz", scenario, "--runs", "32", "--json", "--save", save]);
    assert_eq!(said.status, Some(2), "{}", said.out);
    let document: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(document[0]["findings"][0]["saved"], Value::Null);
    assert!(said.err.contains(save), "{}", said.err);
}

#[test]
fn scenarios_of_one_name_in_two_folders_have_findings_of_their_own() {
    let folder = folder("one_name");
    let mut scenarios = Vec::new();
    for name in ["a", "b"] {
        fs::create_dir(folder.join(name)).unwrap();
        let path = folder.join(name).join("till.ron");
        fs::write(&path, till()).unwrap();
        scenarios.push(path.to_str().unwrap().to_owned());
    }
    let save = folder.join("found");
    let (a, b, found) = (&*scenarios[0], &*scenarios[1], save.to_str().unwrap());
    let expected = ["till-paid_once-2.ron", "till-paid_once.ron"];
    // The second time the same files are replaced, in whichever order.
    for args in [["fuzz", a, b, "--save", found], ["fuzz", b, a, "--save", found]] {
        let said = run(&args);
        assert_eq!(said.status, Some(1), "{}", said.err);
        assert_eq!(names(&save), expected);
        for (name, scenario) in expected.iter().zip([b, a]) {
            let text = fs::read_to_string(save.join(name)).unwrap();
            assert!(text.contains(&format!("scenario: \"{scenario}\"")), "{name}: {text}");
            assert!(said.out.contains(&format!("replay {found}/{name}\n")), "{}", said.out);
        }
    }
}

#[test]
fn a_file_that_is_no_finding_is_left_alone() {
    let folder = folder("no_finding");
    let (scenario, own) = (folder.join("till.ron"), folder.join("till-paid_once.ron"));
    fs::write(&scenario, till()).unwrap();
    fs::write(&own, "my own notes").unwrap();
    let (scenario, save) = (scenario.to_str().unwrap(), folder.to_str().unwrap());
    assert_eq!(run(&["fuzz", scenario, "--save", save]).status, Some(1));
    assert_eq!(fs::read_to_string(own).unwrap(), "my own notes");
    assert_eq!(names(&folder), ["till-paid_once-2.ron", "till-paid_once.ron", "till.ron"]);
}

#[test]
fn findings_whose_names_differ_in_signs_only_have_files_of_their_own() {
    let save = folder("signs");
    let scenario = file(
        "till.ron",
        r#"(
            version: 1,
            nodes: {
                "till": Service(registered: false, handlers: { "pay": [Work("5ms"), Write(table: "paid")] }),
                "proxy": Sidecar(attempt_timeout: "100ms", upstream: "till-1"),
                "shopper": Clients(
                    arrivals: Every(period: "1s", count: 20),
                    script: [Call(to: "proxy", method: "pay", timeout: "5s")],
                ),
            },
            faults: [Lose(odds: "2%")],
            properties: [
                OncePerKey(name: "a b", table: "paid"),
                EveryCallEnds(name: "a_b", within: "100ms"),
            ],
        )"#,
    );
    let said = run(&[
        "fuzz",
        &scenario,
        "--enough",
        "200",
        "--runs",
        "200",
        "--save",
        save.to_str().unwrap(),
    ]);
    assert_eq!(said.status, Some(1), "{} {}", said.out, said.err);
    let mut saved: Vec<_> = fs::read_dir(&save)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    saved.sort();
    assert_eq!(saved, ["till-a_b-2.ron", "till-a_b.ron"]);
}
