//! The options of `env-server serve` for the limits of episodes.

use std::time::Duration;

use clap::Args;

use crate::episode::Limits;

/// Limits of episodes, by the names that requests call them.
#[derive(Args)]
#[command(
    next_help_heading = "Limits of an episode whose request names none; and the most that one may name"
)]
pub struct LimitOptions {
    /// Steps before the episode is truncated.
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_steps, value_parser = clap::value_parser!(u32).range(1..))]
    max_steps: u32,

    /// Tool calls in one step.
    #[arg(long, value_name = "N", default_value_t = Limits::default().step.tool_calls, value_parser = clap::value_parser!(u32).range(..=i64::from(Limits::highest().step.tool_calls)))]
    tool_calls_per_step: u32,

    /// Fuel of one step: about one WebAssembly instruction each, some 10^10 a second.
    #[arg(long, value_name = "FUEL", default_value_t = Limits::default().step.fuel, value_parser = clap::value_parser!(u64).range(1..=Limits::highest().step.fuel))]
    fuel_per_step: u64,

    /// Wall-clock time of one step, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().step.wall_clock.as_secs(), value_parser = clap::value_parser!(u64).range(1..=Limits::highest().step.wall_clock.as_secs()))]
    wall_clock_per_step: u64,

    /// The interpreter's memory, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().step.memory_bytes, value_parser = at_most(Limits::highest().step.memory_bytes))]
    memory_bytes: usize,

    /// Captured standard output of one step, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().step.output_bytes, value_parser = at_most(Limits::highest().step.output_bytes))]
    output_bytes_per_step: usize,

    /// Captured standard error of one step, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().step.error_output_bytes, value_parser = at_most(Limits::highest().step.error_output_bytes))]
    error_output_bytes_per_step: usize,

    /// Code of one step, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().step.code_bytes, value_parser = at_most(Limits::highest().step.code_bytes))]
    code_bytes_per_step: usize,

    /// Names, arguments and answers of the tool calls of one step together, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().step.tool_bytes, value_parser = at_most(Limits::highest().step.tool_bytes))]
    tool_bytes_per_step: usize,

    /// The interpreter's files, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().step.scratch_bytes, value_parser = at_most(Limits::highest().step.scratch_bytes))]
    scratch_bytes: usize,

    /// Let requests name higher limits than these, as high as these options can be.
    #[arg(long)]
    any_limits: bool,
}

fn at_most(most: usize) -> clap::builder::RangedU64ValueParser<usize> {
    clap::builder::RangedU64ValueParser::new().range(1..=most as u64)
}

impl LimitOptions {
    /// The limits of an episode whose request names none.
    pub fn defaults(&self) -> Limits {
        Limits {
            max_steps: self.max_steps,
            step: sandbox::Limits {
                fuel: self.fuel_per_step,
                wall_clock: Duration::from_secs(self.wall_clock_per_step),
                memory_bytes: self.memory_bytes,
                output_bytes: self.output_bytes_per_step,
                error_output_bytes: self.error_output_bytes_per_step,
                code_bytes: self.code_bytes_per_step,
                tool_calls: self.tool_calls_per_step,
                tool_bytes: self.tool_bytes_per_step,
                scratch_bytes: self.scratch_bytes,
            },
        }
    }

    /// The most that a request may name.
    pub fn most(&self) -> Limits {
        if self.any_limits { Limits::highest() } else { self.defaults() }
    }
}
