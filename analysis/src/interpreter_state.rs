//! Whether an interpreter's state outlives a step.

use serde::{Deserialize, Serialize};

/// What happens to the interpreter's state after a step.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub enum InterpreterState {
    /// It stays.
    Persistent,
    /// It goes.
    Reset,
}

impl InterpreterState {
    /// As traces name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Persistent => "persistent",
            Self::Reset => "reset",
        }
    }
}
