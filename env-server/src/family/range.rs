//! Closed ranges of a generator's config.

use std::fmt::Display;

use fields::{FromJson, Place};
use serde_json::Value;

/// A closed range `[low, high]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range<T> {
    /// Smallest value.
    pub low: T,
    /// Largest value.
    pub high: T,
}

impl<T: FromJson + PartialOrd + Display> FromJson for Range<T> {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let mut ends = Vec::<T>::from_json(value, place)?.into_iter();
        match (ends.next(), ends.next(), ends.next()) {
            (Some(low), Some(high), None) if low <= high => Some(Self { low, high }),
            (Some(low), Some(high), None) => {
                place.fail(format!("must be [low, high] with low <= high, found [{low}, {high}]"))
            }
            _ => place.fail("must be [low, high], two numbers"),
        }
    }
}

impl<T: PartialOrd + Display> Range<T> {
    /// The range, if it lies within the limits; otherwise `None`, after recording the problem.
    pub(crate) fn within(self, lowest: T, highest: T, place: &Place<'_>) -> Option<Self> {
        if lowest <= self.low && self.high <= highest {
            return Some(self);
        }
        let Self { low, high } = self;
        place.fail(format!("must lie within [{lowest}, {highest}], found [{low}, {high}]"))
    }
}

impl<T> From<Range<T>> for Value
where
    Value: From<T>,
{
    fn from(range: Range<T>) -> Self {
        Value::Array(vec![range.low.into(), range.high.into()])
    }
}
