//! Conversions between the environment service's messages and an agent's config.

use std::time::Duration;

use proto::env::v1;

use crate::config::AgentConfig;

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

/// Seconds as a message; the config has checked that they are at most a day, which fits.
fn duration(seconds: f64) -> prost_types::Duration {
    prost_types::Duration::try_from(Duration::from_secs_f64(seconds)).unwrap_or_default()
}
