//! What a user reads when a file is wrong.

use brownout_models::{Ratio, Span};
use indexmap::IndexMap;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde::Deserialize;

use super::*;
use crate::scenario::source::Path;

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only the shape is read")]
struct Scenario {
    title: String,
    #[serde(default)]
    nodes: IndexMap<String, Node>,
    #[serde(default)]
    faults: Vec<Fault>,
    #[serde(default)]
    seed: Option<u64>,
    #[serde(default)]
    calm: bool,
    #[serde(default)]
    window: Option<(u32, u32)>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only the shape is read")]
enum Node {
    Service {
        instances: u32,
        #[serde(default)]
        work: Option<Span>,
    },
    Gateway(Gate),
    Idle,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only the shape is read")]
struct Gate {
    routes: Vec<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only the shape is read")]
struct Fault {
    kind: char,
    odds: Ratio,
}

fn read(text: &str) -> Result<Scenario, Box<ron::error::SpannedError>> {
    let extensions = ron::extensions::Extensions::IMPLICIT_SOME;
    ron::Options::default().with_default_extension(extensions).from_str(text).map_err(Box::new)
}

/// The line itself and, below the offending text, `message [label] | help`.
fn annotated(text: &str) -> String {
    let source = Source::new("a.ron", text);
    let diagnostic = from_ron_error(&source, &read(text).expect_err(text));
    let indent = " ".repeat(diagnostic.place.column - 1);
    let carets = "^".repeat(source.slice(diagnostic.place).chars().count().max(1));
    let mut words = diagnostic.message;
    if !diagnostic.label.is_empty() {
        words += &format!(" [{}]", diagnostic.label);
    }
    if let Some(help) = diagnostic.help {
        words += &format!(" | {help}");
    }
    format!("{text}\n{indent}{carets} {words}\n")
}

#[test]
fn errors_of_the_parser_say_what_is_wrong_and_what_would_fix_it() {
    let expected = include_str!("tests/syntax.txt");
    let found: Vec<_> =
        expected.split("\n\n").filter_map(|block| block.lines().next()).map(annotated).collect();
    assert!(found.len() >= 40);
    assert_eq!(found.join("\n"), expected);
}

#[test]
fn an_empty_file_says_what_belongs_in_it() {
    assert_eq!(
        annotated(""),
        "\n^ the file is empty [expected `(..)` or `Scenario(..)`] | begin with `(` and end with `)`\n"
    );
}

#[test]
fn mistakes_are_shown_in_their_line_and_in_order() {
    let text = "\
// Checkout under load.
(
    title: \"Überlast\",
    nodes: {
        \"payment\": Service(
            instances: 0,
            work: \"3s\",
        ),
    },
\tseed: 7, calm: true,
)
";
    let source = Source::new("fixtures/shop.ron", text);
    assert!(read(text).is_ok());
    let payment = Path::root().field("nodes").key("payment");
    let instances = source.find(&payment.field("instances")).unwrap();
    let diagnostics = [
        Diagnostic::new(
            source.find_key(&Path::root().field("calm")).unwrap(),
            "calm and seeded",
            "",
        ),
        Diagnostic::new(
            source.nearest(&payment.field("queue")),
            "`payment` has no queue",
            "this service",
        )
        .with_help("add `queue: (bound: 10)`"),
        Diagnostic::new(instances, "`payment` has no instances", "expected at least 1"),
        Diagnostic::new(
            source.find(&Path::root().field("title")).unwrap(),
            "title `Über\u{1b}[31mlast\n`",
            "ring \u{7}",
        ),
    ];
    assert_eq!(
        render(&source, &diagnostics, false),
        "\
error: title `Über\\u{1b}[31mlast\\n`
 --> fixtures/shop.ron:3:12
  |
3 |     title: \"Überlast\",
  |            ^^^^^^^^^^ ring \\u{7}

error: `payment` has no queue
 --> fixtures/shop.ron:5:20
  |
5 |         \"payment\": Service(
  |                    ^^^^^^^^ this service
  |
  = help: add `queue: (bound: 10)`

error: `payment` has no instances
 --> fixtures/shop.ron:6:24
  |
6 |             instances: 0,
  |                        ^ expected at least 1

error: calm and seeded
  --> fixtures/shop.ron:10:11
   |
10 |     seed: 7, calm: true,
   |              ^^^^
"
    );
}

#[test]
fn colour_changes_nothing_but_colour() {
    let source = Source::new("a.ron", "(title: 5)");
    let diagnostic = from_ron_error(&source, &read(source.text()).unwrap_err());
    let coloured = render(&source, std::slice::from_ref(&diagnostic), true);
    assert!(coloured.contains("\u{1b}["));
    let mut plain = String::new();
    let mut inside = false;
    for c in coloured.chars() {
        match c {
            '\u{1b}' => inside = true,
            'm' if inside => inside = false,
            c if !inside => plain.push(c),
            _ => {}
        }
    }
    assert_eq!(plain, render(&source, &[diagnostic], false));
}

#[test]
fn the_closest_known_word_is_suggested() {
    let known = ["payment", "order", "orders", "db", "id"];
    for (word, expected) in [
        ("paymnet", Some("payment")),
        ("Payment", Some("payment")),
        ("ordes", Some("order")),
        ("order", Some("order")),
        ("d", Some("db")),
        ("shipping", None),
        ("", None),
        ("pay", None),
    ] {
        assert_eq!(did_you_mean(word, known), expected, "{word}");
    }
    assert_eq!(did_you_mean("a", []), None);
}

#[test]
fn a_line_wider_than_the_screen_is_shown_around_its_mark() {
    let text = format!("(a: [{}wrong, {}])", "right, ".repeat(30), "right, ".repeat(30));
    let source = Source::new("a.ron", text.as_str());
    let place = source.first_in(source.nearest(&Path::root()), "wrong");
    let help = "write it in words that go on for longer than any terminal is wide ".repeat(2);
    let diagnostic = Diagnostic::new(place, "not right", "here").with_help(help.trim_end());
    for columns in [40, 80, 120] {
        let screen = Screen { columns, ..Screen::default() };
        let rendered = render(&source, std::slice::from_ref(&diagnostic), screen);
        let widest = rendered.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(columns), "{columns}:\n{rendered}");
        assert!(rendered.contains("right, wrong, right"), "{rendered}");
        assert!(rendered.contains("^^^^^ here"), "{rendered}");
    }
    let narrow = render(
        &source,
        std::slice::from_ref(&diagnostic),
        Screen { columns: 0, ..Screen::default() },
    );
    assert!(narrow.contains("wrong"), "{narrow}");
}

/// The same cases in every run of the tests.
fn fixed() -> ProptestConfig {
    let (rng_seed, failure_persistence) = (RngSeed::Fixed(1), None);
    ProptestConfig { cases: 1_000, rng_seed, failure_persistence, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(fixed())]

    #[test]
    fn every_broken_file_gets_a_place_and_a_message(
        cut in 0..200_usize,
        junk in prop_oneof!["[\\[(\\]){}\"'/*#:, \n=\\\\ü0-9.a-z%-]{0,3}", ".{0,3}"],
        skip in 0..6_usize,
    ) {
        let sound = "(title: \"ü\", nodes: {\"p\": Service(instances: 2, work: \"3s\"), \"g\": \
            Gateway((routes: [\"/a\"])), \"i\": Idle}, faults: [(kind: 'l', odds: \"3%\")], \
            seed: 7, calm: true, window: (1, 2)) // end";
        let mut text: Vec<char> = sound.chars().collect();
        let start = cut.min(text.len());
        let end = (start + skip).min(text.len());
        text.splice(start..end, junk.chars());
        let text: String = text.into_iter().collect();
        if let Err(error) = read(&text) {
            let source = Source::new("a.ron", text.as_str());
            let diagnostic = from_ron_error(&source, &error);
            prop_assert!(!diagnostic.message.is_empty());
            prop_assert!(!diagnostic.message.starts_with(char::is_uppercase), "{diagnostic:?}");
            let quotes_nothing = diagnostic.message.contains("``");
            let nothing_stands_there = source.slice(diagnostic.place) == "\"\"";
            prop_assert!(
                !quotes_nothing || nothing_stands_there || text.contains('`'),
                "{text}: {diagnostic:?}"
            );
            let line = format!("{}:{}", diagnostic.place.line, diagnostic.place.column);
            let rendered = render(&source, &[diagnostic], false);
            prop_assert!(rendered.contains(&line), "{rendered}");
        }
    }
}
