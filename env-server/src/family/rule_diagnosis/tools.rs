//! The tools of a rule-diagnosis task.

use proto::task::ToolSpec;

use crate::family::tool_contract::{finish_spec, tool_spec};

/// The family's tool contract.
pub fn tools() -> Vec<ToolSpec> {
    vec![
        tool_spec(
            "test_input",
            &[("x", "int")],
            "int",
            "The rule's answer for x. Uses up 1 of the probe budget, also for an x tested before.",
        ),
        tool_spec(
            "submit",
            &[("params", "str")],
            "bool",
            "Submits the rule's parameters as a JSON object, and says whether they are right. The last \
             submission counts.",
        ),
        finish_spec(),
    ]
}
