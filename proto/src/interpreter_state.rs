//! The regime of an episode: whether its interpreter's state survives a step.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::env::v1;

/// What happens to an interpreter's state (variables, functions, imports) after a step.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InterpreterState {
    /// It stays for the next step.
    Persistent,
    /// It is discarded: every step starts in a new interpreter.
    Reset,
}

impl InterpreterState {
    /// Both, in the order of tables.
    pub const ALL: [Self; 2] = [Self::Persistent, Self::Reset];

    /// The name in files and on screens: `persistent` or `reset`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Persistent => "persistent",
            Self::Reset => "reset",
        }
    }

    /// The state of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The state that `persistent_state: true` or `false` means in a run config.
    pub fn from_persistent(persistent: bool) -> Self {
        if persistent { Self::Persistent } else { Self::Reset }
    }

    /// Whether it is [`InterpreterState::Persistent`].
    pub fn is_persistent(self) -> bool {
        self == Self::Persistent
    }

    /// The state that a message names; `None` if it names none.
    pub fn from_wire(state: v1::InterpreterState) -> Option<Self> {
        match state {
            v1::InterpreterState::Persistent => Some(Self::Persistent),
            v1::InterpreterState::Reset => Some(Self::Reset),
            v1::InterpreterState::Unspecified => None,
        }
    }
}

impl From<InterpreterState> for v1::InterpreterState {
    fn from(state: InterpreterState) -> Self {
        match state {
            InterpreterState::Persistent => Self::Persistent,
            InterpreterState::Reset => Self::Reset,
        }
    }
}

impl fmt::Display for InterpreterState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
