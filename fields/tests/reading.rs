//! What the author of a config is told.

use std::collections::BTreeSet;

use fields::{FromJson as _, Place};
use serde_json::{Value, json};

#[derive(Debug, PartialEq)]
struct Server {
    name: String,
    ports: Vec<u32>,
    share: f64,
    kind: Kind,
    limit: Option<u64>,
}

#[derive(Debug, PartialEq)]
enum Kind {
    Small,
    Large,
}

fields::words! { Kind { "small" => Small, "large" => Large } }
fields::object! {
    Server { name: required, ports: or_default, share: or(0.5), kind: or(Kind::Small), limit: or_default }
}

#[test]
fn what_is_left_out_has_its_default() {
    let server: Server = fields::read_yaml("name: a\nlimit: null").unwrap();
    let expected = Server { name: "a".to_owned(), ports: vec![], share: 0.5, kind: Kind::Small, limit: None };
    assert_eq!(server, expected);
}

#[test]
fn all_problems_are_named_at_once() {
    let yaml = "prots: [1]\nports: [1, -2, x]\nshare: .nan\nkind: huge\nlimit: 5000000000.5";
    let problems = fields::read_yaml::<Server>(yaml).unwrap_err();
    let expected = [
        "name: missing",
        "ports[1]: must not be negative",
        "ports[2]: expected an integer, found a string, \"x\"",
        "share: expected a number, found a string, \"NaN\"",
        "kind: expected one of small, large, found a string, \"huge\"",
        "limit: expected an integer, found a fractional number, 5000000000.5",
        "prots: unknown key; did you mean ports?",
    ];
    assert_eq!(problems.to_string(), expected.join("\n"));
    assert!(problems.quoted().starts_with("`name`: missing\n`ports[1]`: "), "{}", problems.quoted());
}

#[test]
fn numbers_are_what_yaml_says() {
    let value = fields::from_yaml("[1, -1, 1e-3, 2.0, 18446744073709551615, -.inf, '7', yes, 1e3]").unwrap();
    assert_eq!(value, json!([1, -1, 1e-3, 2.0, u64::MAX, "-inf", "7", true, 1e3]));
}

#[test]
fn what_is_no_yaml_is_told_with_its_line() {
    for (text, part) in [("a: 1\nb: [", "line 2"), ("a: 1\na: 2", "a"), ("- x", "expected an object")] {
        let problems = fields::read_yaml::<Server>(text).unwrap_err().to_string();
        assert!(problems.starts_with("the document: ") && problems.contains(part), "{text}: {problems}");
    }
}

#[test]
fn keys_that_are_passed_on_are_those_nobody_asked_for() {
    let document = json!({"name": "a", "other": 1});
    let collector = fields::Collector::default();
    let fields = fields::Fields::new(&document, &collector.root()).unwrap();
    assert_eq!(fields.required::<String>("name").as_deref(), Some("a"));
    assert_eq!(serde_json::Value::Object(fields.rest()), json!({"other": 1}));
    assert!(collector.finish(Some(())).is_ok());
    assert!(Kind::from_json(&json!(1), &fields::Collector::default().root()).is_none());
}

#[derive(Debug, PartialEq)]
struct Limits {
    low: u64,
    high: u64,
    tags: BTreeSet<String>,
}

fn even(value: &Value, place: &Place<'_>) -> Option<u64> {
    let number = u64::from_json(value, place)?;
    if number.is_multiple_of(2) { Some(number) } else { place.fail("must be even") }
}

fields::object! { Limits { low: required_as(even), high: or_as(8, even), tags: or_default } }

#[test]
fn keys_may_have_readers_of_their_own() {
    let limits: Limits = fields::read_yaml("low: 4\ntags: [b, a, b]").unwrap();
    let tags = ["a", "b"].map(str::to_owned).into();
    assert_eq!(limits, Limits { low: 4, high: 8, tags });
    let problems = fields::read_yaml::<Limits>("high: 3\ntags: [1]").unwrap_err().to_string();
    let expected = ["low: missing", "high: must be even", "tags[0]: expected a string, found an integer, 1"];
    assert_eq!(problems, expected.join("\n"));
}

/// A task in a request may be as long: all of its elements are below one key, and each is wrong.
#[test]
fn a_long_key_above_many_problems_is_shown_in_short() {
    let document = json!({ "é".repeat(500_000): vec![1; 500_000] });
    let read = fields::read::<fields::Entries<Vec<String>>>(&document).unwrap_err();
    let [first, .., last] = &read.0[..] else { panic!("{read}") };
    assert_eq!(first.path, format!("{}...[0]", "é".repeat(50)));
    assert_eq!((read.0.len(), last.rule.as_str()), (1_001, "has 499000 problems more"));
}
