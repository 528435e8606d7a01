//! Functions of the host that the agent's code may call.

use std::sync::{Arc, Mutex};

use serde_json::Value;

/// A tool as it appears in the agent's namespace: a plain function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its parameters as a signature shows them, such as `item_id: str`. Shown by `help()`, not enforced.
    pub parameters: Vec<String>,
    /// What it does. Shown by `help()`.
    pub doc: String,
}

/// Answers tool calls. Whether a call's arguments fit is its business too.
pub trait ToolHost: Send {
    /// Answers one call, or says what exception it raises in the agent's code.
    ///
    /// # Errors
    /// What the agent's code may catch.
    fn call(&mut self, call: &ToolCall) -> Result<Value, ToolError>;
}

/// The tools of one episode. Locked for the time of a call.
pub type SharedTools = Arc<Mutex<dyn ToolHost>>;

/// One call, as the agent's code made it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// The tool's name.
    pub name: String,
    /// Its positional arguments.
    pub args: Vec<Argument>,
    /// Its keyword arguments, in the order of the call.
    pub kwargs: Vec<(String, Argument)>,
}

/// One argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// The name of the value's Python type, such as `int` or `set`.
    pub python_type: String,
    /// The value; `None` where JSON cannot hold it (a set, an object, NaN, a lone surrogate, an integer
    /// beyond 64 bits).
    pub value: Option<Value>,
}

impl From<Value> for Argument {
    /// An argument of a caller that has JSON only.
    fn from(value: Value) -> Self {
        let python_type = match &value {
            Value::Null => "NoneType",
            Value::Bool(_) => "bool",
            Value::Number(number) if number.is_f64() => "float",
            Value::Number(_) => "int",
            Value::String(_) => "str",
            Value::Array(_) => "list",
            Value::Object(_) => "dict",
        };
        Self { python_type: python_type.to_owned(), value: Some(value) }
    }
}

/// A call that raises in the agent's code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ToolError {
    /// Which exception.
    pub kind: ToolErrorKind,
    /// Exactly what `str()` of the exception says.
    pub message: String,
}

/// The exception that a failed call raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolErrorKind {
    /// `ToolInvocationException`: wrong arity, keyword or type.
    Invocation,
    /// `ToolRuntimeException`: the tool refused, or failed.
    Runtime,
}

impl ToolError {
    /// What the agent's code is told about a call past [`crate::Limits::tool_bytes`].
    pub fn too_much_data() -> ToolError {
        let kind = ToolErrorKind::Invocation;
        let reason = "The tool calls of this step carry too much data.";
        ToolError { kind, message: format!("{}:\n{reason}", kind.exception()) }
    }
}

impl ToolErrorKind {
    /// Name of the exception class in the agent's code.
    pub fn exception(self) -> &'static str {
        match self {
            Self::Invocation => "ToolInvocationException",
            Self::Runtime => "ToolRuntimeException",
        }
    }
}

/// A call that happened, and its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolRecord {
    /// The call.
    pub call: ToolCall,
    /// What the tool answered.
    pub answer: Result<Value, ToolError>,
}
