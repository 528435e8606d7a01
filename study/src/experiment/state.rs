//! How an interpreter state is read from an experiment file.

use fields::Place;
use proto::interpreter_state::InterpreterState;
use serde_json::Value;

/// `persistent` or `reset`.
pub fn read(value: &Value, place: &Place<'_>) -> Option<InterpreterState> {
    let state = value.as_str().and_then(InterpreterState::named);
    state.or_else(|| place.expected("one of persistent, reset", value))
}
