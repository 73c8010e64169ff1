//! Mistakes and warnings as documents.

use serde_json::Value;

use crate::cli::{file, run};

const ORDERS: &str = "fixtures/order_system.ron";

/// What `check --json` says of these files: the documents, and the status.
fn checked(files: &[&str]) -> (Vec<Value>, Option<i32>) {
    let said = run(&[&["check", "--json"], files].concat());
    assert_eq!(said.err, "", "mistakes are what was asked for");
    let documents = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (documents, said.status)
}

#[test]
fn mistakes_and_warnings_are_documents_each_in_a_line_of_its_own() {
    let typo = file("checked_typo.ron", "(\n    version: 1,\n    nods: {},\n)");
    let warned = file(
        "checked_warned.ron",
        r#"(version: 1,
            nodes: {
                "shop": Service(handlers: { "buy": [] }),
                "client": Clients(script: [Call(to: "shop", method: "buy")]),
            },
            faults: [Lose(odds: "1%"), Lose(odds: "2%")],
        )"#,
    );
    assert_eq!(checked(&[ORDERS]), (Vec::new(), Some(0)), "nothing is wrong with it");
    let (documents, status) = checked(&[&warned]);
    assert_eq!((documents.len(), status), (1, Some(0)));
    assert_eq!(documents[0]["severity"], "warning");
    assert_eq!(documents[0]["label"], "covered by line 6");

    let finding = "fixtures/regressions/charged_twice.ron";
    let (documents, status) = checked(&[&warned, "no_such.ron", &typo, ORDERS, finding]);
    assert_eq!((documents.len(), status), (4, Some(2)));
    let files: Vec<_> = documents.iter().map(|it| it["file"].as_str().unwrap()).collect();
    assert_eq!(files, [&warned, "no_such.ron", &typo, finding], "in the order of the files");
    let expected = serde_json::json!({
        "format": 1,
        "file": typo,
        "line": 3,
        "column": 5,
        "severity": "error",
        "message": "unknown field `nods` in `Scenario`",
        "label": "expected another field",
        "help": "did you mean `nodes`?",
        "text": "nods",
    });
    assert_eq!(documents[2], expected);
    for (of_file, message) in [(1, "cannot read `no_such.ron`: "), (3, "`fixtures/regressions/")] {
        let document = &documents[of_file];
        assert!(document["message"].as_str().unwrap().starts_with(message), "{document}");
        assert_eq!(document["severity"], "error");
        assert_eq!([&document["line"], &document["text"]], [&Value::Null; 2]);
    }
    assert_eq!(
        documents[3]["help"],
        format!("see it again with\n  brownout replay {finding}").as_str()
    );
}

#[test]
fn documents_and_text_say_the_same_of_every_rejected_scenario() {
    for (stem, text) in crate::rejected::scenarios("fixtures/rejected") {
        let path = format!("fixtures/rejected/{stem}.ron");
        let (documents, status) = checked(&[&path]);
        let said = run(&["check", &path]);
        assert_eq!((status, said.status), (Some(2), Some(2)), "{path}");
        let places: Vec<String> = documents
            .iter()
            .map(|it| format!(" --> {path}:{}:{}", it["line"], it["column"]))
            .collect();
        let shown = said.err.lines().filter(|line| line.trim_start().starts_with("--> "));
        let shown: Vec<String> = shown.map(|line| format!(" {}", line.trim_start())).collect();
        assert_eq!(places, shown, "{path}");
        for document in &documents {
            let marked = document["text"].as_str().unwrap();
            assert!(text.contains(marked) && !marked.contains('\n'), "{path}: {document}");
        }
    }
}
