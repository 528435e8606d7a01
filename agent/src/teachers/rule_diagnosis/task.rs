//! A rule diagnosis task as its public data describes it.

use serde_json::Value;

use super::kind::Kind;
use crate::teachers::conversation::Conversation;

/// The family's name.
pub const FAMILY: &str = "rule_diagnosis";

/// A key that only this family's public data has.
pub const KEY: &str = "probe_budget";

/// The inputs that are considered if the task suggests none.
const DEFAULT_RANGE: (i64, i64) = (0, 40);

/// The largest modulus that is considered, whatever the task suggests.
const MOST: i64 = 100_000;

/// A rule diagnosis task.
#[derive(Clone, Debug)]
pub struct Task {
    /// The kind of rule.
    pub kind: Kind,
    /// How many inputs may be probed.
    pub budget: usize,
    /// The inputs that the task suggests, both ends included.
    pub range: (i64, i64),
    /// Tool calls allowed in a step.
    pub calls: usize,
}

impl Task {
    /// Finds the task in a conversation.
    ///
    /// # Errors
    /// Which key is missing or malformed.
    pub fn read(conversation: &Conversation) -> Result<Self, String> {
        let hint = conversation.text("family_hint")?;
        let kind = Kind::named(&hint).ok_or_else(|| {
            format!(
                "`family_hint` of the task's public data is `{hint}`; scripted policies know {}",
                Kind::NAMES
            )
        })?;
        let ends = conversation.public.get("x_domain").and_then(|domain| domain.get("suggested_range"));
        let end = |index: usize| ends?.get(index).and_then(Value::as_i64);
        let range = end(0).zip(end(1)).filter(|(low, high)| low < high).unwrap_or(DEFAULT_RANGE);
        Ok(Self {
            kind,
            budget: conversation.number(KEY)? as usize,
            range,
            calls: conversation.calls_per_step,
        })
    }

    /// The first inputs to probe for a rule with a modulus: the answer at 0 is `b`, and the one at 1 tells `a`.
    pub const FIRST_OF_AFFINE: [i64; 2] = [0, 1];

    /// The largest modulus that is considered. Suggested inputs go beyond the modulus.
    pub fn highest_modulus(&self) -> i64 {
        self.range.1.min(MOST)
    }

    /// The steps between the inputs among which the next one to probe is chosen: there are few, also in large ranges.
    pub fn stride(&self) -> i64 {
        (self.range.1 / 40).max(1)
    }
}
