//! What is measured of a program that plays.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::load::{AT_ONCE, LATENCY};

/// What a conversation consists of beside the model's answers.
#[derive(Debug, Serialize)]
pub struct Conversation {
    pub system: String,
    pub task: String,
    /// What follows each answer.
    pub observation: String,
}

/// The measurements of one side.
#[derive(Debug)]
pub struct Measured {
    /// Turns that were taken.
    pub turns: u64,
    /// How long that took.
    pub wall: Duration,
    /// The program's processor time.
    pub cpu: Duration,
    /// Microseconds of turns beside the model's and the interpreter's time.
    pub added: Histogram<u64>,
}

impl Measured {
    pub fn turns_per_s(&self) -> f64 {
        self.turns as f64 / self.wall.as_secs_f64()
    }

    /// Processors in use.
    pub fn processors(&self) -> f64 {
        self.cpu.as_secs_f64() / self.wall.as_secs_f64()
    }

    /// Processors that would be in use if turns took no longer than the model.
    pub fn processors_without_waits(&self) -> f64 {
        self.cpu_per_turn().as_secs_f64() * AT_ONCE as f64 / LATENCY.as_secs_f64()
    }

    pub fn cpu_per_turn(&self) -> Duration {
        self.cpu.div_f64(self.turns as f64)
    }

    /// A quantile of the time that is added to a turn.
    pub fn added(&self, share: f64) -> Duration {
        Duration::from_micros(self.added.value_at_quantile(share))
    }
}

/// An empty histogram of microseconds, to three digits.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).unwrap()
}

/// Processor time of this process's children that have ended.
pub fn children_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // Fields are counted from after the name, which may hold spaces: 13 and 14 are the children's user and system time.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[13..15].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_secs(ticks).div_f64(rustix::param::clock_ticks_per_second() as f64)
}
