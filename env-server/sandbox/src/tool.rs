//! Tools: functions of the host that the agent's code may call.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Fault;

/// A tool. It appears in the agent's namespace as a plain function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// The function's name.
    pub name: String,
    /// The parameters as in a signature, such as `item_id: str`. They are shown by `help()` and not enforced.
    pub parameters: Vec<String>,
    /// The description that `help()` shows.
    pub doc: String,
}

/// Answers tool calls. The implementation checks the arguments; the sandbox does not.
pub trait ToolHost: Send {
    /// Answers one call.
    ///
    /// # Errors
    /// The exception to raise in the agent's code, which may catch it.
    fn call(&mut self, call: &ToolCall) -> Result<Value, ToolError>;

    /// Begins one call. Tools that take a while return a future, so that the step takes no thread meanwhile; unless this is
    /// implemented, [`ToolHost::call`] answers.
    fn ask(&mut self, call: &ToolCall) -> ToolAnswer {
        ToolAnswer::Now(self.call(call))
    }
}

/// What comes of a call.
pub enum ToolAnswer {
    /// The answer, or the exception to raise in the agent's code.
    Now(Result<Value, ToolError>),
    /// They come later. Dropped, the call is given up. The time until then is not the step's own.
    Later(Pending),
}

/// An answer that is not there yet.
pub type Pending = Pin<Box<dyn Future<Output = Result<Result<Value, ToolError>, Fault>> + Send>>;

/// The tools of one interpreter, locked during each call.
pub type SharedTools = Arc<Mutex<dyn ToolHost>>;

/// One call by the agent's code.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// The tool's name.
    pub name: String,
    /// The positional arguments.
    pub args: Vec<Argument>,
    /// The keyword arguments, in the order of the call.
    pub kwargs: Vec<(String, Argument)>,
}

/// One argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// The name of the value's Python type, such as `int` or `set`.
    pub python_type: String,
    /// The value; `None` if JSON cannot represent it (a set, an object, NaN, a lone surrogate, an integer
    /// beyond 64 bits).
    pub value: Option<Value>,
}

impl Argument {
    /// The Python type that `json.loads` would give to a value.
    pub fn json_type(value: &Value) -> &'static str {
        match value {
            Value::Null => "NoneType",
            Value::Bool(_) => "bool",
            Value::Number(number) if number.is_f64() => "float",
            Value::Number(_) => "int",
            Value::String(_) => "str",
            Value::Array(_) => "list",
            Value::Object(_) => "dict",
        }
    }
}

impl From<Value> for Argument {
    /// An argument from JSON alone.
    fn from(value: Value) -> Self {
        Self { python_type: Self::json_type(&value).to_owned(), value: Some(value) }
    }
}

/// The failure of a call: an exception that is raised in the agent's code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ToolError {
    /// The class of the exception.
    pub kind: ToolErrorKind,
    /// The exact `str()` of the exception.
    pub message: String,
}

/// The class of the exception that a failed call raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToolErrorKind {
    /// `ToolInvocationException`: wrong arity, keyword or type.
    Invocation,
    /// `ToolRuntimeException`: the tool refused, or failed.
    Runtime,
}

impl ToolError {
    /// The failure of a call that exceeds [`crate::Limits::tool_bytes`].
    pub fn too_much_data() -> ToolError {
        let kind = ToolErrorKind::Invocation;
        let reason = "The tool calls of this step carry too much data.";
        ToolError { kind, message: format!("{}:\n{reason}", kind.exception()) }
    }
}

impl ToolErrorKind {
    /// The name of the exception class in the agent's code.
    pub fn exception(self) -> &'static str {
        match self {
            Self::Invocation => "ToolInvocationException",
            Self::Runtime => "ToolRuntimeException",
        }
    }
}

/// An answered call.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolRecord {
    /// The call.
    pub call: ToolCall,
    /// The tool's answer.
    pub answer: Result<Value, ToolError>,
}
