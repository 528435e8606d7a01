//! What an interpreter is rebuilt from after the process that it was in has ended.

use std::sync::Arc;

use crate::tool::ToolRecord;

/// What an interpreter has done, from which [`crate::Sandbox::revive`] rebuilds it.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// Its last stored snapshot ([`crate::Interpreter::stored_snapshot`]); `None` means its initial state.
    pub snapshot: Option<StoredSnapshot>,
    /// Its steps since, in order: those from [`StoredSnapshot::before`] on that were kept ([`crate::Outcome::kept`]).
    pub steps: Vec<PastStep>,
    /// The names that the agent has defined ([`crate::Interpreter::globals`]).
    pub globals: Vec<String>,
    /// The index of its next step.
    pub next_step: u64,
}

/// A snapshot in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSnapshot {
    /// The file's name in [`crate::Snapshots::dir`].
    pub name: Arc<str>,
    /// The index of the first step whose effects are not in it.
    pub before: u64,
}

/// A step whose effects stay.
#[derive(Clone, Debug, PartialEq)]
pub struct PastStep {
    /// Its code.
    pub code: String,
    /// The answered tool calls, in order ([`crate::Outcome::tool_calls`]).
    pub tool_calls: Vec<ToolRecord>,
    /// The fuel that it used. Fuel is deterministic: a replay that used the same amount did the same work.
    pub fuel_used: u64,
}
