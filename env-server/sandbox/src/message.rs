//! What an agent reads when its step was stopped: what happened, what was kept, what to do.

use crate::calls;
use crate::interpreter::{Config, InterpreterState};
use crate::outcome::Failure;

/// The text for a failure that Python has no words for; `None` for the others.
pub fn of(failure: &Failure, config: &Config, tools_were_called: bool) -> Option<String> {
    let limits = &config.limits;
    let what = match failure {
        Failure::Exception { .. } | Failure::Syntax => return None,
        Failure::ToolCallLimit => return Some(calls::limit_message(limits.tool_calls)),
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

/// A text of at most `bytes` bytes, and a mark where more was cut off.
pub fn cut(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes));
        text.push_str(" [cut]");
    }
    text
}
