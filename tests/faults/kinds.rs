//! The kinds of disturbances.

pub mod clients;
pub mod flips;
pub mod full;
pub mod kills;
pub mod points;

use clap::ValueEnum;

/// A kind of disturbance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// `kill -9` at a random moment.
    Kill,
    /// `kill -9` while the server starts, or right after.
    Startup,
    /// SIGTERM.
    Stop,
    /// The server kills itself at a point of its code; needs `env-server-faults`.
    Point,
    /// Connections are cut, calls are dropped, and clients stall.
    Client,
    /// The disk is full; needs a tmpfs.
    Full,
    /// Bits of the files of a killed server are flipped.
    Flip,
}

impl Kind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Kill => "kill",
            Kind::Startup => "startup",
            Kind::Stop => "stop",
            Kind::Point => "point",
            Kind::Client => "client",
            Kind::Full => "full",
            Kind::Flip => "flip",
        }
    }
}

/// What one round of disturbances was.
#[derive(Clone, Copy, Debug, Default)]
pub struct Round {
    /// How often something was disturbed.
    pub times: u64,
    /// How often a server's process was killed.
    pub kills: u64,
}
