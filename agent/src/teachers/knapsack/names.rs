//! Variable names that an episode's code uses. No two lists share a name, and none holds a name that the
//! solvers or loops use themselves.

use crate::teachers::random::Random;

/// The names of one episode.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// All item ids.
    pub ids: &'static str,
    /// The inspected items.
    pub rows: &'static str,
    /// The function that inspects.
    pub helper: &'static str,
    /// The helper's parameter, and the batch in a loop.
    pub batch: &'static str,
    /// One item's id.
    pub item: &'static str,
    /// The decoded answer of one inspection.
    pub facts: &'static str,
    /// The allowed classes.
    pub allowed: &'static str,
    /// The capacity.
    pub capacity: &'static str,
    /// Allowed items as (id, weight, value).
    pub candidates: &'static str,
    /// The ids to take.
    pub chosen: &'static str,
}

impl Names {
    /// Draws a name for each.
    pub fn draw(random: &mut Random) -> Self {
        Self {
            ids: random.pick(&["ids", "item_ids", "all_ids", "id_list"]),
            rows: random.pick(&["rows", "known", "catalog", "data", "inspected"]),
            helper: random.pick(&["look", "probe", "inspect_batch", "learn", "fetch"]),
            batch: random.pick(&["batch", "some_ids", "part", "group"]),
            item: random.pick(&["item", "item_id", "name", "key"]),
            facts: random.pick(&["d", "facts", "entry", "info"]),
            allowed: random.pick(&["allowed", "allowed_classes", "good_classes", "classes"]),
            capacity: random.pick(&["capacity", "cap", "max_weight", "limit"]),
            candidates: random.pick(&["candidates", "items", "usable", "pool"]),
            chosen: random.pick(&["chosen", "picked", "selection", "to_take"]),
        }
    }
}
