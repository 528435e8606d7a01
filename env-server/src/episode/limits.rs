//! The limits of an episode: the server's defaults, what a request asks for, and the values in force.

use std::fmt::Display;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Violation;

/// The limits in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Steps before the episode is truncated.
    pub max_steps: u32,
    /// What one step may use.
    #[serde(with = "StepLimits")]
    pub step: sandbox::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_steps: 1000, step: sandbox::Limits::default() }
    }
}

/// The limits that a request asks for; `None` takes the server's default.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Steps before the episode is truncated.
    pub max_steps: Option<u32>,
    /// Tool calls in one step.
    pub tool_calls_per_step: Option<u32>,
    /// Interpreter fuel of one step.
    pub fuel_per_step: Option<u64>,
    /// Wall-clock time of one step.
    pub wall_clock_per_step: Option<Duration>,
    /// The interpreter's linear memory, in bytes.
    pub memory_bytes: Option<usize>,
    /// Captured standard output of one step, in bytes.
    pub output_bytes_per_step: Option<usize>,
    /// Code of one step, in bytes of UTF-8.
    pub code_bytes_per_step: Option<usize>,
    /// Names, arguments and answers of the tool calls of one step together, in bytes.
    pub tool_bytes_per_step: Option<usize>,
    /// The interpreter's files, in bytes.
    pub scratch_bytes: Option<usize>,
}

/// The longest wall-clock limit that a request may ask for.
const MAX_WALL_CLOCK: Duration = Duration::from_secs(600);
/// The most output, code or tool data that a request may ask for, per step. An answer holds each of them once and
/// must fit in a message.
const MAX_TEXT_BYTES: usize = 8 << 20;
/// The most scratch space that a request may ask for: the files are in the server's memory.
const MAX_SCRATCH_BYTES: usize = 64 << 20;
/// The most fuel that a request may ask for, per step: a few minutes of work.
const MAX_FUEL: u64 = 1_000_000_000_000;
/// The most tool calls that a request may ask for, per step.
const MAX_TOOL_CALLS: u32 = 10_000;

impl Limits {
    /// The limits in force where a request asks for `asked`; `defaults` fill the rest. An interpreter starts with
    /// `least_memory` bytes.
    ///
    /// # Errors
    /// A violation for a value out of range. Values are never clamped.
    pub fn new(asked: &Asked, defaults: &Limits, least_memory: usize) -> Result<Limits, Violation> {
        let default = &defaults.step;
        if let Some(asked) = asked.memory_bytes.filter(|asked| *asked < least_memory) {
            let rule = format!("an interpreter starts with {least_memory} bytes already; found {asked}");
            return Err(Violation::new("limits.memory_bytes", rule));
        }
        Ok(Limits {
            max_steps: at_most("max_steps", asked.max_steps, defaults.max_steps, u32::MAX)?,
            step: sandbox::Limits {
                tool_calls: at_most(
                    "tool_calls_per_step",
                    asked.tool_calls_per_step,
                    default.tool_calls,
                    MAX_TOOL_CALLS,
                )?,
                fuel: at_most("fuel_per_step", asked.fuel_per_step, default.fuel, MAX_FUEL)?,
                wall_clock: wall_clock(asked.wall_clock_per_step, default.wall_clock)?,
                // The server reserves memory for its default, so that is also the most.
                memory_bytes: at_most(
                    "memory_bytes",
                    asked.memory_bytes,
                    default.memory_bytes,
                    default.memory_bytes,
                )?,
                output_bytes: at_most(
                    "output_bytes_per_step",
                    asked.output_bytes_per_step,
                    default.output_bytes,
                    MAX_TEXT_BYTES,
                )?,
                code_bytes: at_most(
                    "code_bytes_per_step",
                    asked.code_bytes_per_step,
                    default.code_bytes,
                    MAX_TEXT_BYTES,
                )?,
                tool_bytes: at_most(
                    "tool_bytes_per_step",
                    asked.tool_bytes_per_step,
                    default.tool_bytes,
                    MAX_TEXT_BYTES,
                )?,
                scratch_bytes: at_most(
                    "scratch_bytes",
                    asked.scratch_bytes,
                    default.scratch_bytes,
                    MAX_SCRATCH_BYTES,
                )?,
            },
        })
    }
}

fn at_most<T: Display + Ord>(name: &str, asked: Option<T>, default: T, most: T) -> Result<T, Violation> {
    match asked {
        None => Ok(default),
        Some(asked) if asked <= most => Ok(asked),
        Some(asked) => Err(Violation::new(
            format!("limits.{name}"),
            format!("{asked} is above this server's most, {most}"),
        )),
    }
}

fn wall_clock(asked: Option<Duration>, default: Duration) -> Result<Duration, Violation> {
    match asked {
        None => Ok(default),
        Some(asked) if !asked.is_zero() && asked <= MAX_WALL_CLOCK => Ok(asked),
        Some(_) => {
            let most = MAX_WALL_CLOCK.as_secs();
            let rule = format!("must be above 0 and at most {most} s");
            Err(Violation::new("limits.wall_clock_per_step", rule))
        }
    }
}

/// How [`sandbox::Limits`] are serialised.
#[derive(Serialize, Deserialize)]
#[serde(remote = "sandbox::Limits")]
struct StepLimits {
    fuel: u64,
    wall_clock: Duration,
    memory_bytes: usize,
    output_bytes: usize,
    code_bytes: usize,
    tool_calls: u32,
    tool_bytes: usize,
    scratch_bytes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: usize = 30 << 20;

    #[test]
    fn unset_limits_take_the_defaults() {
        let limits = Limits::new(&Asked::default(), &Limits::default(), LEAST).unwrap();
        assert_eq!(limits, Limits::default());
    }

    #[test]
    fn limits_out_of_range_name_their_field() {
        let too_much = Asked { memory_bytes: Some(usize::MAX), ..Asked::default() };
        let violation = Limits::new(&too_much, &Limits::default(), LEAST).unwrap_err();
        assert_eq!(violation.field, "limits.memory_bytes");

        let too_little = Asked { memory_bytes: Some(1), ..Asked::default() };
        let violation = Limits::new(&too_little, &Limits::default(), LEAST).unwrap_err();
        assert_eq!(violation.field, "limits.memory_bytes");

        let zero = Asked { wall_clock_per_step: Some(Duration::ZERO), ..Asked::default() };
        let violation = Limits::new(&zero, &Limits::default(), LEAST).unwrap_err();
        assert_eq!(violation.field, "limits.wall_clock_per_step");
    }
}
