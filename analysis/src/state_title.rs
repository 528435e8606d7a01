//! Interpreter states with a capital letter, as the paper's tables, specs of tables and two-by-two files have
//! them.

use fields::Place;
use proto::interpreter_state::InterpreterState;
use serde::Serializer;
use serde_json::Value;

/// `Persistent` or `Reset`.
pub fn title(state: InterpreterState) -> &'static str {
    match state {
        InterpreterState::Persistent => "Persistent",
        InterpreterState::Reset => "Reset",
    }
}

/// Reads the state of a title from a config.
pub fn read(value: &Value, place: &Place<'_>) -> Option<InterpreterState> {
    let named = InterpreterState::ALL.into_iter().find(|state| Some(title(*state)) == value.as_str());
    named.or_else(|| place.expected("one of Persistent, Reset", value))
}

/// Writes a state as its title.
///
/// # Errors
/// The serializer's.
pub fn serialize<S: Serializer>(state: &InterpreterState, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(title(*state))
}
