//! Every text that a model is shown. None of them says how to solve a task.

use proto::env::v1::{InitialObservation, InterpreterState, Limits, Tool};
use proto::python_json;
use proto::trace::InterpreterResult;
use serde_json::{Value, json};

use crate::config::{AgentConfig, ObservationFormat, PromptDetail, RuntimePrompt};

/// The system prompts, in order: how to act, and which runtime it is, unless
/// that is hidden. Only the second differs between the regimes.
pub fn system_prompts(observation: &InitialObservation, limits: &Limits, agent: &AgentConfig) -> Vec<String> {
    let acting = match agent.prompt.detail {
        PromptDetail::Full => acting(&observation.tools, limits, agent),
        PromptDetail::Brief => acting_in_brief(&observation.tools, limits),
    };
    let mut prompts = vec![acting];
    let persistent = agent.interpreter_state() == InterpreterState::Persistent;
    match agent.prompt.runtime {
        RuntimePrompt::Stated => prompts.push(regime(persistent).to_owned()),
        RuntimePrompt::Misstated => prompts.push(regime(!persistent).to_owned()),
        RuntimePrompt::Hidden => {}
    }
    prompts
}

fn acting(tools: &[Tool], limits: &Limits, agent: &AgentConfig) -> String {
    let (max_turns, shown) = (agent.max_turns, shown(agent.prompt.observation));
    let mut prompt = format!(
        "You solve a task by writing Python. In each turn, write a short reasoning and then at most one code \
         block, fenced with ```python and ```. The block is run as a script, and you are shown the result as \
         JSON: {shown}. Only what you print is shown; the value of a last expression is not. With more than \
         one block in a turn, none of them is run.\n\n\
         These functions can be called in your code, without an import:\n",
    );
    for tool in tools {
        prompt.push_str(&tool_line(tool));
    }
    if !tools.iter().any(|tool| tool.name == "finish") {
        prompt.push_str("- finish() -> None: ends the task. Call it once you are done.\n");
    }
    prompt.push_str(&format!(
        "\nThe module json is imported already. One block can make at most {} tool calls. You have {max_turns} \
         turns. Call finish() when you are done; the task is judged by what was done until then.",
        limits.tool_calls_per_step,
    ));
    prompt
}

fn acting_in_brief(tools: &[Tool], limits: &Limits) -> String {
    let signature = |tool: &Tool| {
        let names: Vec<&str> = tool.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        format!("{}({})", tool.name, names.join(", "))
    };
    format!(
        "Solve the task in Python. In each turn, write one sentence and one ```python block. Functions: {}. One \
         block can make at most {} tool calls.",
        tools.iter().map(signature).collect::<Vec<_>>().join(", "),
        limits.tool_calls_per_step,
    )
}

fn tool_line(tool: &Tool) -> String {
    let parameters: Vec<String> =
        tool.parameters.iter().map(|parameter| format!("{}: {}", parameter.name, parameter.r#type)).collect();
    format!("- {}({}) -> {}: {}\n", tool.name, parameters.join(", "), tool.returns, tool.description.trim())
}

fn shown(format: ObservationFormat) -> &'static str {
    match format {
        ObservationFormat::Full => "success, output (what the block printed) and error",
        ObservationFormat::Compact => "error if there is one, or else output (what the block printed)",
    }
}

fn regime(persistent: bool) -> &'static str {
    if persistent {
        "The Python interpreter keeps its state: variables, functions and imports of one block are there in all \
         later blocks."
    } else {
        "The Python interpreter is reset after every block: variables, functions and imports of one block are \
         gone in the next. What a later block needs, it has to define itself."
    }
}

/// Stands before the public data in the first user message.
pub const PUBLIC_DATA: &str = "Public data:";

/// The task as the first user message: the goal, unless it is to be brief, and
/// the public data as one line of JSON.
pub fn task(observation: &InitialObservation, detail: PromptDetail) -> String {
    let goal = observation.goal.trim();
    // Unreadable JSON would be the server's fault; the model then sees it as it is.
    let Ok(public) = serde_json::from_str::<Value>(&observation.public_json) else {
        return format!("{goal}\n\n{PUBLIC_DATA}\n{}", observation.public_json);
    };
    match detail {
        PromptDetail::Full => format!("{goal}\n\n{PUBLIC_DATA}\n{public}"),
        PromptDetail::Brief => public_data(&public),
    }
}

/// The public data as a brief prompt has it.
pub fn public_data(public: &Value) -> String {
    format!("{PUBLIC_DATA}\n{}", python_json::dumps(public))
}

/// What the interpreter answered, as the model is shown it.
pub fn observation(result: &InterpreterResult, format: ObservationFormat) -> String {
    let shown = match (format, &result.error) {
        (ObservationFormat::Full, error) => json!({
            "success": result.success,
            "result": result.result,
            "output": result.output,
            "error": error,
        }),
        (ObservationFormat::Compact, Some(error)) => json!({ "error": error }),
        (ObservationFormat::Compact, None) => json!({ "output": result.output }),
    };
    shown.to_string()
}

/// What the model is shown where nothing could be run.
pub fn turn_error(error: &str, format: ObservationFormat) -> String {
    let result = InterpreterResult { error: Some(error.to_owned()), ..InterpreterResult::default() };
    observation(&result, format)
}

/// The persistent interpreter's names; shown with each turn, never kept.
pub fn globals(names: &[String]) -> String {
    if names.is_empty() {
        "Names defined in the interpreter: none".to_owned()
    } else {
        format!("Names defined in the interpreter: {}", names.join(", "))
    }
}

/// More than one code block.
pub fn several_blocks(count: usize) -> String {
    format!(
        "Your answer holds {count} code blocks; none was run. Write exactly one ```python block in a turn."
    )
}

/// No code block. That is no error: nothing was to be run, and nothing was.
pub const NO_BLOCK: &str = "Your answer holds no code block; nothing was run. To act, write one ```python block; to end the task, call \
     finish() in it.";

/// The model's answer was cut off, or there was none.
pub fn failed_call(reason: &str) -> String {
    format!("Your last turn could not be used, and nothing was run: {reason}")
}
