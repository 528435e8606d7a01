//! The tools of a knapsack task.

use proto::task::ToolSpec;

use crate::family::tool_contract::{finish_spec, tool_spec};

/// The family's tool contract.
pub fn tools() -> Vec<ToolSpec> {
    vec![
        tool_spec("list_items", &[], "str", "All item ids, as a JSON array of strings. Free."),
        tool_spec(
            "inspect",
            &[("item_id", "str")],
            "str",
            "The item's data as a JSON object with the keys class, value and weight. Uses up 1 of the \
             inspection budget the first time an item is inspected.",
        ),
        tool_spec(
            "take_item",
            &[("item_id", "str")],
            "None",
            "Packs the item. Raises an exception, and packs nothing, if the item is packed already, its \
             class is not allowed or it does not fit.",
        ),
        finish_spec(),
    ]
}
