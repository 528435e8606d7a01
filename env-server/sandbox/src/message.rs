//! The texts that an agent reads after a stopped step: what happened, what was kept, and what to do.

use proto::interpreter_state::InterpreterState;

use crate::config::Config;
use crate::outcome::Failure;

/// The text for a failure that the sandbox reports; `None` for the failures that Python itself describes.
pub fn of(failure: &Failure, config: &Config, tools_were_called: bool) -> Option<String> {
    let limits = &config.limits;
    let what = match failure {
        Failure::Exception { .. } | Failure::Syntax => return None,
        Failure::ToolCallLimit => return Some(tool_call_limit(limits.tool_calls)),
        Failure::CodeTooLarge => {
            return Some(format!(
                "Code too long: at most {} bytes are allowed. Nothing was run. Send less code per step.",
                limits.code_bytes
            ));
        }
        Failure::OutOfFuel => {
            "Computation limit exceeded: the code ran too long and was stopped. Check it for endless loops, or \
             use a faster algorithm."
                .to_owned()
        }
        Failure::WallClock => format!(
            "Time limit exceeded: the code took longer than {} s and was stopped. Do less in one step.",
            limits.wall_clock.as_secs_f64()
        ),
        Failure::OutOfMemory => format!(
            "Memory limit exceeded: the code needed more than {} MiB and was stopped. Keep less data at a time.",
            limits.memory_bytes >> 20
        ),
        Failure::Crashed => {
            "The Python interpreter ended unexpectedly and was restarted. Do not exit the process, do not wait \
             for what can never happen, and avoid very deep recursion."
                .to_owned()
        }
    };
    let variables = match config.state {
        InterpreterState::Persistent => " Variables are as they were before this step.",
        InterpreterState::Reset => "",
    };
    let tools = if tools_were_called { " Tool calls that were made stay made." } else { "" };
    Some(format!("{what}{variables}{tools}"))
}

/// The error text of a step that exceeded its tool call limit.
pub fn tool_call_limit(limit: u32) -> String {
    format!("Tool call limit exceeded: allowed {limit} per run.")
}

/// Cuts a text to at most `bytes` bytes, and appends a mark if something was cut.
pub fn cut(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes));
        text.push_str(" [cut]");
    }
    text
}
