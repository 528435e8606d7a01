//! The four cells.

use std::fmt;

use serde::Serialize;

use crate::interpreter_state::InterpreterState::{self, Persistent, Reset};

/// How the training traces' interpreter treated its state, and how the runtime's does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cell {
    /// In the training traces.
    pub train: InterpreterState,
    /// At evaluation.
    pub runtime: InterpreterState,
}

impl Cell {
    /// Matched.
    pub const PP: Self = Self { train: Persistent, runtime: Persistent };
    /// Persistent-trained in a resetting runtime.
    pub const PR: Self = Self { train: Persistent, runtime: Reset };
    /// Reset-trained in a persistent runtime.
    pub const RP: Self = Self { train: Reset, runtime: Persistent };
    /// Matched.
    pub const RR: Self = Self { train: Reset, runtime: Reset };
    /// In order.
    pub const ALL: [Self; 4] = [Self::PP, Self::PR, Self::RP, Self::RR];
}

impl fmt::Display for Cell {
    /// Two letters: training, runtime.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |state| if state == Persistent { 'P' } else { 'R' };
        write!(f, "{}{}", letter(self.train), letter(self.runtime))
    }
}
