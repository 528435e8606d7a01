//! The `knapsack` section of a generator config.

use std::collections::BTreeSet;

use fields::Fields;
use serde_json::{Map, Value, json};

use crate::family::object::object;
use crate::family::range::Range;

/// How knapsack tasks are drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Number of items.
    pub n_items: Range<i64>,
    /// An item's weight.
    pub weight: Range<i64>,
    /// An item's value.
    pub value: Range<i64>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// How many of them may be packed.
    pub num_allowed_classes: usize,
    /// Capacity as a share of the weight of all items of an allowed class.
    pub capacity_ratio: Range<f64>,
}

/// Limits that keep the exact optimum affordable. It takes one cell for each item and unit of capacity, and is computed
/// up to 200 times for a task: at most seconds of work and 20 MB.
const MAX_ITEMS: i64 = 1_000;
const MAX_WEIGHT: i64 = 100_000;
const MAX_CELLS: i64 = 20_000_000;
const MAX_VALUE: i64 = 1_000_000_000;
const MAX_CLASSES: usize = 1_000;

impl Config {
    pub(crate) fn read(fields: &Fields<'_>) -> Option<Self> {
        let n_items = fields
            .required::<Range<i64>>("n_items_range")
            .and_then(|range| range.within(1, MAX_ITEMS, &fields.at("n_items_range")));
        let weight = fields
            .required::<Range<i64>>("weight_range")
            .and_then(|range| range.within(1, MAX_WEIGHT, &fields.at("weight_range")));
        let value = fields
            .required::<Range<i64>>("value_range")
            .and_then(|range| range.within(1, MAX_VALUE, &fields.at("value_range")));
        let classes = fields.required::<Vec<String>>("classes").and_then(|classes| {
            let place = fields.at("classes");
            let mut seen = BTreeSet::new();
            for (i, class) in classes.iter().enumerate() {
                if !seen.insert(class) {
                    place.index(i).fail::<()>(format!("the class {class:?} is listed twice"));
                }
            }
            match classes.len() {
                0 => place.fail("must name at least one class"),
                1..=MAX_CLASSES => Some(classes),
                found => place.fail(format!("must name at most {MAX_CLASSES} classes, found {found}")),
            }
        });
        let num_allowed_classes = fields.required::<i64>("num_allowed_classes").and_then(|number| {
            let place = fields.at("num_allowed_classes");
            let known = classes.as_ref().map_or(i64::MAX, |classes| classes.len() as i64);
            match number {
                ..1 => place.fail(format!("must be at least 1, found {number}")),
                _ if number > known => {
                    place.fail(format!("must be at most the number of classes, {known}, found {number}"))
                }
                _ => Some(number as usize),
            }
        });
        let capacity_ratio = fields.required::<Range<f64>>("capacity_ratio_range").and_then(|range| {
            let place = fields.at("capacity_ratio_range");
            if 0.0 < range.low && range.high <= 1.0 {
                return Some(range);
            }
            place.fail(format!("must be ratios above 0 and at most 1, found [{}, {}]", range.low, range.high))
        });
        let (n_items, weight) = (n_items?, weight?);
        if n_items.high * n_items.high * weight.high > MAX_CELLS {
            return fields.at("weight_range").fail(format!(
                "too large for an exact optimum: items * items * weight must be at most {MAX_CELLS}"
            ));
        }
        Some(Self {
            n_items,
            weight,
            value: value?,
            classes: classes?,
            num_allowed_classes: num_allowed_classes?,
            capacity_ratio: capacity_ratio?,
        })
    }

    pub(crate) fn settings(&self) -> Map<String, Value> {
        object([
            ("capacity_ratio_range", self.capacity_ratio.into()),
            ("classes", json!(self.classes)),
            ("n_items_range", self.n_items.into()),
            ("num_allowed_classes", json!(self.num_allowed_classes)),
            ("value_range", self.value.into()),
            ("weight_range", self.weight.into()),
        ])
    }
}
