//! The limits of an episode: defaults, what a caller may ask for, and the
//! part that the interpreter enforces.

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
/// Most output or code a caller may ask for, per step.
const MAX_TEXT_BYTES: usize = 16 << 20;

impl Limits {
    /// Takes what `asked` sets and fills the rest from `defaults`.
    ///
    /// # Errors
    /// A violation for a value out of range: nothing is clamped silently.
    pub fn from_request(asked: &v1::Limits, defaults: &Limits) -> Result<Limits, Violation> {
        let default = &defaults.step;
        Ok(Limits {
            max_steps: or_default(asked.max_steps, defaults.max_steps),
            step: sandbox::Limits {
                tool_calls: or_default(asked.tool_calls_per_step, default.tool_calls),
                fuel: or_default(asked.fuel_per_step, default.fuel),
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
        }
    }
}

fn or_default<T: Default + PartialEq>(asked: T, default: T) -> T {
    if asked == T::default() { default } else { asked }
}

fn bytes(name: &str, asked: u64, default: usize, most: usize) -> Result<usize, Violation> {
    match usize::try_from(asked) {
        Ok(0) => Ok(default),
        Ok(asked) if asked <= most => Ok(asked),
        _ => Err(Violation::new(
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

    #[test]
    fn unset_limits_take_the_defaults() {
        let limits = Limits::from_request(&v1::Limits::default(), &Limits::default()).unwrap();
        assert_eq!(limits.to_proto(), Limits::default().to_proto());
    }

    #[test]
    fn limits_out_of_range_name_their_field() {
        let too_much = v1::Limits { memory_bytes: u64::MAX, ..Default::default() };
        let violation = Limits::from_request(&too_much, &Limits::default()).unwrap_err();
        assert_eq!(violation.field, "limits.memory_bytes");

        let negative = prost_types::Duration { seconds: -1, nanos: 0 };
        let negative = v1::Limits { wall_clock_per_step: Some(negative), ..Default::default() };
        let violation = Limits::from_request(&negative, &Limits::default()).unwrap_err();
        assert_eq!(violation.field, "limits.wall_clock_per_step");
    }
}
