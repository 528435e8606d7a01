//! Players of the knapsack family: items with hidden class, weight and value;
//! inspect them within a budget, then take the best allowed set that fits.

use std::fmt;

use order::Order;

use super::conversation::Conversation;

mod finishing;
mod names;
mod order;
pub mod persistent;
pub mod plain;
pub mod reset;
mod solver;

/// The family's name.
pub const FAMILY: &str = "knapsack";

/// A knapsack task as its public data tells it.
#[derive(Clone, Debug)]
pub struct Puzzle {
    /// Every item's id, as the public data has them.
    pub given: Vec<String>,
    /// The same ids in the order in which they are inspected.
    pub ids: Vec<String>,
    /// That order.
    pub order: Order,
    /// Classes that may be taken.
    pub allowed: Vec<String>,
    /// Most weight that may be taken.
    pub capacity: u64,
    /// Items that may be inspected.
    pub budget: usize,
    /// Tool calls that one step allows.
    pub calls: usize,
}

impl Puzzle {
    /// Finds the task in a conversation; the seed tells how it is played.
    ///
    /// # Errors
    /// The key that is missing: it is a task of another family.
    pub fn read(conversation: &Conversation, seed: u64) -> Result<Self, String> {
        let get = |key: &str| {
            conversation.public.get(key).ok_or_else(|| {
                format!("the task's public data has no `{key}`, so it is not of the family {FAMILY}")
            })
        };
        let strings = |key: &str| {
            get(key)?
                .as_array()
                .and_then(|values| values.iter().map(|value| value.as_str().map(str::to_owned)).collect())
                .ok_or_else(|| format!("`{key}` of the task's public data is not a list of strings"))
        };
        let number = |key: &str| {
            get(key)?
                .as_u64()
                .ok_or_else(|| format!("`{key}` of the task's public data is not a whole number"))
        };
        let given: Vec<String> = strings("item_ids")?;
        let order = Order::of_episode(seed);
        let mut ids = given.clone();
        order.arrange(&mut ids);
        Ok(Self {
            given,
            ids,
            order,
            allowed: strings("allowed_classes")?,
            capacity: number("capacity")?,
            budget: number("inspect_budget")? as usize,
            calls: conversation.calls_per_step,
        })
    }

    /// How many items to inspect.
    fn to_inspect(&self) -> usize {
        self.ids.len().min(self.budget)
    }

    /// How many items to inspect in a step: `base` on small tasks, more on
    /// large ones, and room for listing the items in the same step.
    fn batch(&self, base: usize) -> usize {
        let wanted = base * self.ids.len().div_ceil(45);
        wanted.clamp(1, self.calls.saturating_sub(1).max(1))
    }

    /// Whether choosing and taking fit into one step: nobody knows how many
    /// items will be taken, so only with calls to spare.
    fn can_choose_and_take(&self) -> bool {
        self.calls >= 20 && self.ids.len() <= 60
    }

    /// The ids of this task in a text, in order, each once.
    fn ids_in(&self, text: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
            if self.ids.iter().any(|id| id == word) && !found.iter().any(|id| id == word) {
                found.push(word.to_owned());
            }
        }
        found
    }
}

/// A number of items, as a sentence says it.
#[derive(Clone, Copy, Debug)]
struct Items(usize);

impl fmt::Display for Items {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} item{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

/// The whole numbers in a text, in order.
fn numbers(text: &str) -> Vec<usize> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

/// A Python list of strings, as `repr` writes it.
fn python_list(items: &[String]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| format!("'{item}'")).collect();
    format!("[{}]", quoted.join(", "))
}
