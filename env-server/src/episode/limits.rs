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
    /// Captured standard error of one step, in bytes.
    pub error_output_bytes_per_step: Option<usize>,
    /// Code of one step, in bytes of UTF-8.
    pub code_bytes_per_step: Option<usize>,
    /// Names, arguments and answers of the tool calls of one step together, in bytes.
    pub tool_bytes_per_step: Option<usize>,
    /// The interpreter's files, in bytes.
    pub scratch_bytes: Option<usize>,
}

/// The highest limit of output, error output, code or tool data, per step. An answer holds each of them once and must fit in a
/// message.
const HIGHEST_TEXT_BYTES: usize = 8 << 20;

impl Limits {
    /// The highest limits that a server can have.
    pub fn highest() -> Self {
        Self {
            max_steps: u32::MAX,
            step: sandbox::Limits {
                // A few minutes of work.
                fuel: 1_000_000_000_000,
                wall_clock: Duration::from_secs(600),
                memory_bytes: sandbox::Options::default().max_memory_bytes,
                output_bytes: HIGHEST_TEXT_BYTES,
                error_output_bytes: HIGHEST_TEXT_BYTES,
                code_bytes: HIGHEST_TEXT_BYTES,
                tool_calls: 10_000,
                tool_bytes: HIGHEST_TEXT_BYTES,
                // The files are in the server's memory.
                scratch_bytes: 64 << 20,
            },
        }
    }

    /// The limits in force where a request asks for `asked`: `defaults` fill the rest, and nothing may be above `most`. An
    /// interpreter starts with `least_memory` bytes.
    ///
    /// # Errors
    /// A violation for a value out of range. Values are never clamped.
    pub fn new(
        asked: &Asked,
        defaults: &Limits,
        most: &Limits,
        least_memory: usize,
    ) -> Result<Limits, Violation> {
        if let Some(asked) = asked.memory_bytes.filter(|asked| *asked < least_memory) {
            let rule = format!("an interpreter starts with {least_memory} bytes already; found {asked}");
            return Err(Violation::new("limits.memory_bytes", rule));
        }
        let mut limits = defaults.clone();
        let (step, most_steps, most) = (&mut limits.step, most.max_steps, &most.step);
        set("max_steps", &mut limits.max_steps, asked.max_steps, most_steps)?;
        set("tool_calls_per_step", &mut step.tool_calls, asked.tool_calls_per_step, most.tool_calls)?;
        set("fuel_per_step", &mut step.fuel, asked.fuel_per_step, most.fuel)?;
        set_wall_clock(&mut step.wall_clock, asked.wall_clock_per_step, most.wall_clock)?;
        set("memory_bytes", &mut step.memory_bytes, asked.memory_bytes, most.memory_bytes)?;
        for (name, limit, asked, most) in [
            ("output_bytes_per_step", &mut step.output_bytes, asked.output_bytes_per_step, most.output_bytes),
            (
                "error_output_bytes_per_step",
                &mut step.error_output_bytes,
                asked.error_output_bytes_per_step,
                most.error_output_bytes,
            ),
            ("code_bytes_per_step", &mut step.code_bytes, asked.code_bytes_per_step, most.code_bytes),
            ("tool_bytes_per_step", &mut step.tool_bytes, asked.tool_bytes_per_step, most.tool_bytes),
            ("scratch_bytes", &mut step.scratch_bytes, asked.scratch_bytes, most.scratch_bytes),
        ] {
            set(name, limit, asked, most)?;
        }
        Ok(limits)
    }
}

impl Limits {
    /// Refuses limits that a request could not have asked for.
    ///
    /// # Errors
    /// As [`Limits::new`].
    pub fn check(&self, most: &Limits, least_memory: usize) -> Result<(), Violation> {
        let Self { max_steps, step } = self;
        let asked = Asked {
            max_steps: Some(*max_steps),
            tool_calls_per_step: Some(step.tool_calls),
            fuel_per_step: Some(step.fuel),
            wall_clock_per_step: Some(step.wall_clock),
            memory_bytes: Some(step.memory_bytes),
            output_bytes_per_step: Some(step.output_bytes),
            error_output_bytes_per_step: Some(step.error_output_bytes),
            code_bytes_per_step: Some(step.code_bytes),
            tool_bytes_per_step: Some(step.tool_bytes),
            scratch_bytes: Some(step.scratch_bytes),
        };
        Self::new(&asked, self, most, least_memory).map(drop)
    }
}

/// Sets a limit to what was asked for, if anything was.
fn set<T: Display + Ord>(name: &str, limit: &mut T, asked: Option<T>, most: T) -> Result<(), Violation> {
    match asked {
        None => Ok(()),
        Some(asked) if asked <= most => {
            *limit = asked;
            Ok(())
        }
        Some(asked) => Err(Violation::new(
            format!("limits.{name}"),
            format!("{asked} is above this server's most, {most}"),
        )),
    }
}

fn set_wall_clock(limit: &mut Duration, asked: Option<Duration>, most: Duration) -> Result<(), Violation> {
    match asked {
        None => Ok(()),
        Some(asked) if !asked.is_zero() && asked <= most => {
            *limit = asked;
            Ok(())
        }
        Some(_) => {
            let rule = format!("must be above 0 and at most {} s, this server's most", most.as_secs());
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
    error_output_bytes: usize,
    code_bytes: usize,
    tool_calls: u32,
    tool_bytes: usize,
    scratch_bytes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: usize = 30 << 20;

    fn limits(asked: &Asked, most: &Limits) -> Result<Limits, Violation> {
        Limits::new(asked, &Limits::default(), most, LEAST)
    }

    #[test]
    fn unset_limits_take_the_defaults() {
        for most in [Limits::default(), Limits::highest()] {
            assert_eq!(limits(&Asked::default(), &most).unwrap(), Limits::default());
        }
    }

    /// Asks for these values more than the defaults.
    fn more(count: u32, bytes: usize) -> Asked {
        let Limits { max_steps, step } = Limits::default();
        Asked {
            max_steps: Some(max_steps + count),
            tool_calls_per_step: Some(step.tool_calls + count),
            fuel_per_step: Some(step.fuel + u64::from(count)),
            wall_clock_per_step: Some(step.wall_clock + Duration::from_secs(count.into())),
            memory_bytes: Some(step.memory_bytes + bytes),
            output_bytes_per_step: Some(step.output_bytes + bytes),
            error_output_bytes_per_step: Some(step.error_output_bytes + bytes),
            code_bytes_per_step: Some(step.code_bytes + bytes),
            tool_bytes_per_step: Some(step.tool_bytes + bytes),
            scratch_bytes: Some(step.scratch_bytes + bytes),
        }
    }

    #[test]
    fn nobody_gets_more_than_the_most() {
        assert_eq!(limits(&more(0, 0), &Limits::default()).unwrap(), Limits::default());
        let higher = limits(&more(1, 1), &Limits::highest()).unwrap();
        higher.check(&Limits::highest(), LEAST).unwrap();
        assert_eq!(higher.check(&Limits::default(), LEAST).unwrap_err().field, "limits.max_steps");
        let (none, asked) = (Asked::default(), more(1, 1));
        for (field, asked) in [
            ("max_steps", Asked { max_steps: asked.max_steps, ..none.clone() }),
            ("tool_calls_per_step", Asked { tool_calls_per_step: asked.tool_calls_per_step, ..none.clone() }),
            ("fuel_per_step", Asked { fuel_per_step: asked.fuel_per_step, ..none.clone() }),
            ("wall_clock_per_step", Asked { wall_clock_per_step: asked.wall_clock_per_step, ..none.clone() }),
            ("memory_bytes", Asked { memory_bytes: asked.memory_bytes, ..none.clone() }),
            (
                "output_bytes_per_step",
                Asked { output_bytes_per_step: asked.output_bytes_per_step, ..none.clone() },
            ),
            (
                "error_output_bytes_per_step",
                Asked { error_output_bytes_per_step: asked.error_output_bytes_per_step, ..none.clone() },
            ),
            ("code_bytes_per_step", Asked { code_bytes_per_step: asked.code_bytes_per_step, ..none.clone() }),
            ("tool_bytes_per_step", Asked { tool_bytes_per_step: asked.tool_bytes_per_step, ..none.clone() }),
            ("scratch_bytes", Asked { scratch_bytes: asked.scratch_bytes, ..none.clone() }),
        ] {
            let violation = limits(&asked, &Limits::default()).unwrap_err();
            assert_eq!(violation.field, format!("limits.{field}"));
            let allowed = limits(&asked, &Limits::highest()).unwrap();
            assert_ne!(allowed, Limits::default(), "{field}");
        }
    }

    #[test]
    fn limits_of_nothing_name_their_field() {
        let too_little = Asked { memory_bytes: Some(1), ..Asked::default() };
        let violation = limits(&too_little, &Limits::default()).unwrap_err();
        assert_eq!(violation.field, "limits.memory_bytes");

        let zero = Asked { wall_clock_per_step: Some(Duration::ZERO), ..Asked::default() };
        let violation = limits(&zero, &Limits::default()).unwrap_err();
        assert_eq!(violation.field, "limits.wall_clock_per_step");
    }
}
