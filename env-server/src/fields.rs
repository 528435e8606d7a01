//! Reading JSON objects into typed values, with every problem named by its path.
//!
//! serde stops at the first problem and names its line; people who write a
//! config, or hand in a task, are helped more by all of them and by their keys.

use std::{cell::RefCell, fmt};

use serde_json::{Map, Value};

/// One thing that is wrong in a JSON document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, e.g. `private.items.item_ab.weight`.
    pub path: String,
    /// The rule that is broken there.
    pub rule: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path, self.rule)
    }
}

/// Everything that is wrong in a JSON document; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(Problem::to_string).collect();
        formatter.write_str(&lines.join("\n"))
    }
}

/// Collects the problems of one document while it is read.
#[derive(Default)]
pub struct Collector(RefCell<Vec<Problem>>);

impl Collector {
    /// The value that was read, or why there is none.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Problems> {
        let problems = self.0.into_inner();
        match value {
            Some(value) if problems.is_empty() => Ok(value),
            _ => Err(Problems(problems)),
        }
    }

    /// The place of the document as a whole; its keys are the paths' beginnings.
    pub fn root(&self) -> Place<'_> {
        Place { path: String::new(), collector: self }
    }
}

/// A place in the document.
#[derive(Clone)]
pub struct Place<'a> {
    path: String,
    collector: &'a Collector,
}

impl<'a> Place<'a> {
    /// Records a problem here; `None`, so that readers can answer with it.
    pub fn fail<T>(&self, rule: impl Into<String>) -> Option<T> {
        let path = if self.path.is_empty() { "the document".to_owned() } else { self.path.clone() };
        self.collector.0.borrow_mut().push(Problem { path, rule: rule.into() });
        None
    }

    /// The place of a key below this one.
    pub fn key(&self, key: &str) -> Self {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Self { path, collector: self.collector }
    }

    /// The place of an element below this one.
    pub fn index(&self, index: usize) -> Self {
        Self { path: format!("{}[{index}]", self.path), collector: self.collector }
    }

    fn expected<T>(&self, what: &str, found: &Value) -> Option<T> {
        self.fail(format!("expected {what}, found {}", kind(found)))
    }
}

/// What a JSON value is, in words.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a fractional number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A type that JSON can be read into.
pub trait FromJson: Sized {
    /// The value, or `None` after recording why not at `place`.
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self>;
}

impl FromJson for i64 {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        value.as_i64().or_else(|| match value {
            Value::Number(number) if number.is_u64() => place.fail("the integer does not fit in 64 bits"),
            _ => place.expected("an integer", value),
        })
    }
}

impl FromJson for u64 {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        value.as_u64().or_else(|| match value {
            Value::Number(number) if number.is_i64() => place.fail("must not be negative"),
            _ => place.expected("an integer", value),
        })
    }
}

impl FromJson for f64 {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        value.as_f64().or_else(|| place.expected("a number", value))
    }
}

impl FromJson for bool {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        value.as_bool().or_else(|| place.expected("a boolean", value))
    }
}

impl FromJson for String {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        value.as_str().map(str::to_owned).or_else(|| place.expected("a string", value))
    }
}

impl FromJson for Map<String, Value> {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        value.as_object().cloned().or_else(|| place.expected("an object", value))
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let Value::Array(elements) = value else { return place.expected("an array", value) };
        // Read all of them before giving up, to report all of their problems.
        let read: Vec<Option<T>> =
            elements.iter().enumerate().map(|(i, element)| T::from_json(element, &place.index(i))).collect();
        read.into_iter().collect()
    }
}

/// An object whose keys are data, in the document's order.
#[derive(Clone, Debug, PartialEq)]
pub struct Entries<T>(pub Vec<(String, T)>);

impl<T: FromJson> FromJson for Entries<T> {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let Value::Object(map) = value else { return place.expected("an object", value) };
        let read: Vec<Option<(String, T)>> = map
            .iter()
            .map(|(key, value)| T::from_json(value, &place.key(key)).map(|value| (key.clone(), value)))
            .collect();
        read.into_iter().collect::<Option<Vec<_>>>().map(Self)
    }
}

/// An object whose keys are known names.
pub struct Fields<'a> {
    map: &'a Map<String, Value>,
    place: Place<'a>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Fields<'a> {
    /// The object at `place`.
    pub fn new(value: &'a Value, place: &Place<'a>) -> Option<Self> {
        match value {
            Value::Object(map) => Some(Self::of(map, place)),
            _ => place.expected("an object", value),
        }
    }

    /// See [`Fields::new`].
    pub fn of(map: &'a Map<String, Value>, place: &Place<'a>) -> Self {
        Self { map, place: place.clone(), asked: RefCell::default() }
    }

    /// The place of one of the keys.
    pub fn at(&self, key: &'static str) -> Place<'a> {
        self.place.key(key)
    }

    /// The raw value of a key.
    pub fn raw(&self, key: &'static str) -> Option<&'a Value> {
        self.asked.borrow_mut().push(key);
        self.map.get(key)
    }

    /// The object below a key that must be there.
    pub fn object(&self, key: &'static str) -> Option<Fields<'a>> {
        match self.raw(key) {
            Some(value) => Fields::new(value, &self.at(key)),
            None => self.at(key).fail("missing"),
        }
    }

    /// The value of a key that must be there.
    pub fn required<T: FromJson>(&self, key: &'static str) -> Option<T> {
        match self.raw(key) {
            Some(value) => T::from_json(value, &self.at(key)),
            None => self.at(key).fail("missing"),
        }
    }

    /// The value of a key, or `default` where it is absent.
    pub fn or<T: FromJson>(&self, key: &'static str, default: T) -> Option<T> {
        match self.raw(key) {
            Some(value) => T::from_json(value, &self.at(key)),
            None => Some(default),
        }
    }

    /// Reports every key that was never asked for, with the known key it may be
    /// a slip of.
    pub fn refuse_unknown(&self) {
        let asked = self.asked.borrow();
        for key in self.map.keys().filter(|key| !asked.contains(&key.as_str())) {
            let near = asked.iter().map(|known| (distance(key, known), *known)).min();
            let rule = match near {
                Some((edits, known)) if edits <= key.len().div_ceil(3) => {
                    format!("unknown key; did you mean {known}?")
                }
                _ => format!("unknown key; known here: {}", asked.join(", ")),
            };
            self.place.key(key).fail::<()>(rule);
        }
    }
}

/// Levenshtein distance: insertions, deletions and replacements between two words.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        for (left, right, edits) in
            [("", "abc", 3), ("n_item_range", "n_items_range", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(left, right), edits, "{left} {right}");
        }
    }
}
