//! Every rule of the module documentation, and what happens to texts that are no RON.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use ron::Value;

use super::*;

/// Reads what [`Path`] prints.
fn path(text: &str) -> Path {
    let mut path = Path::root();
    let mut rest = text;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(quoted) = rest.strip_prefix('"') {
            let (key, tail) = quoted.split_once('"').unwrap();
            (path, rest) = (path.key(key), tail);
        } else if let Some(index) = rest.strip_prefix('[') {
            let (index, tail) = index.split_once(']').unwrap();
            (path, rest) = (path.index(index.parse().unwrap()), tail);
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            (path, rest) = (path.field(&rest[..end]), &rest[end..]);
        }
    }
    assert_eq!(path.to_string(), text);
    path
}

#[test]
fn values_are_found_by_their_paths() {
    for (text, at, expected) in [
        // Structs, named and not.
        ("(a: 1)", "a", "1"),
        ("( a : 1 , )", "a", "1"),
        ("Scenario(a: 1, b: 2)", "b", "2"),
        ("Scenario (a: 1)", "a", "1"),
        ("(r#type: 1)", "type", "1"),
        ("(a: (b: (c: 'x')))", "a.b.c", "'x'"),
        ("(a: 1)", "", "(a: 1)"),
        ("  Name(a: 1) // end", "", "Name(a: 1)"),
        ("()", "", "()"),
        // Maps.
        (r#"{"k": 1}"#, r#""k""#, "1"),
        (r#"{"k": 1, "l": {"m": 2}}"#, r#""l"."m""#, "2"),
        (r#"{"a\u{62}": 1}"#, r#""ab""#, "1"),
        (r##"{r#"k"#: 1}"##, r#""k""#, "1"),
        ("{k: 1, 5: 2}", r#""k""#, "1"),
        ("{k: 1, 5: 2}", r#""5""#, "2"),
        ("{(1, 2): 3}", r#""(1, 2)""#, "3"),
        (r#"{"k": 1, "k": 2}"#, r#""k""#, "2"),
        // Lists and tuples.
        ("[1, 2, 3]", "[2]", "3"),
        ("[1, 2, 3,]", "[0]", "1"),
        ("[[1], [2, 3]]", "[1][1]", "3"),
        ("(1, \"b\")", "[1]", "\"b\""),
        ("(a: (1, 2))", "a[1]", "2"),
        ("[(a: 1), (a: 2)]", "[1].a", "2"),
        // Variants.
        ("[Unit, Tuple(1, 2), Struct(a: 3)]", "[0]", "Unit"),
        ("[Unit, Tuple(1, 2), Struct(a: 3)]", "[1][1]", "2"),
        ("[Unit, Tuple(1, 2), Struct(a: 3)]", "[2].a", "3"),
        ("Fixed(\"20ms\")", "[0]", "\"20ms\""),
        ("Service(Node(instances: 2))", "instances", "2"),
        ("Service((instances: 2))", "instances", "2"),
        ("((instances: 2))", "instances", "2"),
        ("Outer(Middle((instances: 2)))", "instances", "2"),
        ("Nodes({\"p\": 1})", r#""p""#, "1"),
        ("Parallel([Work(1), Call(2)])", "[0][1]", "Call(2)"),
        // Options.
        ("(a: Some(1))", "a", "1"),
        ("(a: Some([1, 2]))", "a[1]", "2"),
        ("(a: Some(Some((b: 3))))", "a.b", "3"),
        ("(a: None)", "a", "None"),
        // Scalars.
        ("(a: -1.5e3)", "a", "-1.5e3"),
        ("(a: 0xff_u8)", "a", "0xff_u8"),
        ("(a: true, b: \"x, (y: 1)\")", "b", "\"x, (y: 1)\""),
        (r#"(a: "say \"b: 1\"", b: 2)"#, "b", "2"),
        (r##"(a: r#"b: "1", "#, b: 2)"##, "b", "2"),
        (r#"(a: r"\", b: 2)"#, "b", "2"),
        (r#"(a: b"x)", b: b'"')"#, "b", "b'\"'"),
        (r"(a: '\'', b: '(', c: '\u{41}', d: 4)", "d", "4"),
        ("(a: ''', b: 2)", "b", "2"),
        // Comments and attributes.
        ("/* (b: 0) */ (a: 1, // b: 3\n b: 2)", "b", "2"),
        ("(/* of two\n(b: 0) lines */ b: 2)", "b", "2"),
        ("(a/**/:/* /* nested */ */1/**/)", "a", "1"),
        ("#![enable(implicit_some)]\n#![enable(unwrap_newtypes)]\n(a: 1)", "a", "1"),
        ("\u{feff}(a: 1)", "a", "1"),
        ("(a: Name /* of */ (b: 1))", "a.b", "1"),
        // No RON, but clear enough.
        ("(a: 3/100, b: 3%)", "a", "3/100"),
        ("(a: 3/100, b: 3%)", "b", "3%"),
        ("(a: 1 b: 2)", "b", "2"),
        ("(a: , b: 2)", "a", ""),
        ("(a: , b: 2)", "b", "2"),
        ("{\"a\": [1, 2, \"b\": 3}", r#""a"[2]"#, "\"b\""),
        ("(a: (b: 1", "a.b", "1"),
        ("(a: 1)) (a: 2)", "a", "1"),
    ] {
        let source = Source::new("a.ron", text);
        let found = source.find(&path(at)).map(|place| source.slice(place));
        assert_eq!(found, Some(expected), "`{at}` in `{text}`");
    }
}

#[test]
fn what_is_not_there_is_not_found_but_its_ancestor_is() {
    for (text, at, nearest) in [
        ("(a: (b: 1))", "a.c", "(b: 1)"),
        ("(a: (b: 1))", "x.y.z", "(a: (b: 1))"),
        ("(a: [1, 2])", "a[2].b", "[1, 2]"),
        ("(a: {\"k\": 1})", "a.k", "{\"k\": 1}"),
        ("(a: (k: 1))", r#"a."k""#, "(k: 1)"),
        ("(a: 1)", "a[0]", "1"),
        ("(a: Some(1))", "a[0]", "1"),
        ("Parallel([1])", "[1]", "Parallel([1])"),
        ("", "a", ""),
        (")", "a", ""),
    ] {
        let source = Source::new("a.ron", text);
        assert_eq!(source.find(&path(at)), None, "`{at}` in `{text}`");
        assert_eq!(source.slice(source.nearest(&path(at))), nearest, "`{at}` in `{text}`");
    }
}

#[test]
fn keys_and_names_have_places_of_their_own() {
    let text =
        r#"Scenario(nodes: {"payment": Service(instances: 2), idle: Unit}, list: [Some(X(1))])"#;
    let source = Source::new("a.ron", text);
    let key = |at| source.find_key(&path(at)).map(|place| source.slice(place));
    let name = |at| source.find_name(&path(at)).map(|place| source.slice(place));
    assert_eq!(key("nodes"), Some("nodes"));
    assert_eq!(key(r#"nodes."payment""#), Some("\"payment\""));
    assert_eq!(key(r#"nodes."idle""#), Some("idle"));
    assert_eq!(key(r#"nodes."payment".instances"#), Some("instances"));
    assert_eq!((key(""), key("list[0]"), key("nodes.x"), key("x.y")), (None, None, None, None));
    assert_eq!((name(""), name(r#"nodes."payment""#)), (Some("Scenario"), Some("Service")));
    assert_eq!((name("list[0]"), name("list"), name("x")), (Some("X"), None, None));
}

#[test]
fn repeated_keys_are_told_apart_from_equal_fields() {
    let source =
        Source::new("a.ron", "(m: {\"a\": {\"x\": 1, \"x\": 2}, \"b\": 1, \"a\": 2}, m: 1)");
    let found: Vec<_> = source
        .repeated_keys()
        .into_iter()
        .map(|(earlier, later)| (source.slice(earlier), earlier.column, later.column))
        .collect();
    assert_eq!(found, [("\"x\"", 12, 20), ("\"a\"", 6, 37)]);
}

#[test]
fn lines_and_columns_count_characters_from_one() {
    let source = Source::new("a.ron", "(\n  größe: \"ü\", b: 1,\r\n\tc: 2)\n");
    let place = source.find(&path("b")).unwrap();
    assert_eq!((place.line, place.column), (2, 18));
    assert_eq!(source.place(2, 18), place);
    assert_eq!(source.place(2, 6), source.find_key(&path("größe")).unwrap());
    let c = source.find(&path("c")).unwrap();
    assert_eq!((c.line, c.column, source.place(3, 5)), (3, 5, c));
    for (line, column) in [(2, 99), (9, 1), (3, 3 + 99), (4, 1)] {
        assert_eq!(source.slice(source.place(line, column)), "", "{line}:{column}");
    }
}

#[test]
fn values_nested_too_deep_are_opaque() {
    let text = format!("(a: {}1{}, b: 2)", "[".repeat(10_000), "]".repeat(10_000));
    let source = Source::new("a.ron", text);
    assert_eq!(source.find(&path("b")).map(|place| source.slice(place)), Some("2"));
    let unclosed = Source::new("a.ron", "(".repeat(100_000));
    assert_eq!(unclosed.find(&Path::root()).map(|place| place.end), Some(100_000));
}

/// Checks the value and everything in it.
fn assert_found(source: &Source, at: &Path, value: &Value) {
    let place = source.find(at).unwrap_or_else(|| panic!("no {at} in {}", source.text()));
    let mut inner = value;
    while let Value::Option(Some(some)) = inner {
        inner = some;
    }
    let found: Value = ron::from_str(source.slice(place)).unwrap();
    assert_eq!(&found, inner, "{at} in {}", source.text());
    match inner {
        Value::Seq(values) => {
            for (index, value) in values.iter().enumerate() {
                assert_found(source, &at.index(index), value);
            }
        }
        Value::Map(map) => {
            for (key, value) in map.iter() {
                let Value::String(key) = key else { panic!("the generator makes text keys only") };
                assert_found(source, &at.key(key), value);
                let key_place = source.find_key(&at.key(key)).unwrap();
                assert_eq!(ron::from_str(source.slice(key_place)), Ok(key.clone()));
            }
        }
        Value::Bool(_)
        | Value::Char(_)
        | Value::Number(_)
        | Value::Option(_)
        | Value::String(_)
        | Value::Bytes(_)
        | Value::Unit => {}
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<char>().prop_map(Value::Char),
        any::<i64>().prop_map(|n| Value::Number(n.into())),
        (-1e9..1e9).prop_map(|n: f64| Value::Number(n.into())),
        ".{0,6}".prop_map(Value::String),
        "[\"'(),:/*#r\\\\{}\\[\\]]{0,8}".prop_map(Value::String),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::Bytes),
        Just(Value::Unit),
        Just(Value::Option(None)),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let map = prop::collection::btree_map(".{0,4}", inner.clone(), 0..5);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Seq),
            map.prop_map(|map| {
                Value::Map(
                    map.into_iter().map(|(key, value)| (Value::String(key), value)).collect(),
                )
            }),
            inner.prop_map(|value| Value::Option(Some(Box::new(value)))),
        ]
    })
}

/// A text with structs, variants and comments, beside the paths and texts of its scalars.
#[derive(Clone, Debug)]
struct Written {
    text: String,
    scalars: Vec<(Path, String)>,
}

/// Puts the segments of `outer` in front.
fn below(outer: &Path, inner: &Path) -> Path {
    Path(outer.0.iter().chain(&inner.0).cloned().collect())
}

fn written() -> impl Strategy<Value = Written> {
    let scalar = prop_oneof!["[a-z]{1,5}", "-?[0-9]{1,4}", "\"[a-z(:,]{0,5}\"", "'[)\"]'"];
    let leaf =
        scalar.prop_map(|text| Written { scalars: vec![(Path::root(), text.clone())], text });
    leaf.prop_recursive(4, 40, 4, |inner| {
        let blank =
            prop_oneof!["[ \n]{0,2}", Just("/* ) */".to_owned()), Just("// (\n".to_owned())];
        let items = prop::collection::vec((inner, blank), 0..4);
        (items, 0..5_u8, "[A-R][a-z]{0,3}").prop_map(|(items, shape, name)| {
            let mut scalars = Vec::new();
            let mut text = match shape {
                0 => "[".to_owned(),
                1 => "{".to_owned(),
                2 | 3 => format!("{name}("),
                _ => "(".to_owned(),
            };
            for (index, (item, blank)) in items.iter().enumerate() {
                let (at, label) = match shape {
                    0 | 2 => (Path::root().index(index), String::new()),
                    1 => (Path::root().key(format!("k{index}")), format!("\"k{index}\"{blank}:")),
                    _ => (Path::root().field(format!("f{index}")), format!("f{index}{blank}:")),
                };
                text += &format!("{label}{blank}{}{blank},", item.text);
                scalars.extend(item.scalars.iter().map(|(path, s)| (below(&at, path), s.clone())));
            }
            text += match shape {
                0 => "]",
                1 => "}",
                _ => ")",
            };
            Written { text, scalars }
        })
    })
}

/// The same cases in every run of the tests.
fn fixed() -> ProptestConfig {
    let (rng_seed, failure_persistence) = (RngSeed::Fixed(1), None);
    ProptestConfig { cases: 1_000, rng_seed, failure_persistence, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(fixed())]

    #[test]
    fn printed_values_are_found_at_every_path(value in values(), depth in 0..4_usize, tight: bool) {
        let config = ron::ser::PrettyConfig::new().depth_limit(depth).compact_arrays(tight);
        let text = ron::ser::to_string_pretty(&value, config).unwrap();
        // The parser picks the smallest number type, whatever the generator picked.
        let value: Value = ron::from_str(&text).unwrap();
        assert_found(&Source::new("a.ron", text), &Path::root(), &value);
    }

    #[test]
    fn scalars_of_structs_and_variants_are_found(written in written()) {
        let source = Source::new("a.ron", written.text.as_str());
        for (at, expected) in &written.scalars {
            let found = source.find(at).map(|place| source.slice(place));
            prop_assert_eq!(found, Some(expected.as_str()), "{} in {}", at, written.text);
        }
    }

    #[test]
    fn any_text_can_be_scanned(
        text in prop_oneof![".{0,40}", "[\\[(\\]){}\"'/*#rb:, \nSome0-9.\\\\ü]{0,40}"],
        line in 0..5_usize,
        column in 0..40_usize,
    ) {
        let source = Source::new("a.ron", text.as_str());
        for at in ["", "a", "[0]", "[0][0]", "\"a\""] {
            prop_assert!(source.text().get(source.nearest(&path(at)).start..).is_some());
        }
        let place = source.place(line, column);
        prop_assert!(source.text().get(place.start..place.end).is_some());
    }
}
