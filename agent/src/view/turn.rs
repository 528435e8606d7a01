//! A turn.

use proto::trace::TokenUsage;
use serde::Serialize;

use super::budget::Budget;
use super::call::Call;
use super::failure::Failure;
use super::names::{Change, Missing};
use super::python::Piece;

/// A turn: what the model wrote, what ran, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Turn {
    /// From 1.
    pub number: u64,
    /// What the model thought before it answered; empty if nothing is known of it.
    pub thoughts: String,
    /// What it said beside code and thoughts.
    pub words: String,
    /// All that it wrote, if that is more than its words.
    pub whole: Option<String>,
    /// What later turns are shown of it, if that is less.
    pub kept: Option<String>,
    /// The lines of its code; empty if there is none.
    pub code: Vec<Vec<Piece>>,
    /// Calls of tools: its own (ReAct), or those that its code made.
    pub calls: Vec<Call>,
    /// How often each tool was called.
    pub call_counts: Vec<(String, usize)>,
    /// Whether the model called the tools itself.
    pub calls_tools: bool,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub error_output: String,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Where the name that is missing was bound.
    pub missing: Option<Missing>,
    /// The answer held nothing to run, which is no error.
    pub did_nothing: bool,
    /// The interpreter's state was lost before it.
    pub state_lost: bool,
    /// Names in the interpreter; `None` if nothing is known of them.
    pub names: Option<Change>,
    /// Budgets after it.
    pub budgets: Vec<Budget>,
    /// Its tokens.
    pub tokens: TokenUsage,
    /// Tokens with which the prompt repeats the call before, if they are known.
    pub seen_tokens: Option<u64>,
    /// Whether the prompt does not continue the call before.
    pub breaks: bool,
    /// Whether the answer was kept from an earlier call.
    pub from_cache: bool,
    /// Why the answer ends, if the model did not end it.
    pub cut: Option<String>,
    /// Seconds until the model had answered.
    pub model_s: Option<f64>,
    /// Seconds in the interpreter, or in the tools.
    pub step_s: Option<f64>,
}
