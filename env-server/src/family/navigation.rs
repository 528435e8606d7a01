//! Navigation: walk an undirected graph of opaque nodes from a start to a goal,
//! seeing only the neighbours of the node one stands on.

mod config;
mod generate;
mod play;

use proto::task::ToolSpec;

use super::{finish_spec, tool_spec};

pub use config::Config;
pub(crate) use generate::draw;
pub use play::Navigation;

/// The family's name.
pub const NAME: &str = "navigation";

/// The family's tool contract.
fn tools() -> Vec<ToolSpec> {
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
