//! The `rule_diagnosis` section of a generator config.

use fields::{Fields, FromJson, Place};
use serde_json::{Map, Value, json};

use super::rule_family::RuleFamily;
use crate::family::object::object;
use crate::family::range::Range;

/// How rule-diagnosis tasks are drawn. Only `families` is required in a config; the defaults are the ranges of the
/// paper's easy tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The kinds of rule to draw from.
    pub families: Vec<RuleFamily>,
    /// `a` of `linear_int`, by default -9 to 9. 0 is never drawn: the rule would be a constant.
    pub linear_a: Range<i64>,
    /// `b` of `linear_int`. By default -20 to 20.
    pub linear_b: Range<i64>,
    /// Moduli of `affine_mod`. By default 5, 7, 11, 13 and 17.
    pub mod_m: Vec<i64>,
    /// `a` of `affine_mod`, by default 1 to 16. Only values below the modulus are drawn: larger ones are
    /// indistinguishable from them.
    pub mod_a: Range<i64>,
    /// `b` of `affine_mod`, by default 0 to 16, drawn in the same way.
    pub mod_b: Range<i64>,
    /// How many inputs may be tested. By default 3 to 10.
    pub probe_budget: Range<i64>,
}

/// Bound on every parameter, so that answers to 32-bit inputs fit in 64 bits.
const LIMIT: i64 = 1_000_000_000;

impl Config {
    pub(crate) fn read(fields: &Fields<'_>) -> Option<Self> {
        let range = |key, default: (i64, i64), lowest| {
            let default = Range { low: default.0, high: default.1 };
            fields.or(key, default).and_then(|range| range.within(lowest, LIMIT, &fields.at(key)))
        };
        let families = fields.required::<Vec<RuleFamily>>("families").and_then(|families| {
            if families.is_empty() {
                return fields.at("families").fail("must name at least one rule family");
            }
            Some(families)
        });
        let linear_a = range("linear_a_range", (-9, 9), -LIMIT).and_then(|range| {
            if range.low == 0 && range.high == 0 {
                return fields.at("linear_a_range").fail("must hold a value other than 0");
            }
            Some(range)
        });
        let linear_b = range("linear_b_range", (-20, 20), -LIMIT);
        let mod_m = fields.or("mod_m_choices", vec![5, 7, 11, 13, 17]).and_then(|choices: Vec<i64>| {
            let place = fields.at("mod_m_choices");
            match choices.iter().position(|m| !(2..=LIMIT).contains(m)) {
                Some(i) => place.index(i).fail(format!("must be at least 2 (and at most {LIMIT})")),
                None if choices.is_empty() => place.fail("must hold at least one modulus"),
                None => Some(choices),
            }
        });
        let mod_a = range("mod_a_range", (1, 16), 1);
        let mod_b = range("mod_b_range", (0, 16), 0);
        let probe_budget = range("probe_budget_range", (3, 10), 1);

        let (mod_m, mod_a, mod_b) = (mod_m?, mod_a?, mod_b?);
        let smallest = mod_m.iter().copied().min()?;
        for (range, key) in [(mod_a, "mod_a_range"), (mod_b, "mod_b_range")] {
            if range.low >= smallest {
                let rule = format!("must begin below the smallest modulus, {smallest}, found {}", range.low);
                return fields.at(key).fail(rule);
            }
        }
        Some(Self {
            families: families?,
            linear_a: linear_a?,
            linear_b: linear_b?,
            mod_m,
            mod_a,
            mod_b,
            probe_budget: probe_budget?,
        })
    }

    pub(crate) fn settings(&self) -> Map<String, Value> {
        let families: Vec<&str> = self.families.iter().map(|family| family.name()).collect();
        object([
            ("families", json!(families)),
            ("linear_a_range", self.linear_a.into()),
            ("linear_b_range", self.linear_b.into()),
            ("mod_a_range", self.mod_a.into()),
            ("mod_b_range", self.mod_b.into()),
            ("mod_m_choices", json!(self.mod_m)),
            ("probe_budget_range", self.probe_budget.into()),
        ])
    }
}

impl FromJson for RuleFamily {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let name = String::from_json(value, place)?;
        Self::from_name(&name).or_else(|| place.fail(Self::unknown(&name)))
    }
}
