//! The reference of the format keeps its word: every complete example in it is a scenario.

use std::fs;

use brownout::scenario::Scenario;
use brownout::system::Kinds;

use crate::rejected::root;

/// The complete scenarios among the examples of a document, with the line of each.
fn scenarios(document: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(document.lines()) {
        match &mut open {
            None if line == "```ron" => open = Some((number, String::new())),
            None => {}
            Some(_) if line == "```" => found.extend(open.take()),
            Some((_, text)) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    assert!(open.is_none(), "an example never ends: {open:?}");
    found.retain(|(_, text)| text.starts_with("(\n") && text.contains("version:"));
    found
}

#[test]
fn every_complete_example_of_the_reference_is_a_scenario() {
    let document = fs::read_to_string(root().join("docs/scenario.md")).unwrap();
    let scenarios = scenarios(&document);
    assert!(scenarios.len() >= 4, "the reference has {} examples", scenarios.len());
    for (line, text) in scenarios {
        let name = format!("docs/scenario.md, example in line {line}");
        if let Err(error) = Scenario::parse(&name, &text, &Kinds::new()) {
            panic!("{error}");
        }
    }
}

#[test]
fn the_walk_ends_where_a_lost_reply_charges_twice_and_the_remedy_holds() {
    let document = fs::read_to_string(root().join("docs/scenario.md")).unwrap();
    let wrong = scenarios(&document)
        .into_iter()
        .map(|(_, text)| text)
        .find(|text| text.contains("tried again"))
        .unwrap();
    let right = wrong.replace(r#"table: "charges")]"#, r#"table: "charges", once: true)]"#);
    assert_ne!(wrong, right);
    let violated = |text: &str| -> Vec<String> {
        let scenario = Scenario::parse("walk.ron", text, &Kinds::new()).unwrap();
        assert!(scenario.run_calm().violation.is_none());
        (0..20)
            .filter_map(|seed| scenario.run_seed(seed).violation)
            .map(|violation| violation.property.to_string())
            .collect()
    };
    let names = violated(&wrong);
    assert!(!names.is_empty());
    assert!(names.iter().all(|name| name == "an order is charged at most once"), "{names:?}");
    assert_eq!(violated(&right), [""; 0]);
}
