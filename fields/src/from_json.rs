//! Types that a JSON value can be read into.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::Place;

/// A type that a JSON value can be read into.
pub trait FromJson: Sized {
    /// The value, or `None` after recording every problem at `place`.
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

impl FromJson for u32 {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let number = u64::from_json(value, place)?;
        number
            .try_into()
            .ok()
            .or_else(|| place.fail(format!("must be at most {}, found {number}", Self::MAX)))
    }
}

impl FromJson for usize {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let number = u64::from_json(value, place)?;
        number
            .try_into()
            .ok()
            .or_else(|| place.fail(format!("must be at most {}, found {number}", Self::MAX)))
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

impl FromJson for PathBuf {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        String::from_json(value, place).map(Self::from)
    }
}

impl FromJson for Value {
    fn from_json(value: &Value, _: &Place<'_>) -> Option<Self> {
        Some(value.clone())
    }
}

impl FromJson for Map<String, Value> {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        value.as_object().cloned().or_else(|| place.expected("an object", value))
    }
}

/// Null is none.
impl<T: FromJson> FromJson for Option<T> {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_json(value, place).map(Some),
        }
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        elements(value, place, T::from_json)
    }
}

/// An array whose order and repetitions mean nothing.
impl<T: FromJson + Ord> FromJson for BTreeSet<T> {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        Vec::from_json(value, place).map(Self::from_iter)
    }
}

/// The elements of an array, each read by `read`: for types that cannot implement [`FromJson`].
pub fn elements<T>(
    value: &Value,
    place: &Place<'_>,
    read: impl Fn(&Value, &Place<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let Value::Array(elements) = value else { return place.expected("an array", value) };
    // All elements are read before giving up, to report the problems of all.
    let elements: Vec<Option<T>> =
        elements.iter().enumerate().map(|(i, element)| read(element, &place.index(i))).collect();
    elements.into_iter().collect()
}
