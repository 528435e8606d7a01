//! Conversions between the environment service's messages, an agent's config, and a trace.

use std::time::Duration;

use proto::env::{self, v1};
use proto::trace;
use serde_json::Value;

use crate::config::AgentConfig;

/// What the model sees of a step, and what the trace records besides.
pub fn step_result(
    step_index: u64,
    observation: v1::Observation,
    info: v1::StepInfo,
) -> (trace::InterpreterResult, trace::StepInfo) {
    let kind = observation.error_kind();
    let error_output_left_out = observation.error_output_bytes_left_out;
    let info = trace::StepInfo {
        step_index,
        error_kind: (kind != v1::ErrorKind::Unspecified).then(|| env::error_kind_name(kind)),
        exception_type: non_empty(observation.exception_type),
        output_truncated: observation.output_truncated,
        globals: observation.globals,
        tool_calls: info.tool_calls.into_iter().map(tool_call).collect(),
        definitions: info
            .definitions
            .into_iter()
            .map(|definition| trace::Definition { name: definition.name, digest: definition.digest })
            .collect(),
        fuel_used: info.fuel_used,
        run_time_us: info.run_time.map_or(0, microseconds),
        state_lost: info.state_lost,
        budget_left: info.budget_left.into_iter().collect(),
    };
    let result = trace::InterpreterResult {
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

fn tool_call(record: v1::ToolCallRecord) -> trace::ToolCall {
    trace::ToolCall {
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

/// The limits of an agent's config. 0 stands for the server's default.
pub fn requested_limits(agent: &AgentConfig) -> v1::Limits {
    let limits = &agent.limits;
    v1::Limits {
        max_steps: agent.max_turns,
        tool_calls_per_step: agent.max_tool_calls,
        fuel_per_step: limits.fuel_per_step.unwrap_or(0),
        wall_clock_per_step: limits.wall_clock_per_step_s.map(duration),
        memory_bytes: limits.memory_bytes.unwrap_or(0),
        output_bytes_per_step: limits.output_bytes_per_step.unwrap_or(0),
        code_bytes_per_step: limits.code_bytes_per_step.unwrap_or(0),
        tool_bytes_per_step: limits.tool_bytes_per_step.unwrap_or(0),
        scratch_bytes: limits.scratch_bytes.unwrap_or(0),
        error_output_bytes_per_step: limits.error_output_bytes_per_step.unwrap_or(0),
    }
}

/// The wall-clock limit of a step if the server does not state it: the longest that a server allows.
const LONGEST_STEP: Duration = Duration::from_secs(600);

/// The wall-clock limit of a step.
pub fn wall_clock(limits: &v1::Limits) -> Duration {
    limits.wall_clock_per_step.and_then(|limit| limit.try_into().ok()).unwrap_or(LONGEST_STEP)
}

/// The longest lease that a server grants, in seconds.
const LONGEST_LEASE: f64 = 86_400.0;

/// The lease of an agent's episodes. Every turn renews it, so it must outlast one turn: the model call, the
/// step, and a minute for everything else.
pub fn lease(agent: &AgentConfig) -> prost_types::Duration {
    let step = agent.limits.wall_clock_per_step_s.unwrap_or(60.0); // the server's default
    duration((agent.llm.timeout_s + step + 60.0).min(LONGEST_LEASE))
}

/// Limits in force, as a trace records them.
pub fn recorded_limits(limits: &v1::Limits) -> Value {
    serde_json::json!({
        "max_steps": limits.max_steps,
        "tool_calls_per_step": limits.tool_calls_per_step,
        "fuel_per_step": limits.fuel_per_step,
        "wall_clock_per_step_s": limits.wall_clock_per_step.map(|limit| microseconds(limit) as f64 / 1e6),
        "memory_bytes": limits.memory_bytes,
        "output_bytes_per_step": limits.output_bytes_per_step,
        "error_output_bytes_per_step": limits.error_output_bytes_per_step,
        "code_bytes_per_step": limits.code_bytes_per_step,
        "tool_bytes_per_step": limits.tool_bytes_per_step,
        "scratch_bytes": limits.scratch_bytes,
    })
}

/// Seconds as a message; the config has checked that they are at most a day, which fits.
fn duration(seconds: f64) -> prost_types::Duration {
    prost_types::Duration::try_from(Duration::from_secs_f64(seconds)).unwrap_or_default()
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
