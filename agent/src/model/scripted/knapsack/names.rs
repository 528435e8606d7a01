//! Names that an episode's code uses. No two lists share a name, and none holds
//! a name that the solvers or loops use themselves.

use crate::model::scripted::voice::Voice;

/// The names of one episode.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// All item ids.
    pub ids: &'static str,
    /// What is known of inspected items.
    pub rows: &'static str,
    /// The function that inspects.
    pub helper: &'static str,
    /// Its parameter, and the batch in a loop.
    pub batch: &'static str,
    /// One item's id.
    pub item: &'static str,
    /// One inspection's answer.
    pub facts: &'static str,
    /// The classes allowed.
    pub allowed: &'static str,
    /// The capacity.
    pub capacity: &'static str,
    /// Allowed items as (id, weight, value).
    pub candidates: &'static str,
    /// The ids to take.
    pub chosen: &'static str,
}

impl Names {
    /// Draws them.
    pub fn draw(voice: &mut Voice) -> Self {
        Self {
            ids: voice.pick(&["ids", "item_ids", "all_ids", "id_list"]),
            rows: voice.pick(&["rows", "known", "catalog", "data", "inspected"]),
            helper: voice.pick(&["look", "probe", "inspect_batch", "learn", "fetch"]),
            batch: voice.pick(&["batch", "some_ids", "part", "group"]),
            item: voice.pick(&["item", "item_id", "name", "key"]),
            facts: voice.pick(&["d", "facts", "entry", "info"]),
            allowed: voice.pick(&["allowed", "allowed_classes", "good_classes", "classes"]),
            capacity: voice.pick(&["capacity", "cap", "max_weight", "limit"]),
            candidates: voice.pick(&["candidates", "items", "usable", "pool"]),
            chosen: voice.pick(&["chosen", "picked", "selection", "to_take"]),
        }
    }
}
