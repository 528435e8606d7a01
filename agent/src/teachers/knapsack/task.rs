//! A knapsack task as its public data describes it.

use super::order::Order;
use crate::teachers::conversation::Conversation;

/// The family's name.
pub const FAMILY: &str = "knapsack";

/// A key that only this family's public data has.
pub const KEY: &str = "item_ids";

/// A knapsack task, and the order in which an episode inspects its items.
#[derive(Clone, Debug)]
pub struct Task {
    /// All item ids, as the public data lists them.
    pub given: Vec<String>,
    /// The same ids in the order of inspection.
    pub ids: Vec<String>,
    /// The order of inspection.
    pub order: Order,
    /// Classes that may be taken.
    pub allowed: Vec<String>,
    /// The most weight that may be taken.
    pub capacity: u64,
    /// How many items may be inspected.
    pub budget: usize,
    /// Tool calls allowed in a step.
    pub calls: usize,
}

impl Task {
    /// Finds the task in a conversation; the seed selects the order of inspection.
    ///
    /// # Errors
    /// Which key is missing or malformed.
    pub fn read(conversation: &Conversation, seed: u64) -> Result<Self, String> {
        let given: Vec<String> = conversation.texts("item_ids")?;
        let order = Order::of_episode(seed);
        let mut ids = given.clone();
        order.arrange(&mut ids);
        Ok(Self {
            given,
            ids,
            order,
            allowed: conversation.texts("allowed_classes")?,
            capacity: conversation.number("capacity")?,
            budget: conversation.number("inspect_budget")? as usize,
            calls: conversation.calls_per_step,
        })
    }

    /// How many items to inspect.
    pub fn to_inspect(&self) -> usize {
        self.ids.len().min(self.budget)
    }

    /// How many items to inspect in a step: `base` for up to 45 items and proportionally more for larger
    /// tasks, with one tool call left for listing the items in the same step.
    pub fn batch(&self, base: usize) -> usize {
        let wanted = base * self.ids.len().div_ceil(45);
        wanted.clamp(1, self.calls.saturating_sub(1).max(1))
    }

    /// Whether choosing and taking may share a step. How many items will be taken is not known in advance, so
    /// the limit of tool calls must leave a margin.
    pub fn can_choose_and_take(&self) -> bool {
        self.calls >= 20 && self.ids.len() <= 60
    }

    /// The ids of this task that occur in a text, in order, without duplicates.
    pub fn ids_in(&self, text: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
            if self.ids.iter().any(|id| id == word) && !found.iter().any(|id| id == word) {
                found.push(word.to_owned());
            }
        }
        found
    }
}
