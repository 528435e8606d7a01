//! Where in a document a reader is, and the problems that were found so far.

use std::cell::{Cell, RefCell};

use serde_json::Value;

use crate::{Problem, Problems};

/// The most problems of a document that are told. A short document can have very many.
const MOST_PROBLEMS: usize = 1_000;
/// The most of a key that a path shows, in bytes. Each place below the key repeats it.
const KEY_BYTES: usize = 100;

/// Collects the problems of one document while it is read.
#[derive(Default)]
pub struct Collector {
    problems: RefCell<Vec<Problem>>,
    /// Problems beyond the most that are told.
    others: Cell<usize>,
}

impl Collector {
    /// The value that was read, or all problems.
    ///
    /// # Errors
    /// The problems, if there are any.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Problems> {
        let mut problems = self.problems.into_inner();
        let others = self.others.get();
        if others > 0 {
            problems.push(Problem { path: String::new(), rule: format!("has {others} problems more") });
        }
        match value {
            Some(value) if problems.is_empty() => Ok(value),
            _ => Err(Problems(problems)),
        }
    }

    /// The place of the document as a whole.
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

impl Place<'_> {
    /// Records a problem here. Returns `None`, so that a reader can return the result of this call.
    pub fn fail<T>(&self, rule: impl Into<String>) -> Option<T> {
        self.require(false, || rule.into());
        None
    }

    /// Records a problem here unless `holds`.
    pub fn require(&self, holds: bool, rule: impl FnOnce() -> String) {
        if holds {
            return;
        }
        if self.collector.problems.borrow().len() == MOST_PROBLEMS {
            self.collector.others.set(self.collector.others.get() + 1);
        } else {
            let problem = Problem { path: self.path.clone(), rule: rule() };
            self.collector.problems.borrow_mut().push(problem);
        }
    }

    /// Records that the value here is not of the expected kind.
    pub fn expected<T>(&self, what: &str, found: &Value) -> Option<T> {
        self.fail(format!("expected {what}, found {}", kind(found)))
    }

    /// The place of a key below this one.
    pub fn key(&self, key: &str) -> Self {
        let key = match key.len() {
            0..=KEY_BYTES => key,
            _ => &format!("{}...", &key[..key.floor_char_boundary(KEY_BYTES)]),
        };
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Self { path, collector: self.collector }
    }

    /// The place of an element below this one.
    pub fn index(&self, index: usize) -> Self {
        Self { path: format!("{}[{index}]", self.path), collector: self.collector }
    }
}

/// A JSON value in words.
fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "a boolean".to_owned(),
        Value::Number(number) if number.is_f64() => format!("a fractional number, {number}"),
        Value::Number(number) => format!("an integer, {number}"),
        Value::String(text) if text.chars().count() <= 60 => format!("a string, {text:?}"),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
