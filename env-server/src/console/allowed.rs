//! What a person may do on the console.

use clap::ValueEnum;

/// What a person may do on the console. It rules the page alone, not the calls that the page makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ConsoleUse {
    /// Look.
    Read,
    /// Also fork episodes, and run code in the forks.
    Write,
    /// There is no console.
    Off,
}
