//! What a model that writes Python is told when its answer can't be run.

/// The answer holds more than one code block.
pub fn several_blocks(count: usize) -> String {
    format!(
        "Your answer holds {count} code blocks; none was run. Write exactly one ```python block in a turn."
    )
}

/// The answer calls a tool by JSON or tags, as if tools were called directly.
pub const TOOL_CALL: &str = "Your answer holds a tool call, but functions are called in Python; nothing was run. Write the call in \
     one ```python block.";

/// The answer holds an observation, as if the model were the environment.
pub const OBSERVATION: &str = "Your answer holds a result as JSON, but results come from the interpreter; nothing was run. \
     To act, write one ```python block.";
