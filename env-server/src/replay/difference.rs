//! The first field that differs, and both texts of it as a unified diff.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;
use similar::TextDiff;

/// The most lines of a diff that are shown.
const MAX_LINES: usize = 16;
/// The most bytes of a line that are shown.
const MAX_LINE_BYTES: usize = 160;
/// Of these, those before the first difference.
const BEFORE_BYTES: usize = 60;

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The index of the step; `None` for what is of the whole episode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// The turn of that step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<u64>,
    /// The field's path in the step, or in the trace.
    pub field: String,
    /// Its recorded value; `None` if it was not there.
    pub recorded: Option<Value>,
    /// Its value in the replay; `None` if it was not there.
    pub replayed: Option<Value>,
}

impl Difference {
    /// The first field, in the order of the trace, in which two values below `path` differ.
    pub fn first(path: &str, recorded: &Value, replayed: &Value) -> Option<Self> {
        find(path.to_owned(), Some(recorded), Some(replayed))
    }

    /// The same, as one of a step.
    #[must_use]
    pub fn of_step(self, step: u64, turn: u64) -> Self {
        Self { step: Some(step), turn: Some(turn), ..self }
    }

    /// The recorded and the replayed text as a short unified diff. Control characters are escaped, long lines are cut around the
    /// first difference.
    pub fn unified(&self) -> String {
        let (recorded, replayed) = (text(self.recorded.as_ref()), text(self.replayed.as_ref()));
        let column = first_column(&recorded, &replayed);
        let hint = recorded.ends_with('\n') != replayed.ends_with('\n');
        let diff = TextDiff::from_lines(&recorded, &replayed);
        let diff = diff
            .unified_diff()
            .context_radius(1)
            .missing_newline_hint(hint)
            .header("recorded", "replayed")
            .to_string();
        let mut short = String::new();
        for line in diff.lines().take(MAX_LINES) {
            let _ = writeln!(short, "{}", cut(line, column));
        }
        if diff.lines().nth(MAX_LINES).is_some() {
            short.push_str("...\n");
        }
        short
    }
}

fn find(path: String, recorded: Option<&Value>, replayed: Option<&Value>) -> Option<Difference> {
    match (recorded, replayed) {
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            let only_right = right.keys().filter(|key| !left.contains_key(*key));
            left.keys()
                .chain(only_right)
                .find_map(|key| find(below(&path, key), left.get(key), right.get(key)))
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) => (0..left.len().max(right.len()))
            .find_map(|index| find(format!("{path}[{index}]"), left.get(index), right.get(index))),
        _ if recorded == replayed => None,
        _ => Some(Difference {
            step: None,
            turn: None,
            field: path,
            recorded: recorded.cloned(),
            replayed: replayed.cloned(),
        }),
    }
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// A value as the text that is shown.
fn text(value: Option<&Value>) -> String {
    let text = match value {
        None => "(absent)".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let escape = |character: char| match character {
        '\n' | '\t' => character.to_string(),
        character if character.is_control() => character.escape_default().to_string(),
        character => character.to_string(),
    };
    text.chars().map(escape).collect()
}

/// Where, in its line, the first difference is.
fn first_column(left: &str, right: &str) -> usize {
    let common = left.bytes().zip(right.bytes()).take_while(|(left, right)| left == right).count();
    let line = left.as_bytes()[..common].iter().rposition(|byte| *byte == b'\n');
    line.map_or(common, |newline| common - newline - 1)
}

/// A line of a diff, which begins with a mark; a long one is cut around `column`.
fn cut(line: &str, column: usize) -> String {
    if line.len() <= MAX_LINE_BYTES {
        return line.to_owned();
    }
    let mark = line.ceil_char_boundary(1);
    let (mark, line) = line.split_at(mark);
    let start = column.saturating_sub(BEFORE_BYTES).min(line.len().saturating_sub(MAX_LINE_BYTES));
    let start = line.ceil_char_boundary(start);
    let end = line.floor_char_boundary(start + MAX_LINE_BYTES);
    let before = if start > 0 { "..." } else { "" };
    let after = if end < line.len() { "..." } else { "" };
    format!("{mark}{before}{}{after}", &line[start..end])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_field_that_differs_is_named() {
        let recorded = json!({"a": 1, "b": {"c": [1, {"d": "x"}], "e": 2}});
        assert_eq!(Difference::first("info", &recorded, &recorded), None);
        for (replayed, field) in [
            (json!({"a": 1, "b": {"c": [1, {"d": "y"}], "e": 3}}), "info.b.c[1].d"),
            (json!({"a": 1, "b": {"c": [1], "e": 2}}), "info.b.c[1]"),
            (json!({"a": 1, "b": {"c": [1, {"d": "x"}, 0], "e": 2}}), "info.b.c[2]"),
            (json!({"a": 1.0, "b": {"c": [1, {"d": "x"}], "e": 2}}), "info.a"),
            (json!({"a": 1, "b": {"c": [1, {"d": "x"}], "e": 2}, "f": null}), "info.f"),
            (json!({"b": {"c": [1, {"d": "x"}], "e": 2}}), "info.a"),
        ] {
            assert_eq!(Difference::first("info", &recorded, &replayed).unwrap().field, field);
        }
    }

    #[test]
    fn both_texts_are_shown_where_they_differ() {
        let shown = |recorded: Value, replayed: Value| {
            Difference::first("output", &recorded, &replayed).unwrap().unified()
        };
        let short = shown(json!("a\nb\nc\nd\n"), json!("a\nb\nC\nd\n"));
        assert_eq!(short, "--- recorded\n+++ replayed\n@@ -2,3 +2,3 @@\n b\n-c\n+C\n d\n");
        assert!(shown(json!("a\n"), json!("a")).contains("No newline"), "the last byte counts too");
        let escaped = shown(json!("\u{1b}[31m"), json!(true));
        assert!(escaped.contains(r"-\u{1b}[31m") && escaped.contains("+true"), "{escaped}");

        let (long, other) = ("é".repeat(1000) + "x" + &"é".repeat(1000), "é".repeat(1000) + "y");
        let cut = shown(json!(long), json!(other));
        assert!(cut.contains("éx") && cut.contains("éy"), "{cut}");
        assert!(cut.lines().all(|line| line.len() < MAX_LINE_BYTES + 10), "{cut}");
        let many: String = (0..100).map(|line| format!("{line}\n")).collect();
        assert_eq!(shown(json!(many), json!("")).lines().count(), MAX_LINES + 1);
    }
}
