//! Good scenarios with a few of their words lost, doubled, exchanged or replaced: whatever comes of
//! it is either a scenario or refused at a place in the text, and never a panic.

use brownout::scenario::{Scenario, ScenarioError};
use brownout::system::Kinds;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;

use crate::rejected::scenarios;

/// What is put in place of a word.
const STRANGE_WORDS: [&str; 24] = [
    "0",
    "-1",
    "1.5",
    "1e400",
    "4294967295",
    "99999999999999999999",
    "\"\"",
    "\"0s\"",
    "\"é>\\u{0}\"",
    "\"*>*\"",
    "\"150%\"",
    "None",
    "Some(Some(1))",
    "()",
    "(",
    ")",
    "}",
    "[",
    ",",
    "\"",
    "/*",
    "r#\"",
    "#![enable(implicit_some)]",
    "\u{202e}",
];

/// One change to a list of words.
#[derive(Clone, Debug)]
enum Mutation {
    Delete(Index),
    Duplicate(Index),
    Swap(Index, Index),
    Replace(Index, Index),
    Insert(Index, Index),
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let index = any::<Index>;
    let mutation = prop_oneof![
        index().prop_map(Mutation::Delete),
        index().prop_map(Mutation::Duplicate),
        (index(), index()).prop_map(|(a, b)| Mutation::Swap(a, b)),
        (index(), index()).prop_map(|(at, word)| Mutation::Replace(at, word)),
        (index(), index()).prop_map(|(at, word)| Mutation::Insert(at, word)),
    ];
    prop::collection::vec(mutation, 1..5)
}

/// Words, texts, signs and the blanks between them.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let length = if first == '"' {
            rest[1..].find('"').map_or(rest.len(), |end| end + 2)
        } else if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else if first.is_whitespace() {
            rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len())
        } else if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (word, behind) = rest.split_at(length);
        words.push(word);
        rest = behind;
    }
    words
}

fn mutate(text: &str, mutations: &[Mutation]) -> String {
    let mut words = words(text);
    for mutation in mutations {
        let count = words.len();
        match mutation {
            Mutation::Delete(at) => {
                words.remove(at.index(count));
            }
            Mutation::Duplicate(at) => words.insert(at.index(count), words[at.index(count)]),
            Mutation::Swap(a, b) => words.swap(a.index(count), b.index(count)),
            Mutation::Replace(at, word) => {
                words[at.index(count)] = STRANGE_WORDS[word.index(STRANGE_WORDS.len())];
            }
            Mutation::Insert(at, word) => {
                // A word of the text itself, where it does not belong.
                words.insert(at.index(count), words[word.index(count)]);
            }
        }
    }
    words.concat()
}

/// Loads a text; what is wrong with it must lie inside.
fn verdict(text: &str) -> Result<(), String> {
    match Scenario::parse("mutated.ron", text, &Kinds::new()) {
        Ok(_) => Ok(()),
        Err(error) => {
            let ScenarioError::Wrong { diagnostics, .. } = &error else {
                panic!("no file is read here: {error}")
            };
            assert!(!diagnostics.is_empty(), "refused without a reason:\n{text}");
            for diagnostic in diagnostics {
                let place = diagnostic.place;
                let inside = text.get(place.start..place.end).is_some();
                assert!(inside, "{diagnostic:?} is not in the text:\n{text}");
            }
            Err(error.render(false))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_mutated_scenario_is_accepted_or_refused_at_a_place_in_its_text(
        which in any::<Index>(),
        mutations in mutations(),
    ) {
        let scenarios = scenarios("fixtures");
        let (_, text) = &scenarios[which.index(scenarios.len())];
        let mutated = mutate(text, &mutations);
        prop_assert_eq!(verdict(&mutated), verdict(&mutated));
    }
}

#[test]
fn words_make_up_their_text() {
    for (stem, text) in scenarios("fixtures") {
        assert_eq!(words(&text).concat(), text, "{stem}");
        assert_eq!(verdict(&text), Ok(()), "{stem}");
    }
}
