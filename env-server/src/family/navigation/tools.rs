//! The tools of a navigation task.

use proto::task::ToolSpec;

use crate::family::tool_contract::{finish_spec, tool_spec};

/// The family's tool contract.
pub fn tools() -> Vec<ToolSpec> {
    vec![
        tool_spec(
            "scan",
            &[],
            "str",
            "Ids of the nodes next to the one you stand on, sorted and joined by commas. Free.",
        ),
        tool_spec(
            "move",
            &[("node_id", "str")],
            "None",
            "Moves to that node and uses up 1 step. Raises an exception, and moves nowhere, if the node is \
             not next to yours or no steps are left.",
        ),
        finish_spec(),
    ]
}
