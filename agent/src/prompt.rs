//! Texts that a model is shown, however it acts. None of them says how to solve a task.

use proto::env::v1::{InitialObservation, Tool};
use proto::python_json;
use serde_json::Value;

/// The line before the public data.
const PUBLIC_DATA: &str = "Public data:";

/// The task as the first user message: the goal, and the public data as one line of JSON.
pub fn task(observation: &InitialObservation) -> String {
    let goal = observation.goal.trim();
    match public(observation) {
        Some(public) => format!("{goal}\n\n{PUBLIC_DATA}\n{public}"),
        None => unreadable(observation),
    }
}

/// The task in brief: the public data alone.
pub fn brief_task(observation: &InitialObservation) -> String {
    public(observation).map_or_else(|| unreadable(observation), |public| public_data(&public))
}

/// Public data as a brief prompt writes it: as Python's `json.dumps` does.
pub fn public_data(public: &Value) -> String {
    format!("{PUBLIC_DATA}\n{}", python_json::dumps(public))
}

fn public(observation: &InitialObservation) -> Option<Value> {
    serde_json::from_str(&observation.public_json).ok()
}

/// Public data that are not JSON are the server's fault; the model is shown them as they are.
fn unreadable(observation: &InitialObservation) -> String {
    format!("{}\n\n{PUBLIC_DATA}\n{}", observation.goal.trim(), observation.public_json)
}

/// A tool in one line: its signature and what it does.
pub fn tool_line(tool: &Tool) -> String {
    let parameters: Vec<String> =
        tool.parameters.iter().map(|parameter| format!("{}: {}", parameter.name, parameter.r#type)).collect();
    format!("- {}({}) -> {}: {}\n", tool.name, parameters.join(", "), tool.returns, tool.description.trim())
}

/// The model's answer was cut off, or there was none.
pub fn failed_call(reason: &str) -> String {
    format!("Your last turn could not be used, and nothing was run: {reason}")
}
