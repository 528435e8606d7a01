//! The four cells of training and runtime.

use std::fmt;

use proto::interpreter_state::InterpreterState::{self, Persistent, Reset};
use serde::Serialize;

use crate::state_title;

/// A cell: the interpreter state of the training traces, and that of the evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cell {
    /// In the training traces.
    #[serde(serialize_with = "state_title::serialize")]
    pub train: InterpreterState,
    /// At evaluation.
    #[serde(serialize_with = "state_title::serialize")]
    pub runtime: InterpreterState,
}

impl Cell {
    /// Persistent-trained in a persistent runtime.
    pub const PP: Self = Self { train: Persistent, runtime: Persistent };
    /// Persistent-trained in a reset runtime.
    pub const PR: Self = Self { train: Persistent, runtime: Reset };
    /// Reset-trained in a persistent runtime.
    pub const RP: Self = Self { train: Reset, runtime: Persistent };
    /// Reset-trained in a reset runtime.
    pub const RR: Self = Self { train: Reset, runtime: Reset };
    /// All four, in the order of tables.
    pub const ALL: [Self; 4] = [Self::PP, Self::PR, Self::RP, Self::RR];
}

impl fmt::Display for Cell {
    /// Two letters: training, runtime.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |state| if state == Persistent { 'P' } else { 'R' };
        write!(f, "{}{}", letter(self.train), letter(self.runtime))
    }
}
