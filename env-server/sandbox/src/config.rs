//! The configuration of one interpreter.

use proto::interpreter_state::InterpreterState;
use proto::semantics::Semantics;

use crate::limits::Limits;
use crate::tool::Tool;

/// The configuration of one interpreter.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whether variables, functions and imports survive a step.
    pub state: InterpreterState,
    /// How a block is run and how its failures are shown.
    pub semantics: Semantics,
    /// All random numbers follow from it: in a persistent interpreter from it alone, in a resetting one from it and
    /// the index of the step. Code cannot compute it from them, other than by trying seeds.
    pub seed: u64,
    /// The limits of each step.
    pub limits: Limits,
    /// The tools that the code may call. Their names must be Python identifiers.
    pub tools: Vec<Tool>,
    /// Whether to fill [`crate::Outcome::definitions`].
    pub record_definitions: bool,
}
