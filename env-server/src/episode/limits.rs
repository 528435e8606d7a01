//! The limits of an episode: defaults, what a caller may ask for, and the
//! part that the interpreter enforces.

use std::fmt::Display;
use std::time::Duration;

use proto::env::v1;

use super::error::Violation;

/// Limits in force, all set.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Steps before the episode is truncated.
    pub max_steps: u32,
    /// What one step may use.
    pub step: sandbox::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_steps: 1000, step: sandbox::Limits::default() }
    }
}

/// Longest wall-clock stop a caller may ask for.
const MAX_WALL_CLOCK: Duration = Duration::from_secs(600);
/// Most output, code or tool data a caller may ask for, per step. An answer holds all of them once, and has to
/// fit in a message.
const MAX_TEXT_BYTES: usize = 8 << 20;
/// Most files a caller may ask for: they live in the server's memory.
const MAX_SCRATCH_BYTES: usize = 64 << 20;
/// Most fuel a caller may ask for, per step: a few minutes of work.
const MAX_FUEL: u64 = 1_000_000_000_000;
/// Most tool calls a caller may ask for, per step.
const MAX_TOOL_CALLS: u32 = 10_000;

impl Limits {
    /// Takes what `asked` sets and fills the rest from `defaults`. An interpreter starts with `least_memory`
    /// bytes.
    ///
    /// # Errors
    /// A violation for a value out of range: nothing is clamped silently.
    pub fn from_request(
        asked: &v1::Limits,
        defaults: &Limits,
        least_memory: usize,
    ) -> Result<Limits, Violation> {
        let default = &defaults.step;
        if (1..least_memory as u64).contains(&asked.memory_bytes) {
            let rule = format!(
                "an interpreter starts with {least_memory} bytes already; found {}",
                asked.memory_bytes
            );
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
                wall_clock: wall_clock(asked)?.unwrap_or(default.wall_clock),
                // The server reserves memory for its default, so that is also the most.
                memory_bytes: bytes(
                    "memory_bytes",
                    asked.memory_bytes,
                    default.memory_bytes,
                    default.memory_bytes,
                )?,
                output_bytes: bytes(
                    "output_bytes_per_step",
                    asked.output_bytes_per_step,
                    default.output_bytes,
                    MAX_TEXT_BYTES,
                )?,
                code_bytes: bytes(
                    "code_bytes_per_step",
                    asked.code_bytes_per_step,
                    default.code_bytes,
                    MAX_TEXT_BYTES,
                )?,
                tool_bytes: bytes(
                    "tool_bytes_per_step",
                    asked.tool_bytes_per_step,
                    default.tool_bytes,
                    MAX_TEXT_BYTES,
                )?,
                scratch_bytes: bytes(
                    "scratch_bytes",
                    asked.scratch_bytes,
                    default.scratch_bytes,
                    MAX_SCRATCH_BYTES,
                )?,
            },
        })
    }

    /// As the protocol says it.
    pub fn to_proto(&self) -> v1::Limits {
        v1::Limits {
            max_steps: self.max_steps,
            tool_calls_per_step: self.step.tool_calls,
            fuel_per_step: self.step.fuel,
            wall_clock_per_step: self.step.wall_clock.try_into().ok(),
            memory_bytes: self.step.memory_bytes as u64,
            output_bytes_per_step: self.step.output_bytes as u64,
            code_bytes_per_step: self.step.code_bytes as u64,
            tool_bytes_per_step: self.step.tool_bytes as u64,
            scratch_bytes: self.step.scratch_bytes as u64,
        }
    }
}

fn bytes(name: &str, asked: u64, default: usize, most: usize) -> Result<usize, Violation> {
    at_most(name, usize::try_from(asked).unwrap_or(usize::MAX), default, most)
}

fn at_most<T: Copy + Default + Ord + Display>(
    name: &str,
    asked: T,
    default: T,
    most: T,
) -> Result<T, Violation> {
    match asked {
        asked if asked == T::default() => Ok(default),
        asked if asked <= most => Ok(asked),
        asked => Err(Violation::new(
            format!("limits.{name}"),
            format!("{asked} is above this server's most, {most}"),
        )),
    }
}

fn wall_clock(asked: &v1::Limits) -> Result<Option<Duration>, Violation> {
    asked
        .wall_clock_per_step
        .map(|duration| {
            Duration::try_from(duration)
                .ok()
                .filter(|duration| !duration.is_zero() && *duration <= MAX_WALL_CLOCK)
                .ok_or_else(|| {
                    let most = MAX_WALL_CLOCK.as_secs();
                    Violation::new(
                        "limits.wall_clock_per_step",
                        format!("must be above 0 and at most {most} s"),
                    )
                })
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: usize = 30 << 20;

    #[test]
    fn unset_limits_take_the_defaults() {
        let limits = Limits::from_request(&v1::Limits::default(), &Limits::default(), LEAST).unwrap();
        assert_eq!(limits.to_proto(), Limits::default().to_proto());
    }

    #[test]
    fn limits_out_of_range_name_their_field() {
        let too_much = v1::Limits { memory_bytes: u64::MAX, ..Default::default() };
        let violation = Limits::from_request(&too_much, &Limits::default(), LEAST).unwrap_err();
        assert_eq!(violation.field, "limits.memory_bytes");

        let too_little = v1::Limits { memory_bytes: 1, ..Default::default() };
        let violation = Limits::from_request(&too_little, &Limits::default(), LEAST).unwrap_err();
        assert_eq!(violation.field, "limits.memory_bytes");

        let negative = prost_types::Duration { seconds: -1, nanos: 0 };
        let negative = v1::Limits { wall_clock_per_step: Some(negative), ..Default::default() };
        let violation = Limits::from_request(&negative, &Limits::default(), LEAST).unwrap_err();
        assert_eq!(violation.field, "limits.wall_clock_per_step");
    }
}
