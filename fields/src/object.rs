//! Objects whose keys are known names.

use std::cell::RefCell;

use serde_json::{Map, Value};

use crate::nearest::nearest;
use crate::{FromJson, Place};

/// An object whose keys are known names: those that a reader asks for.
pub struct Fields<'a> {
    map: &'a Map<String, Value>,
    place: Place<'a>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Fields<'a> {
    /// The object at `place`; `None`, and a problem, if the value is something else.
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
        self.required_as(key, T::from_json)
    }

    /// The value of a key that must be there, read by `read`: for types that cannot implement [`FromJson`].
    pub fn required_as<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&Value, &Place<'_>) -> Option<T>,
    ) -> Option<T> {
        match self.raw(key) {
            Some(value) => read(value, &self.at(key)),
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

    /// The value of a key, read by `read`, or `default` where it is absent.
    pub fn or_as<T>(
        &self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&Value, &Place<'_>) -> Option<T>,
    ) -> Option<T> {
        match self.raw(key) {
            Some(value) => read(value, &self.at(key)),
            None => Some(default),
        }
    }

    /// The value of a key, or its type's default where it is absent.
    pub fn or_default<T: FromJson + Default>(&self, key: &'static str) -> Option<T> {
        self.or(key, T::default())
    }

    /// Every key that was not asked for, with its value, for a reader that passes them on unread.
    pub fn rest(&self) -> Map<String, Value> {
        let asked = self.asked.borrow();
        let others = self.map.iter().filter(|(key, _)| !asked.contains(&key.as_str()));
        others.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Reports every key that was not asked for, with the known key that it may be a misspelling of.
    pub fn refuse_unknown(&self) {
        let asked = self.asked.borrow();
        for key in self.map.keys().filter(|key| !asked.contains(&key.as_str())) {
            self.place.key(key).require(false, || unknown_key(key, &asked));
        }
    }
}

/// What is said of a key that is none of the known ones, with the one that it may be a misspelling of.
pub fn unknown_key(key: &str, known: &[&str]) -> String {
    match nearest(key, known.iter().copied()) {
        Some(known) => format!("unknown key; did you mean {known}?"),
        None => format!("unknown key; known here: {}", known.join(", ")),
    }
}
