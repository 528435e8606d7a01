//! The command line.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Parser, ValueEnum};

use crate::kinds::Kind;

/// Plays many episodes on a server that stores them, disturbs it in every way, and compares each answer with that of a server
/// which nobody disturbs. It fails (exit status 1) if anything differs or is lost.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:
  target/release/faults
  target/release/faults --minutes 1 --only kill --only startup
  target/release/faults --seed 7 --only point --durability sync

Without `env-server-faults`, which `make faults` builds, the kind `point` is left out."
)]
pub struct Arguments {
    /// How long the server is disturbed.
    #[arg(long, value_name = "MINUTES", default_value_t = 10.0)]
    pub minutes: f64,
    /// What is played, and which disturbances come, follows from it; at which moments they come does not. [default: another
    /// one each time]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// What steps survive.
    #[arg(long, value_enum, default_value_t = Durability::Process)]
    pub durability: Durability,
    /// Sessions that play at the same time.
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub sessions: u64,
    /// Only this kind of disturbance. May be given several times.
    #[arg(long, value_enum, value_name = "KIND")]
    pub only: Vec<Kind>,
}

/// What steps survive.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Durability {
    /// The end of the process.
    Process,
    /// The end of the machine.
    Sync,
}

impl Durability {
    /// As `env-server serve` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Durability::Process => "process",
            Durability::Sync => "sync",
        }
    }
}

impl Arguments {
    /// The seed.
    pub fn seed(&self) -> u64 {
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.seed.unwrap_or_else(|| u64::from(now().subsec_nanos()))
    }

    /// Whether a kind of disturbance is asked for.
    pub fn has(&self, kind: Kind) -> bool {
        self.only.is_empty() || self.only.contains(&kind)
    }
}
