//! What a model that calls tools is told.

use proto::env::v1::{Limits, Tool};

use crate::prompt::tool_line;

/// How a model without function calling writes a call.
const FORM: &str = "<tool_call>\n{\"name\": \"NAME\", \"arguments\": {\"PARAMETER\": VALUE}}\n</tool_call>";

/// How to act, in full. `written` are the tools, if the model has to write its calls as text.
pub fn acting(written: Option<&[Tool]>, limits: &Limits, max_turns: u32) -> String {
    let calls = limits.tool_calls_per_step;
    let mut prompt = "You solve a task by calling tools. In each turn, write a short reasoning and then call one or several \
                      tools; you are shown what each call answers."
        .to_owned();
    if let Some(tools) = written {
        prompt.push_str(&format!(
            " Write each call as a JSON object between tags:\n\n{FORM}\n\nThese are the tools:\n"
        ));
        prompt.extend(tools.iter().map(tool_line));
    }
    prompt.push_str(&format!(
        "\nOne turn can make at most {calls} tool calls. You have {max_turns} turns. Call finish when you are done; the task \
         is judged by what was done until then."
    ));
    prompt
}

/// How to act, in brief.
pub fn acting_in_brief(written: Option<&[Tool]>, limits: &Limits) -> String {
    let calls = limits.tool_calls_per_step;
    let mut prompt = "Solve the task by calling tools.".to_owned();
    if let Some(tools) = written {
        let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
        prompt.push_str(&format!(" Write each call as\n{FORM}\nTools: {}.", names.join(", ")));
    }
    prompt.push_str(&format!(" One turn can make at most {calls} tool calls."));
    prompt
}
