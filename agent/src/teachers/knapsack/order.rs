//! The order in which items are inspected.

use crate::teachers::random::Random;

/// An order of inspection. All policies draw the same one from a seed, so they inspect the same items of a
/// task and can be compared task by task. No order depends on the order in which the server lists the items,
/// which is not specified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As in the task's public data; the code has to paste the ids from there.
    Given,
    /// By id.
    Sorted,
    /// By id, from the last to the first.
    Descending,
}

impl Order {
    /// The order in the episode of a seed.
    pub fn of_episode(seed: u64) -> Self {
        Random::of_episode(seed).pick(&[Self::Given, Self::Sorted, Self::Descending])
    }

    /// Puts ids in this order.
    pub fn arrange(self, ids: &mut [String]) {
        match self {
            Self::Given => {}
            Self::Sorted => ids.sort(),
            Self::Descending => ids.sort_by(|one, other| other.cmp(one)),
        }
    }

    /// Code that binds the ids to `name` in this order. It pastes `given`, a Python list, if the order or
    /// `pastes` requires it, and otherwise calls `list_items`.
    pub fn bind(self, name: &str, given: &str, pastes: bool) -> String {
        match self {
            Self::Given => format!("{name} = {given}\n"),
            Self::Sorted if pastes => format!("{name} = {given}\n{name}.sort()\n"),
            Self::Descending if pastes => format!("{name} = {given}\n{name}.sort(reverse=True)\n"),
            Self::Sorted => format!("{name} = sorted(json.loads(list_items()))\n"),
            Self::Descending => format!("{name} = sorted(json.loads(list_items()), reverse=True)\n"),
        }
    }
}
