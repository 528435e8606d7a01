//! What a trace records of a step and of the limits: the environment's messages in a trace's form. Whoever plays a trace again
//! compares with it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Definition, InterpreterResult, StepInfo, ToolCall};
use crate::env::{self, v1};

/// The limits in force, as a trace records them, with the names of `runtime_gym.env.v1.Limits`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedLimits {
    /// Steps before the episode is truncated.
    pub max_steps: u32,
    /// Tool calls in one step.
    pub tool_calls_per_step: u32,
    /// Interpreter fuel of one step.
    pub fuel_per_step: u64,
    /// Wall-clock time of one step, in seconds; absent if the server did not tell it.
    pub wall_clock_per_step_s: Option<f64>,
    /// The interpreter's memory, in bytes.
    pub memory_bytes: u64,
    /// Captured standard output of one step, in bytes.
    pub output_bytes_per_step: u64,
    /// Captured standard error of one step, in bytes; absent in older traces.
    pub error_output_bytes_per_step: Option<u64>,
    /// Code of one step, in bytes of UTF-8.
    pub code_bytes_per_step: u64,
    /// Names, arguments and answers of the tool calls of one step together, in bytes.
    pub tool_bytes_per_step: u64,
    /// The interpreter's files, in bytes.
    pub scratch_bytes: u64,
}

impl From<&v1::Limits> for RecordedLimits {
    fn from(limits: &v1::Limits) -> Self {
        Self {
            max_steps: limits.max_steps,
            tool_calls_per_step: limits.tool_calls_per_step,
            fuel_per_step: limits.fuel_per_step,
            wall_clock_per_step_s: limits.wall_clock_per_step.map(|limit| microseconds(limit) as f64 / 1e6),
            memory_bytes: limits.memory_bytes,
            output_bytes_per_step: limits.output_bytes_per_step,
            error_output_bytes_per_step: Some(limits.error_output_bytes_per_step),
            code_bytes_per_step: limits.code_bytes_per_step,
            tool_bytes_per_step: limits.tool_bytes_per_step,
            scratch_bytes: limits.scratch_bytes,
        }
    }
}

/// What the model sees of a step, and what the trace records besides.
pub fn step_result(
    step_index: u64,
    observation: v1::Observation,
    info: v1::StepInfo,
) -> (InterpreterResult, StepInfo) {
    let kind = observation.error_kind();
    let error_output_left_out = observation.error_output_bytes_left_out;
    let info = StepInfo {
        step_index,
        error_kind: (kind != v1::ErrorKind::Unspecified).then(|| env::error_kind_name(kind)),
        exception_type: non_empty(observation.exception_type),
        output_truncated: observation.output_truncated,
        globals: observation.globals,
        tool_calls: info.tool_calls.into_iter().map(tool_call).collect(),
        definitions: info
            .definitions
            .into_iter()
            .map(|definition| Definition { name: definition.name, digest: definition.digest })
            .collect(),
        fuel_used: info.fuel_used,
        run_time_us: info.run_time.map_or(0, microseconds),
        state_lost: info.state_lost,
        budget_left: info.budget_left.into_iter().collect(),
    };
    let result = InterpreterResult {
        success: observation.success,
        result: Value::Null,
        output: cut(observation.output, observation.output_truncated, observation.output_bytes_left_out),
        error_output: cut(observation.error_output, error_output_left_out > 0, error_output_left_out),
        error: non_empty(observation.error),
    };
    (result, info)
}

/// A text that may be cut, with a last line that says how much was left out; 0 bytes if the server does not tell.
fn cut(text: String, is_cut: bool, bytes_left_out: u64) -> String {
    let separator = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    match bytes_left_out {
        0 if is_cut => format!("{text}{separator}[... more output was left out]\n"),
        0 => text,
        1 => format!("{text}{separator}[... 1 more byte of output was left out]\n"),
        count => format!("{text}{separator}[... {count} more bytes of output were left out]\n"),
    }
}

fn tool_call(record: v1::ToolCallRecord) -> ToolCall {
    ToolCall {
        name: record.name,
        arguments: json(record.arguments_json),
        result: json(record.result_json),
        error: non_empty(record.error),
    }
}

/// JSON text as a value; other text as a string.
fn json(text: String) -> Value {
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn microseconds(duration: prost_types::Duration) -> u64 {
    u64::try_from(duration.seconds * 1_000_000 + i64::from(duration.nanos) / 1_000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_cut_text_says_how_much_is_missing() {
        let read = |text: &str, is_cut, bytes| cut(text.to_owned(), is_cut, bytes);
        assert_eq!(read("a\n", false, 0), "a\n");
        assert_eq!(read("a\nb", true, 45_678), "a\nb\n[... 45678 more bytes of output were left out]\n");
        assert_eq!(read("a\n", true, 1), "a\n[... 1 more byte of output was left out]\n");
        assert_eq!(read("", true, 2), "[... 2 more bytes of output were left out]\n");
        assert_eq!(read("a", true, 0), "a\n[... more output was left out]\n", "an older server");
    }
}
