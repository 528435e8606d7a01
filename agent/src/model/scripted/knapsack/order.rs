//! The order in which items are inspected.

use crate::model::scripted::voice::Voice;

/// An order. Both habits draw the same one from a seed: they then inspect the
/// same items of a task, and can be compared task by task. None depends on the
/// order in which the server lists the items, which nothing promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As the task's public data has them; the ids have to be pasted from there.
    Given,
    /// By id.
    Sorted,
    /// By id, from the last to the first.
    Descending,
}

impl Order {
    /// The order of a seed's episode.
    pub fn of_episode(seed: u64) -> Self {
        Voice::of_episode(seed).pick(&[Self::Given, Self::Sorted, Self::Descending])
    }

    /// Puts ids in this order.
    pub fn arrange(self, ids: &mut [String]) {
        match self {
            Self::Given => {}
            Self::Sorted => ids.sort(),
            Self::Descending => ids.sort_by(|one, other| other.cmp(one)),
        }
    }

    /// Code that binds the ids to `name`, in this order; it lists them, if that
    /// will do, or else pastes them as `given`.
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
