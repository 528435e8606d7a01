//! Tool contracts: how a family declares its tools, and what a task file may say of them.

use fields::Place;
use proto::task::{ToolParameter, ToolSpec};

use super::environment::FINISH;

/// Checks the tools that a task file declares. It may declare fewer tools than the family has, and describe them in its
/// own words, but names, parameters and return types must be the family's.
pub fn check(actual: &[ToolSpec], declared: &[ToolSpec], place: &Place<'_>) {
    for (i, tool) in declared.iter().enumerate() {
        let place = place.index(i);
        match actual.iter().find(|spec| spec.name == tool.name) {
            None => {
                place.fail::<()>(format!("the family has no tool {:?}", tool.name));
            }
            Some(spec) if spec.parameters != tool.parameters || spec.returns != tool.returns => {
                place.fail::<()>(format!("contradicts the family's contract, {}", signature(spec)));
            }
            Some(_) => {}
        }
    }
}

/// A tool as a Python signature, e.g. `inspect(item_id: str) -> str`.
fn signature(spec: &ToolSpec) -> String {
    let parameters: Vec<String> = spec
        .parameters
        .iter()
        .map(|parameter| format!("{}: {}", parameter.name, parameter.python_type))
        .collect();
    format!("{}({}) -> {}", spec.name, parameters.join(", "), spec.returns)
}

/// A tool's declaration.
pub fn tool_spec(name: &str, parameters: &[(&str, &str)], returns: &str, description: &str) -> ToolSpec {
    let parameter = |&(name, python_type): &(&str, &str)| ToolParameter {
        name: name.to_owned(),
        python_type: python_type.to_owned(),
    };
    ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        parameters: parameters.iter().map(parameter).collect(),
        returns: returns.to_owned(),
    }
}

/// The declaration of [`FINISH`].
pub fn finish_spec() -> ToolSpec {
    tool_spec(
        FINISH,
        &[],
        "None",
        "Ends the episode. What has been done until then is evaluated and nothing more can be done.",
    )
}
